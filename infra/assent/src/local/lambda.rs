//! Between the local server and the handlers that Lambda calls: the same request, in Lambda's types.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use lambda_http::http::StatusCode;
use platform::problem::Problem;

/// API Gateway's own limit for a request.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// The request as a function receives it.
///
/// # Errors
/// The problem to answer with when the body is larger than API Gateway lets through, or breaks off.
pub(super) async fn request(request: Request) -> Result<lambda_http::Request, Problem> {
    let (parts, body) = request.into_parts();
    match to_bytes(body, MAX_BODY).await {
        Ok(bytes) => Ok(lambda_http::Request::from_parts(
            parts,
            lambda_http::Body::Binary(bytes.to_vec()),
        )),
        Err(_) => {
            let detail = format!("a request has at most {MAX_BODY} bytes");
            Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "Body too large",
                detail,
            ))
        }
    }
}

/// The function's answer as the server sends it.
pub(super) fn response(response: lambda_http::Response<lambda_http::Body>) -> Response {
    let (parts, body) = response.into_parts();
    let bytes: Vec<u8> = body.as_ref().to_vec();
    lambda_http::http::Response::from_parts(parts, Body::from(bytes)).into_response()
}
