use proptest::prelude::*;

use super::*;
use crate::retention::Setting;
use crate::time::Span;
use crate::words::{Meaning, RightsWord};

const EXAMPLE: &str = include_str!("../../../../infra/policy.example.toml");

fn example() -> Policy {
    parsed(EXAMPLE)
}

fn parsed(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|faults| panic!("{faults}"))
}

fn offers() -> PurposeId {
    "offers".parse().unwrap()
}

fn locale(code: &str) -> Locale {
    code.parse().unwrap()
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// The example with the first occurrence of each text replaced.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(EXAMPLE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "the example no longer has {old:?}");
        text.replacen(old, new, 1)
    })
}

/// The line of the first occurrence.
fn line_of(text: &str, part: &str) -> usize {
    let at = text.find(part).unwrap_or_else(|| panic!("no {part:?}"));
    text[..at].matches('\n').count() + 1
}

fn faults(text: &str) -> Vec<Fault> {
    match Policy::parse(text) {
        Ok(_) => vec![],
        Err(faults) => faults.iter().cloned().collect(),
    }
}

#[test]
fn the_example_says_what_a_reader_of_it_would_expect() {
    let policy = example();
    let (de, now) = (locale("de"), time("2026-11-23T12:00:00Z"));
    assert_eq!(policy.text(), EXAMPLE);
    assert_eq!(policy.controller().name(), "Muster GmbH");
    assert_eq!(policy.controller().country().as_str(), "DE");
    assert_eq!(policy.data_protection_officer().contact(), "datenschutz@example.com");
    assert_eq!(policy.rights().page_url(), "https://consent.example.com");
    assert_eq!(
        policy.rights().authority().contact(),
        "https://www.datenschutz-berlin.de"
    );
    assert!(policy.rights().transfers(&de).contains("in die USA"));
    assert_eq!(policy.locales(), [de.clone(), locale("en")]);

    let sender = "106540352242922".parse().unwrap();
    assert_eq!(policy.sender(&sender).unwrap().label(), "Kundendienst");
    assert_eq!(policy.senders().count(), 1);

    let purpose = policy.purpose(&offers()).unwrap();
    assert_eq!(purpose.class(), Class::Marketing);
    assert_eq!(purpose.label(&locale("en")), "Offers");
    assert_eq!(purpose.label(&locale("fr")), "Angebote");
    assert!(purpose.serves(&sender) && !purpose.serves(&"1".parse().unwrap()));
    assert!(purpose.offered_in(&de) && !purpose.offered_in(&locale("fr")));
    assert_eq!(
        (purpose.idle_limit(), purpose.refresh_before()),
        (Span::months(18), Span::days(30))
    );
    let frequency = purpose.frequency().unwrap();
    assert_eq!((frequency.count(), frequency.per()), (4, Per::Month));
    let ids = |purposes: &mut dyn Iterator<Item = &Purpose>| purposes.map(|p| p.id().to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&mut policy.purposes()), ["offers", "orders"]);
    assert_eq!(ids(&mut policy.marketing_purposes()), ["offers"]);

    let notice = policy.notice(&offers(), &de, now).unwrap();
    assert_eq!(policy.notice_version(notice.version()), Some(notice));
    assert_eq!(
        policy.notice_by_prefix(notice.version().as_bytes().first_chunk().unwrap()),
        Some(notice)
    );
    assert_eq!(policy.notice(&offers(), &de, time("2024-12-31T23:59:59Z")), None);

    let prompting = policy.prompting();
    assert_eq!(
        (prompting.token_lifetime(), prompting.prompts_per_day()),
        (Span::hours(72), 3)
    );
    let ended = time("2026-11-23T12:00:00Z");
    assert_eq!(policy.retention().proof_until(ended), time("2029-12-31T23:59:59Z"));
    assert_eq!(
        policy
            .retention()
            .keep(Setting::Declined)
            .until(time("2026-08-31T00:00:00Z")),
        time("2027-02-28T00:00:00Z")
    );
    assert_eq!(policy.campaigns().mode(), Mode::Enforce);
    assert_eq!(policy.campaigns().health_lifetime(), Span::days(30));
    let german: Country = "DE".parse().unwrap();
    let quiet = policy.campaigns().quiet_hours(german).unwrap();
    assert_eq!((quiet.country(), quiet.zone().as_str()), (german, "Europe/Berlin"));
    assert_eq!((quiet.from_minute(), quiet.to_minute()), (20 * 60, 8 * 60));
    assert_eq!(policy.campaigns().quiet_hours("AT".parse().unwrap()), None);
}

