//! The purposes that a request names.

use consent::id::PurposeId;
use service::http::Refusal;
use service::http::body::Member;

use crate::refusal;

/// Reads a list of purposes, each of them one of those offered and none twice.
pub(crate) fn read(list: &Member<'_>, offered: &[&PurposeId]) -> Result<Vec<PurposeId>, Refusal> {
    let mut purposes: Vec<PurposeId> = vec![];
    for member in list.list()? {
        let name = member.text()?;
        let Some(purpose) = offered.iter().find(|purpose| purpose.as_str() == name) else {
            let offered = offered.iter().map(|purpose| purpose.as_str());
            return Err(refusal::unknown_purpose(member.path()).with_allowed(offered));
        };
        if purposes.contains(purpose) {
            return Err(member.wrong("name each purpose once"));
        }
        purposes.push((*purpose).clone());
    }
    Ok(purposes)
}
