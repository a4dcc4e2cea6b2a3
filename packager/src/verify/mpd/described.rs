//! What a manifest says of a representation against its init segment.

use super::{MANIFEST, Report, content, name, shapes};
use crate::dash::{CHANNELS, cicp_channels};
use crate::verify::{entry::Media, init::Init, track::Track};
use dash_mpd_core::{AdaptationSet, Representation};
use marquee_core::language::{UNKNOWN, three_letters};

/// HE-AAC of the second version.
const PARAMETRIC_STEREO: &str = "mp4a.40.29";
/// How common encryption is named.
const PROTECTION: &str = "urn:mpeg:dash:mp4protection:2011";

/// Kind, codec, size, rates, language and keys are those of the track.
pub(super) fn check(report: &mut Report, track: &Track, set: &AdaptationSet, representation: &Representation) {
    let Some(init) = &track.init else { return };
    let id = name(representation);
    let codec = representation.codecs.as_deref().or(set.codecs.as_deref()).unwrap_or_default();
    report.must(codec.eq_ignore_ascii_case(&init.entry.codec), "23009-1 5.3.7.2", MANIFEST, || {
        format!("{id} is {}, listed as {codec:?}", init.entry.codec)
    });
    typed(report, init, set, representation);
    match init.entry.media {
        Media::Video { width, height, .. } => {
            let listed = [representation.width.or(set.width), representation.height.or(set.height)];
            let same =
                std::iter::zip(listed, [width, height]).all(|(listed, real)| listed.is_none_or(|it| it == u64::from(real)));
            report.must(same, "23009-1 5.3.7.2", MANIFEST, || format!("{id} is {width}x{height}, listed as {listed:?}"));
            let listed = representation.frameRate.as_deref().or(set.frameRate.as_deref());
            let honest = listed.and_then(frame_rate).is_none_or(|listed| track.has_rate(listed));
            report.must(honest, "23009-1 5.3.7.2", MANIFEST, || {
                format!("{id} has {:.3} frames a second, listed with {listed:?}", 1.0 / track.frame_s())
            });
        }
        Media::Audio { sample_rate_hz, channels } => {
            counted(report, set, representation, (init, channels));
            let listed = representation.audioSamplingRate.as_deref().or(set.audioSamplingRate.as_deref());
            let listed = listed.and_then(|listed| listed.parse::<u32>().ok());
            let same = sample_rate_hz == 0 || listed.is_none_or(|listed| listed == sample_rate_hz);
            report.must(same, "23009-1 5.3.7.2", MANIFEST, || format!("{id} has {sample_rate_hz} Hz, listed with {listed:?}"));
            let listed = representation.lang.as_deref().or(set.lang.as_deref()).map_or(UNKNOWN, three_letters);
            let own = three_letters(&init.language);
            report.must([listed, own].contains(&UNKNOWN) || listed == own, "23009-1 5.3.3.2", MANIFEST, || {
                format!("{id} is listed in {listed}, its track says {own}")
            });
        }
        Media::Text => {}
    }
    shapes::check(report, init, set, representation);
    protected(report, init, set, representation);
}

/// The type is that of fragmented MP4 with what there is, and the kind of content says nothing else.
fn typed(report: &mut Report, init: &Init, set: &AdaptationSet, representation: &Representation) {
    let id = name(representation);
    let kind = match init.entry.media {
        Media::Video { .. } => "video",
        Media::Audio { .. } => "audio",
        Media::Text => "text",
    };
    let mime = representation.mimeType.as_deref().or(set.mimeType.as_deref()).unwrap_or_default();
    let own = mime.split(';').next().unwrap_or_default().trim();
    let fits = own.strip_suffix("/mp4").is_some_and(|top| top == if kind == "text" { "application" } else { kind });
    report.must(fits || mime.is_empty(), "23009-1 5.3.7.2", MANIFEST, || format!("{id} is {kind} in MP4, listed as {mime:?}"));
    report.must(content(set) == kind || !fits, "23009-1 5.3.3.2", MANIFEST, || {
        format!("{id} is {kind}, and its set is of {:?}", content(set))
    });
}

