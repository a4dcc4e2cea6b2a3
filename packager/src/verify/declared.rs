//! What the multivariant playlist says of a variant against what its tracks are.

use super::{
    entry::Media,
    hdr::{self, HLG, PQ},
    init::Init,
    levels::{Pictures, said_and_needed},
    loudness,
    master::{Master, Stream, is_picture},
    media::Kind,
    rates,
    renditions::Rendition,
    report::Report,
    track::Track,
};
use crate::codec::Codec;
use marquee_core::language::{UNKNOWN, three_letters};
use std::collections::BTreeSet;

/// `profile_idc` of High, the highest `level_idc` (HLS-AUTH 1.3), and what all devices decode.
const HIGH: u8 = 100;
const AVC_LEVEL_MAX: u8 = 52;
/// Main 10 and the highest `general_level_idc`, 5.1 (HLS-AUTH 1.6).
const MAIN_10: u8 = 2;
const HEVC_LEVEL_MAX: u8 = 153;
/// `seq_level_idx` of 6.2 (HLS-AUTH 1.37).
const AV1_LEVEL_MAX: u8 = 18;
/// What some variants should not exceed, for devices of some years: levels 4.1 and 4.0 (HLS-AUTH 1.3 and 1.6).
const AVC_LEVEL_OLD: u8 = 41;
const HEVC_LEVEL_OLD: u8 = 120;
/// Above which HE-AAC sounds no better than AAC-LC (HLS-AUTH 2.4).
const HE_AAC_BPS: u64 = 64_000;
/// Extended HE-AAC.
const XHE_AAC: &str = "mp4a.40.42";
/// Codec, channels, and the rates that are recommended for them (HLS-AUTH 2.9).
const SOUND_BPS: [(&str, u16, u64, u64); 4] =
    [("mp4a.40.2", 2, 32_000, 160_000), ("mp4a.40.2", 6, 0, 320_000), (XHE_AAC, 2, 24_000, 160_000), ("ac-3", 6, 0, 384_000)];
/// What boxes add to a sound's own rate, and rounding: they weigh most where a frame has few bytes.
const BOXES_BPS: u64 = 6_000;
/// Frames a second: at most (HLS-AUTH 1.19), and those that are natural (1.18).
const FRAME_RATE_MAX: f64 = 60.0;
const NATURAL: [f64; 9] = [23.976, 24.0, 25.0, 29.97, 30.0, 47.952, 50.0, 59.94, 60.0];
/// By what share a frame rate may be off a natural one.
const FRAME_RATE_SHARE: f64 = 0.01;
/// Codecs of pictures and of sound that are in fragmented MP4 alone (HLS-AUTH 1.5, 2.25).
const FRAGMENTED: [(&str, &str); 9] = [
    ("hvc1", "HLS-AUTH 1.5"),
    ("hev1", "HLS-AUTH 1.5"),
    ("dvh1", "HLS-AUTH 1.5"),
    ("dvhe", "HLS-AUTH 1.5"),
    ("av01", "HLS-AUTH 1.5"),
    (XHE_AAC, "HLS-AUTH 2.25"),
    ("fLaC", "HLS-AUTH 2.25"),
    ("alac", "HLS-AUTH 2.25"),
    ("apac", "HLS-AUTH 2.25"),
];

pub(super) fn check(report: &mut Report, path: &str, master: &Master, tracks: &[Track]) {
    let of = |path: Option<&str>| tracks.iter().find(|track| Some(track.path()) == path);
    for stream in master.streams.iter().filter(|stream| stream.path.is_some()) {
        let Some(video) = of(stream.path.as_deref()) else { continue };
        let members = members(master, stream);
        let sounds: Vec<_> = members.iter().filter_map(|member| of(member.path.as_deref())).collect();
        codecs(report, path, stream, video, &sounds);
        containers(report, path, stream, video, &sounds);
        picture(report, path, stream, video);
    }
    for rendition in master.renditions.iter().filter(|rendition| rendition.kind == "AUDIO") {
        if let Some(init) = of(rendition.path.as_deref()).and_then(|track| track.init.as_ref()) {
            sound(report, path, rendition, init);
        }
    }
    stereo(report, path, tracks);
    for track in tracks {
        limits(report, track);
        needed(report, track);
        sound_rates(report, track);
    }
    old_devices(report, path, tracks);
    loudness::across(report, path, tracks);
}