#[test]
fn contacts_are_left_alone_at_times_only_where_the_policy_says_so() {
    assert!(example().campaigns().has_quiet_hours());
    let (start, end) = (
        EXAMPLE.find("[[campaigns.quiet_hours]]").unwrap(),
        EXAMPLE.find("to = 08:00:00\n").unwrap() + "to = 08:00:00\n".len(),
    );
    let none = [&EXAMPLE[..start], &EXAMPLE[end..]].concat();
    assert!(!parsed(&none).campaigns().has_quiet_hours());
}

#[test]
fn what_meta_said_is_believed_for_thirty_days_unless_the_policy_says_how_long() {
    let lifetime = |line: &str| {
        parsed(&edited(&[("health_days = 30 ", line)]))
            .campaigns()
            .health_lifetime()
    };
    assert_eq!(lifetime("#"), Span::days(30));
    assert_eq!(lifetime("health_days = 1 "), Span::days(1));
    assert_eq!(lifetime("health_days = 90 "), Span::days(90));
}

#[test]
fn a_country_is_two_capital_letters_in_text_and_json() {
    for text in ["", "D", "de", "DEU", "D1", "D ", "Ä"] {
        assert_eq!(text.parse::<Country>(), Err(InvalidCountry), "{text}");
        assert!(serde_json::from_value::<Country>(text.into()).is_err(), "{text}");
    }
    let german: Country = "DE".parse().unwrap();
    assert_eq!(serde_json::to_string(&german).unwrap(), "\"DE\"");
    assert_eq!(serde_json::from_str::<Country>("\"DE\"").unwrap(), german);
    assert_eq!(format!("{german} {german:?}"), "DE Country(DE)");
}

#[test]
fn a_prompt_shows_who_asks_for_what_and_where_to_read_more() {
    let policy = example();
    let (en, now) = (locale("en"), time("2026-11-23T12:00:00Z"));
    let notices: Vec<_> = policy
        .purposes()
        .filter_map(|purpose| policy.notice(purpose.id(), &en, now))
        .collect();
    let prompt = policy.prompt(&en, now).unwrap();
    let parameters = ["Muster GmbH", "Offers, Orders", "https://www.example.com/datenschutz"];
    assert_eq!(prompt.parameters(&notices), parameters);
    let body = prompt.body(&notices);
    assert!(
        parameters.iter().all(|parameter| body.contains(parameter)) && !body.contains("{{"),
        "{body}"
    );
    assert_eq!(prompt.buttons().not_me(), "That wasn't me");
    assert_eq!(policy.prompt(&locale("fr"), now), None);
}

#[test]
fn what_a_locale_does_not_say_is_said_in_the_default_locale() {
    let policy = parsed(&edited(&[(
        "which_question = \"What would you like to receive from {controller}? Please choose.\"\n",
        "",
    )]));
    let texts = policy.texts(&locale("en_GB"));
    assert!(
        texts.help().starts_with("This is Muster GmbH, Musterstraße 1"),
        "{}",
        texts.help()
    );
    assert!(
        texts.which_question().starts_with("Was möchten Sie von Muster GmbH"),
        "{}",
        texts.which_question()
    );
    assert!(policy.texts(&locale("fr")).help().starts_with("Hier schreibt"));
    let confirmation = texts.consent_confirmation(&["Offers", "Orders"]);
    assert!(
        confirmation.contains("Offers, Orders") && !confirmation.contains('{'),
        "{confirmation}"
    );
}

