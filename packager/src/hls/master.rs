//! Multivariant playlists.

use super::{
    VERSION, Variant, attribute, chapters::session_data, codec, groups, iframes::bitrate as iframe_bitrate, listed, members,
    scores, spoken, target_duration_s, text, texts, variants, videos,
};
use crate::{
    bitrate::Bitrate,
    model::{Media, Presentation, Track},
    protect::signal::session_keys,
};
use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, ClosedCaptionGroupId, ExtTag, HDCPLevel, InstreamId, MasterPlaylist, Playlist,
    QuotedOrUnquoted, Resolution, VariantStream,
};
use marquee_core::{
    object,
    plan::Codec,
    presentation::Steering,
    protection::{KeyUse, Scheme, System},
    source::{CaptionChannel, Ratio},
};
use std::collections::HashMap;

/// All pictures are made for BT.709.
const VIDEO_RANGE: &str = "VIDEO-RANGE=SDR";
/// Name of an audio group that has none.
const GROUP: &str = "audio";
/// Name of the one group of subtitles.
const SUBTITLES: &str = "text";
/// Name of the one group of closed captions.
const CAPTIONS: &str = "captions";
/// What subtitles tell that are for those who do not hear (Apple HLS Authoring Specification 4.5 and 4.6).
const OF_SOUNDS: &str = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";

/// The final multivariant playlist, with measured rates and I-frame playlists.
#[must_use]
pub fn master(presentation: &Presentation) -> String {
    let target_duration_s = target_duration_s(presentation);
    let variants = variants(presentation, |track| Bitrate::of_track(track, target_duration_s));
    let scores = scores(&variants);
    let score = |place: usize| scores.as_ref().and_then(|scores| scores.get(place)).copied();
    let measured = |(place, variant): (usize, &Variant<'_>)| VariantStream {
        average_bandwidth: Some(variant.bitrate.average_bps),
        ..stream(presentation, variant, score(place))
    };
    let mut streams: Vec<_> = variants.iter().enumerate().map(measured).collect();
    streams.extend(videos(presentation).into_iter().filter_map(|track| iframe_stream(presentation, track)));
    write(presentation, streams)
}

/// The multivariant playlist of what exists so far. Rates are those that the encoder may not exceed; tracks without a
/// segment are left out, because players never reload this playlist, and so are codecs that are made after H.264.
#[must_use]
pub fn growing_master(presentation: &Presentation) -> String {
    let has_segments = |track: &&Track| !listed(track).is_empty() && codec(track) == Codec::H264;
    let started = presentation.with_tracks(presentation.tracks.iter().filter(has_segments).cloned().collect());
    let declared = |track: &Track| {
        let bps = track.rendition.max_bitrate_bps.into();
        Bitrate { peak_bps: bps, average_bps: bps }
    };
    let streams = variants(&started, declared).iter().map(|variant| stream(&started, variant, None)).collect();
    write(&started, streams)
}

fn write(presentation: &Presentation, mut variants: Vec<VariantStream>) -> String {
    let texts = texts(presentation);
    for variant in variants.iter_mut().filter(|variant| !variant.is_i_frame && !texts.is_empty()) {
        variant.subtitles = Some(SUBTITLES.to_owned());
    }
    let sounds = groups(presentation).into_iter().flat_map(|group| alternatives(presentation, group));
    text(&Playlist::MasterPlaylist(MasterPlaylist {
        version: Some(VERSION),
        independent_segments: true,
        alternatives: sounds
            .chain(texts.iter().filter_map(|track| subtitles(&texts, track)))
            .chain(captions(presentation))
            .collect(),
        variants,
        session_data: session_data(&presentation.chapters),
        session_key: session_keys(presentation),
        unknown_tags: presentation.steering.iter().map(steering).collect(),
        ..MasterPlaylist::default()
    }))
}

