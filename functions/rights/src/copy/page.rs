//! A copy as a page that a person reads.

use consent::case::{CaseKind, CaseState};
use consent::copy::{Copy, EventPart, HeldRecord, NoticePart};
use consent::evidence::Source;
use consent::id::PurposeId;
use consent::retention::Kind;
use consent::time::Time;
use paper::Document;
use serde::Deserialize;
use serde_json::Value;

use super::language::Language;

/// The copy, for whom it is about.
pub(super) fn document(copy: &Copy) -> Document {
    let language = Language::of(copy.locale.as_str());
    let say = |english, german| language.say(english, german);
    let mut page = Document::new(
        language.tag(),
        format!("{} {}", say("Your data at", "Ihre Daten bei"), copy.controller.name),
    );
    page.text(say(
        "This is everything that is held about you to send you messages on WhatsApp, as it was when this page was made. You can \
         print it or keep it; it needs no network.",
        "Das ist alles, was über Sie gespeichert ist, um Ihnen Nachrichten auf WhatsApp zu senden, so wie es war, als diese Seite \
         entstand. Sie können sie drucken oder aufbewahren; sie braucht kein Netz.",
    ));
    page.facts([
        (say("Made", "Erstellt"), when(copy.made_at)),
        (
            say("You asked for", "Sie verlangten"),
            language.demand(copy.demanded.kind).to_owned(),
        ),
        (say("on", "am"), when(copy.demanded.received_at)),
        (say("Case", "Vorgang"), copy.demanded.case.to_string()),
    ]);
    who_answers(&mut page, copy, language);
    who_you_are(&mut page, copy, language);
    consents(&mut page, copy, language);
    events(&mut page, copy, language);
    notices(&mut page, copy, language);
    sends(&mut page, copy, language);
    cases(&mut page, copy, language);
    rules(&mut page, copy, language);
    others(&mut page, copy, language);
    page
}

fn when(time: Time) -> String {
    let text = time.to_string();
    let (day, hour) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", hour.trim_end_matches('Z'))
}

fn or_dash(time: Option<Time>) -> String {
    time.map_or_else(|| "–".to_owned(), when)
}

fn who_answers(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    let (controller, officer) = (&copy.controller, &copy.controller.data_protection_officer);
    let authority = &copy.supervisory_authority;
    page.section(say("Who is answerable", "Wer verantwortlich ist"));
    let officer = officer
        .name
        .iter()
        .chain([&officer.contact])
        .cloned()
        .collect::<Vec<_>>();
    let mut facts = vec![
        (
            say("Controller", "Verantwortlicher"),
            format!("{}, {}", controller.name, controller.address),
        ),
        (
            say("Data protection officer", "Datenschutzbeauftragte Person"),
            officer.join(", "),
        ),
        (
            say("You can complain to", "Sie können sich beschweren bei"),
            format!("{}, {}", authority.name, authority.contact),
        ),
    ];
    facts.extend(
        controller
            .privacy_url
            .iter()
            .map(|url| (say("More", "Weiteres"), url.clone())),
    );
    page.facts(facts);
}

fn who_you_are(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    page.section(say("Who you are here", "Wer Sie hier sind"));
    let unknown = || say("not known", "nicht bekannt").to_owned();
    let person = &copy.person;
    page.facts([
        (
            say("Phone number", "Telefonnummer"),
            person.phone.clone().unwrap_or_else(unknown),
        ),
        (
            say("WhatsApp id", "WhatsApp-Kennung"),
            person.bsuid.clone().unwrap_or_else(unknown),
        ),
        (
            say("Your id here", "Ihre Kennung hier"),
            person.contact_id.map_or_else(unknown, |id| id.to_string()),
        ),
        (say("Language", "Sprache"), copy.locale.to_string()),
    ]);
    page.text(say(
        "Your number came from you or from whoever asked for the messages with it; each event below says from where. WhatsApp's \
         id comes from Meta.",
        "Ihre Nummer stammt von Ihnen oder von dem, der mit ihr um die Nachrichten bat; bei jedem Ereignis steht, woher. Die \
         Kennung stammt von Meta.",
    ));
}