#[test]
fn the_locale_that_fits_best_is_found() {
    let policy = parsed(&edited(&[(
        "locales = [\"de\", \"en\"]",
        "locales = [\"de\", \"en\", \"pt_BR\"]",
    )]));
    for (language, fitting) in [
        (Some("de-AT"), "de"),
        (Some("EN"), "en"),
        (Some("pt-br"), "pt_BR"),
        (Some("pt"), "pt_BR"),
        (Some("fr"), "de"),
        (Some(""), "de"),
        (None, "de"),
    ] {
        assert_eq!(policy.locale_for(language).as_str(), fitting, "{language:?}");
    }
}

#[test]
fn words_of_the_policy_are_understood() {
    let policy = example();
    let words = policy.words();
    assert_eq!(words.read("Bitte keine Angebote mehr"), Meaning::Stop);
    assert_eq!(words.read("Pasta"), Meaning::Nothing);
    assert_eq!(words.read("Stop servus"), Meaning::Stop);
    assert_eq!(words.read("löschen"), Meaning::Rights(RightsWord::Delete));
    let asked = |text| match words.read(text) {
        Meaning::OptIn(word) => word.purposes().iter().map(PurposeId::to_string).collect(),
        other => vec![format!("{other:?}")],
    };
    assert_eq!(asked("Bestellungen"), ["orders"]);
    assert_eq!(asked("START"), ["offers"]);
}

