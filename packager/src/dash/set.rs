//! Adaptation sets of picture, sound and subtitles: tracks between which a player may switch while it plays.

use super::{CAPTIONS_608, CAPTIONS_708, CHANNELS, HARD_OF_HEARING, PURPOSE, ROLE, SWITCHING, clean};
use crate::{
    bitrate::{Bitrate, Piece, sustained_bps},
    hls,
    model::{Media, Presentation, Segment, Track},
    protect::signal::{self, content_protections},
};
use dash_mpd_core::{
    Accessibility, AdaptationSet, AudioChannelConfiguration, BaseURL, CencPssh, ContentProtection, Label, MsprPro,
    Representation, Role, S, SegmentTemplate, SegmentTimeline, SupplementalProperty,
};
use marquee_core::{
    language, object,
    plan::Codec,
    protection::KeyName,
    source::{CaptionChannel, Ratio},
};

/// Every track of `presentation` in its set, in the order of the presentation.
pub(super) fn sets(presentation: &Presentation, buffer_s: u64) -> Vec<AdaptationSet> {
    let mut sets: Vec<Vec<&Track>> = Vec::new();
    for track in &presentation.tracks {
        let is_alike =
            |set: &&mut Vec<&Track>| belongs(track, set[0]) && key_of(presentation, track) == key_of(presentation, set[0]);
        match sets.iter_mut().find(is_alike) {
            Some(set) => set.push(track),
            None => sets.push(vec![track]),
        }
    }
    let described = |tracks: &Vec<&Track>| {
        let mut set = set(tracks, buffer_s);
        set.ContentProtection = protection(presentation, tracks[0]);
        set.supplemental_property = switching(&sets, tracks);
        set.Accessibility.extend(captions(presentation, tracks[0]));
        set
    };
    sets.iter().map(described).collect()
}

/// Sets that only their keys keep apart, by the numbers that they will have: players may switch between them (DASH-IF Interoperability
/// Points 4.3, section 3.8).
fn switching(sets: &[Vec<&Track>], tracks: &[&Track]) -> Vec<SupplementalProperty> {
    let is_other = |other: &[&Track]| !std::ptr::eq(other[0], tracks[0]) && belongs(other[0], tracks[0]);
    let others: Vec<_> =
        sets.iter().zip(1..).filter(|(other, _)| is_other(other)).map(|(_, number): (_, u32)| number.to_string()).collect();
    let property = SupplementalProperty {
        schemeIdUri: SWITCHING.to_owned(),
        value: Some(others.join(",")),
        ..SupplementalProperty::default()
    };
    (!others.is_empty()).then_some(property).into_iter().collect()
}

/// The closed captions in a set's pictures, channels and services each in a descriptor (SCTE 214-1, DASH-IF Interoperability
/// Points). They do not say in what language they are: the main ones are as the sound is, as a rule, the others are not.
fn captions(presentation: &Presentation, track: &Track) -> Vec<Accessibility> {
    if !matches!(track.rendition.media, Media::Video { .. }) || hls::codec(track) != Codec::H264 {
        return Vec::new();
    }
    let spoken = hls::spoken(presentation).map_or(language::UNKNOWN, language::three_letters);
    let (mut channels, mut services) = (Vec::new(), Vec::new());
    for channel in &presentation.captions {
        let language = if channel.is_main() { spoken } else { language::UNKNOWN };
        match channel {
            CaptionChannel::Service(number) => services.push(format!("{number}=lang:{language}")),
            _ => channels.push(format!("{channel}={language}")),
        }
    }
    let descriptor = |(scheme, values): (&str, Vec<String>)| {
        let value = Some(values.join(";")).filter(|value| !value.is_empty())?;
        Some(Accessibility { schemeIdUri: scheme.to_owned(), value: Some(value), ..Accessibility::default() })
    };
    [(CAPTIONS_608, channels), (CAPTIONS_708, services)].into_iter().filter_map(descriptor).collect()
}

/// The first key of a track, which its init segment names.
fn key_of(presentation: &Presentation, track: &Track) -> Option<KeyName> {
    presentation.key_of(track, track.segments.first().map_or(1, |first| first.number))
}

/// What players are told of the keys of a set.
fn protection(presentation: &Presentation, track: &Track) -> Vec<ContentProtection> {
    let (Some(protected), Some(key)) = (&presentation.protected, key_of(presentation, track)) else { return Vec::new() };
    let descriptors = content_protections(protected.choice.scheme, key.id, &signal::of_track(presentation, track));
    descriptors.into_iter().map(descriptor).collect()
}

