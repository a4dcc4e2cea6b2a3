//! The structure of a manifest (ISO/IEC 23009-1 annex B): which elements and attributes there are, in which order, of which types. Of
//! elements that players do not choose by, only their places are known; those of other namespaces may stand anywhere.

use super::{
    MANIFEST, Report,
    elements::{ELEMENTS, Element, Type},
};
use quick_xml::{
    NsReader, Reader, XmlVersion,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};

/// The namespace of a manifest.
const NAMESPACE: Namespace<'static> = Namespace("urn:mpeg:dash:schema:mpd:2011");
/// Elements in each other.
const DEPTH_MAX: usize = 32;
/// Digits of a part of a duration: a thousand million years are more than any title lasts, and can be counted in seconds.
const DURATION_DIGITS_MAX: usize = 9;
/// Attributes that are durations, of elements that are not looked at.
const DURATIONS: [&str; 2] = ["starttime", "skipAfter"];
/// Elements of later editions and other specifications that have this namespace.
const LATER: [&str; 1] = ["ContentSteering"];

/// An element that is open, and how far its children have come.
struct Open {
    element: Option<&'static Element>,
    name: String,
    place: usize,
    last: String,
}

/// The first duration in a manifest of more seconds than can be counted: what reads manifests ends with the sum of them.
pub(super) fn endless(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        let start = match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start)) => start,
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => continue,
        };
        for attribute in start.attributes().with_checks(false).flatten() {
            let (name, value) =
                (attribute.key.local_name(), attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default());
            if is_named_duration(name.as_ref()) && is_endless(&value) {
                return Some(format!("{} {value:?}", name.as_ref()));
            }
        }
    }
}

fn is_named_duration(name: &str) -> bool {
    let is = |(known, kind): &(&str, Type)| *known == name && matches!(kind, Type::Duration);
    DURATIONS.contains(&name) || ELEMENTS.iter().flat_map(|element| element.attributes.iter().copied().flatten()).any(is)
}

/// Whether a duration counts something in more digits than fit. What counts seconds alone (`SegmentTemplate@duration`) is none.
fn is_endless(value: &str) -> bool {
    let whole = value.split(['.', ',']).next().unwrap_or_default();
    let mut numbers = whole.split(|character: char| !character.is_ascii_digit());
    whole.contains('P') && numbers.any(|number| number.trim_start_matches('0').len() > DURATION_DIGITS_MAX)
}

/// Checks the text of a manifest that could be read.
pub(super) fn check(report: &mut Report, text: &str) {
    let mut reader = NsReader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (start, is_open, ours) = match reader.read_resolved_event() {
            Ok((namespace, Event::Start(start))) => (start, true, namespace == ResolveResult::Bound(NAMESPACE)),
            Ok((namespace, Event::Empty(start))) => (start, false, namespace == ResolveResult::Bound(NAMESPACE)),
            Ok((_, Event::End(_))) => {
                open.pop();
                continue;
            }
            // What is not read to its end is no manifest, which was said.
            Ok((_, Event::Eof)) | Err(_) => return,
            Ok(_) => continue,
        };
        let name = start.local_name().as_ref().to_owned();
        let known = match open.last_mut() {
            None => {
                report.must(ours && name == "MPD", "23009-1 B", MANIFEST, || format!("is a {name}, not the MPD of its namespace"))
            }
            Some(outer) => stands(report, outer, &name, ours),
        };
        let element = ELEMENTS.iter().find(|element| known && ours && element.names.contains(&name.as_str()));
        if let Some(element) = element {
            attributes(report, element, &name, &start);
        }
        if is_open {
            open.push(Open { element, name, place: 0, last: String::new() });
            if !report.must(open.len() <= DEPTH_MAX, "23009-1 B", MANIFEST, || {
                format!("has more than {DEPTH_MAX} elements in each other")
            }) {
                return;
            }
        }
    }
}

/// Whether a child may stand where it does, after those before it. Of what is not looked at nothing is known.
fn stands(report: &mut Report, outer: &mut Open, name: &str, ours: bool) -> bool {
    let Some(element) = outer.element.filter(|_| ours && !LATER.contains(&name)) else { return false };
    let place = element.children.iter().copied().flatten().position(|child| *child == name);
    let Open { name: parent, place: reached, last, .. } = outer;
    let Some(place) = place else {
        report.fail("23009-1 B", MANIFEST, format!("has a {name} in a {parent}, where there is none"));
        return false;
    };
    report.must(place >= *reached, "23009-1 B", MANIFEST, || {
        format!("has a {name} in a {parent} behind a {last}, and it belongs before it")
    });
    if place >= *reached {
        (*reached, *last) = (place, name.to_owned());
    }
    true
}