/// Renditions of sound and words that a variant plays with.
pub(super) fn members<'a>(master: &'a Master, stream: &Stream) -> Vec<&'a Rendition> {
    let of_stream = |rendition: &&Rendition| stream.groups.get(rendition.kind.as_str()) == Some(&rendition.group);
    master.renditions.iter().filter(of_stream).collect()
}

/// Whether the listed resolution is that of the pictures, as they are shown or as they are coded.
pub(super) fn is_size(stream: &Stream, (width, height, shown_width): (u32, u32, u32)) -> bool {
    let fits = |(across, down): (u32, u32)| down == height && (across == width || across.abs_diff(shown_width) <= 1);
    stream.resolution.is_none_or(fits)
}

/// `CODECS` names what there is, and nothing else.
fn codecs(report: &mut Report, path: &str, stream: &Stream, video: &Track, sounds: &[&Track]) {
    let Some(listed) = &stream.codecs else { return };
    let inits: Vec<_> = std::iter::once(&video).chain(sounds).filter_map(|track| track.init.as_ref()).collect();
    let unread = std::iter::once(&video).chain(sounds).any(|track| track.init.is_none() && track.kind != Some(Kind::Text));
    let real: BTreeSet<_> = inits.iter().map(|init| short(&init.entry.codec)).collect();
    let listed: BTreeSet<_> = listed.iter().map(|codec| short(codec)).collect();
    let missing: Vec<_> = real.difference(&listed).collect();
    report.must(missing.is_empty(), "RFC 8216 6.2.4", path, || format!("{} has {missing:?}, not in CODECS", stream.name()));
    // Spectral band replication that only the stream knows of is not signalled.
    let high = listed.iter().any(|codec| ["mp4a.40.5", "mp4a.40.29"].contains(&codec.as_str()));
    let implicit = high && real.contains("mp4a.40.2") && !listed.contains("mp4a.40.2");
    report.must(!implicit, "HLS-AUTH 2.24", path, || {
        format!("{} is HE-AAC by its CODECS, and AAC-LC by its init segment", stream.name())
    });
    // Words in WebVTT may be named or not.
    let words = |codec: &&String| !codec.starts_with("wvtt") && !codec.starts_with("stpp");
    let foreign: Vec<_> = listed.difference(&real).filter(words).collect();
    report.must(unread || foreign.is_empty(), "RFC 8216 6.2.4", path, || {
        format!("{} has {real:?}, its CODECS says {foreign:?} too", stream.name())
    });
}

/// What a variant names that only fragmented MP4 can hold is in such segments.
fn containers(report: &mut Report, path: &str, stream: &Stream, video: &Track, sounds: &[&Track]) {
    let is_other = |track: &Track| track.playlist.entries.iter().any(|entry| entry.map.is_none());
    for codec in stream.codecs.iter().flatten() {
        let Some((_, rule)) = FRAGMENTED.iter().find(|(kind, _)| codec.starts_with(kind)) else { continue };
        // Sound may lie with the pictures.
        let mut tracks = sounds.iter().copied().filter(|_| !is_picture(codec)).chain([video]);
        let other = if is_picture(codec) || sounds.is_empty() { is_other(video) } else { tracks.any(is_other) };
        report.must(!other, rule, path, || format!("{} has {codec} in segments that are not fragmented MP4", stream.name()));
    }
}

/// A codec as it is compared: hexadecimal digits in one case, AV1 without what has defaults.
pub(super) fn short(codec: &str) -> String {
    if codec.starts_with("av01") {
        return codec.split('.').take(4).collect::<Vec<_>>().join(".");
    }
    if codec.starts_with("avc") { codec.to_ascii_lowercase() } else { codec.to_owned() }
}