/// `25` or `30000/1001`.
pub(super) fn frame_rate(text: &str) -> Option<f64> {
    let (frames, seconds) = text.split_once('/').unwrap_or((text, "1"));
    let (frames, seconds): (u32, u32) = (frames.parse().ok()?, seconds.parse().ok()?);
    (seconds > 0).then(|| f64::from(frames) / f64::from(seconds))
}

/// The number of an arrangement of channels (ISO/IEC 23091-3 section 6) is one of as many as there are.
fn counted(report: &mut Report, set: &AdaptationSet, representation: &Representation, (init, channels): (&Init, u16)) {
    // How many others have, only their streams know; and so it is of two that are coded as one.
    let known = init.entry.kind == *b"mp4a" && init.entry.codec != PARAMETRIC_STEREO && channels > 0;
    let all = set.AudioChannelConfiguration.iter().chain(&representation.AudioChannelConfiguration);
    for said in all.filter(|one| known && one.schemeIdUri == CHANNELS).filter_map(|one| one.value.as_deref()) {
        let number = said.parse().ok();
        report.must(number.is_none() || cicp_channels(channels) == number, "23009-1 5.8.5.4", MANIFEST, || {
            format!("{} has {channels} channels, listed as the arrangement {said}", name(representation))
        });
    }
}

/// What is encrypted says how, and with which key (ISO/IEC 23001-7 section 11.2).
fn protected(report: &mut Report, init: &Init, set: &AdaptationSet, representation: &Representation) {
    let id = name(representation);
    let mut all = set.ContentProtection.iter().chain(&representation.ContentProtection);
    let common = all.clone().find(|one| one.schemeIdUri.eq_ignore_ascii_case(PROTECTION));
    let Some(protection) = &init.entry.protection else {
        report.must(all.next().is_none(), "CENC 11.2", MANIFEST, || format!("{id} is clear, listed as protected"));
        return;
    };
    let scheme = protection.scheme.escape_ascii().to_string();
    let key = hex::encode(protection.key_id);
    let listed = common.and_then(|one| one.default_KID.as_deref());
    let canonical =
        listed.is_none_or(|listed| uuid::Uuid::try_parse(listed).is_ok_and(|id| id.hyphenated().to_string() == listed));
    report.must(canonical, "CENC 11.2", MANIFEST, || format!("{id} has the key {listed:?}, which is no UUID in lower case"));
    let outside = set.ContentProtection.iter().any(|one| one.schemeIdUri.eq_ignore_ascii_case(PROTECTION));
    report.must(outside || common.is_none(), "DASH-IF IOP", MANIFEST, || {
        format!("{id} says how it is protected, and its set does not")
    });
    let said = common.and_then(|one| one.default_KID.as_deref()).map(|id| id.replace('-', "").to_ascii_lowercase());
    let same = common.is_some_and(|one| one.value.as_deref() == Some(&scheme)) && said.as_ref() == Some(&key);
    report.must(same, "CENC 11.2", MANIFEST, || format!("{id} is {scheme} with the key {key}, listed with {said:?}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::entry::{Entry, Protection};
    use dash_mpd_core::ContentProtection;

    #[test]
    fn sets_name_keys_as_all_players_read_them() {
        let key_id = [0xab; 16];
        let protection = Protection { scheme: *b"cbcs", key_id, ..Protection::default() };
        let init = Init { entry: Entry { protection: Some(protection), ..Entry::default() }, ..Init::default() };
        let id = uuid::Uuid::from_bytes(key_id).to_string();
        let found = |id: &str, is_of_set: bool| {
            let one = ContentProtection {
                schemeIdUri: PROTECTION.to_owned(),
                value: Some("cbcs".to_owned()),
                default_KID: Some(id.to_owned()),
                ..ContentProtection::default()
            };
            let (set, own) = if is_of_set { (vec![one], Vec::new()) } else { (Vec::new(), vec![one]) };
            let set = AdaptationSet { ContentProtection: set, ..AdaptationSet::default() };
            let representation = Representation { ContentProtection: own, ..Representation::default() };
            let mut report = Report::default();
            protected(&mut report, &init, &set, &representation);
            report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found(&id, true), Vec::<String>::new());
        assert_eq!(found(&id.to_uppercase(), true), ["CENC 11.2"]);
        assert_eq!(found(&id.replace('-', ""), true), ["CENC 11.2"]);
        assert_eq!(found(&id, false), ["DASH-IF IOP"]);
    }
}