/// An edit of the example, where its fault must be seen, in which member, and a part of what is said about it.
type Broken = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const BROKEN: &[Broken] = &[
    ("idle_months = 18", "idle_months = 30", "idle_months = 30", "purposes.offers.idle_months", "30 is over the hard limit of 24"),
    ("refresh_days = 30", "refresh_days = 0", "refresh_days = 0", "purposes.offers.refresh_days", "0 is under the least allowed, 1"),
    ("refresh_days = 30", "refresh_days = 90\nx = 1", "x = 1", "purposes.offers.x", "is no key here"),
    ("id = \"offers\"", "id = \"Offers\"", "id = \"Offers\"", "purposes[1].id", "not a purpose id"),
    ("label = \"Kundendienst\" ", "label = \"A\"\n[[senders]]\nphone_number_id = \"106540352242922\"\nwaba_id = \"1\"\nlabel = \"B\" #", "[[senders]]\nphone_number_id = \"106540352242922\"\nwaba_id = \"1\"", "senders[2]", "106540352242922 is listed twice"),
    ("class = \"marketing\"", "class = \"promo\"", "class = \"promo\"", "purposes.offers.class", "one of marketing, service, survey"),
    ("en = \"Offers\" }", "en = \"Offers for everybody!\" }", "label = {", "purposes.offers.label.en", "21 characters are over the limit of 20"),
    ("de = \"Bestellungen\", ", "", "label = { en = \"Orders\" }", "purposes.orders.label", "no label in the default locale"),
    ("en = \"Orders\"", "en = \"Offers\"", "[[purposes]]", "purposes", "orders has the label of another purpose in en"),
    ("en = \"Offers\"", "fr = \"Offres\"", "label = { de = \"Angebote\"", "purposes.offers.label.fr", "fr is not one of the policy's locales"),
    ("senders = [\"106540352242922\"]", "senders = [\"1\"]", "senders = [\"1\"]", "purposes.offers.senders[1]", "none of the policy's senders"),
    ("per = \"month\"", "per = \"year\"", "frequency =", "purposes.offers.frequency.per", "one of day, week, month"),
    ("valid_from = 2025-01-01T00:00:00Z ", "valid_from = \"2025\" ", "valid_from = \"2025\"", "purposes.offers.notices[1].valid_from", "a time with its offset"),
    ("# valid_to = 2027", "valid_to = 2024", "valid_to = 2024", "purposes.offers.notices[1].valid_to", "not after valid_from"),
    ("# url = \"https", "url = \"http", "url = \"http://", "purposes.offers.notices[1].url", "beginning with https://"),
    ("locale = \"en\"\nvalid_from", "locale = \"de\"\nvalid_from", "[[purposes.notices]]\nlocale = \"de\"\nvalid_from = 2025-01-01T00:00:00Z\ntext = \"\"\"\nMuster GmbH would", "purposes.offers.notices[2]", "at the same time as another notice"),
    ("# valid_to = 2027-01-01T00:00:00Z                         # the first moment it is not", "version = \"0000000000000000000000000000000000000000000000000000000000000000\" #", "version = \"0000", "purposes.offers.notices[1].version", "a notice never changes"),
    ("name = \"Muster GmbH\"", "name = \"Muster GmbH\"\nphone = \"1\"", "phone =", "controller.phone", "is no key here; write one of address, country, name, privacy_url"),
    ("name = \"Muster GmbH\"", "", "[controller]", "controller.name", "is missing"),
    ("country = \"DE\"", "country = \"Germany\"", "country = \"Germany\"", "controller.country", "two capital letters"),
    ("contact = \"datenschutz@example.com\"", "contact = \"\"", "contact = \"\"", "data_protection_officer.contact", "it is empty"),
    ("phone_number_id = \"106540352242922\"", "phone_number_id = \"+1555\"", "phone_number_id = \"+1555\"", "senders[1].phone_number_id", "not a sender"),
    ("waba_id = \"102290129340398\"", "waba_id = 102290129340398", "waba_id = 1", "senders[1].waba_id", "text in quotes"),
    ("default_locale = \"de\"", "default_locale = \"fr\"", "default_locale = \"fr\"", "default_locale", "fr is not one of the policy's locales"),
    ("locales = [\"de\", \"en\"]", "locales = [\"de\", \"en\", \"de\"]", "locales =", "locales[3]", "de is listed twice"),
    ("Diese Nummer wurde", "Willkommen! Diese Nummer wurde", "body = \"\"\"\nWillkommen", "prompts[1].body", "\"willkommen\" advertises"),
    ("Stimmen Sie dem zu?", "Haben Sie Fragen?", "body = \"\"\"\nDiese", "prompts[1].body", "\"fragen\" invites to get in touch"),
    ("Stimmen Sie dem zu?", "Mehr auf muster.de.", "body = \"\"\"\nDiese", "prompts[1].body", "holds a link"),
    ("etwa mit STOP als Antwort", "schriftlich", "body = \"\"\"\nDiese", "prompts[1].body", "does not say how to withdraw"),
    ("Thema: {{2}}.\n", "\n", "body = \"\"\"\nDiese", "prompts[1].body", "{{2}} for the purposes"),
    ("Diese Nummer wurde bei {{1}}", "{{1}} hat diese Nummer", "body = \"\"\"\n{{1}}", "prompts[1].body", "begins or ends with a placeholder"),
    ("Stimmen Sie dem zu?", "{{2}}{{4}}", "body = \"\"\"\nDiese", "prompts[1].body", "each once"),
    ("no = \"Nein\"", "no = \"Ja\"", "buttons =", "prompts[1].buttons.no", "would mean something else than the button"),
    ("no = \"Nein\"", "no = \"Das war ich nicht\"", "buttons =", "prompts[1].buttons", "same label"),
    ("name = \"consent_request\" ", "header = \"image\"\nname = \"consent_request\" ", "header = \"image\"", "prompts[1].header", "nothing that could be advertising"),
    ("name = \"consent_request\" ", "name = \"Consent\" ", "name = \"Consent\"", "prompts[1].name", "the name of the template at Meta"),
    ("Thema: {purposes}.", "", "consent_confirmation = \"\"\"\nDanke", "texts.de.consent_confirmation", "write {purposes}"),
    ("von {controller} erhalten?", "von {sender} erhalten?", "which_question =", "texts.de.which_question", "no braces but {controller}"),
    ("hold_question.keep = \"Alles so lassen\"", "", "hold_question.body", "texts.de.hold_question.keep", "is missing"),
    ("[texts.de]", "[texts.pl]", "[texts.pl]", "texts.pl", "pl is not one of the policy's locales"),
    ("stop = [\"kündigen\"", "stop = [\"start\"", "stop = [\"start\"", "words.de.stop[1]", "is among the words of opt-in already"),
    ("not_stop = [\"pasta\"]", "confirm = [\"top\"]", "confirm = [\"top\"]", "words.de.confirm[1]", "is among the words that are no stop already"),
    ("not_stop = [\"pasta\"]", "confirm = [\"ja stopp\"]", "confirm = [\"ja stopp\"]", "words.de.confirm[1]", "does not mean what its list says"),
    ("angebote = [\"offers\"]", "angebote = [\"gifts\"]", "opt_in = { angebote", "words.de.opt_in.angebote[1]", "none of the policy's purposes"),
    ("token_hours = 72", "token_hours = 100", "token_hours = 100", "prompting.token_hours", "100 is over the hard limit of 72"),
    ("prompts_per_day = 3", "prompts_per_day = 1.5", "prompts_per_day = 1.5", "prompting.prompts_per_day", "write a whole number"),
    ("unconfirmed_days = 7", "unconfirmed_days = 15", "unconfirmed_days = 15", "retention.unconfirmed_days", "15 is over the hard limit of 14"),
    ("suppression_years = 3", "suppression_years = 2", "suppression_years = 2", "retention.suppression_years", "2 is under the least allowed, 3"),
    ("backup_days = 7", "backup_days = -7", "backup_days = -7", "retention.backup_days", "-7 is under the least allowed, 1"),
    ("mode = \"enforce\"", "mode = \"off\"", "mode = \"off\"", "campaigns.mode", "one of observe, warn, enforce"),
    ("health_days = 30", "health_days = 91", "health_days = 91", "campaigns.health_days", "91 is over the hard limit of 90"),
    ("health_days = 30", "health_days = 0", "health_days = 0", "campaigns.health_days", "0 is under the least allowed, 1"),
    ("country = \"DE\"\nzone", "country = \"Germany\"\nzone", "country = \"Germany\"", "campaigns.quiet_hours[1].country", "two capital letters"),
    ("zone = \"Europe/Berlin\"", "zone = \"Europe/Bielefeld\"", "zone = \"Europe/Bielefeld\"", "campaigns.quiet_hours[1].zone", "write its IANA name"),
    ("zone = \"Europe/Berlin\"", "zone = \"europe/berlin\"", "zone = \"europe/berlin\"", "campaigns.quiet_hours[1].zone", "write its IANA name"),
    ("zone = \"Europe/Berlin\"", "zone = \"CET+1\"", "zone = \"CET+1\"", "campaigns.quiet_hours[1].zone", "write its IANA name"),
    ("[[campaigns.quiet_hours]]", "[[campaigns.quiet_hours]]\ncountry = \"DE\"\nzone = \"Europe/Berlin\"\nfrom = 12:00:00\nto = 13:00:00\n[[campaigns.quiet_hours]]", "[[campaigns.quiet_hours]]\ncountry = \"DE\"\nzone = \"Europe/Berlin\"  ", "campaigns.quiet_hours[2]", "DE is listed twice"),
    ("from = 20:00:00", "from = 08:00:00", "[[campaigns.quiet_hours]]", "campaigns.quiet_hours[1]", "from and to are the same"),
    ("from = 20:00:00", "from = \"20:00\"", "from = \"20:00\"", "campaigns.quiet_hours[1].from", "a time of day without quotes"),
    ("[campaigns]", "[campaign]", "[campaign]", "campaign", "is no key here"),
    ("[prompting]", "[prompting", "[prompting", "", "unclosed table"),
];

