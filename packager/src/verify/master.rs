//! The multivariant playlist: what it offers, and the rules about its own text.

use super::{
    files::resolve,
    ladder,
    m3u8::{self, Attributes, Expected, Line},
    renditions::{self, Rendition},
    report::Report,
    session, steering,
};
use marquee_core::protection::{HD_PIXELS_MAX, SD_PIXELS_MAX};
use std::collections::{BTreeMap, BTreeSet};

/// Variants and renditions that one playlist may have.
const ENTRIES_MAX: usize = 1000;
/// `KEYFORMAT` of FairPlay Streaming (HLS-AUTH 13.3).
pub(super) const FAIRPLAY: &str = "com.apple.streamingkeydelivery";
/// What `VIDEO-RANGE` and `HDCP-LEVEL` may say (8216bis section 4.4.6.2).
const RANGES: [&str; 3] = ["SDR", "HLG", "PQ"];
const LEVELS: [&str; 3] = ["NONE", "TYPE-0", "TYPE-1"];

/// What a multivariant playlist offers.
#[derive(Debug, Default)]
pub(super) struct Master {
    /// Variants.
    pub(super) streams: Vec<Stream>,
    /// I-frame variants.
    pub(super) iframes: Vec<Stream>,
    /// Image variants (Image Media Playlist 0.4).
    pub(super) images: Vec<Stream>,
    /// Renditions.
    pub(super) renditions: Vec<Rendition>,
    /// Whether it says that all segments are independent.
    pub(super) independent: bool,
    /// Whether FairPlay Streaming has its keys.
    pub(super) fairplay: bool,
    /// Whether a server steers players, and on which pathway they are to begin.
    pub(super) steered: Option<String>,
    /// What its session data is about, and in which language.
    pub(super) data: BTreeSet<(String, Option<String>)>,
    /// The files of it.
    pub(super) files: Vec<session::Data>,
}

/// A variant.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// Its playlist, if that is inside the package.
    pub(super) path: Option<String>,
    pub(super) bandwidth_bps: Option<u64>,
    pub(super) average_bps: Option<u64>,
    pub(super) codecs: Option<Vec<String>>,
    pub(super) resolution: Option<(u32, u32)>,
    pub(super) frame_rate: Option<f64>,
    pub(super) video_range: Option<String>,
    /// Groups by type: `AUDIO`, `VIDEO`, `SUBTITLES`, `CLOSED-CAPTIONS`.
    pub(super) groups: BTreeMap<&'static str, String>,
    /// Which way it is reached by (8216bis section 4.4.6.2).
    pub(super) pathway: String,
    /// `STABLE-VARIANT-ID`.
    pub(super) stable: Option<String>,
    pub(super) score: bool,
    pub(super) hdcp: Option<String>,
}

impl Stream {
    /// How findings call it.
    pub(super) fn name(&self) -> &str {
        self.path.as_deref().unwrap_or("a variant")
    }

    pub(super) fn is_sdr(&self) -> bool {
        self.video_range.as_deref().is_none_or(|range| range == "SDR")
    }

    pub(super) fn is_video(&self) -> bool {
        let codecs = self.codecs.as_deref().unwrap_or_default();
        self.resolution.is_some() || codecs.is_empty() || codecs.iter().any(|codec| is_picture(codec))
    }
}

/// Whether a codec string is one of pictures.
pub(super) fn is_picture(codec: &str) -> bool {
    ["avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe", "av01", "vp09", "vp08", "dav1"].iter().any(|kind| codec.starts_with(kind))
}

/// Whether a codec string is one of sound.
fn is_sound(codec: &str) -> bool {
    ["mp4a", "ac-3", "ec-3", "fLaC", "alac", "Opus", "apac"].iter().any(|kind| codec.starts_with(kind))
}