fn consents(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    page.section(say(
        "What you agreed to, and what not",
        "Wozu Sie zugestimmt haben, und wozu nicht",
    ));
    let rows = copy.consents.iter().map(|consent| {
        vec![
            consent.label.clone(),
            language.status(consent.status).to_owned(),
            or_dash(consent.since),
            or_dash(consent.last_used),
        ]
    });
    page.table(
        say("Each purpose, as it stands", "Jeder Zweck, wie er steht"),
        [
            say("Purpose", "Zweck"),
            say("How it stands", "Stand"),
            say("Since", "Seit"),
            say("Last used", "Zuletzt genutzt"),
        ],
        rows.collect(),
    );
    // What was only ever lifted never forbade anything.
    let set: Vec<_> = copy
        .suppressions
        .iter()
        .filter(|suppression| !suppression.registers.set.is_empty())
        .collect();
    if !set.is_empty() {
        let rows = set.iter().map(|suppression| {
            let is_active = if suppression.is_active {
                say("yes", "ja")
            } else {
                say("no", "nein")
            };
            vec![
                language.suppression(&suppression.kind),
                is_active.to_owned(),
                or_dash(suppression.registers.set.get().copied()),
                or_dash(suppression.registers.lifted.get().copied()),
            ]
        });
        page.table(
            say("What forbids messages", "Was Nachrichten verbietet"),
            [
                say("What", "Was"),
                say("In force", "In Kraft"),
                say("Set", "Gesetzt"),
                say("Lifted", "Aufgehoben"),
            ],
            rows.collect(),
        );
    }
}

fn events(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    page.section(say("What happened", "Was geschah"));
    let rows: Vec<_> = copy
        .events
        .iter()
        .map(|event| event_row(event, copy, language))
        .collect();
    if rows.is_empty() {
        page.text(say("Nothing is recorded.", "Nichts ist verzeichnet."));
        return;
    }
    page.table(
        say("Every event, the oldest first", "Jedes Ereignis, das älteste zuerst"),
        [
            "#",
            say("When", "Wann"),
            say("What", "Was"),
            say("What about", "Wofür"),
            say("Who, and how", "Wer, und wie"),
            say("What you wrote", "Was Sie schrieben"),
        ],
        rows,
    );
}

fn event_row(event: &EventPart, copy: &Copy, language: Language) -> Vec<String> {
    let number = event
        .sequence
        .map_or_else(|| "?".to_owned(), |number| number.to_string());
    let Some(evidence) = event.evidence() else {
        let reduced = language.say(
            "no longer kept: only its place is",
            "nicht mehr aufbewahrt: nur noch die Stelle",
        );
        let empty = String::new;
        return vec![number, empty(), reduced.to_owned(), empty(), empty(), empty()];
    };
    let what = format!(
        "{} ({})",
        language.event(evidence.kind),
        language.validity(evidence.validity)
    );
    let purposes: Vec<_> = evidence.purposes.iter().map(|purpose| label(copy, purpose)).collect();
    let about = if purposes.is_empty() {
        language.say("everything", "alles").to_owned()
    } else {
        purposes.join(", ")
    };
    let mut who = vec![language.actor(&evidence.actor).to_owned()];
    who.extend(
        evidence
            .expression
            .map(|expression| language.expression(expression).to_owned()),
    );
    if let Source::OptIn { url, form, .. } = &evidence.source {
        who.extend(url.iter().chain(form).cloned());
    }
    vec![
        number,
        when(evidence.occurred_at),
        what,
        about,
        who.join(", "),
        event.words.clone().unwrap_or_default(),
    ]
}

/// What a purpose is called.
fn label(copy: &Copy, purpose: &PurposeId) -> String {
    let known = copy.consents.iter().find(|consent| consent.purpose == *purpose);
    known.map_or_else(|| purpose.to_string(), |consent| consent.label.clone())
}

fn notices(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    if copy.notices.is_empty() {
        return;
    }
    page.section(say("What you were told", "Was Ihnen gesagt wurde"));
    for notice in &copy.notices {
        page.subsection(format!("{} ({})", notice.label, notice.locale));
        page.text(&notice.text);
        page.facts([
            (say("The question", "Die Frage"), question(notice)),
            (say("Answers", "Antworten"), notice.prompt.buttons.join(" · ")),
            (
                say("Who else receives it", "Wer es sonst erhält"),
                notice.recipients.join("\n"),
            ),
            (
                say("How long it is kept", "Wie lange es aufbewahrt wird"),
                notice.retention.clone(),
            ),
            (say("How to withdraw", "Wie Sie widerrufen"), notice.withdrawal.clone()),
            (say("Page", "Seite"), notice.url.clone()),
            (say("Shown from", "Gezeigt ab"), when(notice.valid_from)),
            (say("Version", "Fassung"), notice.version.to_string()),
        ]);
    }
}