#[test]
fn a_fault_names_its_line_and_what_would_be_right() {
    for (old, new, place, member, reason) in BROKEN {
        let text = edited(&[(old, new)]);
        let line = line_of(&text, place);
        let found = faults(&text);
        let [fault] = found.as_slice() else {
            panic!("{new:?}: not one fault but {found:#?}")
        };
        let fits = fault.line() == line && fault.member() == *member && fault.reason().contains(reason);
        assert!(fits, "{new:?}: not \"line {line}: {member}: {reason}\" but \"{fault}\"");
    }
}

#[test]
fn all_faults_are_found_at_once_in_the_order_of_the_lines() {
    let text = edited(&[
        ("idle_months = 18", "idle_months = 30"),
        ("country = \"DE\"", "country = \"de\""),
        ("token_hours = 72", "token_hours = 0"),
        ("Diese Nummer wurde", "Rabatt! Diese Nummer wurde"),
        ("stop = [\"kündigen\"", "stop = [\"yes\""),
        ("[texts.en]", "[texts.en]\nwelcome = \"Hi\""),
    ]);
    let members: Vec<_> = faults(&text).iter().map(|fault| fault.member().to_owned()).collect();
    let expected = [
        "controller.country",
        "purposes.offers.idle_months",
        "prompts[1].body",
        "prompting.token_hours",
        "texts.en.welcome",
        "words.de.stop[1]",
    ];
    assert_eq!(members, expected);

    let shown = Policy::parse(&edited(&[("idle_months = 18", "idle_months = 30")]))
        .unwrap_err()
        .to_string();
    let line = line_of(EXAMPLE, "idle_months = 18");
    assert_eq!(
        shown,
        format!("line {line}: purposes.offers.idle_months: 30 is over the hard limit of 24")
    );
}

