//! Which countries a number or an id may be of, as far as its first digits or letters say.

use crate::{Bsuid, Identifiers, PhoneNumber};

impl PhoneNumber {
    /// The countries that share the number's calling code, by their two letters from ISO 3166-1. None if the code belongs to
    /// no country (satellites, ships) or is not assigned.
    pub fn countries(&self) -> &'static [&'static str] {
        let digits = self.digits();
        // Jamaica's 1876 before the 1 that it shares with others.
        let mut beginnings = (1..=LONGEST).rev().filter_map(|length| digits.get(..length));
        beginnings.find_map(of_code).unwrap_or_default()
    }
}

impl Bsuid {
    /// The country that the id begins with, by its two letters from ISO 3166-1; none if it has no calling code.
    pub fn country(&self) -> Option<&'static str> {
        let letters = self.as_str().get(..2)?;
        let mut countries = CALLING_CODES.iter().flat_map(|(_, countries)| countries.iter());
        countries.find(|country| **country == letters).copied()
    }
}

impl Identifiers {
    /// The countries that the contact's number may be of: those that share its calling code, or where that says nothing, the
    /// one that the business-scoped id begins with. Sorted; each once.
    pub fn countries(&self) -> impl Iterator<Item = &'static str> + use<> {
        let of_number = self.phone().map(PhoneNumber::countries).unwrap_or_default();
        let of_id = self.bsuid().and_then(Bsuid::country);
        let otherwise = of_id.filter(|_| of_number.is_empty());
        of_number.iter().copied().chain(otherwise)
    }
}

fn of_code(code: &str) -> Option<&'static [&'static str]> {
    let at = CALLING_CODES.binary_search_by_key(&code, |(code, _)| code).ok()?;
    CALLING_CODES.get(at).map(|(_, countries)| *countries)
}

/// The digits of the longest entry: a country, and what tells another one within it.
const LONGEST: usize = 7;