fn picture(report: &mut Report, path: &str, stream: &Stream, video: &Track) {
    let Some(Media::Video { width, height, shown_width, colour }) = video.init.as_ref().map(|init| init.entry.media) else {
        return;
    };
    report.must(is_size(stream, (width, height, shown_width)), "HLS-AUTH 9.2", path, || {
        format!("{} is {width}x{height}, shown {shown_width} wide, listed as {:?}", stream.name(), stream.resolution)
    });
    let range = match colour.map(|(_, transfer, _)| transfer) {
        Some(PQ) => Some("PQ"),
        Some(HLG) => Some("HLG"),
        Some(_) => Some("SDR"),
        None => None,
    };
    let listed = stream.video_range.as_deref().unwrap_or("SDR");
    report.must(range.is_none_or(|range| range == listed), "HLS-AUTH 9.16", path, || {
        format!("{} is {}, listed as {listed}", stream.name(), range.unwrap_or_default())
    });
    let frame_s = video.frame_s();
    if frame_s <= 0.0 {
        return;
    }
    let rate = 1.0 / frame_s;
    // It is the largest that there is (RFC 8216 section 4.3.4.2).
    report.must(stream.frame_rate.is_none_or(|listed| video.has_rate(listed)), "HLS-AUTH 9.15", path, || {
        format!("{} has {rate:.3} frames a second, listed as {:?}", stream.name(), stream.frame_rate)
    });
    // A must for Apple; but every frame of the source is kept, and other players show them.
    report.should(rate <= FRAME_RATE_MAX * 1.001, "HLS-AUTH 1.19", video.path(), || format!("has {rate:.3} frames a second"));
    let natural = NATURAL.iter().any(|natural| (natural - rate).abs() <= natural * FRAME_RATE_SHARE);
    report.should(natural || rate > FRAME_RATE_MAX, "HLS-AUTH 1.18", video.path(), || {
        format!("has {rate:.3} frames a second: the source's, which no television has")
    });
}

fn sound(report: &mut Report, path: &str, rendition: &Rendition, init: &Init) {
    let Media::Audio { channels, .. } = init.entry.media else { return };
    let listed = rendition.channels.as_deref().and_then(|listed| listed.split('/').next()?.parse::<u16>().ok());
    let known = !matches!(&init.entry.kind, b"ec-3" | b"fLaC");
    report.must(!known || listed.is_none_or(|listed| listed == channels), "RFC 8216 4.3.4.1", path, || {
        format!("{:?} has {channels} channels, listed as {:?}", rendition.name, rendition.channels)
    });
    let (listed, own) = (rendition.language.as_deref().map_or(UNKNOWN, three_letters), three_letters(&init.language));
    report.must([listed, own].contains(&UNKNOWN) || listed == own, "HLS-AUTH 8.10", path, || {
        format!("{:?} is {listed}, its track says {own}", rendition.name)
    });
}

/// What every device plays is there.
fn stereo(report: &mut Report, path: &str, tracks: &[Track]) {
    let inits: Vec<_> = tracks.iter().filter_map(|track| track.init.as_ref()).collect();
    let sounds: Vec<_> = inits.iter().filter(|init| matches!(init.entry.media, Media::Audio { .. })).collect();
    let is_stereo = |init: &&&Init| {
        matches!(init.entry.media, Media::Audio { channels: 1 | 2, .. }) && init.entry.codec.starts_with("mp4a.40.")
    };
    report.must(sounds.is_empty() || sounds.iter().any(is_stereo), "HLS-AUTH 2.3", path, || {
        "has no stereo sound in AAC".to_owned()
    });
    let has = |codec: &str| sounds.iter().any(|init| init.entry.codec == codec);
    report.should(!has("ec-3") || has("ac-3"), "HLS-AUTH 2.6", path, || "has E-AC-3 without AC-3".to_owned());
    let around = sounds.iter().filter(|init| matches!(init.entry.media, Media::Audio { channels: 3.., .. }));
    let around: Vec<_> = around.map(|init| init.entry.codec.as_str()).collect();
    let other = around.iter().any(|codec| ["fLaC", "alac", XHE_AAC, "Opus"].contains(codec));
    let aac = around.iter().any(|codec| codec.starts_with("mp4a.40.") && *codec != XHE_AAC);
    report
        .should(!other || aac, "HLS-AUTH 2.26", path, || "has multichannel sound, and none of it in AAC or by Dolby".to_owned());
}