#[test]
fn an_empty_document_is_told_all_that_a_policy_needs() {
    let missing: Vec<_> = faults("").iter().map(ToString::to_string).collect();
    let needed = [
        "controller",
        "data_protection_officer",
        "default_locale",
        "locales",
        "prompts",
        "purposes",
        "rights",
        "senders",
        "texts",
    ];
    assert_eq!(missing, needed.map(|member| format!("line 1: {member}: is missing")));
}

/// Ends the first German notice and prompt at the turn of the year and lists the same notice again from there.
fn with_successor(prompt_of_its_own: bool) -> String {
    let notice = |locale: &str| {
        EXAMPLE
            .find(&format!("[[purposes.notices]]\nlocale = \"{locale}\""))
            .unwrap()
    };
    let (start, end) = (notice("de"), notice("en"));
    let old = &EXAMPLE[start..end];
    let ended = old.replacen("# valid_to", "valid_to", 1);
    let new = old
        .replacen("valid_from = 2025", "valid_from = 2027", 1)
        .replacen("Muster GmbH", "Die Muster GmbH", 1);
    let mut text = EXAMPLE.replacen(old, &format!("{ended}{new}"), 1);
    if prompt_of_its_own {
        let (start, end) = (text.find("[[prompts]]").unwrap(), text.rfind("[[prompts]]").unwrap());
        let old = text[start..end].to_owned();
        let ended = old.replacen("# valid_to", "valid_to", 1);
        let new = old
            .replacen("valid_from = 2025", "valid_from = 2027", 1)
            .replacen("etwa mit", "zum Beispiel mit", 1);
        text = text.replacen(&old, &format!("{ended}{new}"), 1);
    }
    text
}

