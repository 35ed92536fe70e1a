//! What API Gateway and Lambda say of a request.

use consent::evidence::Actor;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use platform::deadline::Deadline;

/// What the caller is called where nobody authenticated them, as on a developer's own machine.
const UNNAMED: &str = "api";

/// When the request must be answered.
pub fn deadline(request: &Request) -> Deadline {
    Deadline::of_invocation(request.lambda_context_ref().map(|context| context.deadline))
}

/// Who calls, as API Gateway authenticated them: the ARN of the IAM identity, or the subject of the JWT.
pub fn actor(request: &Request) -> Actor {
    let authorizer = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref(),
        _ => None,
    };
    let arn = || authorizer?.iam.as_ref()?.user_arn.clone();
    let subject = || authorizer?.jwt.as_ref()?.claims.get("sub").cloned();
    Actor::Operator(arn().or_else(subject).unwrap_or_else(|| UNNAMED.to_owned()))
}
