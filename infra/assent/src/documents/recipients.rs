//! Who else receives data, in every language that notices are written in (Art. 13(1)(e) and 30(1)(d) GDPR).

use consent::policy::Policy;
use consent::time::Time;
use paper::Document;

/// The list.
pub(super) fn list(policy: &Policy, now: Time) -> Document {
    let mut page = Document::new("en", "Who else receives data");
    super::made_of(&mut page, policy);
    for purpose in policy.purposes() {
        page.section(purpose.label(policy.default_locale()));
        for locale in policy.locales() {
            if let Some(notice) = policy.notice(purpose.id(), locale, now) {
                page.subsection(locale.as_str()).list(notice.recipients().to_vec());
            }
        }
    }
    page.section("Outside the European Economic Area");
    for locale in policy.locales() {
        page.subsection(locale.as_str()).text(policy.rights().transfers(locale));
    }
    page
}