#[test]
fn a_new_notice_takes_over_and_the_old_one_keeps_its_name() {
    let de = locale("de");
    let old = example()
        .notice(&offers(), &de, time("2026-01-01T00:00:00Z"))
        .unwrap()
        .clone();
    let policy = parsed(&with_successor(false));
    let at = |text| policy.notice(&offers(), &de, time(text)).unwrap();
    let (ended, successor) = (at("2026-12-31T23:59:59Z"), at("2027-01-01T00:00:00Z"));
    assert!(successor.text().starts_with("Die Muster GmbH"));
    assert_ne!(ended.version(), successor.version());
    assert_eq!(
        ended.version(),
        old.version(),
        "the evidence of consents names the notice as it was before it ended"
    );
    assert_eq!(
        policy.notice_version(ended.version()),
        Some(ended),
        "a retired notice is still known by its name"
    );
}

#[test]
fn a_notice_cannot_outlive_its_prompt() {
    let text = with_successor(true);
    let found = faults(&text);
    // The purpose "orders" still has one German notice across both prompts.
    let [fault] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!(fault.member(), "purposes.orders.notices[1]");
    assert!(fault.reason().contains("prompts and notices end together"), "{fault}");
}

#[test]
fn what_an_old_notice_showed_can_be_written_into_it_when_the_controller_moves() {
    let (de, at) = (locale("de"), time("2026-01-01T00:00:00Z"));
    let version = |text: &str| parsed(text).notice(&offers(), &de, at).unwrap().version().to_owned();
    let moved = (
        "address = \"Musterstraße 1, 10115 Berlin\"",
        "address = \"Neue Straße 2, 20095 Hamburg\"",
    );
    let as_shown = (
        "locale = \"de\"\nvalid_from",
        "locale = \"de\"\naddress = \"Musterstraße 1, 10115 Berlin\"\nvalid_from",
    );
    assert_ne!(version(&edited(&[moved])), version(EXAMPLE));
    assert_eq!(version(&edited(&[moved, as_shown])), version(EXAMPLE));

    let pinned = format!("locale = \"de\"\nversion = \"{}\"\nvalid_from", version(EXAMPLE));
    let pin = ("locale = \"de\"\nvalid_from", pinned.as_str());
    assert_eq!(faults(&edited(&[pin])), []);
    assert_eq!(faults(&edited(&[pin, moved])).len(), 1);
}

#[test]
fn the_names_of_policy_and_notices_do_not_depend_on_the_program() {
    let policy = example();
    let expected = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(EXAMPLE));
    assert_eq!(policy.version().to_string(), hex::encode(expected));
    assert_eq!(policy.version(), example().version());
    let fixed = parsed(FIXED);
    let notice = fixed.notice(&"a".parse().unwrap(), &locale("en"), Time::MAX).unwrap();
    assert_eq!(
        notice.version().to_string(),
        "3c0fe34b2c148be2ae7b4298515a063604aef8ddc7198f1e5255e3c317aca1b7"
    );
}

/// A policy that never changes, so that the encoding behind the names of notices cannot change unseen.
const FIXED: &str = r#"
locales = ["en"]
default_locale = "en"
controller = { name = "A", address = "B", country = "DE", privacy_url = "https://c.example/" }
data_protection_officer = { contact = "D" }
rights = { page_url = "https://v.example", supervisory_authority = { name = "W", contact = "X" }, transfers.en = "Y" }
senders = [{ phone_number_id = "1", waba_id = "2", label = "E" }]
[[purposes]]
id = "a"
class = "marketing"
label.en = "F"
[[purposes.notices]]
locale = "en"
valid_from = 2026-01-01T00:00:00Z
text = "G"
recipients = ["H"]
retention = "I"
withdrawal = "J"
[[prompts]]
locale = "en"
name = "k"
language = "en"
valid_from = 2026-01-01T00:00:00Z
body = "May {{1}} send {{2}} as {{3}} tells? STOP ends it."
buttons = { confirm = "L", no = "M", not_me = "N" }
[texts.en]
consent_confirmation = "{purposes}. STOP"
optout_confirmation = "O"
hold_question = { body = "P", stop = "Q", keep = "R" }
which_question = "S"
help = "STOP"
rights_received = { body = "T {due}", it_is_me = "U" }
identity_code = "{code} {link}"
restriction_ends = "Z"
"#;