fn stream(presentation: &Presentation, variant: &Variant<'_>, score: Option<usize>) -> VariantStream {
    let rendition = &variant.video.rendition;
    let mut codecs = vec![rendition.codec.as_str()];
    for track in &variant.audio {
        if !codecs.contains(&track.rendition.codec.as_str()) {
            codecs.push(&track.rendition.codec);
        }
    }
    VariantStream {
        uri: object::playlist_path(object::Track::Video, &rendition.id),
        bandwidth: variant.bitrate.peak_bps,
        codecs: Some(codecs.join(",")),
        resolution: resolution(variant.video),
        hdcp_level: hdcp_level(presentation, variant.video),
        closed_captions: closed_captions(presentation, variant.video),
        audio: variant.group.map(|group| attribute(group, GROUP)),
        other_attributes: other_attributes(presentation, variant, score),
        ..VariantStream::default()
    }
}

/// What the crate has no field for, or prints otherwise: frame rates have three decimals (RFC 8216 section 4.3.4.2). The crate writes
/// several attributes in any order, and the same values must always give the same text: to it they are one.
fn other_attributes(
    presentation: &Presentation,
    variant: &Variant<'_>,
    score: Option<usize>,
) -> Option<HashMap<String, QuotedOrUnquoted>> {
    let score = score.map_or(String::new(), |score| format!(",SCORE={score}"));
    let rate = frame_rate(variant.video)?.as_f64();
    let stable = stable_id(variant);
    let value = format!("{rate:.3}{score},{VIDEO_RANGE},STABLE-VARIANT-ID=\"{stable}\"{}", pathway(presentation));
    Some(HashMap::from([("FRAME-RATE".to_owned(), QuotedOrUnquoted::Unquoted(value))]))
}

/// Who steers players, and what it calls the way that this playlist came (8216bis sections 4.4.6.6 and 4.4.6.2).
fn steering(by: &Steering) -> ExtTag {
    let attributes = format!("SERVER-URI=\"{}\",PATHWAY-ID=\"{}\"", by.url, by.pathway);
    ExtTag { tag: "X-CONTENT-STEERING".to_owned(), rest: Some(attributes) }
}

fn pathway(presentation: &Presentation) -> String {
    presentation.steering.as_ref().map_or(String::new(), |by| format!(",PATHWAY-ID=\"{}\"", by.pathway))
}

/// What a player may remember a variant by, in this title's encodes and on any path to it (8216bis section 4.4.6.2).
fn stable_id(variant: &Variant<'_>) -> String {
    let id = [Some(variant.video.rendition.id.as_str()), variant.group];
    let id: Vec<&str> = id.into_iter().flatten().collect();
    let allowed = |character: char| character.is_ascii_alphanumeric() || "+/=.-_".contains(character);
    id.join("/").chars().filter(|character| allowed(*character)).collect()
}

/// What pictures carry of closed captions. Where they have none, players are to offer none (RFC 8216 section 4.3.4.2).
fn closed_captions(presentation: &Presentation, track: &Track) -> Option<ClosedCaptionGroupId> {
    if presentation.captions.is_empty() {
        return Some(ClosedCaptionGroupId::None);
    }
    (codec(track) == Codec::H264).then(|| ClosedCaptionGroupId::GroupId(CAPTIONS.to_owned()))
}

/// The channels and services of closed captions. They do not say in what language they are: the main ones are as the sound is, as a rule,
/// the others are not. Of two that say the same players select the first by themselves (RFC 8216 section 4.3.4.1.1).
fn captions(presentation: &Presentation) -> Vec<AlternativeMedia> {
    let first_main = presentation.captions.iter().find(|channel| channel.is_main());
    let media = |(place, channel): (usize, &CaptionChannel)| {
        let language = spoken(presentation).filter(|_| channel.is_main());
        AlternativeMedia {
            media_type: AlternativeMediaType::ClosedCaptions,
            group_id: CAPTIONS.to_owned(),
            language: Some(attribute(language.unwrap_or_default(), "und")),
            name: if place == 0 { "Closed captions".to_owned() } else { format!("Closed captions {}", place + 1) },
            autoselect: first_main == Some(channel),
            instream_id: Some(match channel {
                CaptionChannel::Service(number) => InstreamId::Service(*number),
                _ => InstreamId::CC(channel.number().unwrap_or_default()),
            }),
            ..AlternativeMedia::default()
        }
    };
    presentation.captions.iter().enumerate().map(media).collect()
}

