//! Which request is which.

use consent::campaign::PartId;
use consent::id::CampaignId;
use lambda_http::http::Method;
use service::http::Refusal;
use service::http::refusal::{no_such_method, no_such_route};

use crate::refusal::{malformed_campaign_id, unknown_campaign, unknown_part};

/// A request by what it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `PUT /v1/campaigns/{id}`.
    Put(CampaignId),
    /// `GET /v1/campaigns/{id}`.
    Show(CampaignId),
    /// `PUT /v1/campaigns/{id}/audience/{part}`.
    Part(CampaignId, PartId),
    /// `POST /v1/campaigns/{id}/check`.
    Check(CampaignId),
    /// `GET /v1/campaigns/{id}/recipients`.
    Recipients(CampaignId),
    /// `POST /v1/campaigns/{id}/sends`.
    Sends(CampaignId),
    /// `POST /v1/campaigns/{id}/sends/results`.
    Results(CampaignId),
    /// `POST /v1/tickets/verify`.
    VerifyTicket,
    /// `POST /v1/consent-checks`.
    ConsentChecks,
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        // What is no id at all is no campaign's; who registers one is told which ids there are.
        let campaign = |id: &str| id.parse().map_err(|_| unknown_campaign());
        let segments: Vec<_> = path.split('/').collect();
        let (allowed, route): (&[Method], Result<_, _>) = match segments.as_slice() {
            ["", "v1", "campaigns", id] if *method == Method::PUT => {
                let id = id.parse().map_err(|error| malformed_campaign_id(&error));
                (&[Method::PUT], id.map(Self::Put))
            }
            ["", "v1", "campaigns", id] => (&[Method::GET, Method::PUT], campaign(id).map(Self::Show)),
            ["", "v1", "campaigns", id, "audience", part] => {
                let part = part.parse().map_err(|error| unknown_part(&error));
                let route = campaign(id).and_then(|id| Ok(Self::Part(id, part?)));
                (&[Method::PUT], route)
            }
            ["", "v1", "campaigns", id, "check"] => (&[Method::POST], campaign(id).map(Self::Check)),
            ["", "v1", "campaigns", id, "recipients"] => (&[Method::GET], campaign(id).map(Self::Recipients)),
            ["", "v1", "campaigns", id, "sends"] => (&[Method::POST], campaign(id).map(Self::Sends)),
            ["", "v1", "campaigns", id, "sends", "results"] => (&[Method::POST], campaign(id).map(Self::Results)),
            ["", "v1", "tickets", "verify"] => (&[Method::POST], Ok(Self::VerifyTicket)),
            ["", "v1", "consent-checks"] => (&[Method::POST], Ok(Self::ConsentChecks)),
            _ => return Err(no_such_route()),
        };
        if !allowed.contains(method) {
            return Err(no_such_method(allowed));
        }
        route
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::header::ALLOW;
    use lambda_http::{Body, Response};

    use super::*;

    fn id() -> CampaignId {
        "winter-26".parse().unwrap()
    }

    fn refused(method: &Method, path: &str) -> Response<Body> {
        Route::of(method, path).unwrap_err().into()
    }

    #[test]
    fn every_route_is_known_by_its_path_and_method() {
        let part = "7".parse().unwrap();
        for (method, path, route) in [
            (Method::PUT, "/v1/campaigns/winter-26", Route::Put(id())),
            (Method::GET, "/v1/campaigns/winter-26", Route::Show(id())),
            (
                Method::PUT,
                "/v1/campaigns/winter-26/audience/7",
                Route::Part(id(), part),
            ),
            (Method::POST, "/v1/campaigns/winter-26/check", Route::Check(id())),
            (
                Method::GET,
                "/v1/campaigns/winter-26/recipients",
                Route::Recipients(id()),
            ),
            (Method::POST, "/v1/campaigns/winter-26/sends", Route::Sends(id())),
            (
                Method::POST,
                "/v1/campaigns/winter-26/sends/results",
                Route::Results(id()),
            ),
            (Method::POST, "/v1/tickets/verify", Route::VerifyTicket),
            (Method::POST, "/v1/consent-checks", Route::ConsentChecks),
        ] {
            assert_eq!(Route::of(&method, path).unwrap(), route);
        }
    }

    #[test]
    fn a_path_names_the_methods_that_it_answers() {
        for (path, allowed) in [
            ("/v1/campaigns/winter-26", "GET, PUT"),
            ("/v1/campaigns/winter-26/audience/1", "PUT"),
            ("/v1/campaigns/winter-26/check", "POST"),
            ("/v1/campaigns/winter-26/recipients", "GET"),
            ("/v1/campaigns/winter-26/sends", "POST"),
            ("/v1/campaigns/winter-26/sends/results", "POST"),
            ("/v1/tickets/verify", "POST"),
            ("/v1/consent-checks", "POST"),
        ] {
            let response = refused(&Method::PATCH, path);
            assert_eq!(response.status(), 405, "{path}");
            assert_eq!(response.headers()[ALLOW], allowed, "{path}");
        }
    }

    #[test]
    fn what_is_no_id_is_told_to_whoever_registers_it_and_not_found_by_others() {
        assert_eq!(refused(&Method::PUT, "/v1/campaigns/Winter%2026").status(), 400);
        for (method, path) in [
            (Method::GET, "/v1/campaigns/Winter%2026"),
            (Method::GET, "/v1/campaigns/"),
            (Method::POST, "/v1/campaigns/-/sends"),
            (Method::PUT, "/v1/campaigns/winter-26/audience/0"),
            (Method::PUT, "/v1/campaigns/winter-26/audience/201"),
            (Method::GET, "/v1/campaigns"),
            (Method::POST, "/v1/tickets"),
        ] {
            assert_eq!(refused(&method, path).status(), 404, "{path}");
        }
    }
}