/// Profiles and levels that devices decode.
fn limits(report: &mut Report, track: &Track) {
    let Some(init) = &track.init else { return };
    let (path, codec) = (track.path(), &init.entry.codec);
    let above = || format!("is {codec}");
    report.must(&init.entry.kind != b"vp09", "HLS-AUTH 1.1", path, above);
    hdr::check(report, path, &init.entry);
    let in_band = [*b"avc3", *b"hev1", *b"dvhe"].contains(&init.entry.kind);
    report.should(!in_band, "HLS-AUTH 1.10", path, above);
    let named = codec.replacen("avc3", "avc1", 1).replacen("hev1", "hvc1", 1);
    match named.parse::<Codec>() {
        Ok(Codec::Avc { profile, level, .. }) => {
            report.must(profile <= HIGH && level <= AVC_LEVEL_MAX, "HLS-AUTH 1.3", path, above);
            report.should(profile >= HIGH, "HLS-AUTH 1.4", path, above);
        }
        Ok(Codec::Hevc { profile, level, .. }) => {
            report.must(profile <= MAIN_10 && level <= HEVC_LEVEL_MAX, "HLS-AUTH 1.6", path, above);
        }
        Ok(Codec::Av1 { profile, level, .. }) => {
            report.must(profile == 0 && level <= AV1_LEVEL_MAX, "HLS-AUTH 1.37", path, above);
        }
        Ok(Codec::Aac { .. }) | Err(_) => {}
    }
}

/// Levels no higher than the pictures need, and no pictures of fields.
fn needed(report: &mut Report, track: &Track) {
    let Some(init) = &track.init else { return };
    let Media::Video { width, height, .. } = init.entry.media else { return };
    // What allows fields may have none of them: only whoever looks at the pictures knows.
    report.should(!init.entry.interlaced, "HLS-AUTH 1.14", track.path(), || "is interlaced by its parameter sets".to_owned());
    let named = init.entry.codec.replacen("avc3", "avc1", 1).replacen("hev1", "hvc1", 1);
    let frame_s = track.frame_s();
    let (Ok(codec), Some(rate), true) = (named.parse::<Codec>(), rates::measured(track), frame_s > 0.0) else { return };
    let pictures = Pictures { width, height, per_s: 1.0 / frame_s, peak_bps: rate.peak_bps };
    let Some((said, needed)) = said_and_needed(codec, pictures) else { return };
    // Encoders count the pictures that they refer to as well, which may be many at the slow presets.
    report.should(said <= needed, "HLS-AUTH 1.11", track.path(), || {
        format!("is {}, of level {said} in its codec's count; {width}x{height} at its rates needs {needed}", init.entry.codec)
    });
}

/// Rates of sound that fit its codec.
fn sound_rates(report: &mut Report, track: &Track) {
    let Some(init) = &track.init else { return };
    let Media::Audio { channels, .. } = init.entry.media else { return };
    let Some(rate) = rates::measured(track) else { return };
    let (bps, codec, path) = (rate.average_bps, init.entry.codec.as_str(), track.path());
    let high = ["mp4a.40.5", "mp4a.40.29"].contains(&codec);
    report.should(!high || bps <= HE_AAC_BPS + BOXES_BPS, "HLS-AUTH 2.4", path, || format!("is HE-AAC of {bps} b/s"));
    let known = SOUND_BPS.iter().find(|(of, count, ..)| *of == codec && *count == channels);
    if let Some((_, _, least, most)) = known {
        // Films may be silent for long.
        report.should((*least..=most + BOXES_BPS).contains(&bps), "HLS-AUTH 2.9", path, || {
            format!("has {bps} b/s, where {least} to {most} are recommended for {codec} in {channels} channels")
        });
    }
    // A must of xHE-AAC, but its own configuration may hold it, which is not read here; nor is what frames of AAC say (2.21).
    let rule = if codec == XHE_AAC { "HLS-AUTH 2.22" } else { "HLS-AUTH 2.19" };
    report.should(init.loudness.is_some(), rule, path, || {
        "has no ludt box: most encoders do not measure how loud they are".to_owned()
    });
}