/// How outputs are to be protected where FairPlay Streaming has the keys (Apple HLS Authoring Specification 13.5 and 13.6).
fn hdcp_level(presentation: &Presentation, track: &Track) -> Option<HDCPLevel> {
    let protected = presentation.protected.as_ref().filter(|protected| protected.choice.scheme == Scheme::Cbcs)?;
    protected.systems.iter().find(|system| matches!(system, System::FairPlay { .. }))?;
    let levels = [(KeyUse::Hd, HDCPLevel::Type0), (KeyUse::Uhd, HDCPLevel::Type1)];
    levels.into_iter().find_map(|(of, level)| of.is_for(&track.rendition.media).then_some(level))
}

fn iframe_stream(presentation: &Presentation, track: &Track) -> Option<VariantStream> {
    let bitrate = iframe_bitrate(track)?;
    let range = format!("SDR{}", pathway(presentation));
    Some(VariantStream {
        is_i_frame: true,
        uri: object::iframes_path(&track.rendition.id),
        bandwidth: bitrate.peak_bps,
        average_bandwidth: Some(bitrate.average_bps),
        codecs: Some(track.rendition.codec.clone()),
        resolution: resolution(track),
        hdcp_level: hdcp_level(presentation, track),
        other_attributes: Some(HashMap::from([("VIDEO-RANGE".to_owned(), QuotedOrUnquoted::Unquoted(range))])),
        ..VariantStream::default()
    })
}

fn alternatives(presentation: &Presentation, group: &str) -> Vec<AlternativeMedia> {
    let members = members(presentation, group);
    members.iter().filter_map(|track| alternative(group, &members, track)).collect()
}

fn alternative(group: &str, members: &[&Track], track: &Track) -> Option<AlternativeMedia> {
    let Media::Audio { name, language, default, channels, .. } = &track.rendition.media else { return None };
    // One rendition per language is for players to select by themselves: the default, else the first (RFC 8216 4.3.4.1.1).
    let of_language = |other: &&&Track| matches!(&other.rendition.media, Media::Audio { language: it, .. } if it == language);
    let selected = members
        .iter()
        .filter(of_language)
        .min_by_key(|other| !matches!(other.rendition.media, Media::Audio { default: true, .. }));
    Some(AlternativeMedia {
        media_type: AlternativeMediaType::Audio,
        uri: Some(object::playlist_path(object::Track::Audio, &track.rendition.id)),
        group_id: attribute(group, GROUP),
        language: Some(attribute(language, "und")),
        name: attribute(name, &track.rendition.id),
        default: *default,
        autoselect: *default || selected.is_some_and(|other| other.rendition.id == track.rendition.id),
        channels: Some(channels.to_string()),
        ..AlternativeMedia::default()
    })
}

/// Subtitles, which players may select by themselves: the first ones of each language, and those that everybody has to read.
fn subtitles(all: &[&Track], track: &Track) -> Option<AlternativeMedia> {
    let kind = |track: &Track| match &track.rendition.media {
        Media::Text { language, forced, .. } => Some((language.clone(), *forced)),
        Media::Video { .. } | Media::Audio { .. } => None,
    };
    let Media::Text { name, language, forced, hearing_impaired } = &track.rendition.media else { return None };
    let first = all.iter().find(|other| kind(other) == kind(track));
    Some(AlternativeMedia {
        media_type: AlternativeMediaType::Subtitles,
        uri: Some(object::playlist_path(object::Track::Text, &track.rendition.id)),
        group_id: SUBTITLES.to_owned(),
        language: Some(attribute(language, "und")),
        name: attribute(name, &track.rendition.id),
        autoselect: *hearing_impaired || first.is_some_and(|other| other.rendition.id == track.rendition.id),
        forced: *forced,
        characteristics: hearing_impaired.then(|| OF_SOUNDS.to_owned()),
        ..AlternativeMedia::default()
    })
}

fn resolution(track: &Track) -> Option<Resolution> {
    match track.rendition.media {
        Media::Video { width, height, .. } => Some(Resolution { width: width.into(), height: height.into() }),
        Media::Audio { .. } | Media::Text { .. } => None,
    }
}

fn frame_rate(track: &Track) -> Option<Ratio> {
    match track.rendition.media {
        Media::Video { frame_rate, .. } => Some(frame_rate),
        Media::Audio { .. } | Media::Text { .. } => None,
    }
}
