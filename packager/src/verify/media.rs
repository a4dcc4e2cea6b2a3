//! Media playlists: their entries, and the rules about their own text.

use super::{
    dates,
    groups::KeyId,
    m3u8::{self, Attributes, Expected, Line},
    master::{FAIRPLAY, address, start},
    report::Report,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Entries of one playlist: a day of I-frames, two seconds each.
const ENTRIES_MAX: usize = 50_000;
/// What a playlist should be written with (HLS-AUTH 7.5), and how much longer a segment may last than the target (7.7).
const TARGET_S: u64 = 6;
const LONGER_S: f64 = 0.5;
/// `KEYFORMAT` of W3C Clear Key, whose data is the key's id.
const CLEAR_KEY: &str = "org.w3.clearkey";

/// What the multivariant playlist calls a media playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
    Text,
    Iframes,
    Images,
}

/// A media playlist.
#[derive(Clone, Debug, Default)]
pub(super) struct Playlist {
    pub(super) path: String,
    pub(super) target_s: u64,
    pub(super) entries: Vec<Entry>,
    /// Type and end: what must be alike in all.
    pub(super) is_vod: bool,
    pub(super) independent: bool,
    pub(super) dated: bool,
    /// Number of its first discontinuity.
    pub(super) discontinuities: u64,
}

/// A segment, or part of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Its file; `None` if that is outside the package, which was said.
    pub(super) path: Option<String>,
    /// First byte, and how many.
    pub(super) range: Option<(u64, u64)>,
    pub(super) duration_s: f64,
    /// Its init segment.
    pub(super) map: Option<Map>,
    pub(super) discontinuity: bool,
    /// When it begins on everybody's clock, in seconds since 1970.
    pub(super) date_s: Option<f64>,
    /// The keys that hold for it.
    pub(super) keys: Keys,
    /// Whether a sheet of tiles is described.
    pub(super) tiles: Option<Tiles>,
}

/// Tags of keys by their `KEYFORMAT`: each holds until the next one of its format (RFC 8216 section 4.3.2.4). Most playlists have the same
/// for all entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys(Arc<BTreeMap<String, Key>>);

/// A tag of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Key {
    method: String,
    /// All that it says.
    value: String,
}

impl Keys {
    /// Whether samples that are encrypted by `scheme`, or are in the clear, can have these.
    pub(super) fn fit(&self, scheme: Option<[u8; 4]>) -> bool {
        let all = |method: &str| !self.0.is_empty() && self.0.values().all(|key| key.method == method);
        match scheme.as_ref() {
            Some(b"cbcs") => all("SAMPLE-AES"),
            Some(b"cenc") => all("SAMPLE-AES-CTR"),
            Some(_) => false,
            None => self.0.is_empty(),
        }
    }

    /// Whether segments are encrypted as a whole: what can be read of them is not.
    pub(super) fn are_of_whole_segments(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|key| key.method == "AES-128")
    }

    /// The first tag that names another key than `id`: by its `KEYID`, or as the data of W3C Clear Key. Others say it in ways of their own.
    pub(super) fn other_than(&self, id: &KeyId) -> Option<&str> {
        let names_other = |(format, key): &(&String, &Key)| {
            let attributes = Attributes::parse(&key.value).0;
            let listed =
                attributes.get("KEYID").and_then(|id| hex::decode(id.strip_prefix("0x").or(id.strip_prefix("0X"))?).ok());
            let data = || BASE64.decode(attributes.quoted("URI")?.strip_prefix("data:")?.split_once("base64,")?.1).ok();
            let data = if *format == CLEAR_KEY { data() } else { None };
            listed.into_iter().chain(data).any(|named| named.len() == id.len() && named != id)
        };
        self.0.iter().find(names_other).map(|(format, _)| format.as_str())
    }

    /// How findings call them.
    pub(super) fn methods(&self) -> String {
        let methods: BTreeSet<_> = self.0.values().map(|key| key.method.as_str()).collect();
        if methods.is_empty() { "none".to_owned() } else { methods.into_iter().collect::<Vec<_>>().join(", ") }
    }
}

/// An init segment, or part of a file that is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Map {
    pub(super) path: String,
    pub(super) range: Option<(u64, u64)>,
}

/// How a sheet is cut (Image Media Playlist 0.4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tiles {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) duration_s: f64,
}

impl Playlist {
    /// Sum of the durations.
    pub(super) fn duration_s(&self) -> f64 {
        self.entries.iter().map(|entry| entry.duration_s).sum()
    }
}

/// What was read so far.
#[derive(Default)]
struct State {
    entry: Entry,
    timed: bool,
    /// Where the next range of a file begins, if it does not say so.
    next: Option<(String, u64)>,
    version: u64,
    needed: u64,
    target_s: Option<u64>,
    playlist_type: Option<String>,
    ended: bool,
    iframes_only: bool,
    images_only: bool,
    data_ranges: bool,
}

