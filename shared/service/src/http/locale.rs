//! A language, as a caller writes it.

use consent::id::Locale;
use consent::policy::Policy;
use lambda_http::http::StatusCode;

use super::body::Member;
use super::refusal::Refusal;

/// The locale of the policy that a member names.
///
/// # Errors
/// When the policy does not have it.
pub fn read<'p>(member: &Member<'_>, policy: &'p Policy) -> Result<&'p Locale, Refusal> {
    let name = member.text()?;
    let known = policy.locales().iter().find(|locale| locale.as_str() == name);
    known.ok_or_else(|| {
        let detail = "The policy in force does not have this locale.";
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "unknown-locale", "Unknown locale", detail);
        let locales = policy.locales().iter().map(Locale::as_str);
        refusal.with_member(member.path()).with_allowed(locales)
    })
}
