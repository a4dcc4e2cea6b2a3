//! Media segments, by the heads of their boxes: of a local film only these are read.

use super::{
    boxes::{Fault, Fields, Head, name},
    deep,
    entry::Media,
    files::Files,
    fragment::{self, Fragment},
    groups::KeyId,
    init::Init,
    media::Entry,
    report::Report,
    senc::{self, Vector},
};
use bytes::Bytes;
use marquee_core::ErrorKind;
use std::ops::Range;

/// Bytes that are read at a time: the heads of most fragments, and whole segments of low rates.
const PIECE_BYTES: u64 = 8 << 10;
/// Largest `moof`, and what is read at once of a segment whose samples are looked at.
const MOOF_BYTES_MAX: u64 = 4 << 20;
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Boxes of one segment, and its samples.
const BOXES_MAX: usize = 10_000;
const SAMPLES_MAX: usize = 100_000;

/// What a media segment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// Decode time of its first sample.
    pub(super) decode_ticks: u64,
    /// When its first picture or sound is shown, the track's edit taken away: negative for what comes before the title.
    pub(super) start_ticks: i128,
    pub(super) duration_ticks: u64,
    pub(super) size_bytes: u64,
    /// Samples.
    pub(super) samples: u64,
    /// Length of the shortest of these; `None` if none has any.
    pub(super) shortest_ticks: Option<u64>,
    /// Where decoding can begin; nothing of sound and words, which begins anywhere.
    pub(super) keyframes: Vec<Keyframe>,
    /// First and last `sequence_number`.
    pub(super) numbers: (u32, u32),
    /// What it is encrypted with; `None` if it is in the clear.
    pub(super) key_id: Option<KeyId>,
    /// Whether it says that no other follows.
    pub(super) is_last: bool,
    /// What its first sample is encrypted from on, if samples have vectors of their own.
    pub(super) vector: Option<Vector>,
}

/// A sample at which decoding can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keyframe {
    pub(super) shown_ticks: i128,
    /// From its `moof` to its last byte, if it is the first of its fragment.
    pub(super) range: Option<(u64, u64)>,
}

/// A file that is read piece by piece.
struct Window<'a, F> {
    files: &'a F,
    path: &'a str,
    /// Where the bytes begin that are there.
    start: u64,
    bytes: Bytes,
    /// Where the part ends that counts.
    end: u64,
    read_bytes: u64,
}

impl<'a, F: Files> Window<'a, F> {
    /// Opens the part of `path` that counts: all of it by default. At least `piece_bytes` are read at once, if they are there.
    async fn open(report: &mut Report, files: &'a F, path: &'a str, part: Option<(u64, u64)>, piece_bytes: u64) -> Option<Self> {
        let (start, length) = part.unwrap_or((0, u64::MAX));
        let wanted = start..start.saturating_add(length.min(piece_bytes));
        let first = match files.read(path, wanted).await {
            Ok(first) => first,
            Err(error) => {
                let rule = if error.code() == super::REDIRECTED { "HLS-AUTH 8.18" } else { "RFC 8216 6.2.1" };
                report.must(false, rule, path, || match error.kind() {
                    ErrorKind::NotFound => "does not exist".to_owned(),
                    _ => format!("cannot be read: {}", error.detail()),
                });
                return None;
            }
        };
        if let Some(delivery) = &first.delivery {
            super::delivered(report, path, delivery);
        }
        let end = first.size_bytes.min(start.saturating_add(length));
        report.must(length == u64::MAX || end == start.saturating_add(length), "RFC 8216 4.3.2.2", path, || {
            format!("has {} bytes, a range ends at {}", first.size_bytes, start.saturating_add(length))
        });
        Some(Self { files, path, start, read_bytes: first.bytes.len() as u64, bytes: first.bytes, end })
    }

    /// Everything, if it is not more than `bytes_max`.
    async fn whole(&mut self, bytes_max: u64) -> Result<Bytes, Fault> {
        let (start, size) = (self.start, self.end.saturating_sub(self.start));
        if size > bytes_max {
            return Err(format!("has {size} bytes, more than {bytes_max}"));
        }
        self.get(start, size).await
    }

