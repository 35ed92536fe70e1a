use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const STOP: &str = "stop unsubscribe stopall optout opt_out revoke remove
    stopp abmelden abbestellen austragen widerruf widerrufen keine_werbung keine_nachrichten
    arret arreter desabonner se_desabonner desinscrire baja alto parar dar_de_baja darme_de_baja cancelar
    sair remover descadastrar basta ferma disiscrivi cancellami stoppen afmelden uitschrijven rezygnuje wypisz odhlasit
    afmeld frameld avsluta avregistrera avmeld lopeta peru dur iptal ret dezabonare leiratkozom στοπ διαγραφη
    стоп отписаться отпиши відписатися odjava توقف ايقاف الغاء";
const STOP_IN_CONTEXT: &str = "cancel end quit ende annulla";
const NOT_STOP: &str = "shop step stoff top stops";
const REFUSAL: &str = "nein non nee não nie ne nej nei ei hayır nu nem όχι нет لا";
const OPT_IN: &str =
    "start join subscribe optin opt_in unstop anmelden abonnieren dabei abonner inscrire alta suscribir
    iscriviti aanmelden assinar zapisz";
const CONFIRM: &str = "yes ja oui si sí sì sim tak ano kyllä igen da ναι да evet";
const HELP: &str = "help info hilfe aide ayuda ajuda aiuto pomoc";
const ACCESS: &str = "auskunft meine_daten datenschutz my_data export mes_données mis_datos";
const DELETE: &str = "löschen delete_my_data supprimer borrar";
const COURTESY: &str =
    "bitte please thanks alles werbung newsletter danke merci gracias grazie tak kiitos спасибо شكرا";

fn list(words: &str) -> Vec<String> {
    words.split_whitespace().map(|word| word.replace('_', " ")).collect()
}

fn marketing() -> [PurposeId; 1] {
    ["offers".parse().unwrap()]
}

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::new(&marketing()));

fn read(text: &str) -> Meaning {
    WORDS.read(text)
}

fn one_of(words: &str) -> impl Strategy<Value = String> + use<> {
    select(list(words))
}

/// What surrounds and interrupts a word without being part of it.
fn noise() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "",
        "",
        ".",
        "!",
        "-",
        "*",
        "_",
        "'",
        "🙏",
        "🛑",
        "👩‍👩‍👧",
        "\u{200b}",
        "\u{202e}",
        "\0",
        "\u{301}",
        "…",
    ])
}

/// The word with other case, letters repeated, and noise around every letter.
fn decorated(word: String) -> impl Strategy<Value = String> {
    let letters = word.chars().count();
    let style = (any::<bool>(), 1..4_usize, noise());
    (proptest::collection::vec(style, letters), noise()).prop_map(move |(styles, before)| {
        let mut text = before.to_owned();
        for (letter, (upper, repeat, after)) in word.chars().zip(styles) {
            let shown = if upper {
                letter.to_uppercase().collect()
            } else {
                letter.to_string()
            };
            text.push_str(&shown.repeat(if letter == ' ' { 1 } else { repeat }));
            text.push_str(after);
        }
        text
    })
}

/// The word with courtesy before and after it, five tokens at most.
fn polite(word: String) -> impl Strategy<Value = String> {
    let room = 5 - word.split(' ').count();
    (
        proptest::collection::vec(one_of(COURTESY), 0..=room),
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(mut around, at)| {
            around.insert(at.index(around.len() + 1), word.clone());
            around.join(" ")
        })
}

/// The word with one letter added, left out or replaced.
fn misspelt(word: &str) -> impl Strategy<Value = String> + use<> {
    let letters: Vec<char> = word.chars().collect();
    (0..3, any::<prop::sample::Index>(), prop::char::range('a', 'z')).prop_map(move |(kind, at, letter)| {
        let mut letters = letters.clone();
        match kind {
            0 => letters.insert(at.index(letters.len() + 1), letter),
            1 => drop(letters.remove(at.index(letters.len()))),
            _ => {
                let at = at.index(letters.len());
                letters[at] = letter;
            }
        }
        letters.into_iter().collect()
    })
}

/// Words that are on no list in any language.
fn other_word() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["nicht".to_owned(), "don't".to_owned(), "tomorrow".to_owned()]),
        "[bcdfghjk]{6,9}"
    ]
}