/// Reads the playlist at `path`. `None` if it is no playlist at all.
pub(super) fn read(report: &mut Report, path: &str, bytes: &[u8], kind: Kind) -> Option<Playlist> {
    let mut playlist = Playlist { path: path.to_owned(), ..Playlist::default() };
    let text = m3u8::check(report, path, bytes, Expected::Media)?;
    let mut state = State { version: 1, needed: 1, ..State::default() };
    for line in m3u8::lines(text) {
        match line {
            Line::Tag(name, value) => tag(report, &mut playlist, &mut state, name, value),
            Line::Uri(uri) => entry(report, &mut playlist, &mut state, uri),
        }
        if playlist.entries.len() >= ENTRIES_MAX {
            report.fail("RFC 8216 10", path, format!("has more than {ENTRIES_MAX} entries"));
            break;
        }
    }
    report.must(!state.timed, "RFC 8216 4.3.2.1", path, || "the last EXTINF has no address".to_owned());
    whole(report, &mut playlist, &state, kind);
    Some(playlist)
}

fn tag(report: &mut Report, playlist: &mut Playlist, state: &mut State, name: &str, value: &str) {
    let path = &playlist.path;
    let attributes = || Attributes::parse(value).0;
    match name {
        "EXT-X-VERSION" => state.version = value.parse().unwrap_or(1),
        "EXT-X-TARGETDURATION" => state.target_s = value.parse().ok(),
        "EXT-X-PLAYLIST-TYPE" => state.playlist_type = Some(value.to_owned()),
        "EXT-X-ENDLIST" => state.ended = true,
        "EXT-X-I-FRAMES-ONLY" => (state.iframes_only, state.needed) = (true, state.needed.max(4)),
        "EXT-X-IMAGES-ONLY" => state.images_only = true,
        "EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent = true,
        "EXT-X-PROGRAM-DATE-TIME" => {
            (playlist.dated, state.entry.date_s) = (true, dates::seconds(value));
            report.must(state.entry.date_s.is_some(), "RFC 8216 4.3.2.6", path, || format!("{value:?} is no date with a time"));
        }
        "EXT-X-MEDIA-SEQUENCE" | "EXT-X-DISCONTINUITY-SEQUENCE" => {
            let number = value.parse::<u64>();
            let stands = playlist.entries.is_empty() && number.is_ok();
            report.must(stands, "RFC 8216 4.3.3.2", path, || format!("{name} is no number before the first entry"));
            if name == "EXT-X-DISCONTINUITY-SEQUENCE" {
                playlist.discontinuities = number.unwrap_or_default();
            }
        }
        "EXT-X-DISCONTINUITY" => state.entry.discontinuity = true,
        "EXT-X-START" => start(report, path, &attributes()),
        "EXT-X-DEFINE" => state.needed = state.needed.max(m3u8::needed_by_define(&attributes())),
        "EXTINF" => {
            let duration = value.split(',').next().unwrap_or_default();
            let read = m3u8::decimal(duration).filter(|seconds| *seconds >= 0.0);
            report.must(read.is_some(), "RFC 8216 4.3.2.1", path, || format!("an entry lasts {duration:?}"));
            report.must(!state.timed, "RFC 8216 4.3.2.1", path, || "an EXTINF has no address".to_owned());
            (state.timed, state.entry.duration_s) = (true, read.unwrap_or(0.0));
            state.needed = state.needed.max(if duration.contains('.') { 3 } else { 1 });
        }
        "EXT-X-BYTERANGE" => {
            state.needed = state.needed.max(4);
            let (length, offset) = value.split_once('@').map_or((value, None), |(length, offset)| (length, Some(offset)));
            let read = (length.parse(), offset.map(str::parse).transpose());
            match read {
                (Ok(length), Ok(Some(offset))) => state.entry.range = Some((offset, length)),
                // Where it begins is known when the file is.
                (Ok(length), Ok(None)) => state.entry.range = Some((u64::MAX, length)),
                _ => report.fail("RFC 8216 4.3.2.2", path, format!("{value:?} is no range")),
            }
        }
        "EXT-X-MAP" => state.entry.map = map(report, path, &attributes()),
        "EXT-X-KEY" => {
            let attributes = attributes();
            let format = attributes.quoted("KEYFORMAT").unwrap_or("identity").to_owned();
            match key(report, path, &attributes, &mut state.needed) {
                Some(method) => {
                    let key = Key { method, value: value.to_owned() };
                    Arc::make_mut(&mut state.entry.keys.0).insert(format, key);
                }
                None => state.entry.keys = Keys::default(),
            }
        }
        "EXT-X-DATERANGE" => {
            date_range(report, path, &attributes());
            state.data_ranges = true;
        }
        "EXT-X-GAP" => report.fail("HLS-AUTH 7.1", path, "has an EXT-X-GAP: what is published lacks no segment".to_owned()),
        "EXT-X-TILES" => state.entry.tiles = tiles(report, path, &attributes()),
        _ => {}
    }
}