/// Reads the text of the playlist at `path`.
pub(super) fn read(report: &mut Report, path: &str, bytes: &[u8]) -> Master {
    let mut master = Master::default();
    let Some(text) = m3u8::check(report, path, bytes, Expected::Master) else { return master };
    let (mut open, mut version, mut needed) = (None, 1, 1);
    for line in m3u8::lines(text) {
        if master.streams.len() + master.renditions.len() + master.iframes.len() + master.images.len() > ENTRIES_MAX {
            report.fail("RFC 8216 10", path, format!("has more than {ENTRIES_MAX} entries"));
            break;
        }
        match line {
            Line::Uri(uri) => match open.take() {
                Some(stream) => master.streams.push(at(report, path, stream, uri)),
                None => report.fail("RFC 8216 4.3.4.2", path, format!("{uri} follows no EXT-X-STREAM-INF")),
            },
            Line::Tag(name, value) => {
                let stands = open.is_none() || name == "EXT-X-STREAM-INF" || !name.starts_with("EXT-X-");
                report.must(stands, "RFC 8216 4.3.4.2", path, || format!("{name} stands between a variant and its address"));
                let attributes = Attributes::parse(value).0;
                match name {
                    "EXT-X-VERSION" => version = value.parse().unwrap_or(1),
                    "EXT-X-INDEPENDENT-SEGMENTS" => master.independent = true,
                    "EXT-X-STREAM-INF" => {
                        let lost = open.replace(stream(report, path, name, &attributes));
                        report.must(lost.is_none(), "RFC 8216 4.3.4.2", path, || "a variant has no address".to_owned());
                    }
                    "EXT-X-I-FRAME-STREAM-INF" => master.iframes.push(addressed(report, path, name, &attributes)),
                    "EXT-X-IMAGE-STREAM-INF" => master.images.push(addressed(report, path, name, &attributes)),
                    "EXT-X-MEDIA" => {
                        let service = attributes.quoted("INSTREAM-ID").is_some_and(|id| id.starts_with("SERVICE"));
                        needed = needed.max(if service { 7 } else { 1 });
                        master.renditions.push(renditions::read(report, path, &attributes));
                    }
                    "EXT-X-DEFINE" => needed = needed.max(m3u8::needed_by_define(&attributes)),
                    _ => other(report, path, &mut master, name, &attributes),
                }
            }
        }
    }
    report.must(open.is_none(), "RFC 8216 4.3.4.2", path, || "a variant has no address".to_owned());
    report.must(version >= needed, "RFC 8216 7", path, || format!("is of version {version} and needs {needed}"));
    check(report, path, &master);
    master
}

/// Tags that stand by themselves.
fn other(report: &mut Report, path: &str, master: &mut Master, name: &str, attributes: &Attributes<'_>) {
    match name {
        "EXT-X-SESSION-DATA" => {
            let one = attributes.has("VALUE") != attributes.has("URI");
            let about = attributes.quoted("DATA-ID");
            report.must(about.is_some() && one, "RFC 8216 4.3.4.4", path, || {
                format!("{name} needs a DATA-ID and either VALUE or URI")
            });
            master.files.extend(session::data(report, path, attributes));
            let about = (about.unwrap_or_default().to_owned(), attributes.quoted("LANGUAGE").map(str::to_owned));
            let data = format!("{:?}", about.0);
            report.must(master.data.insert(about), "RFC 8216 4.3.4.4", path, || {
                format!("says twice in one language what {data} is")
            });
        }
        "EXT-X-SESSION-KEY" => {
            master.fairplay |= attributes.quoted("KEYFORMAT") == Some(FAIRPLAY);
            let good = attributes.get("METHOD").is_some_and(|method| method != "NONE") && attributes.has("URI");
            report.must(good, "RFC 8216 4.3.4.5", path, || format!("{name} names no key"));
        }
        "EXT-X-CONTENT-STEERING" => {
            master.steered = Some(attributes.quoted("PATHWAY-ID").unwrap_or(steering::PATHWAY).to_owned());
            let good = attributes.quoted("SERVER-URI").is_some();
            report.must(good, "8216bis 4.4.6.6", path, || format!("{name} has no SERVER-URI"));
            report.should(attributes.has("PATHWAY-ID"), "HLS-AUTH 9.18", path, || format!("{name} has no PATHWAY-ID"));
        }
        "EXT-X-START" => start(report, path, attributes),
        _ => {}
    }
}

/// `EXT-X-START`, which any playlist may have.
pub(super) fn start(report: &mut Report, path: &str, attributes: &Attributes<'_>) {
    let good = attributes.decimal("TIME-OFFSET").is_some();
    report.must(good, "RFC 8216 4.3.5.2", path, || "EXT-X-START has no TIME-OFFSET".to_owned());
}

/// The variant, whose playlist is at `uri`.
fn at(report: &mut Report, path: &str, stream: Stream, uri: &str) -> Stream {
    Stream { path: address(report, path, uri), ..stream }
}

