//! The `moov` of a file whose samples are all known: sample tables instead of fragments.

use super::{Piece, Source};
use crate::{
    cmaf::{
        read::{self, Fragment},
        roll,
    },
    malformed,
};
use marquee_core::{Error, Result};
use mp4_atom::{
    Atom, BufMut, Co64, Ctts, CttsEntry, Edts, Elst, ElstEntry, Encode, Mdhd, Mdia, Minf, Moov, Mvhd, Stbl, Stsc, StscEntry,
    Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak,
};

/// Ticks per second of the movie's own times, which only say how long things are: microseconds would overflow old readers.
const MOVIE_TIMESCALE: u32 = 90_000;
/// The one sample entry of each track.
const SAMPLE_DESCRIPTION_INDEX: u32 = 1;

/// `moov`, with the first sample at `data_offset` of the file.
pub(super) fn movie(sources: &[Source], pieces: &[Piece], data_offset: u64) -> Result<Vec<u8>> {
    let mut tracks = Vec::new();
    let mut offset = data_offset;
    let mut offsets = vec![Vec::new(); sources.len()];
    for piece in pieces {
        offsets[piece.source].push(offset);
        offset += piece.size_bytes();
    }
    for (number, (source, chunks)) in (1..).zip(std::iter::zip(sources, offsets)) {
        tracks.push(Track::new(number, source, chunks)?);
    }
    let duration = tracks.iter().map(|track| track.shown).max().unwrap_or(0);
    let mut bytes = Vec::new();
    let write = |buf: &mut Vec<u8>| {
        let header = Mvhd { rate: 1.into(), volume: 1.into(), timescale: MOVIE_TIMESCALE, duration, ..Mvhd::default() };
        Mvhd { next_track_id: tracks.len() as u32 + 1, ..header }.encode(buf)?;
        tracks.iter().try_for_each(|track| track.encode(buf))
    };
    bytes.encode_atom(Moov::KIND, write).map_err(Error::internal)?;
    Ok(bytes)
}

/// A track of the file.
struct Track<'a> {
    number: u32,
    init: read::Boxes<'a>,
    samples: Samples,
    /// Where each chunk begins in the file.
    chunks: Vec<u64>,
    edits: Vec<ElstEntry>,
    /// How long it is shown, in the movie's time.
    shown: u64,
    is_picture: bool,
}