fn descriptor(of: signal::ContentProtection) -> ContentProtection {
    let pssh = of.pssh.map(|content| CencPssh { content: Some(content) });
    ContentProtection {
        schemeIdUri: of.scheme_id_uri,
        value: of.value,
        default_KID: of.default_kid,
        cenc_pssh: pssh.into_iter().collect(),
        msprpro: of.playready_object.map(|content| MsprPro { content: Some(content), ..MsprPro::default() }),
        ..ContentProtection::default()
    }
}

/// Whether two tracks are the same to a viewer, coded alike and cut at the same times: a switching set (ISO/IEC 23000-19 section 7.3.4).
fn belongs(track: &Track, other: &Track) -> bool {
    let (ours, theirs) = (&track.rendition, &other.rendition);
    let alike = match (&ours.media, &theirs.media) {
        (Media::Video { .. }, Media::Video { .. }) => true,
        (
            Media::Audio { name, language, channels, sample_rate_hz, .. },
            Media::Audio { name: n, language: l, channels: c, sample_rate_hz: rate, .. },
        ) => (name, language, channels, sample_rate_hz) == (n, l, c, rate),
        _ => false,
    };
    let clock = (ours.timescale, ours.edit_ticks) == (theirs.timescale, theirs.edit_ticks);
    let grid = |segment: &Segment| (segment.number, segment.start_ticks, segment.duration_ticks);
    alike
        && clock
        && family(&ours.codec) == family(&theirs.codec)
        && track.segments.iter().map(grid).eq(other.segments.iter().map(grid))
}

/// The kind of sample entry that a codec string begins with.
pub(crate) fn family(codec: &str) -> &str {
    codec.split('.').next().unwrap_or_default()
}

fn set(tracks: &[&Track], buffer_s: u64) -> AdaptationSet {
    match &tracks[0].rendition.media {
        Media::Video { .. } => picture(tracks, buffer_s),
        Media::Audio { .. } => sound(tracks, buffer_s),
        Media::Text { .. } => text(tracks[0], buffer_s),
    }
}

/// What sets of segments have in common.
fn segmented(tracks: &[&Track], content: &str) -> AdaptationSet {
    AdaptationSet {
        contentType: Some(content.to_owned()),
        mimeType: Some(format!("{content}/mp4")),
        segmentAlignment: Some(true),
        startWithSAP: Some(1),
        SegmentTemplate: Some(template(tracks[0])),
        ..AdaptationSet::default()
    }
}

fn picture(tracks: &[&Track], buffer_s: u64) -> AdaptationSet {
    let shapes: Vec<(u32, u32, Ratio)> = tracks.iter().filter_map(|track| shape(track)).collect();
    let fastest = shapes.iter().map(|shape| shape.2).max_by(|a, b| a.as_f64().total_cmp(&b.as_f64()));
    let represent = |(track, (width, height, rate)): (&&Track, &(u32, u32, Ratio))| Representation {
        width: Some((*width).into()),
        height: Some((*height).into()),
        frameRate: Some(frame_rate(*rate)),
        sar: Some("1:1".to_owned()),
        ..representation(track, buffer_s)
    };
    AdaptationSet {
        par: shapes.first().map(|(width, height, _)| reduced(*width, *height, ':')),
        maxWidth: shapes.iter().map(|shape| shape.0.into()).max(),
        maxHeight: shapes.iter().map(|shape| shape.1.into()).max(),
        maxFrameRate: fastest.map(frame_rate),
        representations: tracks.iter().zip(&shapes).map(represent).collect(),
        ..segmented(tracks, "video")
    }
}

fn sound(tracks: &[&Track], buffer_s: u64) -> AdaptationSet {
    let Media::Audio { name, language, default, channels, sample_rate_hz, .. } = &tracks[0].rendition.media else {
        return AdaptationSet::default();
    };
    let configuration = AudioChannelConfiguration {
        schemeIdUri: CHANNELS.to_owned(),
        value: cicp_channels(*channels).map(|number| number.to_string()),
        ..AudioChannelConfiguration::default()
    };
    AdaptationSet {
        lang: Some(lang(language)),
        audioSamplingRate: Some(sample_rate_hz.to_string()),
        AudioChannelConfiguration: vec![configuration],
        Label: label(name),
        Role: vec![role(if *default { "main" } else { "alternate" })],
        representations: tracks.iter().map(|track| representation(track, buffer_s)).collect(),
        ..segmented(tracks, "audio")
    }
}

