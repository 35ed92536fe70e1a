//! The words themselves, by meaning and language. Languages are told by their codes; the readings do not depend on them.

use super::List;

/// The words of one meaning, language by language, with commas between them.
type ByLanguage = &'static [(&'static str, &'static str)];

/// The words and phrases one by one.
pub(super) fn each(languages: ByLanguage) -> impl Iterator<Item = &'static str> {
    languages.iter().flat_map(|(_, listed)| listed.split(", "))
}

/// All built-in words except those of opt-in, whose meaning depends on the policy.
pub(super) const LISTS: &[(List, ByLanguage)] = &[
    (List::Stop, STOP),
    (List::ContextStop, CONTEXT_STOP),
    (List::ContextRefusal, &[("en es it", "no")]),
    (List::Refusal, REFUSAL),
    (List::NotStop, &[("en de", "shop, step, stoff, top, stops")]),
    (List::Delete, DELETE),
    (List::Access, ACCESS),
    (List::Help, HELP),
    (List::Confirm, CONFIRM),
    (List::Courtesy, COURTESY),
];

const STOP: ByLanguage = &[
    ("en", "stop, unsubscribe, stopall, optout, opt out, revoke, remove"),
    (
        "de",
        "stopp, abmelden, abbestellen, austragen, widerruf, widerrufen, keine werbung, keine nachrichten",
    ),
    ("fr", "arret, arreter, desabonner, se desabonner, desinscrire"),
    ("es", "baja, alto, parar, dar de baja, darme de baja, cancelar"),
    ("pt", "sair, parar, cancelar, remover, descadastrar"),
    ("it", "basta, ferma, disiscrivi, cancellami"),
    ("nl", "stoppen, afmelden, uitschrijven"),
    ("pl", "rezygnuje, wypisz"),
    ("cs sk", "odhlasit"),
    ("da", "afmeld, frameld"),
    ("sv no", "stopp, avsluta, avregistrera, avmeld"),
    ("fi", "lopeta, peru"),
    ("tr", "dur, iptal, ret"),
    ("ro", "dezabonare"),
    ("hu", "leiratkozom"),
    ("el", "στοπ, διαγραφη"),
    ("ru uk bg", "стоп, отписаться, отпиши, відписатися"),
    ("hr sr sl", "odjava"),
    ("ar", "توقف, ايقاف, الغاء"),
];

/// Everyday words: a stop only soon after advertising or a prompt.
const CONTEXT_STOP: ByLanguage = &[("en", "cancel, end, quit"), ("de", "ende"), ("it", "annulla")];

const REFUSAL: ByLanguage = &[
    ("en", "nope"),
    ("de", "nein, nee"),
    ("fr", "non"),
    ("pt", "não"),
    ("nl", "nee"),
    ("pl sk", "nie"),
    ("cs hr sr sl", "ne"),
    ("da sv", "nej"),
    ("no", "nei"),
    ("fi", "ei"),
    ("tr", "hayır"),
    ("ro", "nu"),
    ("hu", "nem"),
    ("el", "όχι"),
    ("ru uk bg", "нет, ні, не"),
    ("ar", "لا"),
];

const DELETE: ByLanguage = &[
    ("en", "delete my data"),
    ("de", "löschen"),
    ("fr", "supprimer"),
    ("es", "borrar"),
];

const ACCESS: ByLanguage = &[
    ("en", "my data, export"),
    ("de", "auskunft, meine daten, datenschutz"),
    ("fr", "mes données"),
    ("es", "mis datos"),
];

const HELP: ByLanguage = &[
    ("en", "help, info"),
    ("de", "hilfe"),
    ("fr", "aide"),
    ("es", "ayuda"),
    ("pt", "ajuda"),
    ("it", "aiuto"),
    ("pl cs sk", "pomoc"),
];

const CONFIRM: ByLanguage = &[
    ("en", "yes"),
    ("de nl da sv no", "ja"),
    ("fr", "oui"),
    ("es it", "si, sí, sì"),
    ("pt", "sim"),
    ("pl", "tak"),
    ("cs", "ano"),
    ("fi", "kyllä"),
    ("hu", "igen"),
    ("ro hr sr sl", "da"),
    ("el", "ναι"),
    ("ru bg", "да"),
    ("tr", "evet"),
];

/// Words that ask to be sent something.
pub(super) const OPT_IN: ByLanguage = &[
    ("en", "start, join, subscribe, optin, opt in, unstop"),
    ("de", "start, anmelden, abonnieren, dabei"),
    ("fr", "start, abonner, inscrire"),
    ("es", "alta, suscribir"),
    ("it", "iscriviti"),
    ("nl", "aanmelden"),
    ("pt", "assinar"),
    ("pl", "zapisz"),
];

/// Words that may stand around a word of the lists without changing what it means: greetings, thanks, and what is to
/// stop. No negation may ever be among them.
const COURTESY: ByLanguage = &[
    (
        "en",
        "please, pls, plz, thanks, thank, you, thx, hi, hello, hey, ok, now, and, it, this, me, all, any, more, \
         sending, texting, messages, texts, ads, advertising, marketing, newsletter, newsletters, spam",
    ),
    (
        "de",
        "bitte, danke, dankeschön, vielen, dank, hallo, moin, grüße, gruß, mfg, lg, und, jetzt, sofort, mehr, \
         alles, alle, mir, den, die, der, das, sie, werbung, newsletter, nachrichten, angebote, senden, \
         schicken",
    ),
    (
        "fr",
        "svp, stp, s, il, te, vous, plaît, merci, bonjour, tout, pub, publicité, messages",
    ),
    ("es", "por, favor, gracias, hola, todo, ya, publicidad, mensajes"),
    (
        "pt",
        "por, favor, obrigado, obrigada, olá, tudo, publicidade, mensagens",
    ),
    ("it", "per, favore, grazie, ciao, tutto, pubblicità, messaggi"),
    (
        "nl",
        "alstublieft, aub, graag, bedankt, dank, je, u, alles, reclame, nieuwsbrief, berichten",
    ),
    ("pl", "proszę, dziękuję, dzięki, wszystko, reklamy"),
    ("cs sk", "prosím, děkuji, díky, ďakujem, vše, reklama, reklamy"),
    (
        "da sv no",
        "tak, tack, takk, snälla, venligst, hej, hei, alt, alla, reklam, reklame",
    ),
    ("fi", "kiitos, ole, hyvä, kaikki, mainokset"),
    ("tr", "lütfen, teşekkürler, teşekkür, merhaba, hepsi, reklam"),
    ("ro", "mulțumesc, mersi, vă, rog, tot"),
    ("hu", "kérem, köszönöm, köszi, minden, reklám"),
    ("el", "παρακαλώ, ευχαριστώ"),
    (
        "ru uk bg",
        "пожалуйста, спасибо, будь, ласка, дякую, моля, благодаря, реклама, рекламу",
    ),
    ("hr sr sl", "molim, hvala, prosim"),
    ("ar", "شكرا, من, فضلك, لو, سمحت"),
];
