//! What the tracks of a source hold, as checksums of their packets: two sources tell by them what they share, in different files.

use crate::{
    Error, Result,
    plan::{Chunk, Timeline},
    source::Source,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a checksum, of which there are twice as many hex digits.
pub const SUM_BYTES: usize = 16;
/// Parts at most: twelve hours of the shortest, and some.
pub const PARTS_MAX: usize = 50_000;

/// What a source holds. It comes from a process that has read hostile bytes, so it is only ever compared with what another source
/// of the same video holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    /// The grid that parts are placed on.
    pub timeline: Timeline,
    /// Of all that is said of the picture as a whole.
    pub picture: String,
    /// Whether a frame is reached by a keyframe before it. If not, every frame depends on all before it.
    pub seekable: bool,
    /// The picture, in the order of decoding.
    pub parts: Vec<Part>,
    /// Of the sound and subtitle tracks, by their stream.
    pub tracks: BTreeMap<u32, String>,
}

/// Some seconds of the picture, from a keyframe on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// When the keyframe is shown.
    pub start_ticks: i64,
    /// Of its packets and their times.
    pub sum: String,
}

impl Fingerprints {
    /// Whether this can be said of `source`, whose parts lie on `timeline`.
    ///
    /// # Errors
    /// `Internal`: it was said by a process that is not what it was.
    pub fn validate(&self, source: &Source, timeline: &Timeline) -> Result<()> {
        let is_sum = |sum: &String| sum.len() == 2 * SUM_BYTES && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        let streams = source.audio.iter().map(|track| track.stream).chain(source.subtitles.iter().map(|track| track.stream));
        let streams: BTreeSet<u32> = streams.collect();
        let is_right = self.timeline == *timeline
            && is_sum(&self.picture)
            && (1..=PARTS_MAX).contains(&self.parts.len())
            && self.parts.iter().all(|part| is_sum(&part.sum))
            && self.parts.is_sorted_by(|before, part| before.start_ticks < part.start_ticks)
            && self.tracks.iter().all(|(stream, sum)| streams.contains(stream) && is_sum(sum));
        if is_right { Ok(()) } else { Err(Error::internal("the child says of a source what no source holds")) }
    }

    /// Whether decoders make the same pictures of `chunk` in both sources.
    #[must_use]
    pub fn shares_chunk(&self, other: &Self, chunk: &Chunk) -> bool {
        self.describes_like(other) && self.parts_of(chunk) == other.parts_of(chunk)
    }

    /// Whether both sources hold the same picture from the beginning to the end.
    #[must_use]
    pub fn shares_picture(&self, other: &Self) -> bool {
        self.describes_like(other) && self.parts == other.parts
    }

    /// Whether at least half of the picture's parts are in both sources, where they are.
    #[must_use]
    pub fn shares_most(&self, other: &Self) -> bool {
        let theirs: BTreeMap<i64, &str> = other.parts.iter().map(|part| (part.start_ticks, part.sum.as_str())).collect();
        let shared = self.parts.iter().filter(|part| theirs.get(&part.start_ticks) == Some(&part.sum.as_str())).count();
        self.describes_like(other) && shared > 0 && shared * 2 >= self.parts.len().max(other.parts.len())
    }

    /// Whether both sources hold the same sound, or the same subtitles, in that stream.
    #[must_use]
    pub fn shares_track(&self, other: &Self, stream: u32) -> bool {
        self.tracks.get(&stream).is_some_and(|ours| other.tracks.get(&stream) == Some(ours))
    }

    fn describes_like(&self, other: &Self) -> bool {
        (&self.timeline, &self.picture, self.seekable) == (&other.timeline, &other.picture, other.seekable)
    }

