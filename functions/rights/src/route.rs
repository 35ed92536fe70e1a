//! Which request is which.

use consent::id::{CaseId, ContactId, ErasureId};
use lambda_http::http::Method;
use service::http::refusal::{self, Refusal};

use crate::refusal::{unknown_case, unknown_erasure};

/// A request by what it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `PUT /v1/contacts/{contact_id}/legal-hold`.
    Hold(ContactId),
    /// `DELETE /v1/contacts/{contact_id}/legal-hold`.
    ReleaseHold(ContactId),
    /// `POST /v1/contacts/{contact_id}/erasure`.
    Erase(ContactId),
    /// `GET /v1/erasures/{id}`.
    Erasure(ErasureId),
    /// `GET /v1/retention/runs`.
    Runs,
    /// `GET /v1/reports/digest`.
    Digest,
    /// `POST /v1/cases`.
    OpenCase,
    /// `GET /v1/cases`.
    Cases,
    /// `GET /v1/cases/{case_id}`.
    Case(CaseId),
    /// `POST /v1/cases/{case_id}/extend`.
    ExtendCase(CaseId),
    /// `POST /v1/cases/{case_id}/fulfil`.
    FulfilCase(CaseId),
    /// `POST /v1/cases/{case_id}/lift`.
    LiftRestriction(CaseId),
    /// `POST /v1/cases/{case_id}/refuse`.
    RefuseCase(CaseId),
    /// `POST /v1/cases/{case_id}/verify`.
    VerifyCase(CaseId),
    /// `POST /v1/cases/{case_id}/withdraw`.
    WithdrawCase(CaseId),
    /// `GET /v1/cases/{case_id}/copy`.
    Copy(CaseId),
    /// `GET /cases/{link}`.
    CasePage(String),
    /// `POST /cases/{link}`.
    TellCode(String),
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        // What is no id at all is nobody's.
        let contact = |id: &str| id.parse().map_err(|_| refusal::unknown_contact());
        let case = |id: &str| id.parse().map_err(|_| unknown_case());
        let segments: Vec<_> = path.split('/').collect();
        let (allowed, route): (&[Method], Result<_, _>) = match segments.as_slice() {
            ["", "v1", "contacts", id, "legal-hold"] => {
                let route = if *method == Method::DELETE {
                    Self::ReleaseHold
                } else {
                    Self::Hold
                };
                (&[Method::PUT, Method::DELETE], contact(id).map(route))
            }
            ["", "v1", "contacts", id, "erasure"] => (&[Method::POST], contact(id).map(Self::Erase)),
            ["", "v1", "erasures", id] => {
                let erasure = id.parse().map_err(|_| unknown_erasure());
                (&[Method::GET], erasure.map(Self::Erasure))
            }
            ["", "v1", "retention", "runs"] => (&[Method::GET], Ok(Self::Runs)),
            ["", "v1", "reports", "digest"] => (&[Method::GET], Ok(Self::Digest)),
            ["", "v1", "cases"] => {
                let route = if *method == Method::POST {
                    Self::OpenCase
                } else {
                    Self::Cases
                };
                (&[Method::GET, Method::POST], Ok(route))
            }
            ["", "v1", "cases", id] => (&[Method::GET], case(id).map(Self::Case)),
            ["", "v1", "cases", id, "extend"] => (&[Method::POST], case(id).map(Self::ExtendCase)),
            ["", "v1", "cases", id, "fulfil"] => (&[Method::POST], case(id).map(Self::FulfilCase)),
            ["", "v1", "cases", id, "lift"] => (&[Method::POST], case(id).map(Self::LiftRestriction)),
            ["", "v1", "cases", id, "refuse"] => (&[Method::POST], case(id).map(Self::RefuseCase)),
            ["", "v1", "cases", id, "verify"] => (&[Method::POST], case(id).map(Self::VerifyCase)),
            ["", "v1", "cases", id, "withdraw"] => (&[Method::POST], case(id).map(Self::WithdrawCase)),
            ["", "v1", "cases", id, "copy"] => (&[Method::GET], case(id).map(Self::Copy)),
            ["", "cases", link] => {
                let route = if *method == Method::POST {
                    Self::TellCode
                } else {
                    Self::CasePage
                };
                (&[Method::GET, Method::POST], Ok(route((*link).to_owned())))
            }
            _ => return Err(refusal::no_such_route()),
        };
        if !allowed.contains(method) {
            return Err(refusal::no_such_method(allowed));
        }
        route
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::header::ALLOW;
    use lambda_http::{Body, Response};

    use super::*;

    const ID: &str = "abababababababababababababababab";

    fn contact() -> ContactId {
        ContactId::from_bytes([0xab; 16])
    }

    fn refused(method: &Method, path: &str) -> Response<Body> {
        Route::of(method, path).unwrap_err().into()
    }

    #[test]
    fn every_route_is_known_by_its_path_and_method() {
        let hold = format!("/v1/contacts/{ID}/legal-hold");
        let erase = format!("/v1/contacts/{ID}/erasure");
        let erasure = format!("/v1/erasures/{ID}");
        let case = format!("/v1/cases/{ID}");
        for (method, path, route) in [
            (Method::PUT, hold.as_str(), Route::Hold(contact())),
            (Method::DELETE, &hold, Route::ReleaseHold(contact())),
            (Method::POST, &erase, Route::Erase(contact())),
            (Method::GET, &erasure, Route::Erasure(ErasureId::from_bytes([0xab; 16]))),
            (Method::GET, "/v1/retention/runs", Route::Runs),
            (Method::GET, "/v1/reports/digest", Route::Digest),
            (Method::GET, "/v1/cases", Route::Cases),
            (Method::POST, "/v1/cases", Route::OpenCase),
            (Method::GET, &case, Route::Case(CaseId::from_bytes([0xab; 16]))),
            (
                Method::POST,
                &format!("{case}/extend"),
                Route::ExtendCase(CaseId::from_bytes([0xab; 16])),
            ),
            (
                Method::POST,
                &format!("{case}/fulfil"),
                Route::FulfilCase(CaseId::from_bytes([0xab; 16])),
            ),
            (
                Method::POST,
                &format!("{case}/lift"),
                Route::LiftRestriction(CaseId::from_bytes([0xab; 16])),
            ),
            (
                Method::POST,
                &format!("{case}/refuse"),
                Route::RefuseCase(CaseId::from_bytes([0xab; 16])),
            ),
            (
                Method::POST,
                &format!("{case}/verify"),
                Route::VerifyCase(CaseId::from_bytes([0xab; 16])),
            ),
            (
                Method::POST,
                &format!("{case}/withdraw"),
                Route::WithdrawCase(CaseId::from_bytes([0xab; 16])),
            ),
            (
                Method::GET,
                &format!("{case}/copy"),
                Route::Copy(CaseId::from_bytes([0xab; 16])),
            ),
            (Method::GET, "/cases/p1.x", Route::CasePage("p1.x".to_owned())),
            (Method::POST, "/cases/p1.x", Route::TellCode("p1.x".to_owned())),
        ] {
            assert_eq!(Route::of(&method, path).unwrap(), route);
        }
    }

    #[test]
    fn a_path_names_the_methods_that_it_answers() {
        for (path, allowed) in [
            (format!("/v1/contacts/{ID}/legal-hold"), "PUT, DELETE"),
            (format!("/v1/contacts/{ID}/erasure"), "POST"),
            (format!("/v1/erasures/{ID}"), "GET"),
            ("/v1/retention/runs".to_owned(), "GET"),
            ("/v1/cases".to_owned(), "GET, POST"),
            (format!("/v1/cases/{ID}"), "GET"),
            (format!("/v1/cases/{ID}/fulfil"), "POST"),
        ] {
            let response = refused(&Method::PATCH, &path);
            assert_eq!(response.status(), 405, "{path}");
            assert_eq!(response.headers()[ALLOW], allowed, "{path}");
        }
    }

    #[test]
    fn nothing_is_found_under_what_is_no_id_and_at_other_paths() {
        for (method, path) in [
            (Method::PUT, "/v1/contacts/+4915112345678/legal-hold"),
            (Method::POST, "/v1/contacts//erasure"),
            (Method::GET, "/v1/erasures/ABABABABABABABABABABABABABABABAB"),
            (Method::GET, "/v1/retention/runs/"),
            (Method::GET, "/v1/cases/"),
            (Method::POST, "/v1/cases/1/fulfil"),
            (Method::GET, "/v1/retention"),
            (Method::GET, "/"),
        ] {
            assert_eq!(refused(&method, path).status(), 404, "{path}");
        }
    }
}
