//! Audiences, part by part.

use consent::campaign::{AudienceSummary, Everyone, PART_SIZE, PartId};
use consent::id::CampaignId;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{Listed, PutPart};
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Member, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal};

use crate::campaign::AudienceShown;
use crate::listed::{self, Invalid};
use crate::refusal;

/// The largest body of a part, in bytes: 5,000 recipients with every member that one can have.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Whom a part is for.
enum Part {
    Listed(Vec<Listed>, Vec<Invalid>),
    Everyone(Everyone),
}

impl Part {
    fn read(body: &Object<'_>) -> Result<Self, Refusal> {
        match (body.get("recipients"), body.get("all")) {
            (Some(_), Some(_)) => Err(body.wrong("give recipients or all, not both")),
            (None, Some(all)) => everyone(&all).map(Self::Everyone),
            (_, None) => {
                let (mut recipients, mut invalid) = (vec![], vec![]);
                for (position, value) in listed::list(body, "recipients", PART_SIZE)?.iter().enumerate() {
                    match listed::with_reference(value) {
                        Ok((who, reference)) => recipients.push(Listed { who, reference }),
                        Err(refusal) => invalid.push(Invalid::new(position, &refusal)),
                    }
                }
                Ok(Self::Listed(recipients, invalid))
            }
        }
    }
}

fn everyone(all: &Member<'_>) -> Result<Everyone, Refusal> {
    let fields = all.object(&["purpose", "locale", "country"])?;
    Ok(Everyone {
        purpose: fields.need("purpose")?.parsed()?,
        locale: fields.get("locale").map(|locale| locale.parsed()).transpose()?,
        country: fields.get("country").map(|country| country.parsed()).transpose()?,
    })
}

/// Takes a part of an audience, in place of what it was before.
pub(crate) async fn put(service: &Service, request: &Request, id: &CampaignId, part: PartId) -> Answer {
    #[derive(Serialize)]
    struct Taken<'a> {
        part: PartId,
        accepted: u32,
        duplicates: u32,
        unknown: u32,
        invalid: Vec<Invalid>,
        audience: AudienceShown<'a>,
    }

    let members = body::read_up_to(request, MAX_BODY)?;
    let body = Object::whole(&members, &["recipients", "all"])?;
    let asked = Part::read(&body)?;
    let work = http::begin(service, request).await?;
    let (put, invalid) = match asked {
        Part::Listed(recipients, invalid) => {
            let count = u32::try_from(invalid.len()).unwrap_or(u32::MAX);
            let put = work
                .ledger
                .put_part(id, part, &recipients, count, &work.policy, work.now);
            (put.await, invalid)
        }
        Part::Everyone(everyone) => {
            if work.policy.purpose(&everyone.purpose).is_none() {
                return Err(refusal::plan(consent::campaign::PlanFault::UnknownPurpose).with_member("all.purpose"));
            }
            (
                work.ledger.put_everyone(id, &everyone, &work.policy, work.now).await,
                vec![],
            )
        }
    };
    match put.map_err(unavailable)? {
        PutPart::Stored {
            accepted,
            duplicates,
            unknown,
            audience,
        } => {
            let audience: &AudienceSummary = &audience;
            let taken = Taken {
                part,
                accepted,
                duplicates,
                unknown,
                invalid,
                audience: AudienceShown::of(audience),
            };
            Ok(json(StatusCode::OK, &taken))
        }
        PutPart::TooMany => Err(body.wrong(listed::too_many(PART_SIZE))),
        PutPart::NoCampaign => Err(refusal::unknown_campaign()),
        PutPart::Closed(state) => Err(refusal::closed(state)),
    }
}