fn date_range(report: &mut Report, path: &str, list: &Attributes<'_>) {
    let good = list.quoted("ID").is_some() && list.quoted("START-DATE").is_some();
    report.must(good, "RFC 8216 4.3.2.7", path, || "an EXT-X-DATERANGE has no ID or START-DATE".to_owned());
    let is_date = |name| list.quoted(name).is_none_or(|date| dates::seconds(date).is_some());
    report.must(is_date("START-DATE") && is_date("END-DATE"), "RFC 8216 4.3.2.7", path, || {
        "an EXT-X-DATERANGE begins or ends at what is no date".to_owned()
    });
    let lasts = |name| !list.has(name) || list.decimal(name).is_some_and(|seconds| seconds >= 0.0);
    report.must(lasts("DURATION") && lasts("PLANNED-DURATION"), "RFC 8216 4.3.2.7", path, || {
        "an EXT-X-DATERANGE lasts less than no time".to_owned()
    });
    let ends = !list.has("END-ON-NEXT") || (list.has("CLASS") && !list.has("DURATION") && !list.has("END-DATE"));
    report.must(ends, "RFC 8216 4.3.2.7", path, || {
        "an EXT-X-DATERANGE ends with the next and has no CLASS, or another end too".to_owned()
    });
}

fn map(report: &mut Report, path: &str, attributes: &Attributes<'_>) -> Option<Map> {
    let Some(uri) = attributes.quoted("URI") else {
        report.fail("RFC 8216 4.3.2.5", path, "an EXT-X-MAP has no URI".to_owned());
        return None;
    };
    let range = attributes.quoted("BYTERANGE").map(|range| {
        let (length, offset) = range.split_once('@').unwrap_or((range, "0"));
        Some((offset.parse().ok()?, length.parse().ok()?))
    });
    report.must(range != Some(None), "RFC 8216 4.3.2.5", path, || "an EXT-X-MAP has no readable BYTERANGE".to_owned());
    Some(Map { path: address(report, path, uri)?, range: range.flatten() })
}

fn key(report: &mut Report, path: &str, attributes: &Attributes<'_>, needed: &mut u64) -> Option<String> {
    let method = attributes.get("METHOD").unwrap_or_default();
    let known = ["NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR"].contains(&method);
    report.must(known, "RFC 8216 4.3.2.4", path, || format!("EXT-X-KEY has the METHOD {method:?}"));
    if method == "NONE" {
        let alone = attributes.len() == 1;
        report.must(alone, "RFC 8216 4.3.2.4", path, || "EXT-X-KEY has METHOD=NONE and more".to_owned());
        return None;
    }
    report.must(attributes.quoted("URI").is_some(), "RFC 8216 4.3.2.4", path, || "EXT-X-KEY has no URI".to_owned());
    report.should(method != "SAMPLE-AES-CTR", "HLS-AUTH 13.11", path, || "SAMPLE-AES-CTR is nothing for Apple".to_owned());
    if let Some(iv) = attributes.get("IV") {
        let own = attributes.quoted("KEYFORMAT") == Some(FAIRPLAY);
        report.should(!own, "HLS-AUTH 13.4", path, || "a key of FairPlay has an IV, which that brings itself".to_owned());
        *needed = (*needed).max(2);
        let digits = iv.strip_prefix("0x").or_else(|| iv.strip_prefix("0X")).unwrap_or_default();
        let good = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        report.must(good, "RFC 8216 5.2", path, || format!("the IV {iv} is not 128 bits long"));
    }
    if method == "SAMPLE-AES" || attributes.has("KEYFORMAT") || attributes.has("KEYFORMATVERSIONS") {
        *needed = (*needed).max(5);
    }
    Some(method.to_owned())
}

fn tiles(report: &mut Report, path: &str, attributes: &Attributes<'_>) -> Option<Tiles> {
    let read = || {
        let (width, height) = attributes.resolution("RESOLUTION")?;
        let (columns, rows) = attributes.resolution("LAYOUT")?;
        let duration_s = attributes.decimal("DURATION").filter(|seconds| *seconds > 0.0)?;
        let sized = [width, height, columns, rows].iter().all(|count| (1..=65_535).contains(count));
        sized.then_some(Tiles { width, height, columns, rows, duration_s })
    };
    let tiles = read();
    report.must(tiles.is_some(), "IMP 0.4", path, || "EXT-X-TILES lacks RESOLUTION, LAYOUT or DURATION".to_owned());
    tiles
}