    /// The bytes from `offset` on, `length` of them or what there is.
    async fn get(&mut self, offset: u64, length: u64) -> Result<Bytes, Fault> {
        let end = offset.saturating_add(length).min(self.end);
        let here = |window: &Self| {
            let from = usize::try_from(offset.checked_sub(window.start)?).ok()?;
            let to = usize::try_from(end.checked_sub(window.start)?).ok()?;
            (from <= to && to <= window.bytes.len()).then(|| window.bytes.slice(from..to))
        };
        if let Some(bytes) = here(self) {
            return Ok(bytes);
        }
        let wanted = offset..end.max(offset.saturating_add(PIECE_BYTES)).min(self.end);
        let part = self.files.read(self.path, wanted).await.map_err(|error| format!("cannot be read: {}", error.detail()))?;
        (self.start, self.bytes) = (offset, part.bytes);
        self.read_bytes += self.bytes.len() as u64;
        here(self).ok_or_else(|| "is shorter than it was".to_owned())
    }
}

/// The bytes of a file or a part of it, of `bytes_max` at most; more is an error by `rule`.
pub(super) async fn whole<F: Files>(
    report: &mut Report,
    files: &F,
    (path, part): (&str, Option<(u64, u64)>),
    bytes_max: u64,
    rule: &'static str,
) -> Option<Bytes> {
    let mut window = Window::open(report, files, path, part, bytes_max).await?;
    let bytes = window.whole(bytes_max).await;
    report.read_bytes += window.read_bytes;
    report.keep(bytes, rule, path)
}

/// Reads and checks the segment of `entry`, whose `path` is known.
pub(super) async fn read<F: Files>(files: &F, path: &str, entry: &Entry, init: &Init, deep: bool) -> (Option<Segment>, Report) {
    let mut report = Report::of_segment();
    let piece_bytes = if deep { SEGMENT_BYTES_MAX } else { PIECE_BYTES };
    let Some(mut window) = Window::open(&mut report, files, path, entry.range, piece_bytes).await else {
        return (None, report);
    };
    let part = window.start..window.end;
    let fragments = fragments(&mut report, &mut window, init, deep).await;
    let (is_last, fragments) = report.keep(fragments, "CMAF 7.3.2.3", path).unwrap_or_default();
    report.read_bytes = window.read_bytes;
    let segment = summary(&mut report, path, init, &fragments, &part).map(|segment| Segment { is_last, ..segment });
    // What is wrong by itself is not compared with others.
    (segment.filter(|_| !report.has_errors()), report)
}

/// The I-frame whose `moof` is the first box of a part of a file that may end with its data.
pub(super) async fn keyframe<F: Files>(
    report: &mut Report,
    files: &F,
    path: &str,
    part: Option<(u64, u64)>,
    init: &Init,
) -> Option<Keyframe> {
    let mut window = Window::open(report, files, path, part, PIECE_BYTES).await?;
    let start = window.start;
    let moof = first_moof(report, &mut window, init).await;
    report.read_bytes += window.read_bytes;
    let fragment = report.keep(moof, "HLS-AUTH 6.10", path)?;
    let (sample, shown) = fragment.samples.first().copied().zip(fragment.shown_ticks().next())?;
    report.must(sample.sync, "HLS-AUTH 6.10", path, || format!("has no I-frame at {start}, where one is listed"));
    let end = sample.offset.saturating_add(sample.size_bytes.into());
    Some(Keyframe { shown_ticks: shown - i128::from(init.edit_ticks), range: Some((start, end.saturating_sub(start))) })
}

async fn first_moof<F: Files>(report: &mut Report, window: &mut Window<'_, F>, init: &Init) -> Result<Fragment, Fault> {
    let start = window.start;
    let head = Head::read(&window.get(start, Head::BYTES_MAX).await?)?;
    let size = head.size_bytes.filter(|size| &head.kind == b"moof" && *size <= MOOF_BYTES_MAX);
    let moof = window.get(start, size.ok_or("is not a moof where an I-frame is listed")?).await?;
    fragment::read(report, window.path, init, start, &moof)
}