/// Something of each codec is for devices of some years.
fn old_devices(report: &mut Report, path: &str, tracks: &[Track]) {
    let codecs: Vec<_> = tracks.iter().filter_map(|track| track.init.as_ref()?.entry.codec.parse::<Codec>().ok()).collect();
    let avc = |level_max| codecs.iter().any(|codec| matches!(codec, Codec::Avc { level, .. } if *level <= level_max));
    report.should(!avc(u8::MAX) || avc(AVC_LEVEL_OLD), "HLS-AUTH 1.3", path, || "has H.264 above level 4.1 alone".to_owned());
    let hevc = || codecs.iter().filter(|codec| matches!(codec, Codec::Hevc { .. }));
    let is_old = |codec: &Codec| matches!(codec, Codec::Hevc { level, high_tier: false, .. } if *level <= HEVC_LEVEL_OLD);
    report.should(hevc().next().is_none() || hevc().any(is_old), "HLS-AUTH 1.6", path, || {
        "has HEVC above level 4.0 of the main tier alone".to_owned()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{
        entry::Entry,
        loudness::Said,
        media::{self, Playlist},
        segment::Segment,
    };

    /// Ten seconds at a rate, fifty samples a second.
    fn track(codec: &str, media: Media, bps: u64) -> Track {
        let entry = Entry { kind: *b"mp4a", codec: codec.to_owned(), media, ..Entry::default() };
        let init = Init {
            brands: Vec::new(),
            track_id: 1,
            timescale: 1000,
            language: "und".to_owned(),
            edit_ticks: 0,
            entry,
            loudness: Some(Said::default()),
            defaults: [0; 3],
        };
        let segment = Segment { duration_ticks: 10_000, samples: 500, size_bytes: bps / 8 * 10, ..Segment::default() };
        let entry = media::Entry { duration_s: 10.0, ..media::Entry::default() };
        let playlist = Playlist { target_s: 10, entries: vec![entry], ..Playlist::default() };
        Track { playlist, init: Some(init), segments: vec![segment], ..Track::default() }
    }

    fn found(check: impl Fn(&mut Report)) -> Vec<String> {
        let mut report = Report::default();
        check(&mut report);
        report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }

    #[test]
    fn rates_of_sound_fit_their_codec() {
        let of = |codec, channels, bps| {
            let track = track(codec, Media::Audio { channels, sample_rate_hz: 48_000 }, bps);
            found(|report| sound_rates(report, &track))
        };
        for (codec, channels, bps) in
            [("mp4a.40.2", 2, 130_000), ("mp4a.40.2", 6, 325_000), ("mp4a.40.5", 2, 66_000), ("ac-3", 6, 386_000), ("ec-3", 0, 1)]
        {
            assert_eq!(of(codec, channels, bps), Vec::<String>::new(), "{codec}");
        }
        assert_eq!(of("mp4a.40.5", 2, 96_000), ["HLS-AUTH 2.4"]);
        assert_eq!(of("mp4a.40.29", 2, 96_000), ["HLS-AUTH 2.4"]);
        for (codec, channels, bps) in
            [("mp4a.40.2", 2, 256_000), ("mp4a.40.2", 2, 8_000), ("mp4a.40.2", 6, 448_000), ("ac-3", 6, 640_000)]
        {
            assert_eq!(of(codec, channels, bps), ["HLS-AUTH 2.9"], "{codec}");
        }
        for (codec, rule) in [("mp4a.40.2", "HLS-AUTH 2.19"), (XHE_AAC, "HLS-AUTH 2.22")] {
            let mut quiet = track(codec, Media::Audio { channels: 2, sample_rate_hz: 48_000 }, 100_000);
            quiet.init.as_mut().unwrap().loudness = None;
            assert_eq!(found(|report| sound_rates(report, &quiet)), [rule]);
        }
    }

    #[test]
    fn pictures_are_of_frames_and_no_higher_level_than_they_need() {
        let picture = |codec: &str| {
            let media = Media::Video { width: 1280, height: 720, shown_width: 1280, colour: None };
            track(codec, media, 3_000_000)
        };
        let of = |track: &Track| found(|report| needed(report, track));
        assert_eq!(of(&picture("avc1.640020")), Vec::<String>::new());
        assert_eq!(of(&picture("avc1.64002a")), ["HLS-AUTH 1.11"]);
        let mut fields = picture("avc1.640020");
        fields.init.as_mut().unwrap().entry.interlaced = true;
        assert_eq!(of(&fields), ["HLS-AUTH 1.14"]);
        let of = |codecs: &[&str]| {
            let tracks: Vec<_> = codecs.iter().map(|codec| picture(codec)).collect();
            found(|report| old_devices(report, "master.m3u8", &tracks))
        };
        assert_eq!(of(&["avc1.640034", "avc1.640029", "hvc1.1.6.H150.90", "hvc1.1.6.L120.90"]), Vec::<String>::new());
        assert_eq!(of(&["avc1.640034", "hvc1.1.6.L120.90"]), ["HLS-AUTH 1.3"]);
        assert_eq!(of(&["avc1.640029", "hvc1.1.6.H120.90", "hvc1.1.6.L123.90"]), ["HLS-AUTH 1.6"]);
        assert_eq!(of(&["av01.0.13M.08"]), Vec::<String>::new());
    }

    #[test]
    fn codecs_that_only_fragments_hold_are_in_fragments() {
        let of = |codecs: &[&str], mapped: bool| {
            let mut video = track(codecs[0], Media::Video { width: 1280, height: 720, shown_width: 1280, colour: None }, 1);
            let map = mapped.then(|| media::Map { path: "init.mp4".to_owned(), range: None });
            video.playlist.entries[0].map = map;
            let stream = Stream { codecs: Some(codecs.iter().map(|codec| (*codec).to_owned()).collect()), ..Stream::default() };
            found(|report| containers(report, "master.m3u8", &stream, &video, &[]))
        };
        assert_eq!(of(&["hvc1.1.6.L120.90", "fLaC"], true), Vec::<String>::new());
        assert_eq!(of(&["avc1.640020", "mp4a.40.2"], false), Vec::<String>::new(), "which transport streams hold, too");
        assert_eq!(of(&["hvc1.1.6.L120.90"], false), ["HLS-AUTH 1.5"]);
        assert_eq!(of(&["av01.0.13M.08"], false), ["HLS-AUTH 1.5"]);
        assert_eq!(of(&["avc1.640020", XHE_AAC], false), ["HLS-AUTH 2.25"]);
    }

    #[test]
    fn sound_around_is_there_in_aac_or_by_dolby() {
        let of = |codecs: &[(&str, u16)]| {
            let tracks: Vec<_> = codecs
                .iter()
                .map(|(codec, channels)| track(codec, Media::Audio { channels: *channels, sample_rate_hz: 48_000 }, 100_000))
                .collect();
            found(|report| stereo(report, "master.m3u8", &tracks))
        };
        assert_eq!(of(&[("mp4a.40.2", 2), ("fLaC", 6)]), ["HLS-AUTH 2.26"]);
        assert_eq!(of(&[("mp4a.40.2", 2), ("fLaC", 6), ("mp4a.40.2", 6)]), Vec::<String>::new());
        assert_eq!(of(&[("mp4a.40.2", 2), ("fLaC", 2), ("ac-3", 6)]), Vec::<String>::new());
    }
}
