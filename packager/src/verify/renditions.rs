//! Renditions: what `EXT-X-MEDIA` says of one, and of all in its group (RFC 8216 sections 4.3.4.1 and 4.3.4.1.1).

use super::{
    entry::Media,
    m3u8::Attributes,
    master::{Master, address},
    report::Report,
    steering,
    track::Track,
};
use marquee_core::language;
use std::collections::{BTreeMap, BTreeSet};

/// What is described for who does not see, and for who does not hear.
const DESCRIBES_VIDEO: &str = "public.accessibility.describes-video";
const SDH: &str = "public.accessibility.transcribes-spoken-dialog";
const DESCRIBES_SOUND: &str = "public.accessibility.describes-music-and-sound";
/// First parts of tags of private use, and of some that are older than the rules (RFC 5646 sections 2.2.7 and 2.2.8).
const PRIVATE: [&str; 2] = ["x", "i"];
/// Codes that are in use, of which lists of languages know nothing any more, and one for what has no code.
const OTHERS: [&str; 5] = ["sh", "mo", "jw", "bh", "mis"];
const FAMILY_LETTERS: usize = 3;
/// Channels and services of closed captions (RFC 8216 section 4.3.4.1).
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=4;
const SERVICES: std::ops::RangeInclusive<u8> = 1..=63;

/// A rendition.
#[derive(Clone, Debug, Default)]
pub(super) struct Rendition {
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) language: Option<String>,
    pub(super) path: Option<String>,
    pub(super) channels: Option<String>,
    /// Which channel or service of the pictures it is.
    pub(super) instream: Option<String>,
    default: bool,
    pub(super) forced: bool,
    selected: bool,
    /// What else players tell it by: the language that belongs to its own, and what it is for.
    further: [Option<String>; 2],
}

/// Reads `EXT-X-MEDIA`, and checks it by itself.
pub(super) fn read(report: &mut Report, path: &str, attributes: &Attributes<'_>) -> Rendition {
    let text = |name| attributes.quoted(name).unwrap_or_default().to_owned();
    let (kind, name, group) = (attributes.get("TYPE").unwrap_or_default(), text("NAME"), text("GROUP-ID"));
    let known = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"].contains(&kind) && !name.is_empty() && !group.is_empty();
    report.must(known, "RFC 8216 4.3.4.1", path, || format!("{name:?} lacks a known TYPE, a GROUP-ID or a NAME"));
    let language = attributes.quoted("LANGUAGE");
    let rule = if kind == "SUBTITLES" { "HLS-AUTH 4.7" } else { "HLS-AUTH 8.10" };
    report.must(kind == "VIDEO" || language.is_some(), rule, path, || format!("{name:?} has no LANGUAGE"));
    for language in ["LANGUAGE", "ASSOC-LANGUAGE"].into_iter().filter_map(|name| attributes.quoted(name)) {
        spoken(report, path, language, &name);
    }
    let uri = attributes.quoted("URI");
    report.must(kind != "SUBTITLES" || uri.is_some(), "RFC 8216 4.3.4.1", path, || format!("subtitles {name:?} have no URI"));
    let instream = attributes.quoted("INSTREAM-ID");
    let captioned = kind != "CLOSED-CAPTIONS" || (uri.is_none() && instream.is_some_and(is_instream));
    report.must(captioned, "RFC 8216 4.3.4.1", path, || format!("captions {name:?} have a URI or no INSTREAM-ID of captions"));
    for name in ["DEFAULT", "AUTOSELECT", "FORCED"] {
        let value = attributes.get(name);
        report.must(value.is_none_or(|value| ["YES", "NO"].contains(&value)), "RFC 8216 4.3.4.1", path, || {
            format!("{name} is neither YES nor NO, but {}", value.unwrap_or_default())
        });
    }
    let contradiction = attributes.yes("DEFAULT") && attributes.get("AUTOSELECT") == Some("NO");
    report.must(!contradiction, "RFC 8216 4.3.4.1", path, || format!("{name:?} is the default and not to be selected"));
    let forced = attributes.has("FORCED");
    report.must(!forced || kind == "SUBTITLES", "RFC 8216 4.3.4.1", path, || format!("{name:?} is forced and no subtitles"));
    let selected = attributes.yes("AUTOSELECT") || attributes.yes("DEFAULT");
    report.should(selected || !attributes.yes("FORCED"), "HLS-AUTH 5.11", path, || format!("{name:?} is forced, not selected"));
    let what = attributes.quoted("CHARACTERISTICS").unwrap_or_default();
    for (characteristic, rule) in [(DESCRIBES_VIDEO, "HLS-AUTH 2.13"), (SDH, "HLS-AUTH 4.6")] {
        report.must(selected || !what.contains(characteristic), rule, path, || format!("{name:?} is not to be selected"));
    }
    let [spoken, heard] = [SDH, DESCRIBES_SOUND].map(|characteristic| what.contains(characteristic));
    report.must(kind != "SUBTITLES" || spoken == heard, "HLS-AUTH 4.5", path, || {
        format!("{name:?} has one of {SDH} and {DESCRIBES_SOUND}, and they belong together")
    });
    let channels = attributes.quoted("CHANNELS").map(str::to_owned);
    report.should(kind != "AUDIO" || channels.is_some(), "RFC 8216 4.3.4.1", path, || format!("{name:?} has no CHANNELS"));
    steering::stable(report, path, "STABLE-RENDITION-ID", attributes.quoted("STABLE-RENDITION-ID"));
    Rendition {
        path: uri.and_then(|uri| address(report, path, uri)),
        kind: kind.to_owned(),
        language: language.map(str::to_owned),
        instream: instream.map(str::to_owned),
        default: attributes.yes("DEFAULT"),
        forced: attributes.yes("FORCED"),
        selected,
        further: ["ASSOC-LANGUAGE", "CHARACTERISTICS"].map(|name| attributes.quoted(name).map(str::to_owned)),
        group,
        name,
        channels,
    }
}