/// Subtitles are one file each: WebVTT has no clock that a player could lose in the middle.
fn text(track: &Track, buffer_s: u64) -> AdaptationSet {
    let Media::Text { name, language, forced, hearing_impaired } = &track.rendition.media else {
        return AdaptationSet::default();
    };
    let mut roles = vec![role(if *hearing_impaired { "caption" } else { "subtitle" })];
    roles.extend(forced.then(|| role("forced-subtitle")));
    let purpose =
        Accessibility { schemeIdUri: PURPOSE.to_owned(), value: Some(HARD_OF_HEARING.to_owned()), ..Accessibility::default() };
    let file = BaseURL { base: object::subtitles_path(&track.rendition.id), ..BaseURL::default() };
    let whole = Representation {
        id: Some(track.rendition.id.clone()),
        bandwidth: Some(text_bps(track, buffer_s)),
        BaseURL: vec![file],
        ..Representation::default()
    };
    AdaptationSet {
        contentType: Some("text".to_owned()),
        mimeType: Some("text/vtt".to_owned()),
        lang: Some(lang(language)),
        Label: label(name),
        Accessibility: hearing_impaired.then_some(purpose).into_iter().collect(),
        Role: roles,
        representations: vec![whole],
        ..AdaptationSet::default()
    }
}

/// What a file of subtitles costs at most: it holds each cue once, and its segments some of them twice.
fn text_bps(track: &Track, buffer_s: u64) -> u64 {
    let size_bytes = track.segments.iter().map(|segment| segment.size_bytes).fold(0, u64::saturating_add);
    sustained_bps(&[Piece { duration_ticks: 0, size_bytes }], 1, buffer_s).max(1)
}

fn representation(track: &Track, buffer_s: u64) -> Representation {
    let rendition = &track.rendition;
    // What is shorter than the buffer needs less than its own rate, but players take it for that.
    let average_bps = Bitrate::of_track(track, buffer_s).average_bps;
    Representation {
        id: Some(rendition.id.clone()),
        codecs: Some(rendition.codec.clone()),
        bandwidth: Some(sustained_bps(&Piece::all(track), rendition.timescale, buffer_s).max(average_bps)),
        ..Representation::default()
    }
}

/// Names of objects and their times, which all tracks of a set share.
fn template(track: &Track) -> SegmentTemplate {
    let folder = track.rendition.folder();
    SegmentTemplate {
        timescale: Some(track.rendition.timescale.into()),
        startNumber: Some(track.segments.first().map_or(1, |first| first.number.into())),
        initialization: Some(object::init_path(folder, "$RepresentationID$")),
        media: Some(format!("{}/$RepresentationID$/$Number%06d$.{}", folder.folder(), folder.extension())),
        SegmentTimeline: Some(timeline(&track.segments)),
        ..SegmentTemplate::default()
    }
}

/// Runs of segments that are equally long (ISO/IEC 23009-1 section 5.3.9.6).
fn timeline(segments: &[Segment]) -> SegmentTimeline {
    let mut runs: Vec<S> = Vec::new();
    let mut next_ticks = None;
    for segment in segments {
        let follows = next_ticks == Some(segment.start_ticks);
        match runs.last_mut() {
            Some(run) if follows && run.d == segment.duration_ticks => run.r = Some(run.r.unwrap_or(0) + 1),
            _ => runs.push(S { t: (!follows).then_some(segment.start_ticks), d: segment.duration_ticks, ..S::default() }),
        }
        next_ticks = segment.start_ticks.checked_add(segment.duration_ticks);
    }
    SegmentTimeline { segments: runs }
}

fn shape(track: &Track) -> Option<(u32, u32, Ratio)> {
    match track.rendition.media {
        Media::Video { width, height, frame_rate } => Some((width, height, frame_rate)),
        Media::Audio { .. } | Media::Text { .. } => None,
    }
}

/// `25` or `30000/1001` (ISO/IEC 23009-1 section 5.3.7.2).
fn frame_rate(rate: Ratio) -> String {
    let text = reduced(rate.num, rate.den, '/');
    text.strip_suffix("/1").map_or(text.clone(), str::to_owned)
}

/// Two numbers without what both can be divided by.
fn reduced(a: u32, b: u32, separator: char) -> String {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let divisor = divisor.max(1);
    format!("{}{separator}{}", a / divisor, b / divisor)
}

/// The number of the usual arrangement of so many channels, those of AAC (ISO/IEC 14496-3, table 1.19, which is where
/// ISO/IEC 23091-3 has its first seven from).
pub(crate) fn cicp_channels(channels: u16) -> Option<u16> {
    match channels {
        1..=6 => Some(channels),
        8 => Some(7),
        _ => None,
    }
}

fn role(value: &str) -> Role {
    Role { schemeIdUri: ROLE.to_owned(), value: Some(value.to_owned()), ..Role::default() }
}

fn label(name: &str) -> Vec<Label> {
    clean(name).map(|content| Label { content, ..Label::default() }).into_iter().collect()
}

fn lang(language: &str) -> String {
    clean(language).unwrap_or_else(|| "und".to_owned())
}