/// Calling codes (ITU-T E.164, list of assigned country codes) and the countries that share them, sorted by code. Where a part
/// of a code's numbers is one country's alone (the area codes of the North American Numbering Plan; Kazakhstan; the Vatican),
/// it has an entry of its own. Codes that belong to no country are left out.
///
/// Places that have no code of their own stand with the one that their lines are reached by: Åland with Finland, Western Sahara
/// with Morocco, South Georgia with the Falkland Islands. Ascension and Tristan da Cunha are Saint Helena's in ISO 3166-1;
/// Kosovo goes by XK, which ISO 3166-1 leaves to its users.
#[rustfmt::skip]
static CALLING_CODES: &[(&str, &[&str])] = &[
    ("1", &["CA", "US"]),
    ("1242", &["BS"]),
    ("1246", &["BB"]),
    ("1264", &["AI"]),
    ("1268", &["AG"]),
    ("1284", &["VG"]),
    ("1340", &["VI"]),
    ("1345", &["KY"]),
    ("1441", &["BM"]),
    ("1473", &["GD"]),
    ("1649", &["TC"]),
    ("1658", &["JM"]),
    ("1664", &["MS"]),
    ("1670", &["MP"]),
    ("1671", &["GU"]),
    ("1684", &["AS"]),
    ("1721", &["SX"]),
    ("1758", &["LC"]),
    ("1767", &["DM"]),
    ("1784", &["VC"]),
    ("1787", &["PR"]),
    ("1809", &["DO"]),
    ("1829", &["DO"]),
    ("1849", &["DO"]),
    ("1868", &["TT"]),
    ("1869", &["KN"]),
    ("1876", &["JM"]),
    ("1939", &["PR"]),
    ("20", &["EG"]),
    ("211", &["SS"]),
    ("212", &["EH", "MA"]),
    ("213", &["DZ"]),
    ("216", &["TN"]),
    ("218", &["LY"]),
    ("220", &["GM"]),
    ("221", &["SN"]),
    ("222", &["MR"]),
    ("223", &["ML"]),
    ("224", &["GN"]),
    ("225", &["CI"]),
    ("226", &["BF"]),
    ("227", &["NE"]),
    ("228", &["TG"]),
    ("229", &["BJ"]),
    ("230", &["MU"]),
    ("231", &["LR"]),
    ("232", &["SL"]),
    ("233", &["GH"]),
    ("234", &["NG"]),
    ("235", &["TD"]),
    ("236", &["CF"]),
    ("237", &["CM"]),
    ("238", &["CV"]),
    ("239", &["ST"]),
    ("240", &["GQ"]),
    ("241", &["GA"]),
    ("242", &["CG"]),
    ("243", &["CD"]),
    ("244", &["AO"]),
    ("245", &["GW"]),
    ("246", &["IO"]),
    ("247", &["SH"]),
    ("248", &["SC"]),
    ("249", &["SD"]),
    ("250", &["RW"]),
    ("251", &["ET"]),
    ("252", &["SO"]),
    ("253", &["DJ"]),
    ("254", &["KE"]),
    ("255", &["TZ"]),
    ("256", &["UG"]),
    ("257", &["BI"]),
    ("258", &["MZ"]),
    ("260", &["ZM"]),
    ("261", &["MG"]),
    ("262", &["RE", "TF", "YT"]),
    ("263", &["ZW"]),
    ("264", &["NA"]),
    ("265", &["MW"]),
    ("266", &["LS"]),
    ("267", &["BW"]),
    ("268", &["SZ"]),
    ("269", &["KM"]),
    ("27", &["ZA"]),
    ("290", &["SH"]),
    ("291", &["ER"]),
    ("297", &["AW"]),
    ("298", &["FO"]),
    ("299", &["GL"]),
    ("30", &["GR"]),
    ("31", &["NL"]),
    ("32", &["BE"]),
    ("33", &["FR"]),
    ("34", &["ES"]),
    ("350", &["GI"]),
    ("351", &["PT"]),
    ("352", &["LU"]),
    ("353", &["IE"]),
    ("354", &["IS"]),
    ("355", &["AL"]),
    ("356", &["MT"]),
    ("357", &["CY"]),
    ("358", &["AX", "FI"]),
    ("359", &["BG"]),
    ("36", &["HU"]),
    ("370", &["LT"]),
    ("371", &["LV"]),
    ("372", &["EE"]),
    ("373", &["MD"]),
    ("374", &["AM"]),
    ("375", &["BY"]),
    ("376", &["AD"]),
    ("377", &["MC"]),
    ("378", &["SM"]),
    ("379", &["VA"]),
    ("380", &["UA"]),
    ("381", &["RS"]),
    ("382", &["ME"]),
    ("383", &["XK"]),
    ("385", &["HR"]),
    ("386", &["SI"]),
    ("387", &["BA"]),
    ("389", &["MK"]),
    ("39", &["IT", "VA"]),
    ("3906698", &["VA"]),
    ("40", &["RO"]),
    ("41", &["CH"]),
    ("420", &["CZ"]),
    ("421", &["SK"]),
    ("423", &["LI"]),
    ("43", &["AT"]),
    ("44", &["GB", "GG", "IM", "JE"]),
    ("45", &["DK"]),
    ("46", &["SE"]),
    ("47", &["NO", "SJ"]),
    ("48", &["PL"]),
    ("49", &["DE"]),
    ("500", &["FK", "GS"]),
    ("501", &["BZ"]),
    ("502", &["GT"]),
    ("503", &["SV"]),
    ("504", &["HN"]),
    ("505", &["NI"]),
    ("506", &["CR"]),
    ("507", &["PA"]),
    ("508", &["PM"]),
    ("509", &["HT"]),
    ("51", &["PE"]),
    ("52", &["MX"]),
    ("53", &["CU"]),
    ("54", &["AR"]),
    ("55", &["BR"]),
    ("56", &["CL"]),
    ("57", &["CO"]),
    ("58", &["VE"]),
    ("590", &["BL", "GP", "MF"]),
    ("591", &["BO"]),
    ("592", &["GY"]),
    ("593", &["EC"]),
    ("594", &["GF"]),
    ("595", &["PY"]),
    ("596", &["MQ"]),
    ("597", &["SR"]),
    ("598", &["UY"]),
    ("599", &["BQ", "CW"]),
    ("60", &["MY"]),
    ("61", &["AU", "CC", "CX"]),
    ("62", &["ID"]),
    ("63", &["PH"]),
    ("64", &["NZ", "PN"]),
    ("65", &["SG"]),
    ("66", &["TH"]),
    ("670", &["TL"]),
    ("672", &["AQ", "NF"]),
    ("673", &["BN"]),
    ("674", &["NR"]),
    ("675", &["PG"]),
    ("676", &["TO"]),
    ("677", &["SB"]),
    ("678", &["VU"]),
    ("679", &["FJ"]),
    ("680", &["PW"]),
    ("681", &["WF"]),
    ("682", &["CK"]),
    ("683", &["NU"]),
    ("685", &["WS"]),
    ("686", &["KI"]),
    ("687", &["NC"]),
    ("688", &["TV"]),
    ("689", &["PF"]),
    ("690", &["TK"]),
    ("691", &["FM"]),
    ("692", &["MH"]),
    ("7", &["RU"]),
    ("76", &["KZ"]),
    ("77", &["KZ"]),
    ("81", &["JP"]),
    ("82", &["KR"]),
    ("84", &["VN"]),
    ("850", &["KP"]),
    ("852", &["HK"]),
    ("853", &["MO"]),
    ("855", &["KH"]),
    ("856", &["LA"]),
    ("86", &["CN"]),
    ("880", &["BD"]),
    ("886", &["TW"]),
    ("90", &["TR"]),
    ("91", &["IN"]),
    ("92", &["PK"]),
    ("93", &["AF"]),
    ("94", &["LK"]),
    ("95", &["MM"]),
    ("960", &["MV"]),
    ("961", &["LB"]),
    ("962", &["JO"]),
    ("963", &["SY"]),
    ("964", &["IQ"]),
    ("965", &["KW"]),
    ("966", &["SA"]),
    ("967", &["YE"]),
    ("968", &["OM"]),
    ("970", &["PS"]),
    ("971", &["AE"]),
    ("972", &["IL"]),
    ("973", &["BH"]),
    ("974", &["QA"]),
    ("975", &["BT"]),
    ("976", &["MN"]),
    ("977", &["NP"]),
    ("98", &["IR"]),
    ("992", &["TJ"]),
    ("993", &["TM"]),
    ("994", &["AZ"]),
    ("995", &["GE"]),
    ("996", &["KG"]),
    ("998", &["UZ"]),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(number: &str) -> &'static [&'static str] {
        PhoneNumber::parse(number).unwrap().countries()
    }

    fn of_both(number: Option<&str>, id: Option<&str>) -> Vec<&'static str> {
        Identifiers::from_meta(number, id).unwrap().countries().collect()
    }

    #[test]
    fn a_number_is_of_every_country_that_shares_its_code() {
        for (number, countries) in [
            ("+4915112345678", ["DE"].as_slice()),
            ("+441481123456", &["GB", "GG", "IM", "JE"]),
            ("+16505551234", &["CA", "US"]),
            ("+18765551234", &["JM"]),
            ("+16585551234", &["JM"]),
            ("+17875551234", &["PR"]),
            ("+79161234567", &["RU"]),
            ("+77011234567", &["KZ"]),
            ("+390612345678", &["IT", "VA"]),
            ("+390669812345", &["VA"]),
            ("+35818123456", &["AX", "FI"]),
            ("+38344123456", &["XK"]),
            ("+5999123456", &["BQ", "CW"]),
        ] {
            assert_eq!(of(number), countries, "{number}");
        }
    }

    #[test]
    fn a_number_of_no_country_has_none() {
        for number in [
            "+80012345678",
            "+870771234567",
            "+8816123456",
            "+88312345678",
            "+2101234567",
            "+9991234567",
        ] {
            assert_eq!(of(number), [""; 0], "{number}");
        }
    }

    #[test]
    fn an_id_is_of_the_country_that_it_begins_with() {
        let of = |id| Bsuid::parse(id).unwrap().country();
        assert_eq!(of("DE.1349120865"), Some("DE"));
        assert_eq!(of("US.ENT.506847293015824"), Some("US"));
        assert_eq!(of("ZZ.1349120865"), None);
    }

    #[test]
    fn the_number_counts_and_the_id_where_there_is_none_or_it_says_nothing() {
        let (german, satellite) = (Some("4915112345678"), Some("8816123456"));
        assert_eq!(of_both(german, None), ["DE"]);
        assert_eq!(of_both(german, Some("US.1")), ["DE"]);
        assert_eq!(of_both(None, Some("US.1")), ["US"]);
        assert_eq!(of_both(satellite, Some("US.1")), ["US"]);
        assert_eq!(of_both(satellite, Some("ZZ.1")), [""; 0]);
    }

    #[test]
    fn the_table_is_sorted_and_names_each_code_and_each_of_its_countries_once() {
        assert!(CALLING_CODES.is_sorted_by(|(one, _), (next, _)| one < next));
        for (code, countries) in CALLING_CODES {
            let is_code = (1..=LONGEST).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
            assert!(is_code && !code.starts_with('0'), "{code}");
            assert!(
                !countries.is_empty() && countries.is_sorted_by(|one, next| one < next),
                "{code}"
            );
            let is_country = |country: &&str| country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
            assert!(countries.iter().all(is_country), "{code}");
        }
    }

    #[test]
    fn no_calling_code_begins_with_that_of_another_country() {
        // Within +1, +7 and +39 an entry tells where in the zone of the code a number is; everywhere else codes exclude each other.
        for (code, _) in CALLING_CODES {
            let shorter = CALLING_CODES
                .iter()
                .find(|(other, _)| code != other && code.starts_with(other));
            if let Some((shorter, _)) = shorter {
                assert!(["1", "7", "39"].contains(shorter), "{code} begins with {shorter}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_longest_code_that_a_number_begins_with_is_its_code(
            (code, _) in prop::sample::select(CALLING_CODES),
            line in "[0-9]{8}",
        ) {
            let digits = format!("{code}{line}");
            let fits = |(code, _): &&(&str, _)| digits.starts_with(code);
            let (_, countries) = CALLING_CODES.iter().filter(fits).max_by_key(|(code, _)| code.len()).unwrap();
            prop_assert_eq!(PhoneNumber::from_wa_id(&digits).unwrap().countries(), *countries);
        }

        #[test]
        fn every_number_and_every_id_has_an_answer(digits in "[1-9][0-9]{6,14}", id in "[A-Z]{2}\\.[0-9]{5}") {
            let number = PhoneNumber::from_wa_id(&digits).unwrap();
            let begins = CALLING_CODES.iter().any(|(code, _)| digits.starts_with(code));
            prop_assert_eq!(number.countries().is_empty(), !begins);
            let country = Bsuid::parse(&id).unwrap().country();
            prop_assert!(country.is_none_or(|country| id.starts_with(country)));
        }
    }
}
