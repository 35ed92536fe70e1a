//! Why somebody asks for something.

use service::http::Refusal;
use service::http::body::Member;

/// The most characters of a reason.
const MOST: usize = 200;

/// Reads a reason. It is written by hand and may name somebody, so it must not be logged.
pub(crate) fn read<'a>(member: &Member<'a>) -> Result<&'a str, Refusal> {
    let reason = member.line(MOST)?.trim();
    if reason.is_empty() {
        return Err(member.wrong("say why: the line is blank"));
    }
    Ok(reason)
}
