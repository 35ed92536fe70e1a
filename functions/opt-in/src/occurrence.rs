//! When something happened, and how a repetition of the request is known as one.

use consent::id::EventId;
use consent::time::Time;
use ledger::KeyUse;
use serde::Serialize;
use service::Work;
use service::http::body::Object;
use service::http::refusal::{self, Refusal};

/// The most characters of an idempotency key.
const MAX_KEY: usize = 255;

const OCCURRED_AT: &str = "occurred_at";
const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// What a request says of its own occasion.
#[derive(Debug)]
pub(crate) struct Occurrence<'a> {
    at: Option<Time>,
    key: Option<&'a str>,
}

impl<'a> Occurrence<'a> {
    /// The members that it is read from.
    pub(crate) const MEMBERS: [&'static str; 2] = [OCCURRED_AT, IDEMPOTENCY_KEY];

    /// Reads the two members; both may be left out.
    pub(crate) fn read(body: &Object<'a>, now: Time) -> Result<Self, Refusal> {
        let at = body.get(OCCURRED_AT).map(|member| member.past(now)).transpose()?;
        let key = body
            .get(IDEMPOTENCY_KEY)
            .map(|member| member.line(MAX_KEY))
            .transpose()?;
        Ok(Self { at, key })
    }

    /// The id of the event that the request makes, and when it happened.
    ///
    /// The id comes from the caller's key and not from the recipient, so that one key cannot make two events. `request` is
    /// all that a repetition has in common with the first, the recipient included. The ledger keeps a keyed hash of it, to
    /// tell a repetition from another request that came with the same key by mistake; evidence alone could not, because it
    /// is found by the contact and never by the key. Without a key every request is an event of its own.
    pub(crate) async fn identify(
        &self,
        work: &Work,
        route: &'static str,
        request: &impl Serialize,
    ) -> Result<(EventId, Time), Refusal> {
        let Some(key) = self.key else {
            let id = identity::random_bytes().map_err(refusal::unavailable)?;
            return Ok((EventId::from_bytes(id), self.at.unwrap_or(work.now)));
        };
        let request = serde_json::to_vec(request).map_err(refusal::unavailable)?;
        match work
            .ledger
            .use_key(route, key, &request, work.now)
            .await
            .map_err(refusal::unavailable)?
        {
            KeyUse::This { event, first_at } => Ok((event, self.at.unwrap_or(first_at))),
            KeyUse::Another => Err(refusal::key_of_another_request(IDEMPOTENCY_KEY)),
        }
    }
}