impl<'a> Track<'a> {
    fn new(number: u32, source: &'a Source, chunks: Vec<u64>) -> Result<Self> {
        let init = read::boxes(&source.init)?;
        let described = read::init(&source.init)?;
        let is_picture = matches!(described.media, read::Entry::Video { .. });
        let samples = Samples::of(source.segments.iter().flatten())?;
        let movie_ticks = |ticks: u64| {
            let scaled = u128::from(ticks) * u128::from(MOVIE_TIMESCALE) / u128::from(described.timescale.max(1));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let lasts = movie_ticks(samples.end_ticks.saturating_sub(described.edit_ticks));
        let waits = movie_ticks(samples.start_ticks);
        let edit = |segment_duration, media_time| ElstEntry { segment_duration, media_time, media_rate: 1.into() };
        let mut edits = vec![edit(lasts, Some(described.edit_ticks))];
        if waits > 0 {
            edits.insert(0, edit(waits, None));
        }
        Ok(Self { number, init, samples, chunks, edits, shown: waits.saturating_add(lasts), is_picture })
    }

    fn encode(&self, buf: &mut Vec<u8>) -> mp4_atom::Result<()> {
        buf.encode_atom(Trak::KIND, |buf| {
            Tkhd { track_id: self.number, duration: self.shown, ..self.init.tkhd.clone() }.encode(buf)?;
            Edts { elst: Some(Elst { entries: self.edits.clone() }) }.encode(buf)?;
            buf.encode_atom(Mdia::KIND, |buf| {
                Mdhd { duration: self.samples.duration_ticks, ..self.init.mdhd.clone() }.encode(buf)?;
                buf.extend_from_slice(self.init.hdlr);
                buf.encode_atom(Minf::KIND, |buf| {
                    buf.extend_from_slice(self.init.media_header);
                    buf.extend_from_slice(self.init.dinf);
                    buf.encode_atom(Stbl::KIND, |buf| self.tables(buf))
                })
            })?;
            buf.extend_from_slice(self.init.udta);
            Ok(())
        })
    }

    fn tables(&self, buf: &mut Vec<u8>) -> mp4_atom::Result<()> {
        let samples = &self.samples;
        buf.extend_from_slice(self.init.stsd);
        Stts { entries: samples.durations.clone() }.encode(buf)?;
        if samples.is_reordered() {
            Ctts { entries: samples.offsets.clone() }.encode(buf)?;
        }
        if self.is_picture {
            Stss { entries: samples.keyframes.clone() }.encode(buf)?;
        }
        Stsc { entries: samples.chunks.clone() }.encode(buf)?;
        Stsz { samples: StszSamples::Different { sizes: samples.sizes.clone() } }.encode(buf)?;
        Co64 { entries: self.chunks.clone() }.encode(buf)?;
        if !self.init.sgpd.is_empty() {
            // A table of no more than 32 bits counts its samples.
            roll::members(samples.sizes.len() as u32).encode(buf)?;
            buf.extend_from_slice(self.init.sgpd);
        }
        Ok(())
    }
}

/// What the tables say of all samples of a track.
#[derive(Default)]
struct Samples {
    durations: Vec<SttsEntry>,
    offsets: Vec<CttsEntry>,
    keyframes: Vec<u32>,
    chunks: Vec<StscEntry>,
    sizes: Vec<u32>,
    /// Decode time of the first one.
    start_ticks: u64,
    duration_ticks: u64,
    /// When the last one that is shown has been shown, from the first one's decode time on.
    end_ticks: u64,
}

impl Samples {
    /// Each fragment is a chunk. A gap before the next fragment makes the last sample longer.
    fn of<'a>(fragments: impl Iterator<Item = &'a Fragment>) -> Result<Self> {
        let mut samples = Self::default();
        let mut fragments = fragments.enumerate().peekable();
        samples.start_ticks = fragments.peek().map_or(0, |(_, first)| first.decode_ticks);
        while let Some((place, fragment)) = fragments.next() {
            let end = match fragments.peek() {
                Some((_, next)) => next.decode_ticks,
                None => fragment.decode_ticks.saturating_add(fragment.duration_ticks()),
            };
            samples.add(place, fragment, end)?;
        }
        Ok(samples)
    }

    fn add(&mut self, place: usize, fragment: &Fragment, end: u64) -> Result<()> {
        let too_long = || malformed("the track is longer than a file's index can say");
        let first_chunk = u32::try_from(place + 1).map_err(|_| too_long())?;
        let samples_per_chunk = u32::try_from(fragment.samples.len()).map_err(|_| too_long())?;
        if self.chunks.last().is_none_or(|last| last.samples_per_chunk != samples_per_chunk) {
            let sample_description_index = SAMPLE_DESCRIPTION_INDEX;
            self.chunks.push(StscEntry { first_chunk, samples_per_chunk, sample_description_index });
        }
        let mut left = end.checked_sub(fragment.decode_ticks).ok_or_else(|| malformed("fragments go back in time"))?;
        for (index, sample) in fragment.samples.iter().enumerate() {
            let is_last = index + 1 == fragment.samples.len();
            let duration = if is_last { left } else { sample.duration_ticks.into() };
            let duration = u32::try_from(duration).map_err(|_| too_long())?;
            left = left.checked_sub(duration.into()).ok_or_else(|| malformed("a fragment is longer than until the next"))?;
            self.sizes.push(sample.size_bytes);
            if sample.keyframe {
                self.keyframes.push(u32::try_from(self.sizes.len()).map_err(|_| too_long())?);
            }
            match self.durations.last_mut() {
                Some(run) if run.sample_delta == duration => run.sample_count += 1,
                _ => self.durations.push(SttsEntry { sample_count: 1, sample_delta: duration }),
            }
            match self.offsets.last_mut() {
                Some(run) if run.sample_offset == sample.composition_offset_ticks => run.sample_count += 1,
                _ => self.offsets.push(CttsEntry { sample_count: 1, sample_offset: sample.composition_offset_ticks }),
            }
            self.duration_ticks += u64::from(duration);
            let shown_until = self.duration_ticks.saturating_add_signed(sample.composition_offset_ticks);
            self.end_ticks = self.end_ticks.max(shown_until);
        }
        Ok(())
    }

    fn is_reordered(&self) -> bool {
        self.offsets.iter().any(|run| run.sample_offset != 0)
    }
}
