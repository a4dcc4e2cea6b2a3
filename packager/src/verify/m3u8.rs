//! Playlists line by line (RFC 8216 section 4): what a lenient parser forgives is a finding here.

use super::report::Report;

/// Tags that stand once in a playlist at most.
const SINGLE: [&str; 9] = [
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-START",
    "EXT-X-CONTENT-STEERING",
];
/// Tags of a multivariant playlist.
const MASTER: [&str; 7] = [
    "EXT-X-MEDIA",
    "EXT-X-STREAM-INF",
    "EXT-X-I-FRAME-STREAM-INF",
    "EXT-X-IMAGE-STREAM-INF",
    "EXT-X-SESSION-DATA",
    "EXT-X-SESSION-KEY",
    "EXT-X-CONTENT-STEERING",
];
/// Tags of a media playlist; the last ones are of 8216bis (sections 4.4.3 to 4.4.5).
const MEDIA: [&str; 23] = [
    "EXTINF",
    "EXT-X-BYTERANGE",
    "EXT-X-DISCONTINUITY",
    "EXT-X-KEY",
    "EXT-X-MAP",
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-DATERANGE",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-ENDLIST",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-IMAGES-ONLY",
    "EXT-X-TILES",
    "EXT-X-GAP",
    "EXT-X-BITRATE",
    "EXT-X-PART",
    "EXT-X-PART-INF",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-SKIP",
    "EXT-X-PRELOAD-HINT",
    "EXT-X-RENDITION-REPORT",
];
/// Tags whose value is a list of attributes.
const LISTS: [&str; 13] = [
    "EXT-X-MEDIA",
    "EXT-X-STREAM-INF",
    "EXT-X-I-FRAME-STREAM-INF",
    "EXT-X-IMAGE-STREAM-INF",
    "EXT-X-SESSION-DATA",
    "EXT-X-SESSION-KEY",
    "EXT-X-CONTENT-STEERING",
    "EXT-X-KEY",
    "EXT-X-MAP",
    "EXT-X-DATERANGE",
    "EXT-X-START",
    "EXT-X-TILES",
    "EXT-X-DEFINE",
];

/// Attributes of a tag.
const ATTRIBUTES_MAX: usize = 64;

/// What kind of playlist a file is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Master,
    Media,
}

/// A line that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A tag without its `#`, and what follows its colon.
    Tag(&'a str, &'a str),
    /// An address.
    Uri(&'a str),
}

/// The lines of a playlist.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(|line| match line.strip_prefix("#EXT") {
        Some(_) => {
            let tag = line.strip_prefix('#').unwrap_or(line);
            let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
            Some(Line::Tag(name, value))
        }
        None if line.starts_with('#') || line.trim().is_empty() => None,
        None => Some(Line::Uri(line)),
    })
}

/// What must hold of the text of any playlist. `None` if there is no text to go on with.
pub(super) fn check<'a>(report: &mut Report, path: &str, bytes: &'a [u8], expected: Expected) -> Option<&'a str> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        report.fail("RFC 8216 4.1", path, "is not UTF-8".to_owned());
        return None;
    };
    report.must(!text.starts_with('\u{feff}'), "RFC 8216 4.1", path, || "begins with a byte order mark".to_owned());
    let text = text.trim_start_matches('\u{feff}');
    let clean = text.chars().all(|character| !character.is_control() || matches!(character, '\r' | '\n'));
    report.must(clean, "RFC 8216 4.1", path, || "has control characters".to_owned());
    if !report.must(text.lines().next() == Some("#EXTM3U"), "RFC 8216 4.3.1.1", path, || "does not begin with #EXTM3U".to_owned())
    {
        return None;
    }
    let mut seen = [0_usize; SINGLE.len()];
    let foreign: &[&str] = if expected == Expected::Master { &MEDIA } else { &MASTER };
    for line in lines(text) {
        let Line::Tag(name, value) = line else { continue };
        if let Some(place) = SINGLE.iter().position(|single| *single == name) {
            seen[place] += 1;
            report.must(seen[place] != 2, "RFC 8216 4.1", path, || format!("has {name} more than once"));
        }
        report.must(!foreign.contains(&name), "RFC 8216 4.1", path, || match expected {
            Expected::Master => format!("has {name} of a media playlist"),
            Expected::Media => format!("has {name} of a multivariant playlist"),
        });
        if LISTS.contains(&name) {
            let fault = Attributes::parse(value).1;
            report.must(fault.is_none(), "RFC 8216 4.2", path, || format!("{name}: {}", fault.unwrap_or_default()));
        }
    }
    let (entries, read) = (entries(text, expected), common(text, expected));
    report.must(read == Some(entries), "RFC 8216 4", path, || match read {
        Some(read) => format!("has {entries} entries, a common parser reads {read}"),
        None => "is not read by a common parser".to_owned(),
    });
    Some(text)
}

