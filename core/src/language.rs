//! Languages as BCP 47 names them (RFC 5646): `en`, `pt-BR`, `und`. Containers know other codes, people others again.

use isolang::Language;

/// A language that nobody stated (RFC 5646 section 4.1).
pub const UNKNOWN: &str = "und";

/// Longest tag: language, script, region and two variants.
const TAG_LENGTH_MAX: usize = 35;
const VARIANTS_MAX: usize = 2;

/// Codes of ISO 639-2 for bibliographers, where those differ, old codes, and those that have them now.
const RENAMED: [(&str, &str); 23] = [
    ("alb", "sq"),
    ("arm", "hy"),
    ("baq", "eu"),
    ("bur", "my"),
    ("chi", "zh"),
    ("cze", "cs"),
    ("dut", "nl"),
    ("fre", "fr"),
    ("geo", "ka"),
    ("ger", "de"),
    ("gre", "el"),
    ("ice", "is"),
    ("mac", "mk"),
    ("mao", "mi"),
    ("may", "ms"),
    ("per", "fa"),
    ("rum", "ro"),
    ("slo", "sk"),
    ("tib", "bo"),
    ("wel", "cy"),
    ("iw", "he"),
    ("in", "id"),
    ("ji", "yi"),
];

/// The tag that `text` means, in its canonical form: the shortest code, and letters as they are usually written (RFC 5646 sections 2.1.1
/// and 4.5). `None` if there is no such language.
#[must_use]
pub fn tag(text: &str) -> Option<String> {
    let mut subtags = text.split(['-', '_']);
    let mut tag = primary(&subtags.next()?.to_ascii_lowercase())?.to_owned();
    let (mut may_be_script, mut may_be_region, mut variants) = (true, true, 0);
    for subtag in subtags {
        let is_all = |kind: fn(&u8) -> bool| subtag.as_bytes().iter().all(kind);
        let is_word = is_all(u8::is_ascii_alphabetic);
        let canonical = match subtag.len() {
            4 if is_word && may_be_script => subtag[..1].to_ascii_uppercase() + &subtag[1..].to_ascii_lowercase(),
            2 if is_word && may_be_region => subtag.to_ascii_uppercase().replace("UK", "GB"),
            3 if is_all(u8::is_ascii_digit) && may_be_region => subtag.to_owned(),
            4..=8 if is_all(u8::is_ascii_alphanumeric) && (subtag.len() > 4 || subtag.as_bytes()[0].is_ascii_digit()) => {
                variants += 1;
                subtag.to_ascii_lowercase()
            }
            _ => return None,
        };
        may_be_region &= canonical.len() == 4 && is_word;
        may_be_script = false;
        tag = tag + "-" + &canonical;
    }
    (variants <= VARIANTS_MAX && tag.len() <= TAG_LENGTH_MAX).then_some(tag)
}

/// The tag of what a container says of a track: of that only the language counts if the rest makes no sense.
#[must_use]
pub fn of_container(text: &str) -> String {
    let language = || tag(text.split(['-', '_']).next()?);
    tag(text).or_else(language).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// What a language calls itself, for menus; the tag itself if that is not known.
#[must_use]
pub fn name(tag: &str) -> String {
    let (code, rest) = tag.split_once('-').map_or((tag, None), |(code, rest)| (code, Some(rest)));
    let language = primary(code).and_then(known).filter(|_| code != UNKNOWN);
    let Some(own) = language.map(|language| language.to_autonym().unwrap_or_else(|| language.to_name())) else {
        return tag.to_owned();
    };
    // Some say how their name is read; marks of direction are for running text.
    let own = own.split(" (").next().unwrap_or(own).trim_matches('\u{200e}');
    let mut letters = own.chars();
    let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    rest.map_or_else(|| name.clone(), |rest| format!("{name} ({rest})"))
}

/// The three letters of a language (ISO 639-2/T), `und` if there are none: some formats know no others.
#[must_use]
pub fn three_letters(tag: &str) -> &'static str {
    tag.split('-').next().and_then(primary).and_then(known).map_or(UNKNOWN, |language| language.to_639_3())
}

/// The shortest code of a language in lower case.
fn primary(code: &str) -> Option<&str> {
    if let Some((_, renamed)) = RENAMED.iter().find(|(old, _)| *old == code) {
        return Some(renamed);
    }
    // For private use (RFC 5646 section 2.2.1).
    if code.len() == 3 && ("qaa"..="qtz").contains(&code) {
        return Some(code);
    }
    known(code).map(|language| language.to_639_1().unwrap_or(language.to_639_3()))
}

fn known(code: &str) -> Option<Language> {
    match code.len() {
        2 => Language::from_639_1(code),
        3 => Language::from_639_3(code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_three_letters() {
        for (tag, expected) in
            [("en", "eng"), ("pt-BR", "por"), ("cmn", "cmn"), ("de", "deu"), ("und", "und"), ("", "und"), ("x", "und")]
        {
            assert_eq!(three_letters(tag), expected, "{tag}");
        }
    }

    #[test]
    fn codes_of_containers_and_people_become_tags() {
        let table = [
            ("eng", "en"),
            ("ger", "de"),
            ("deu", "de"),
            ("EN", "en"),
            ("pt-br", "pt-BR"),
            ("pt_BR", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("en-uk", "en-GB"),
            ("de-1996", "de-1996"),
            ("sl-rozaj", "sl-rozaj"),
            ("cmn", "cmn"),
            ("iw", "he"),
            ("und", "und"),
            ("mul", "mul"),
            ("zxx", "zxx"),
            ("qaa", "qaa"),
        ];
        for (text, wanted) in table {
            assert_eq!(tag(text).as_deref(), Some(wanted), "{text}");
            assert_eq!(tag(wanted).as_deref(), Some(wanted), "{wanted} stays");
        }
        let long = format!("en{}", "-variants".repeat(3));
        for nothing in ["", "e", "xx", "zzz", "english", "en-", "en-US-x-y", "en-US-Latn", "en-US-GB", "en\"", "-en", "ën", &long]
        {
            assert_eq!(tag(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn of_a_container_at_least_the_language_counts() {
        for (text, wanted) in [("eng", "en"), ("en-US-x-twain", "en"), ("english", "und"), ("", "und"), ("e\"n", "und")] {
            assert_eq!(of_container(text), wanted, "{text}");
        }
    }

    #[test]
    fn languages_have_names_for_menus() {
        let table = [
            ("en", "English"),
            ("fr", "Français"),
            ("pt-BR", "Português (BR)"),
            ("el", "Ελληνικά"),
            ("cmn", "普通话"),
            ("eng", "English"),
            ("und", "und"),
            ("qaa", "qaa"),
            ("zz", "zz"),
        ];
        for (tag, wanted) in table {
            assert_eq!(name(tag), wanted, "{tag}");
        }
    }
}