/// The question as the person read it.
fn question(notice: &NoticePart) -> String {
    let values = [
        ("{{1}}", &notice.controller),
        ("{{2}}", &notice.label),
        ("{{3}}", &notice.url),
    ];
    values.iter().fold(notice.prompt.body.clone(), |body, (place, value)| {
        body.replace(place, value)
    })
}

fn sends(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    let sends: Vec<_> = copy.of_kind(Kind::Send).collect();
    if sends.is_empty() {
        return;
    }
    page.section(language.record(Kind::Send));
    let rows = sends.iter().map(|send| {
        let text = |pointer: &str| {
            let value = send.says.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or("–").to_owned()
        };
        vec![
            text("/campaign"),
            text("/purpose"),
            text("/decided_at"),
            text("/template/name"),
            text("/result/result"),
            or_dash(send.kept_until),
        ]
    });
    page.table(
        say(
            "Each message that a campaign was allowed to send",
            "Jede Nachricht, die eine Kampagne senden durfte",
        ),
        [
            say("Campaign", "Kampagne"),
            say("Purpose", "Zweck"),
            say("Allowed", "Erlaubt"),
            say("Template", "Vorlage"),
            say("What became of it", "Was daraus wurde"),
            say("Kept until", "Aufbewahrt bis"),
        ],
        rows.collect(),
    );
}

fn cases(page: &mut Document, copy: &Copy, language: Language) {
    #[derive(Deserialize)]
    struct Says {
        case: Known,
        state: CaseState,
    }
    #[derive(Deserialize)]
    struct Known {
        id: String,
        kind: CaseKind,
        received_at: Time,
    }

    let say = |english, german| language.say(english, german);
    page.section(language.record(Kind::Case));
    let known = copy
        .of_kind(Kind::Case)
        .filter_map(|case| Says::deserialize(&case.says).ok());
    let rows = known.map(|Says { case, state }| {
        vec![
            language.demand(case.kind).to_owned(),
            when(case.received_at),
            language.case_state(state).to_owned(),
            case.id,
        ]
    });
    page.table(
        say("Each case", "Jeder Vorgang"),
        [
            say("What", "Was"),
            say("Received", "Eingegangen"),
            say("How it stands", "Stand"),
            say("Case", "Vorgang"),
        ],
        rows.collect(),
    );
}

/// The records in their own words, so that nothing is left out because nobody thought of showing it.
fn others(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    page.section(say("Every record, in its own words", "Jeder Datensatz, im Wortlaut"));
    let mut last = None;
    for HeldRecord { kind, kept_until, says } in &copy.records {
        if last != Some(*kind) {
            page.subsection(language.record(*kind));
            last = Some(*kind);
        }
        if let Some(until) = kept_until {
            page.text(format!("{} {}", say("Kept until", "Aufbewahrt bis"), when(*until)));
        }
        page.verbatim(serde_json::to_string_pretty(says).unwrap_or_default());
    }
}

fn rules(page: &mut Document, copy: &Copy, language: Language) {
    let say = |english, german| language.say(english, german);
    page.section(say("Who else receives it", "Wer es sonst erhält"));
    page.list(copy.recipients.clone());
    page.text(&copy.transfers);
    page.section(say("Your rights", "Ihre Rechte"));
    page.list([
        say(
            "You can withdraw what you agreed to at any time: reply STOP. What happened until then remains lawful (Art. 7(3) GDPR).",
            "Sie können jederzeit widerrufen, wozu Sie zugestimmt haben: Antworten Sie mit STOP. Was bis dahin geschah, bleibt \
             rechtmäßig (Art. 7 Abs. 3 DSGVO).",
        ),
        say(
            "You can object to advertising at any time (Art. 21 GDPR).",
            "Sie können Werbung jederzeit widersprechen (Art. 21 DSGVO).",
        ),
        say(
            "You can have your data corrected, deleted, restricted, or handed to you for use elsewhere (Art. 16 to 20 GDPR).",
            "Sie können Berichtigung, Löschung, Einschränkung und Übertragung Ihrer Daten verlangen (Art. 16 bis 20 DSGVO).",
        ),
        say(
            "You can complain to the authority named above (Art. 77 GDPR).",
            "Sie können sich bei der oben genannten Behörde beschweren (Art. 77 DSGVO).",
        ),
    ]);
    page.text(say(
        "No decision about you is made by a machine alone (Art. 22 GDPR).",
        "Über Sie entscheidet keine Maschine allein (Art. 22 DSGVO).",
    ));
}