/// The version that `EXT-X-DEFINE` needs: more if it takes a value from the playlist's own address (8216bis section 8).
pub(super) fn needed_by_define(attributes: &Attributes<'_>) -> u64 {
    if attributes.has("QUERYPARAM") { 11 } else { 8 }
}

/// Variants and renditions, or segments.
fn entries(text: &str, expected: Expected) -> usize {
    let counted = ["EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-MEDIA"];
    let is_entry = |line: &Line<'_>| match (line, expected) {
        (Line::Tag(name, _), Expected::Master) => counted.contains(name),
        (Line::Uri(_), Expected::Media) => true,
        _ => false,
    };
    lines(text).filter(is_entry).count()
}

/// How many of them a parser that players' authors use finds.
fn common(text: &str, expected: Expected) -> Option<usize> {
    match expected {
        Expected::Master => {
            m3u8_rs::parse_master_playlist_res(text.as_bytes()).ok().map(|read| read.variants.len() + read.alternatives.len())
        }
        Expected::Media => m3u8_rs::parse_media_playlist_res(text.as_bytes()).ok().map(|read| read.segments.len()),
    }
}

/// An attribute list (RFC 8216 section 4.2), its values as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    /// Reads as far as there is sense; and the first thing that is wrong.
    pub(super) fn parse(value: &'a str) -> (Self, Option<String>) {
        let (mut list, mut fault, mut rest) = (Vec::new(), None, value);
        let mut wrong = |message: String| fault = fault.take().or(Some(message));
        while !rest.is_empty() {
            let Some((name, after)) = rest.split_once('=') else {
                wrong(format!("{rest:?} has no value"));
                break;
            };
            let good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || !name.bytes().all(good) {
                wrong(format!("{name:?} is no name of an attribute"));
            }
            let length = match after.strip_prefix('"') {
                Some(quoted) => quoted.find('"').map_or(after.len(), |end| end + 2),
                None => after.find(',').unwrap_or(after.len()),
            };
            let (value, after) = after.split_at(length);
            let whole = if value.starts_with('"') { value.len() > 1 && value.ends_with('"') } else { !value.is_empty() };
            if !whole || (!value.starts_with('"') && value.contains([' ', '\t', '"'])) {
                wrong(format!("{name} has the value {value:?}"));
            }
            if list.iter().any(|(known, _)| *known == name) {
                wrong(format!("{name} is there twice"));
            }
            list.push((name, value));
            if list.len() > ATTRIBUTES_MAX {
                wrong("there are too many attributes".to_owned());
                break;
            }
            rest = match after.strip_prefix(',') {
                Some("") => {
                    wrong("a comma is the end".to_owned());
                    ""
                }
                Some(rest) => rest,
                None if after.is_empty() => "",
                None => {
                    wrong(format!("{after:?} follows {name}"));
                    ""
                }
            };
        }
        (Self(list), fault)
    }

    /// A value as it is written.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// A quoted string.
    pub(super) fn quoted(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.strip_prefix('"')?.strip_suffix('"')
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.get(name).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    }

    /// A number.
    pub(super) fn decimal(&self, name: &str) -> Option<f64> {
        decimal(self.get(name)?)
    }

    /// Width and height.
    pub(super) fn resolution(&self, name: &str) -> Option<(u32, u32)> {
        let (width, height) = self.get(name)?.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    }

    /// Whether an enumerated value is `YES`.
    pub(super) fn yes(&self, name: &str) -> bool {
        self.get(name) == Some("YES")
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A decimal number as playlists write them: digits and a point, nothing that other languages read as a number.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if good { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_lists_are_read_and_faults_are_named() {
        let (list, fault) = Attributes::parse("A=1,B-2=\"x,y=z\",C=640x360,D=YES,E=2.5");
        assert_eq!(fault, None);
        assert_eq!((list.integer("A"), list.quoted("B-2"), list.resolution("C")), (Some(1), Some("x,y=z"), Some((640, 360))));
        assert_eq!((list.yes("D"), list.decimal("E"), list.len(), list.quoted("A")), (true, Some(2.5), 5, None));
        for bad in ["A", "A=", "a=1", "A =1", "A= 1", "A=1, B=2", "A=1,A=2", "A=\"x", "A=\"x\"y", "A=1,", "=1", "A=\""] {
            assert!(Attributes::parse(bad).1.is_some(), "{bad}");
        }
        for bad in ["1e3", "inf", "", "-", "+1", "0x1", "NaN"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }
}
