//! What the multivariant playlist says of a variant against what its tracks are.

use super::{
    entry::Media,
    init::Init,
    master::{Master, Rendition, Stream},
    media::Kind,
    report::Report,
    track::Track,
};
use crate::codec::Codec;
use std::collections::BTreeSet;

/// `profile_idc` of High, the highest `level_idc` (HLS-AUTH 1.3), and what all devices decode.
const HIGH: u8 = 100;
const AVC_LEVEL_MAX: u8 = 52;
/// Main 10 and the highest `general_level_idc`, 5.1 (HLS-AUTH 1.6).
const MAIN_10: u8 = 2;
const HEVC_LEVEL_MAX: u8 = 153;
/// `seq_level_idx` of 6.2 (HLS-AUTH 1.37).
const AV1_LEVEL_MAX: u8 = 18;
/// Frames a second: at most (HLS-AUTH 1.19), and those that are natural (1.18).
const FRAME_RATE_MAX: f64 = 60.0;
const NATURAL: [f64; 9] = [23.976, 24.0, 25.0, 29.97, 30.0, 47.952, 50.0, 59.94, 60.0];
/// By how much a declared frame rate may be off: three decimals, and films whose last frame is longer.
const FRAME_RATE_SHARE: f64 = 0.01;
/// `TransferCharacteristics` of PQ and HLG (ITU-T H.273).
const PQ: u16 = 16;
const HLG: u16 = 18;

pub(super) fn check(report: &mut Report, path: &str, master: &Master, tracks: &[Track]) {
    let of = |path: Option<&str>| tracks.iter().find(|track| Some(track.path()) == path);
    for stream in master.streams.iter().filter(|stream| stream.path.is_some()) {
        let Some(video) = of(stream.path.as_deref()) else { continue };
        let members = members(master, stream);
        let sounds: Vec<_> = members.iter().filter_map(|member| of(member.path.as_deref())).collect();
        codecs(report, path, stream, video, &sounds);
        picture(report, path, stream, video);
    }
    for stream in &master.iframes {
        if let Some(size) = iframe_size(stream, tracks) {
            report.must(is_size(stream, size), "HLS-AUTH 9.4", path, || {
                format!("{} is {}x{}, listed as {:?}", stream.name(), size.0, size.1, stream.resolution)
            });
        }
    }
    for rendition in master.renditions.iter().filter(|rendition| rendition.kind == "AUDIO") {
        if let Some(init) = of(rendition.path.as_deref()).and_then(|track| track.init.as_ref()) {
            sound(report, path, rendition, init);
        }
    }
    stereo(report, path, tracks);
    for track in tracks {
        limits(report, track);
    }
}

/// Renditions of sound and words that a variant plays with.
pub(super) fn members<'a>(master: &'a Master, stream: &Stream) -> Vec<&'a Rendition> {
    let of_stream = |rendition: &&Rendition| stream.groups.get(rendition.kind.as_str()) == Some(&rendition.group);
    master.renditions.iter().filter(of_stream).collect()
}

/// Size of the pictures that the segments of an I-frame playlist hold: those of the variant in the same folder.
fn iframe_size(stream: &Stream, tracks: &[Track]) -> Option<(u32, u32, u32)> {
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let ours = folder(stream.path.as_deref()?)?;
    let mut sizes = tracks.iter().filter(|track| folder(track.path()).as_ref() == Some(&ours)).filter_map(Track::size);
    let size = sizes.next()?;
    // Packages that have all in one folder say nothing by it.
    sizes.next().is_none().then_some(size)
}

/// Whether the listed resolution is that of the pictures, as they are shown or as they are coded.
fn is_size(stream: &Stream, (width, height, shown_width): (u32, u32, u32)) -> bool {
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
    // Words in WebVTT may be named or not.
    let words = |codec: &&String| !codec.starts_with("wvtt") && !codec.starts_with("stpp");
    let foreign: Vec<_> = listed.difference(&real).filter(words).collect();
    report.must(unread || foreign.is_empty(), "RFC 8216 6.2.4", path, || {
        format!("{} has {real:?}, its CODECS says {foreign:?} too", stream.name())
    });
}

/// A codec as it is compared: hexadecimal digits in one case, AV1 without what has defaults.
fn short(codec: &str) -> String {
    if codec.starts_with("av01") {
        return codec.split('.').take(4).collect::<Vec<_>>().join(".");
    }
    if codec.starts_with("avc") { codec.to_ascii_lowercase() } else { codec.to_owned() }
}

fn picture(report: &mut Report, path: &str, stream: &Stream, video: &Track) {
    let Some(Media::Video { width, height, shown_width, transfer }) = video.init.as_ref().map(|init| init.entry.media) else {
        return;
    };
    report.must(is_size(stream, (width, height, shown_width)), "HLS-AUTH 9.2", path, || {
        format!("{} is {width}x{height}, shown {shown_width} wide, listed as {:?}", stream.name(), stream.resolution)
    });
    let range = match transfer {
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
    let (least, most) = video.frame_rates();
    let honest = |listed: f64| listed >= least * (1.0 - FRAME_RATE_SHARE) && listed <= most * (1.0 + FRAME_RATE_SHARE);
    report.must(stream.frame_rate.is_none_or(honest), "HLS-AUTH 9.15", path, || {
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
    let language = rendition.language.as_deref().and_then(|tag| tag.split('-').next()).unwrap_or_default();
    let comparable = language.len() == 3 && !["und", "```"].contains(&init.language.as_str());
    report.should(!comparable || language == init.language, "HLS-AUTH 8.10", path, || {
        format!("{:?} is {language}, its track says {}", rendition.name, init.language)
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
}

/// Profiles and levels that devices decode.
fn limits(report: &mut Report, track: &Track) {
    let Some(init) = &track.init else { return };
    let (path, codec) = (track.path(), &init.entry.codec);
    let above = || format!("is {codec}");
    report.must(&init.entry.kind != b"vp09", "HLS-AUTH 1.1", path, above);
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