/// Members of the fixed policy that its notice shows, and the texts they stand in.
const SHOWN: &[(&str, &str)] = &[
    ("name = \"A", "\", address"),
    ("address = \"B", "\", country"),
    ("privacy_url = \"https://c.example/", "\" }"),
    ("contact = \"D", "\" }"),
    ("label.en = \"F", "\""),
    ("text = \"G", "\""),
    ("recipients = [\"H", "\"]"),
    ("retention = \"I", "\""),
    ("withdrawal = \"J", "\""),
    ("name = \"k", "\""),
    ("body = \"May", " {{1}}"),
    ("confirm = \"L", "\""),
    ("no = \"M", "\""),
    ("not_me = \"N", "\""),
];

fn version_of(text: &str) -> NoticeVersion {
    *parsed(text)
        .notice(&"a".parse().unwrap(), &locale("en"), time("2026-06-01T00:00:00Z"))
        .unwrap()
        .version()
}

proptest! {
    #[test]
    fn a_notice_that_shows_anything_else_has_another_name(
        (place, end) in proptest::sample::select(SHOWN),
        added in "[qxz]{1,9}",
        other in proptest::sample::select(SHOWN),
    ) {
        let longer = |text: &str, (place, end): (&str, &str)| {
            text.replacen(&format!("{place}{end}"), &format!("{place}{added}{end}"), 1)
        };
        let changed = longer(FIXED, (place, end));
        prop_assert_ne!(&changed, FIXED);
        prop_assert_ne!(version_of(&changed), version_of(FIXED));
        // The same letters shown in another place are not the same notice.
        prop_assert_eq!(version_of(&longer(FIXED, other)) == version_of(&changed), other.0 == place);
    }

    #[test]
    fn a_notice_that_is_shown_since_another_time_or_names_other_recipients_has_another_name(
        seconds in 1..1_000_000_u32,
        list in proptest::collection::vec("[a-zA-Z]{1,9}", 1..4),
    ) {
        let from = time("2026-01-01T00:00:00Z") + Span::seconds(seconds);
        let later = FIXED.replacen("2026-01-01T00:00:00Z\ntext", &format!("{from}\ntext"), 1);
        prop_assert_ne!(version_of(&later), version_of(FIXED));
        // No cut between list members is invisible.
        let recipients = |list: &[String]| FIXED.replacen("[\"H\"]", &format!("{list:?}"), 1);
        let joined = [list.concat()];
        prop_assert_eq!(version_of(&recipients(&list)) == version_of(&recipients(&joined)), list.len() == 1);
    }

    #[test]
    fn no_document_makes_the_parser_panic(text in any::<String>(), cut in any::<prop::sample::Index>(), spoilt in ".") {
        let _ = Policy::parse(&text);
        let mut letters: Vec<char> = EXAMPLE.chars().collect();
        let at = cut.index(letters.len());
        letters.splice(at..=at, spoilt.chars());
        let _ = Policy::parse(&letters.into_iter().collect::<String>());
        let cut: String = EXAMPLE.chars().take(at).collect();
        let _ = Policy::parse(&cut);
    }
}

#[test]
fn a_public_holiday_is_a_day_that_comes_and_is_listed_once() {
    assert_eq!(example().controller().public_holidays().len(), 10);
    for (wrong, reason) in [("\"12-32\"", "not a holiday"), ("\"05-01\"", "05-01")] {
        let text = edited(&[("\"12-26\"", wrong)]);
        let line = line_of(&text, "\"01-01\", \"03-08\"");
        let found = faults(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].line(), line);
        assert_eq!(found[0].member(), "controller.public_holidays[10]");
        assert!(found[0].reason().contains(reason), "{found:?}");
    }
}