/// The textbook edit distance, to compare with.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut last = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = last + usize::from(a != *b);
            last = row[j + 1];
            row[j + 1] = replaced.min(last + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

fn collapse(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup();
    letters.into_iter().collect()
}

#[test]
fn every_listed_word_reads_as_its_list_says() {
    let opt_in = Meaning::OptIn(OptInWord {
        purposes: marketing().into(),
    });
    let expected = [
        (STOP, Meaning::Stop),
        (STOP_IN_CONTEXT, Meaning::StopInContext),
        ("no", Meaning::No { stop_in_context: true }),
        (REFUSAL, Meaning::No { stop_in_context: false }),
        (NOT_STOP, Meaning::Nothing),
        (COURTESY.trim_end_matches("tak kiitos спасибо شكرا"), Meaning::Nothing),
        (OPT_IN, opt_in),
        (CONFIRM, Meaning::Confirm),
        (HELP, Meaning::Help),
        (ACCESS, Meaning::Rights(RightsWord::Access)),
        (DELETE, Meaning::Rights(RightsWord::Delete)),
    ];
    for (listed, meaning) in expected {
        for word in list(listed) {
            assert_eq!(read(&word), meaning, "{word}");
        }
    }
}

#[test]
fn the_built_in_lists_contradict_each_other_nowhere() {
    let mut words = WORDS.clone();
    for (list, languages) in lists::LISTS {
        for word in lists::each(languages) {
            assert_eq!(words.add(list, word), Ok(()), "{word}");
            let meaning = words.read(word);
            assert!(
                meaning == list.meaning() || (word == "tak" && meaning == Meaning::Confirm),
                "{word}: {meaning:?}"
            );
        }
    }
}

#[test]
fn built_in_words_are_listed_as_if_each_was_taken_apart() {
    let mut taken_apart = Words::empty();
    let opt_in = [(List::OptIn(marketing().into()), lists::OPT_IN)];
    for (list, languages) in lists::LISTS.iter().chain(&opt_in) {
        for word in lists::each(languages) {
            taken_apart.add(list, word).unwrap();
        }
    }
    assert_eq!(*WORDS, taken_apart);
}

#[test]
fn messages_people_write_are_read_as_they_mean_them() {
    let no = |stop_in_context| Meaning::No { stop_in_context };
    let cases = [
        ("STOP", Meaning::Stop),
        ("Stoppp!!! 🛑", Meaning::Stop),
        ("bitte keine Werbung mehr", Meaning::Stop),
        ("Bitte keine Nachrichten mehr, danke", Meaning::Stop),
        ("opt-out", Meaning::Stop),
        ("S T O P", Meaning::Stop),
        ("S.T.O.P. bitte", Meaning::Stop),
        ("stop stop stop stop stop stop stop", Meaning::Stop),
        ("Nein, stop!", Meaning::Stop),
        ("stop s'il vous plaît", Meaning::Stop),
        ("quiero darme de baja", Meaning::Ambiguous),
        ("stop tak", Meaning::Stop),
        ("please please please please please stop", Meaning::Ambiguous),
        ("don't stop", Meaning::Ambiguous),
        ("non-stop geöffnet?", Meaning::Ambiguous),
        ("Does the bus stop at your shop?", Meaning::Ambiguous),
        ("stpo", Meaning::Nothing),
        ("stip", Meaning::Ambiguous),
        ("abmeldne", Meaning::Nothing),
        ("abmelde", Meaning::Ambiguous),
        ("stop and delete my data", Meaning::Rights(RightsWord::Delete)),
        ("Bitte meine Daten löschen", Meaning::Rights(RightsWord::Delete)),
        ("bitte loeschen", Meaning::Rights(RightsWord::Delete)),
        ("Auskunft bitte", Meaning::Rights(RightsWord::Access)),
        ("Hier sind meine Daten: 12345", Meaning::Nothing),
        ("cancel please", Meaning::StopInContext),
        ("please cancel my order", Meaning::Nothing),
        ("No, thanks", no(true)),
        ("Nein danke", no(false)),
        ("there is no reason", Meaning::Nothing),
        ("Ja! 👍", Meaning::Confirm),
        ("ja?", Meaning::Nothing),
        ("ja bitte", Meaning::Nothing),
        ("jaaa", Meaning::Nothing),
        ("takk", Meaning::Nothing),
        ("start please", Meaning::Nothing),
        ("startt", Meaning::Nothing),
        ("alto", Meaning::Stop),
        ("altaa", Meaning::Nothing),
        ("👍", Meaning::Nothing),
        ("", Meaning::Nothing),
    ];
    for (text, meaning) in cases {
        assert_eq!(read(text), meaning, "{text}");
    }
}

#[test]
fn a_word_can_be_added_and_cannot_mean_two_things() {
    let mut words = WORDS.clone();
    assert_eq!(words.add(&List::Stop, "Kündigen"), Ok(()));
    for text in ["kündigen", "KUENDIGEN", "kundigen bitte"] {
        assert_eq!(words.read(text), Meaning::Stop, "{text}");
    }
    assert_eq!(words.add(&List::Confirm, "stopp"), Err(WordFault::Listed("stop words")));
    assert_eq!(
        words.add(&List::Stop, "Start"),
        Err(WordFault::Listed("words of opt-in"))
    );
    assert_eq!(
        words.add(&List::Stop, "top"),
        Err(WordFault::Listed("words that are no stop"))
    );
    assert_eq!(words.add(&List::Stop, "🛑"), Err(WordFault::Empty));
    assert_eq!(words.add(&List::Stop, "a b c d e f"), Err(WordFault::Long));

    let orders: Arc<[PurposeId]> = ["orders".parse().unwrap()].into();
    assert_eq!(words.add(&List::OptIn(orders.clone()), "start"), Ok(()));
    assert_eq!(words.read("START"), Meaning::OptIn(OptInWord { purposes: orders }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn decoration_never_turns_a_stop_into_something_else(text in one_of(STOP).prop_flat_map(decorated)) {
        prop_assert_eq!(read(&text), Meaning::Stop);
    }

    #[test]
    fn courtesy_never_weakens_a_stop(text in one_of(STOP).prop_flat_map(polite)) {
        prop_assert_eq!(read(&text), Meaning::Stop);
    }

    #[test]
    fn a_stop_in_a_longer_sentence_is_ambiguous(
        stop in one_of(STOP).prop_flat_map(decorated),
        before in proptest::collection::vec(other_word(), 0..8),
        after in proptest::collection::vec(other_word(), 0..8),
    ) {
        prop_assume!(!before.is_empty() || !after.is_empty());
        let text = [before, vec![stop], after].concat().join(" ");
        prop_assert_eq!(read(&text), Meaning::Ambiguous);
    }

    #[test]
    fn one_wrong_letter_is_ambiguous_unless_it_makes_another_listed_word(
        text in one_of(STOP).prop_filter("one token", |word| !word.contains(' ')).prop_flat_map(|word| misspelt(&word)),
    ) {
        let listed = [NOT_STOP, STOP, STOP_IN_CONTEXT, REFUSAL, OPT_IN, CONFIRM, HELP, ACCESS, DELETE, COURTESY]
            .iter().flat_map(|lists| list(lists)).any(|word| collapse(&word) == collapse(&text));
        if listed || WORDS.is_listed(&Token::join(&normalise(&text).chunks.concat())) {
            prop_assert_ne!(read(&text), Meaning::Ambiguous);
        } else if text.chars().count() >= 4 {
            prop_assert_eq!(read(&text), Meaning::Ambiguous);
        } else {
            prop_assert_eq!(read(&text), Meaning::Nothing);
        }
    }

    #[test]
    fn a_word_two_letters_off_is_no_stop(text in "[a-z]{1,8}") {
        let near = list(STOP).iter().any(|stop| {
            distance(stop, &text) <= 1 || distance(&collapse(stop), &collapse(&text)) <= 1
        });
        let meaning = read(&text);
        prop_assert!(near || !matches!(meaning, Meaning::Stop | Meaning::Ambiguous), "{:?}", meaning);
    }

    #[test]
    fn everyday_stops_need_their_context_under_any_decoration(
        text in one_of(STOP_IN_CONTEXT).prop_flat_map(decorated),
        polite in one_of(STOP_IN_CONTEXT).prop_flat_map(polite),
        other in other_word(),
    ) {
        prop_assert_eq!(read(&text), Meaning::StopInContext);
        prop_assert_eq!(read(&polite), Meaning::StopInContext);
        prop_assert_eq!(read(&format!("{text} {other}")), Meaning::Nothing);
    }

    #[test]
    fn yes_and_start_count_only_as_the_whole_message(
        word in prop_oneof![one_of(CONFIRM), one_of(OPT_IN)],
        other in prop_oneof![other_word(), one_of(COURTESY), one_of(CONFIRM), one_of(STOP), one_of(REFUSAL)],
        first in any::<bool>(),
    ) {
        let text = if first { format!("{other} {word}") } else { format!("{word} {other}") };
        let meaning = read(&text);
        prop_assert!(!matches!(meaning, Meaning::Confirm | Meaning::OptIn(_)), "{:?}", meaning);
    }

    #[test]
    fn any_text_at_all_is_read_without_panic(text in any::<String>(), alike in "[stopjan ?.ü\u{308}\u{200b}🙂]{0,300}") {
        read(&text);
        read(&alike);
    }
}