/// Walks from box to box; also whether the segment says that no other follows.
async fn fragments<F: Files>(
    report: &mut Report,
    window: &mut Window<'_, F>,
    init: &Init,
    deep: bool,
) -> Result<(bool, Vec<Fragment>), Fault> {
    let path = window.path;
    let (mut at, mut fragments, mut open) = (window.start, Vec::new(), None::<Fragment>);
    let (mut boxes, mut count, mut is_last) = (0, 0, false);
    while at < window.end {
        let head = Head::read(&window.get(at, Head::BYTES_MAX).await?)?;
        let size = head.size_bytes.unwrap_or(window.end - at);
        let end = at
            .checked_add(size)
            .filter(|end| *end <= window.end)
            .ok_or_else(|| format!("is cut off: {} at {at} has {size} bytes, {} are there", name(&head.kind), window.end - at))?;
        if boxes == 0 {
            is_last = styp(report, path, &head, &window.get(at, size.min(PIECE_BYTES)).await?);
        }
        boxes += 1;
        if boxes > BOXES_MAX {
            return Err(format!("has more than {BOXES_MAX} boxes"));
        }
        match (&head.kind, open.take()) {
            (b"moof", None) if size <= MOOF_BYTES_MAX => {
                let moof = window.get(at, size).await?;
                open = Some(fragment::read(report, path, init, at, &moof)?);
            }
            (b"moof", None) => return Err(format!("has a moof of {size} bytes")),
            (b"mdat", Some(fragment)) => {
                let (start, last) = fragment.data();
                let inside = fragment.samples.is_empty() || start >= at + head.head_bytes && last <= end;
                report.must(inside, "CMAF 7.3.2.3", path, || format!("has samples from {start} to {last} outside its mdat"));
                if deep && inside {
                    samples(report, window, init, &fragment).await?;
                }
                count += fragment.samples.len();
                if count > SAMPLES_MAX {
                    return Err(format!("has more than {SAMPLES_MAX} samples"));
                }
                fragments.push(fragment);
            }
            (b"mdat", None) => return Err(format!("has an mdat at {at} without a moof")),
            (kind, Some(_)) => return Err(format!("has {} between moof and mdat", name(kind))),
            (b"emsg", None) => {
                let emsg = window.get(at, size.min(PIECE_BYTES)).await?;
                event(report, path, init, (at, &emsg[head.head_bytes as usize..]), fragments.is_empty())?;
            }
            (b"sidx" | b"ssix", None) => {
                report.must(fragments.is_empty(), "23009-1 6.3.4.2", path, || {
                    format!("has an index at {at}, after its first moof")
                });
            }
            (b"styp", None) => {
                report.must(boxes == 1, "CMAF 7.3.3.1", path, || format!("has another styp at {at}"));
            }
            (_, None) => {}
        }
        at = end;
    }
    match open {
        Some(_) => Err("ends with a moof".to_owned()),
        None if fragments.is_empty() => Err("has no fragment".to_owned()),
        None => Ok((is_last, fragments)),
    }
}

/// The first box says that this is a segment. Answers whether it says that this is the last one.
fn styp(report: &mut Report, path: &str, head: &Head, bytes: &[u8]) -> bool {
    let body = bytes.get(8..).filter(|_| &head.kind == b"styp").unwrap_or_default();
    let brands = || body.chunks_exact(4).enumerate().filter(|(place, _)| *place != 1).map(|(_, brand)| brand);
    // A must for CMAF segments; packagers that leave it out are played everywhere.
    let good = brands().any(|brand| brand == b"msdh");
    report.should(good, "CMAF 7.3.3.1", path, || "has no styp with the brand msdh".to_owned());
    brands().any(|brand| brand == b"lmsg")
}