/// The file at `uri`, if it is in the package.
pub(super) fn address(report: &mut Report, path: &str, uri: &str) -> Option<String> {
    report.keep(resolve(path, uri).map_err(|fault| format!("{uri:?} {fault}")), "RFC 8216 10", path)
}

/// A variant whose address is an attribute.
fn addressed(report: &mut Report, path: &str, name: &str, attributes: &Attributes<'_>) -> Stream {
    let stream = stream(report, path, name, attributes);
    match attributes.quoted("URI") {
        Some(uri) => at(report, path, stream, uri),
        None => {
            report.fail("RFC 8216 4.3.4.3", path, format!("{name} has no URI"));
            stream
        }
    }
}

fn stream(report: &mut Report, path: &str, name: &str, attributes: &Attributes<'_>) -> Stream {
    let rule = if name == "EXT-X-IMAGE-STREAM-INF" { "IMP 0.4" } else { "RFC 8216 4.3.4.2" };
    let bandwidth_bps = attributes.integer("BANDWIDTH");
    report.must(bandwidth_bps.is_some(), rule, path, || format!("a {name} has no BANDWIDTH"));
    for (attribute, known) in [("VIDEO-RANGE", &RANGES), ("HDCP-LEVEL", &LEVELS)] {
        let value = attributes.get(attribute);
        report.must(value.is_none_or(|value| known.contains(&value)), "8216bis 4.4.6.2", path, || {
            format!("a {name} has the {attribute} {}, which no player chooses", value.unwrap_or_default())
        });
    }
    let kinds = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"];
    let group = |kind: &'static str| {
        let none = || attributes.get(kind).filter(|value| *value == "NONE" && kind == "CLOSED-CAPTIONS");
        Some((kind, attributes.quoted(kind).or_else(none)?.to_owned()))
    };
    Stream {
        path: None,
        bandwidth_bps,
        average_bps: attributes.integer("AVERAGE-BANDWIDTH"),
        codecs: attributes.quoted("CODECS").map(|codecs| codecs.split(',').map(|codec| codec.trim().to_owned()).collect()),
        resolution: attributes.resolution("RESOLUTION"),
        frame_rate: attributes.decimal("FRAME-RATE"),
        video_range: attributes.get("VIDEO-RANGE").map(str::to_owned),
        groups: kinds.into_iter().filter_map(group).collect(),
        pathway: attributes.quoted("PATHWAY-ID").unwrap_or(steering::PATHWAY).to_owned(),
        stable: attributes.quoted("STABLE-VARIANT-ID").map(str::to_owned),
        score: attributes.has("SCORE"),
        hdcp: attributes.get("HDCP-LEVEL").map(str::to_owned),
    }
}

fn check(report: &mut Report, path: &str, master: &Master) {
    let Master { streams, iframes, .. } = master;
    report.must(!streams.is_empty(), "RFC 8216 4.3.4.2", path, || "has no variant".to_owned());
    report.must(!iframes.is_empty(), "HLS-AUTH 6.1", path, || "has no I-frame playlist".to_owned());
    report.should(iframes.len() != 1 || streams.len() < 2, "HLS-AUTH 6.6", path, || "has one I-frame playlist".to_owned());
    report.should(master.independent, "HLS-AUTH 9.11", path, || "does not say that segments are independent".to_owned());
    let scored = streams.iter().filter(|stream| stream.score).count();
    report.must(scored == 0 || scored == streams.len(), "HLS-AUTH 9.19", path, || {
        format!("{scored} of {} variants have a SCORE", streams.len())
    });
    attributes(report, path, master);
    groups(report, path, master);
    renditions::check(report, path, &master.renditions);
    ladder::check(report, path, streams);
    steering::check(report, path, master);
}

