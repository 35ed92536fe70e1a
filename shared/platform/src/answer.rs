//! What a function hands to Lambda's runtime.

use std::future::{Future, ready};
use std::pin::Pin;

use lambda_http::{Body, IntoResponse, Response};

/// An answer that is as it has to be: what is text is a [`Body::Text`], and all else goes out as bytes. The runtime would otherwise look at its
/// type, and bring along the tables of every character encoding there has ever been on the web.
#[derive(Debug)]
pub struct Answer(pub Response<Body>);

impl IntoResponse for Answer {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}