fn entry(report: &mut Report, playlist: &mut Playlist, state: &mut State, uri: &str) {
    let path = &playlist.path;
    report.must(state.timed, "RFC 8216 4.3.2.1", path, || format!("{uri} has no EXTINF"));
    // A map, keys, and how sheets are cut, hold until the next ones say otherwise.
    let State { entry: Entry { map, keys, tiles, .. }, .. } = &*state;
    let kept = Entry { map: map.clone(), keys: keys.clone(), tiles: *tiles, ..Entry::default() };
    let mut entry = std::mem::replace(&mut state.entry, kept);
    entry.path = address(report, path, uri);
    if let Some((offset, length)) = &mut entry.range {
        let file = entry.path.clone().unwrap_or_default();
        if *offset == u64::MAX {
            let follows = state.next.take().filter(|(known, _)| *known == file);
            report.must(follows.is_some(), "RFC 8216 4.3.2.2", path, || format!("a range of {uri} follows none"));
            *offset = follows.map_or(0, |(_, next)| next);
        }
        state.next = Some((file, offset.saturating_add(*length)));
    } else {
        state.next = None;
    }
    state.timed = false;
    playlist.entries.push(entry);
}

/// What holds for the playlist as a whole.
fn whole(report: &mut Report, playlist: &mut Playlist, state: &State, kind: Kind) {
    let path = &playlist.path;
    let entries = &playlist.entries;
    report.must(!entries.is_empty(), "HLS-AUTH 8.7", path, || "lists no segments".to_owned());
    report.must(state.target_s.is_some(), "RFC 8216 4.3.3.1", path, || "has no whole EXT-X-TARGETDURATION".to_owned());
    playlist.target_s = state.target_s.unwrap_or(TARGET_S);
    let target_s = playlist.target_s;
    for entry in entries {
        let (seconds, pieces) = (entry.duration_s, kind != Kind::Images);
        report.must(!pieces || seconds.round() <= target_s as f64, "RFC 8216 4.3.3.1", path, || {
            format!("an entry lasts {seconds} s with a target of {target_s} s")
        });
        report.must(!pieces || seconds <= target_s as f64 + LONGER_S, "HLS-AUTH 7.7", path, || {
            format!("an entry lasts {seconds} s with a target of {target_s} s")
        });
    }
    if matches!(kind, Kind::Video | Kind::Audio) {
        report.should(target_s == TARGET_S, "HLS-AUTH 7.5", path, || format!("has a target duration of {target_s} s"));
        let mut lengths: Vec<_> = entries.iter().map(|entry| entry.duration_s).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        // A film may be shorter than three, and its last one is what is left.
        let middle_s = lengths.get(lengths.len() / 2).copied().filter(|_| lengths.len() > 2);
        let nominal = middle_s.is_none_or(|middle_s| (middle_s - TARGET_S as f64).abs() <= LONGER_S);
        report
            .should(nominal, "HLS-AUTH 7.6", path, || format!("has segments of {:.3} s as a rule", middle_s.unwrap_or_default()));
    }
    let maps = entries.iter().any(|entry| entry.map.is_some());
    let needed = state.needed.max(match (maps, state.iframes_only) {
        (true, true) => 5,
        (true, false) => 6,
        (false, _) => 1,
    });
    report.must(state.version >= needed, "RFC 8216 7", path, || format!("is of version {} and needs {needed}", state.version));
    let type_is_vod = state.playlist_type.as_deref() == Some("VOD");
    playlist.is_vod = type_is_vod && state.ended;
    report.must(playlist.is_vod, "HLS-AUTH 8.6", path, || match (type_is_vod, state.ended) {
        (_, false) => "has no end".to_owned(),
        _ => format!("is of type {:?}, not VOD", state.playlist_type.as_deref().unwrap_or("none")),
    });
    report.must(state.iframes_only == (kind == Kind::Iframes), "HLS-AUTH 6.8", path, || {
        format!("{} EXT-X-I-FRAMES-ONLY", if state.iframes_only { "has" } else { "lacks" })
    });
    report.must(state.images_only == (kind == Kind::Images), "IMP 0.4", path, || {
        format!("{} EXT-X-IMAGES-ONLY", if state.images_only { "has" } else { "lacks" })
    });
    report.must(!state.data_ranges || playlist.dated, "RFC 8216 4.3.2.7", path, || {
        "has EXT-X-DATERANGE and no EXT-X-PROGRAM-DATE-TIME".to_owned()
    });
    if matches!(kind, Kind::Video | Kind::Audio | Kind::Iframes) {
        let mapped = entries.iter().all(|entry| entry.map.is_some());
        report.must(mapped, "HLS-AUTH 8.20", path, || "has segments without EXT-X-MAP".to_owned());
    }
}