    /// The parts that `chunk` is decoded from. Pictures that are shown before a keyframe may come after it, so one more is looked at.
    fn parts_of(&self, chunk: &Chunk) -> &[Part] {
        let before = |ticks: u64| {
            let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
            self.parts.partition_point(|part| part.start_ticks <= ticks)
        };
        let first = if self.seekable { before(chunk.start_ticks).saturating_sub(1) } else { 0 };
        let end = chunk.end_ticks.map_or(self.parts.len(), |end| (before(end) + 1).min(self.parts.len()));
        self.parts.get(first..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::Ratio, testing};

    /// A source with keyframes at 0, 100, 200, …
    fn prints(sums: &[&str]) -> Fingerprints {
        let part = |(place, sum): (i64, &&str)| Part { start_ticks: place * 100, sum: (*sum).to_owned() };
        Fingerprints {
            timeline: Timeline::of_encoded(Ratio::new(25, 1), 12_800),
            picture: "p".into(),
            seekable: true,
            parts: (0..).zip(sums).map(part).collect(),
            tracks: BTreeMap::from([(1, "a".into()), (2, "b".into())]),
        }
    }

    fn chunk(start_ticks: u64, end_ticks: Option<u64>) -> Chunk {
        Chunk { index: 0, start_ticks, end_ticks, first_segment: 1 }
    }

    #[test]
    fn a_chunk_is_shared_if_all_that_it_is_decoded_from_is() {
        let (ours, theirs) = (prints(&["a", "b", "c", "d", "e", "f"]), prints(&["a", "b", "X", "d", "e", "f", "g"]));
        let shared = |start, end| ours.shares_chunk(&theirs, &chunk(start, end));
        assert!(shared(0, Some(99)), "its parts are the first, and the second for what is shown before its keyframe");
        assert!(!shared(0, Some(100)), "the third may hold pictures that are shown before 200");
        assert!(!shared(150, Some(180)) && !shared(250, Some(260)));
        assert!(shared(300, Some(400)) && shared(350, Some(399)));
        assert!(!shared(500, None), "the other one goes on");
        assert!(ours.shares_chunk(&ours, &chunk(500, None)));
        let (in_order, other) = (Fingerprints { seekable: false, ..ours.clone() }, Fingerprints { seekable: false, ..theirs });
        assert!(!in_order.shares_chunk(&other, &chunk(300, Some(400))), "what came before matters to it");
        let other = Fingerprints { picture: "q".into(), ..ours.clone() };
        assert!(!ours.shares_chunk(&other, &chunk(0, Some(100))));
    }

    #[test]
    fn what_no_source_holds_is_not_believed() {
        let (source, sum) = (testing::source(), "0".repeat(2 * SUM_BYTES));
        let mut good = prints(&[&sum, &sum, &sum]);
        (good.picture, good.tracks) = (sum.clone(), BTreeMap::from([(source.audio[0].stream, sum.clone())]));
        assert!(good.validate(&source, &good.timeline).is_ok());
        let bad = |change: fn(&mut Fingerprints)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.validate(&source, &good.timeline).is_err()
        };
        assert!(bad(|prints| prints.parts.clear()));
        assert!(bad(|prints| prints.parts[1].start_ticks = 0));
        assert!(bad(|prints| prints.parts[2].sum.push('0')));
        assert!(bad(|prints| prints.picture = "x".repeat(2 * SUM_BYTES)));
        assert!(bad(|prints| prints.parts = vec![prints.parts[0].clone(); PARTS_MAX + 1]));
        assert!(bad(|prints| drop(prints.tracks.insert(77, "0".repeat(2 * SUM_BYTES)))));
        assert!(bad(|prints| prints.timeline = Timeline::of_encoded(Ratio::new(24, 1), 12_288)));
    }

    #[test]
    fn most_of_a_picture_and_tracks_are_shared_by_their_place() {
        let ours = prints(&["a", "b", "c", "d"]);
        assert!(ours.shares_picture(&ours) && ours.shares_most(&ours));
        assert!(ours.shares_most(&prints(&["a", "b", "X", "Y"])));
        assert!(!ours.shares_most(&prints(&["a", "X", "Y", "Z"])));
        assert!(!ours.shares_most(&prints(&["a", "b", "c", "d", "e", "f", "g", "h", "i"])));
        assert!(!prints(&[]).shares_most(&prints(&[])));
        assert!(ours.shares_track(&ours, 2) && !ours.shares_track(&ours, 3));
        let mut other = ours.clone();
        other.tracks.insert(2, "c".into());
        assert!(ours.shares_track(&other, 1) && !ours.shares_track(&other, 2));
    }
}
