//! What people are told when they are asked for their consent, as a block for a privacy page (Art. 13 GDPR). The words are the
//! policy's own, exactly as they are shown.

use consent::id::Locale;
use consent::policy::{Notice, Policy};
use consent::time::Time;
use paper::Document;
use rights::Language;

/// The block in a language; purposes that have no notice in it are left out, since nobody is asked for them in it.
pub(super) fn block(policy: &Policy, locale: &Locale, now: Time) -> Document {
    let language = Language::of(locale.as_str());
    let say = |english, german| language.say(english, german);
    let name = policy.controller().name();
    let title = format!(
        "{} {name}",
        say("Messages on WhatsApp by", "Nachrichten auf WhatsApp von")
    );
    let mut page = Document::new(locale.as_str(), title);
    let purposes = policy.purposes();
    let notices: Vec<&Notice> = purposes
        .filter_map(|purpose| policy.notice(purpose.id(), locale, now))
        .collect();
    for notice in &notices {
        page.section(notice.label()).text(notice.text());
        page.facts([
            (
                say("Controller", "Verantwortlicher"),
                format!("{}, {}", notice.controller(), notice.address()),
            ),
            (
                say("Data protection officer", "Datenschutzbeauftragte Person"),
                notice.data_protection_officer().to_owned(),
            ),
            (
                say("Who else receives it", "Wer es sonst erhält"),
                notice.recipients().join("\n"),
            ),
            (
                say("How long it is kept", "Wie lange es aufbewahrt wird"),
                notice.retention().to_owned(),
            ),
            (
                say("How to withdraw", "Wie Sie widerrufen"),
                notice.withdrawal().to_owned(),
            ),
            (say("Version", "Fassung"), notice.version().to_string()),
        ]);
    }
    let authority = policy.rights().authority();
    page.section(say("Your right to complain", "Ihr Beschwerderecht"));
    page.text(format!("{}, {}", authority.name(), authority.contact()));
    page
}