fn attributes(report: &mut Report, path: &str, master: &Master) {
    let all_sdr = master.streams.iter().all(Stream::is_sdr);
    for stream in &master.streams {
        if !report.must(stream.is_video(), "HLS-AUTH 9.20", path, || format!("{} is sound only", stream.name())) {
            continue;
        }
        for (attribute, rule, present) in [
            ("CODECS", "HLS-AUTH 9.1", stream.codecs.is_some()),
            ("RESOLUTION", "HLS-AUTH 9.2", stream.resolution.is_some()),
            ("AVERAGE-BANDWIDTH", "HLS-AUTH 9.14", stream.average_bps.is_some()),
            ("FRAME-RATE", "HLS-AUTH 9.15", stream.frame_rate.is_some()),
            ("VIDEO-RANGE", "HLS-AUTH 9.16", all_sdr || stream.video_range.is_some()),
        ] {
            report.must(present, rule, path, || format!("{} has no {attribute}", stream.name()));
        }
        let is_high = stream.resolution.is_some_and(|(width, height)| u64::from(width) * u64::from(height) > SD_PIXELS_MAX);
        report.should(!master.fairplay || !is_high || stream.hdcp.is_some(), "HLS-AUTH 13.5", path, || {
            format!("{} is of high definition and has no HDCP-LEVEL", stream.name())
        });
        let is_ultra = stream.resolution.is_some_and(|(width, height)| u64::from(width) * u64::from(height) > HD_PIXELS_MAX);
        let strict = stream.hdcp.as_deref() == Some("TYPE-1");
        report.should(!master.fairplay || !is_ultra || strict, "HLS-AUTH 13.6", path, || {
            format!("{} is of more than high definition, and its HDCP-LEVEL is not TYPE-1", stream.name())
        });
        // Where sound is no codec of its own group, it lies with the pictures.
        let muxed = stream.codecs.iter().flatten().any(|codec| is_sound(codec)) && !stream.groups.contains_key("AUDIO");
        report.should(!muxed, "HLS-AUTH 9.5", path, || format!("{} has pictures and sound in one stream", stream.name()));
    }
    for stream in &master.iframes {
        report.must(stream.codecs.is_some(), "HLS-AUTH 9.3", path, || format!("{} has no CODECS", stream.name()));
        report.must(stream.resolution.is_some(), "HLS-AUTH 9.4", path, || format!("{} has no RESOLUTION", stream.name()));
        let pictures = stream.codecs.iter().flatten().all(|codec| is_picture(codec));
        report.must(pictures, "HLS-AUTH 9.3", path, || format!("{} names codecs of sound", stream.name()));
    }
    for stream in master.streams.iter().chain(&master.iframes) {
        let pair = stream.average_bps.zip(stream.bandwidth_bps);
        report.must(pair.is_none_or(|(average, peak)| average <= peak), "8216bis 4.4.6.2", path, || {
            format!("{} has an AVERAGE-BANDWIDTH above its BANDWIDTH, which is the peak", stream.name())
        });
    }
    for stream in &master.images {
        let good = stream.resolution.is_some() && stream.codecs.as_deref().is_some_and(|codecs| codecs == ["jpeg"]);
        report.must(good, "IMP 0.4", path, || format!("{} lacks RESOLUTION, or CODECS is not jpeg", stream.name()));
    }
    report.must(all_sdr || master.streams.iter().any(Stream::is_sdr), "HLS-AUTH 1.24", path, || "has no SDR variant".to_owned());
    let trick_sdr = master.iframes.is_empty() || master.iframes.iter().any(Stream::is_sdr);
    report.must(trick_sdr, "HLS-AUTH 6.16", path, || "has no SDR trick play".to_owned());
}

/// Groups that variants name.
fn groups(report: &mut Report, path: &str, master: &Master) {
    for stream in &master.streams {
        for (kind, group) in &stream.groups {
            let exists = master.renditions.iter().any(|rendition| rendition.kind == *kind && rendition.group == *group);
            let none = *kind == "CLOSED-CAPTIONS" && group == "NONE";
            report.must(exists || none, "RFC 8216 4.3.4.2", path, || format!("there is no {kind} group {group:?}"));
        }
    }
    let captions: BTreeSet<_> = master.streams.iter().map(|stream| stream.groups.get("CLOSED-CAPTIONS")).collect();
    let mixed = captions.len() > 1 && captions.iter().flatten().any(|group| *group == "NONE");
    report.must(!mixed, "RFC 8216 4.3.4.2", path, || "CLOSED-CAPTIONS=NONE is not on all variants".to_owned());
    let used = |rendition: &&Rendition| {
        let names = |stream: &Stream| stream.groups.get(rendition.kind.as_str()) == Some(&rendition.group);
        !master.streams.iter().any(names)
    };
    for unused in master.renditions.iter().filter(used) {
        report.should(false, "RFC 8216 4.3.4.1.1", path, || format!("no variant offers {:?}", unused.name));
    }
}