fn attributes(report: &mut Report, element: &Element, name: &str, start: &BytesStart<'_>) {
    let mut found = Vec::new();
    // What is wrong with the text itself keeps it from being read.
    for attribute in start.attributes().flatten() {
        if attribute.key.as_namespace_binding().is_some() || attribute.key.prefix().is_some() {
            continue;
        }
        let key = attribute.key.as_ref();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default();
        let kind = element.attributes.iter().copied().flatten().find(|(known, _)| *known == key).map(|(_, kind)| *kind);
        let good = kind.is_some_and(|kind| is(kind, value.trim()));
        report.must(good, "23009-1 B", MANIFEST, || match kind {
            Some(_) => format!("has the {key} {value:?} in a {name}"),
            None => format!("has {key} in a {name}, which has no such attribute"),
        });
        found.push(key.to_owned());
    }
    for required in element.required {
        report
            .must(found.iter().any(|key| key == required), "23009-1 B", MANIFEST, || format!("has a {name} without {required}"));
    }
}

/// Whether a value is of a type.
fn is(kind: Type, value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        Type::Text => true,
        Type::Int => digits(value) && value.parse::<u32>().is_ok(),
        Type::Long => digits(value) && value.parse::<u64>().is_ok(),
        Type::Signed => digits(value.strip_prefix('-').unwrap_or(value)),
        Type::Double => value == "INF" || value.parse::<f64>().is_ok(),
        Type::Flag => ["true", "false", "1", "0"].contains(&value),
        Type::Duration => is_duration(value),
        Type::Date => value.split_once('T').is_some_and(|(date, time)| date.len() >= 10 && time.len() >= 8),
        Type::Ratio => value.split_once(':').is_some_and(|(across, down)| digits(across) && digits(down)),
        Type::Rate => {
            let (frames, seconds) = value.split_once('/').unwrap_or((value, "1"));
            digits(frames) && digits(seconds) && !seconds.starts_with('0')
        }
        Type::Range => value.split_once('-').is_some_and(|(first, last)| digits(first) && digits(last)),
        Type::Language => !value.is_empty() && value.split('-').all(|part| (1..=8).contains(&part.len())),
        Type::Name => !value.contains(char::is_whitespace),
        Type::One(of) => of.contains(&value),
    }
}

/// `PnYnMnDTnHnMnS`, of which there is at least one part (XML Schema part 2 section 3.2.6).
fn is_duration(value: &str) -> bool {
    let Some(value) = value.strip_prefix('-').unwrap_or(value).strip_prefix('P') else { return false };
    let (date, time) = value.split_once('T').map_or((value, None), |(date, time)| (date, Some(time)));
    let parts = |mut text: &str, units: &str| {
        let (mut count, mut units) = (0, units);
        while let Some(end) = text.find(|character: char| character.is_ascii_alphabetic()) {
            let (number, unit) = (&text[..end], &text[end..=end]);
            let whole = number.strip_suffix(|last: char| last.is_ascii_digit()).is_some();
            let fraction = number.matches('.').count() <= usize::from(unit == "S");
            let good = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let place = units.find(unit).filter(|_| whole && fraction && good)?;
            (units, text, count) = (&units[place + 1..], &text[end + 1..], count + 1);
        }
        text.is_empty().then_some(count)
    };
    let (days, seconds) = (parts(date, "YMD"), time.map(|time| parts(time, "HMS")));
    match (days, seconds) {
        (Some(days), None) => days > 0,
        (Some(_), Some(seconds)) => seconds.is_some_and(|count| count > 0),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_types() {
        for good in ["PT0S", "PT8.008S", "P1DT2H", "PT1H2M3.5S", "P1Y", "-PT1S"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "P", "PT", "8", "PTS", "PT1S2M", "PT1.5M", "P1S", "PT1.S", "P1DT", "PT1Sx", "P-1D"] {
            assert!(!is_duration(bad), "{bad}");
        }
        for good in ["PT18S", "PT8.00800000000000S", "P0000000000001D", "60000000000", "P999999999Y"] {
            assert!(!is_endless(good), "{good}");
        }
        for bad in ["P99999999999999Y", "PT18446744073709551615S", "P1DT1000000000H", "-P1000000000W"] {
            assert!(is_endless(bad), "{bad}");
        }
        let table = [
            (Type::Int, &["0", "4294967295"][..], &["", "-1", "4294967296", "1.5", "+1"][..]),
            (Type::Long, &["18446744073709551615"], &["18446744073709551616"]),
            (Type::Signed, &["-1", "2"], &["", "-", "x"]),
            (Type::Double, &["INF", "0.5", "1e3"], &["", "x"]),
            (Type::Flag, &["true", "0"], &["yes", "TRUE"]),
            (Type::Date, &["2026-01-01T00:00:00Z"], &["2026-01-01", "soon"]),
            (Type::Ratio, &["16:9"], &["16/9", "16", ":"]),
            (Type::Rate, &["25", "30000/1001"], &["29.97", "25/0", "/1", ""]),
            (Type::Range, &["0-7"], &["7", "-7", "0-"]),
            (Type::Language, &["en", "de-CH"], &["", "englishish"]),
            (Type::Name, &["540p"], &["540 p"]),
            (Type::One(&["video"]), &["video"], &["Video"]),
        ];
        for (kind, good, bad) in table {
            assert!(good.iter().all(|value| is(kind, value)), "{good:?}");
            assert!(!bad.iter().any(|value| is(kind, value)), "{bad:?}");
        }
    }
}