/// A language tag has its form, and begins with a language that there is (RFC 5646 sections 2.1 and 2.2.9). `whose` it is goes into findings.
pub(super) fn spoken(report: &mut Report, path: &str, tag: &str, whose: &str) {
    let told = |fault: &str| format!("{whose:?} has the language {tag:?}, {fault}: write a tag such as en or pt-BR");
    if !report.must(is_language(tag), "RFC 5646 2.1", path, || told("which is no tag")) {
        return;
    }
    let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let known = PRIVATE.contains(&primary.as_str()) || OTHERS.contains(&primary.as_str()) || language::tag(&primary).is_some();
    let message = || told("and there is no such language");
    // Families of languages have three letters as well, and no list of languages has them.
    if primary.len() == FAMILY_LETTERS {
        report.should(known, "RFC 5646 2.2.9", path, message);
    } else {
        report.must(known, "RFC 5646 2.2.9", path, message);
    }
}

/// Whether a text has the form of a language tag (RFC 5646 section 2.1).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    let is_own = PRIVATE.iter().any(|own| own.eq_ignore_ascii_case(primary)) && tag.len() > 2;
    (is_own || (2..=8).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether there is such a channel (`CC1` to `CC4`) or service (`SERVICE1` to `SERVICE63`).
fn is_instream(id: &str) -> bool {
    let is = |number: &str, range: std::ops::RangeInclusive<u8>| {
        number.parse().is_ok_and(|read: u8| range.contains(&read) && read.to_string() == number)
    };
    match id.strip_prefix("SERVICE") {
        Some(number) => is(number, SERVICES),
        None => id.strip_prefix("CC").is_some_and(|number| is(number, CHANNELS)),
    }
}

/// Members of groups.
pub(super) fn check(report: &mut Report, path: &str, renditions: &[Rendition]) {
    let mut groups: BTreeMap<(&str, &str), Vec<&Rendition>> = BTreeMap::new();
    for rendition in renditions {
        groups.entry((&rendition.kind, &rendition.group)).or_default().push(rendition);
    }
    let mut described: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for ((kind, group), members) in &groups {
        // All that is not the address, the channels, or of one encoding.
        let says = |member: &&Rendition| {
            let Rendition { name, language, default, selected, forced, further, instream, .. } = (*member).clone();
            (name, language, (default, selected, forced), further, instream)
        };
        let names: BTreeSet<_> = members.iter().map(says).collect();
        let distinct: BTreeSet<_> = members.iter().map(|member| &member.name).collect();
        report.must(distinct.len() == members.len(), "RFC 8216 4.3.4.1.1", path, || {
            format!("names in the {kind} group {group:?} are not unique")
        });
        let defaults = members.iter().filter(|member| member.default).count();
        report.must(defaults <= 1, "RFC 8216 4.3.4.1.1", path, || format!("{kind} group {group:?} has {defaults} defaults"));
        let instream: Vec<_> = members.iter().filter_map(|member| member.instream.as_deref()).collect();
        let once = instream.iter().collect::<BTreeSet<_>>().len() == instream.len();
        report
            .must(once, "RFC 8216 4.3.4.1", path, || format!("captions of the group {group:?} are the same ones: {instream:?}"));
        order(report, path, members);
        let selected: Vec<_> = members.iter().filter(|member| member.selected).collect();
        let alike: BTreeSet<_> = selected.iter().map(|member| (&member.language, member.forced, &member.further)).collect();
        report.should(alike.len() == selected.len(), "RFC 8216 4.3.4.1.1", path, || {
            format!("players cannot tell by language and purpose which of the {kind} group {group:?} to select")
        });
        described.entry(kind).or_default().insert(names);
    }
    for (kind, sets) in described {
        report.must(sets.len() == 1, "RFC 8216 4.3.4.1.1", path, || format!("{kind} groups have different members"));
    }
}

/// Where one sound is there with several counts of channels in one codec, all say how many they have.
pub(super) fn channels(report: &mut Report, path: &str, master: &Master, tracks: &[Track]) {
    let mut counts: BTreeMap<(&str, &str), BTreeSet<u16>> = BTreeMap::new();
    let mut silent = BTreeSet::new();
    for rendition in &master.renditions {
        let track = tracks.iter().find(|track| rendition.path.as_deref() == Some(track.path()));
        let Some(init) = track.and_then(|track| track.init.as_ref()) else { continue };
        let Media::Audio { channels, .. } = init.entry.media else { continue };
        let sound = (rendition.name.as_str(), init.entry.codec.as_str());
        counts.entry(sound).or_default().insert(channels);
        if rendition.channels.is_none() {
            silent.insert(sound);
        }
    }
    for ((name, codec), counts) in counts.iter().filter(|(sound, counts)| counts.len() > 1 && silent.contains(*sound)) {
        report.fail(
            "8216bis 4.4.6.1",
            path,
            format!("{name:?} is there in {codec} with {counts:?} channels, not all with CHANNELS"),
        );
    }
}

/// Of two languages of which one is a form of the other, the general one comes first: players take the first that fits.
fn order(report: &mut Report, path: &str, members: &[&Rendition]) {
    let languages: Vec<_> = members.iter().filter_map(|member| member.language.as_deref()).collect();
    let is_form = |of: &str, tag: &str| tag.strip_prefix(of).is_some_and(|rest| rest.starts_with('-'));
    for (place, language) in languages.iter().enumerate() {
        let earlier = languages[..place].iter().find(|earlier| is_form(language, earlier));
        report.should(earlier.is_none(), "HLS-AUTH 9.17", path, || {
            format!("{:?} comes before the more general {language:?}", earlier.unwrap_or(language))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{entry::Entry, init::Init, media::Playlist};

    #[test]
    fn languages_are_those_that_there_are() {
        let of = |tag: &str| {
            let mut report = Report::default();
            spoken(&mut report, "master.m3u8", tag, "English");
            let verdict = report.verdict(false);
            (verdict.errors, verdict.warnings)
        };
        for good in
            ["en", "EN-us", "pt-BR", "deu", "cmn-Hant", "und", "mul", "zxx", "mis", "qaa", "iw", "sh", "x-klingon", "i-default"]
        {
            assert_eq!(of(good), (0, 0), "{good}");
        }
        for bad in ["english", "xx", "xx-US", "x", "", "d_e", "e", "en-", "languages"] {
            assert_eq!(of(bad), (1, 0), "{bad}");
        }
        assert_eq!(of("ber"), (0, 1), "a family");
    }

    #[test]
    fn sound_with_several_counts_of_channels_says_them() {
        let found = |said: Option<&str>, codec: &str| {
            let track = |path: &str, codec: &str, channels| {
                let media = Media::Audio { channels, sample_rate_hz: 48_000 };
                let entry = Entry { codec: codec.to_owned(), media, ..Entry::default() };
                let playlist = Playlist { path: path.to_owned(), ..Playlist::default() };
                Track { playlist, init: Some(Init { entry, ..Init::default() }), ..Track::default() }
            };
            let rendition = |path: &str, channels: Option<&str>| Rendition {
                name: "English".to_owned(),
                path: Some(path.to_owned()),
                channels: channels.map(str::to_owned),
                ..Rendition::default()
            };
            let master = Master { renditions: vec![rendition("a", Some("2")), rendition("b", said)], ..Master::default() };
            let mut report = Report::default();
            channels(&mut report, "master.m3u8", &master, &[track("a", "mp4a.40.2", 2), track("b", codec, 6)]);
            report.has_errors()
        };
        assert!(found(None, "mp4a.40.2"));
        assert!(!found(Some("6"), "mp4a.40.2") && !found(None, "ec-3"));
    }
}
