//! The index of a container that lists every packet: when each is decoded, and whether the file holds it, without reading it.

use super::{input::Input, scan::FRAMES_MAX};
use ffmpeg_next::{ffi, format::stream::Stream, media::Type};

/// Packets between which decoders reorder at most: as many as H.264 holds back, as fields.
const REORDERED_MAX: usize = 32;
/// Packets before the last one that is shown, from where on all is read.
const TAIL_PACKETS: usize = 2 * REORDERED_MAX;

/// What the index of an [`Input`] says.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Times that the picture's packets are decoded at, ascending, those that are never shown among them.
    pub(super) decode_times: Vec<i64>,
    /// Those of them that hold keyframes.
    pub(super) keyframes: Vec<i64>,
    /// When the first of the packets is decoded from where on all is to be read.
    pub(super) tail: i64,
    /// Of each stream the time of the first packet, and where the last one ends if it lasts as long as the one before it.
    pub(super) spans: Vec<Option<(i64, i64)>>,
}

/// One packet.
pub(super) struct Entry {
    pub(super) time: i64,
    is_key: bool,
    is_shown: bool,
    /// Where it lies in the file: begin and end.
    pub(super) bytes: (i64, i64),
}

impl Index {
    /// The index of `input`, whose picture is in `stream`. `None` if there is more to learn from reading everything: if packets are
    /// not all listed, in order and inside the file of `size_bytes`, or if an edit list hides some in the middle.
    pub(super) fn of(input: &Input, stream: usize, size_bytes: u64) -> Option<Self> {
        if !input.lists_packets() {
            return None;
        }
        let size_bytes = i64::try_from(size_bytes).ok()?;
        let is_there = |entry: &Entry| entry.bytes.0 >= 0 && entry.bytes.0 < entry.bytes.1 && entry.bytes.1 <= size_bytes;
        let mut index = Self::default();
        for other in input.context().streams() {
            if other.index() != stream && other.parameters().medium() != Type::Audio {
                index.spans.push(None);
                continue;
            }
            // A forged index may list more than there is memory for.
            let listed = entries(&other).take(FRAMES_MAX + 1);
            let entries: Vec<Entry> = listed.map(|entry| is_there(&entry).then_some(entry)).collect::<Option<_>>()?;
            let is_usual = entries.len() <= FRAMES_MAX && entries.is_sorted_by_key(|entry| entry.time);
            let (Some(first), true) = (entries.first(), is_usual) else { return None };
            // Of sound that an edit list hides nothing is heard.
            let heard = entries.iter().filter(|entry| entry.is_shown || other.index() == stream);
            index.spans.push(Some((first.time, end(&heard.map(|entry| entry.time).collect::<Vec<_>>()))));
            if other.index() == stream {
                index.take(&entries)?;
            }
        }
        Some(index)
    }

    fn take(&mut self, entries: &[Entry]) -> Option<()> {
        let first = entries.iter().position(|entry| entry.is_shown)?;
        let last = entries.iter().rposition(|entry| entry.is_shown)?;
        let middle = entries.get(first + REORDERED_MAX..last.saturating_sub(REORDERED_MAX)).unwrap_or_default();
        if last - first < 2 * TAIL_PACKETS || middle.iter().any(|entry| !entry.is_shown) {
            return None;
        }
        self.decode_times = entries.iter().map(|entry| entry.time).collect();
        self.keyframes = entries.iter().filter(|entry| entry.is_key).map(|entry| entry.time).collect();
        self.tail = entries.get(last - TAIL_PACKETS)?.time;
        Some(())
    }
}

fn end(times: &[i64]) -> i64 {
    match times {
        [.., before, last] => last.saturating_add(last.saturating_sub(*before)),
        [only] => *only,
        [] => 0,
    }
}

/// What the demuxer knows of the packets of `stream`, in order.
pub(super) fn entries(stream: &Stream<'_>) -> impl Iterator<Item = Entry> {
    // SAFETY: the stream is alive. Entries are copied before anything else is done with it.
    #[expect(unsafe_code, reason = "ffmpeg-next does not know the index")]
    unsafe {
        let raw = stream.as_ptr().cast_mut();
        (0..ffi::avformat_index_get_entries_count(raw)).filter_map(move |number| {
            let entry = ffi::avformat_index_get_entry(raw, number).as_ref()?;
            Some(Entry {
                time: entry.timestamp,
                is_key: entry.flags() & ffi::AVINDEX_KEYFRAME != 0,
                is_shown: entry.flags() & ffi::AVINDEX_DISCARD_FRAME == 0,
                bytes: (entry.pos, entry.pos.saturating_add(i64::from(entry.size()))),
            })
        })
    }
}