/// An `emsg` (ISO/IEC 23009-1 section 5.10.3.3) comes before the fragments, and counts as they do.
fn event(report: &mut Report, path: &str, init: &Init, (at, body): (u64, &[u8]), is_first: bool) -> Result<(), Fault> {
    report.must(is_first, "CMAF 7.4.5", path, || format!("has an emsg at {at}, after its first moof"));
    let mut fields = Fields(body);
    if fields.full()?.0 == 0 {
        // Scheme and value stand before it.
        for _ in 0..2 {
            while fields.u8()? != 0 {}
        }
    }
    let timescale = fields.u32()?;
    report.must(timescale == init.timescale, "CMAF 7.4.5", path, || format!("has an emsg at {at} of the timescale {timescale}"));
    Ok(())
}

/// Looks at every sample of a fragment.
async fn samples<F: Files>(
    report: &mut Report,
    window: &mut Window<'_, F>,
    init: &Init,
    fragment: &Fragment,
) -> Result<(), Fault> {
    for (index, sample) in fragment.samples.iter().enumerate() {
        let bytes = window.get(sample.offset, sample.size_bytes.into()).await?;
        deep::check(report, window.path, init, (index, sample), &bytes);
        if let Some(encryption) = fragment.encryption.get(index) {
            deep::clear(report, window.path, init, (sample, encryption), &bytes);
        }
    }
    Ok(())
}

/// What the fragments are together.
fn summary(report: &mut Report, path: &str, init: &Init, fragments: &[Fragment], part: &Range<u64>) -> Option<Segment> {
    let (first, last) = (fragments.first()?, fragments.last()?);
    let (mut next, mut number) = (first.decode_ticks, 0);
    for fragment in fragments {
        report.must(fragment.decode_ticks == next, "HLS-AUTH 7.3", path, || {
            format!("has a fragment at {} where {next} belongs", fragment.decode_ticks)
        });
        report.must(fragment.number > number, "14496-12 8.8.5", path, || {
            format!("has the fragment number {} after {number}", fragment.number)
        });
        (next, number) = (fragment.decode_ticks.saturating_add(fragment.duration_ticks()), fragment.number);
    }
    let one = fragments.iter().all(|fragment| fragment.key_id == first.key_id);
    report.must(one, "RFC 8216 4.3.2.4", path, || "has fragments of several keys".to_owned());
    let edit = i128::from(init.edit_ticks);
    let mut shown: Vec<i128> = fragments.iter().flat_map(Fragment::shown_ticks).map(|ticks| ticks - edit).collect();
    let video = matches!(init.entry.media, Media::Video { .. });
    let mut keyframes = Vec::new();
    for fragment in fragments.iter().filter(|_| video) {
        for (index, (sample, shown)) in std::iter::zip(&fragment.samples, fragment.shown_ticks()).enumerate() {
            if sample.sync {
                let end = sample.offset.saturating_add(sample.size_bytes.into());
                let range = (index == 0).then(|| (fragment.offset, end.saturating_sub(fragment.offset)));
                keyframes.push(Keyframe { shown_ticks: shown - edit, range });
            }
        }
    }
    shown.sort_unstable();
    let start_ticks = shown.first().copied().unwrap_or(0);
    let duration_ticks: u64 = fragments.iter().map(Fragment::duration_ticks).fold(0, u64::saturating_add);
    if video {
        let starts = first.samples.first().is_some_and(|sample| sample.sync);
        report.must(starts, "HLS-AUTH 7.4", path, || "does not start with a keyframe".to_owned());
        let inside = shown.last().is_some_and(|last| *last < start_ticks + i128::from(duration_ticks));
        let distinct = shown.windows(2).all(|pair| pair[0] < pair[1]);
        report.must(inside && distinct, "HLS-AUTH 7.1", path, || "shows pictures outside its time or two at once".to_owned());
    }
    Some(Segment {
        decode_ticks: first.decode_ticks,
        start_ticks,
        duration_ticks,
        size_bytes: part.end - part.start,
        samples: shown.len() as u64,
        shortest_ticks: fragments.iter().filter_map(Fragment::shortest_ticks).min(),
        keyframes,
        numbers: (first.number, last.number),
        key_id: first.key_id,
        is_last: false,
        vector: senc::first_vector(&first.encryption),
    })
}
