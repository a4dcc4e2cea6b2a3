//! Media segments: `styp`, then one `moof` and `mdat` per fragment (ISO/IEC 23000-19 section 7.3.2).

use super::{SAMPLE_DESCRIPTION_INDEX, TRACK_ID, roll};
use crate::model::Iframe;
use bytes::Bytes;
use marquee_core::{Error, Result, object};
use mp4_atom::{Encode, FourCC, Mdat, Mfhd, Moof, Styp, Tfdt, Tfhd, Traf, Trun, TrunEntry};

/// Fragments of one segment, so that every fragment of a track has a sequence number of its own.
const FRAGMENTS_MAX: u32 = 256;
/// Bytes of a box's size and kind.
const BOX_HEADER_BYTES: u32 = 8;
/// What every segment is: a media segment of DASH, and of CMAF.
const BRANDS: [[u8; 4]; 2] = [*b"msdh", *b"cmfc"];
/// Sample flags (ISO/IEC 14496-12 section 8.8.3.1): depends on no other sample; depends on others and is no sync sample.
const SYNC_SAMPLE: u32 = 0x0200_0000;
const OTHER_SAMPLE: u32 = 0x0101_0000;

/// One access unit, in coding order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Video: length-prefixed NAL units without parameter sets. Audio: one raw AAC frame.
    pub data: Bytes,
    /// Until the next sample is decoded; see [`super::schedule()`].
    pub duration_ticks: u32,
    /// Presentation time on the media timeline minus decode time, the track's edit included; 0 for sound.
    pub composition_offset_ticks: u32,
    /// Whether decoding can start here; true for sound.
    pub keyframe: bool,
}

/// A written segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSegment {
    /// The object's bytes.
    pub bytes: Bytes,
    /// Where its keyframes are; empty for sound.
    pub iframes: Vec<Iframe>,
    /// Sum of the samples' durations.
    pub duration_ticks: u64,
}

/// Writes a segment: [`media_segment`], or [`last_media_segment`].
pub type WriteSegment = fn(u32, u64, &[Sample], object::Track) -> Result<MediaSegment>;

/// Writes segment `number` (from 1), whose first sample is decoded at `first_decode_ticks`. Video gets a fragment per
/// keyframe, so that the byte range of an I-frame can include its `moof` (Apple HLS Authoring Specification 6.10);
/// sound gets one fragment.
///
/// # Errors
/// `Internal` if there is no sample, the first is no keyframe, or something does not fit its field.
pub fn media_segment(number: u32, first_decode_ticks: u64, samples: &[Sample], kind: object::Track) -> Result<MediaSegment> {
    write(number, first_decode_ticks, samples, kind, &BRANDS)
}

/// The same of the last segment of a track, which says that it is (ISO/IEC 23009-1 section 6.3.4.2; DASH-IF IOP 3.2.3).
///
/// # Errors
/// The same.
pub fn last_media_segment(number: u32, first_decode_ticks: u64, samples: &[Sample], kind: object::Track) -> Result<MediaSegment> {
    write(number, first_decode_ticks, samples, kind, &[&BRANDS[..], &[*b"lmsg"]].concat())
}

fn write(
    number: u32,
    first_decode_ticks: u64,
    samples: &[Sample],
    kind: object::Track,
    brands: &[[u8; 4]],
) -> Result<MediaSegment> {
    if !samples.first().is_some_and(|first| first.keyframe) {
        return Err(Error::internal(format!("segment {number} does not start with a keyframe")));
    }
    let fragments: Vec<&[Sample]> = match kind {
        object::Track::Video => samples.chunk_by(|_, next| !next.keyframe).collect(),
        // Any sample of sound or text may be the first one.
        object::Track::Audio | object::Track::Text => vec![samples],
    };
    let mut bytes = Vec::with_capacity(samples.iter().map(|sample| sample.data.len() + 32).sum::<usize>() + 1024);
    segment_type(brands).encode(&mut bytes).map_err(Error::internal)?;
    let mut iframes = Vec::new();
    let mut decode_ticks = first_decode_ticks;
    for (index, samples) in fragments.into_iter().enumerate() {
        let fragment = Fragment { sequence: sequence(number, index)?, decode_ticks, samples, kind };
        let iframe = fragment.write(&mut bytes)?;
        if kind == object::Track::Video {
            iframes.push(iframe);
        }
        decode_ticks += duration(samples);
    }
    Ok(MediaSegment { bytes: bytes.into(), iframes, duration_ticks: decode_ticks - first_decode_ticks })
}

fn segment_type(brands: &[[u8; 4]]) -> Styp {
    let compatible_brands = brands.iter().map(FourCC::new).collect();
    Styp { major_brand: b"msdh".into(), minor_version: 0, compatible_brands }
}

/// Sequence numbers grow through the track (ISO/IEC 14496-12 section 8.8.5), whoever writes which segment.
fn sequence(number: u32, index: usize) -> Result<u32> {
    let index = u32::try_from(index).ok().filter(|index| *index < FRAGMENTS_MAX);
    let base = number.checked_sub(1).and_then(|before| before.checked_mul(FRAGMENTS_MAX));
    index
        .zip(base)
        .and_then(|(index, base)| base.checked_add(index + 1))
        .ok_or_else(|| Error::internal(format!("segment {number} has no number for its fragment")))
}

fn duration(samples: &[Sample]) -> u64 {
    samples.iter().map(|sample| u64::from(sample.duration_ticks)).sum()
}

/// One `moof` with its `mdat`.
struct Fragment<'a> {
    sequence: u32,
    decode_ticks: u64,
    samples: &'a [Sample],
    kind: object::Track,
}

impl Fragment<'_> {
    /// Appends the fragment; where its first sample is, with the headers before it.
    fn write(&self, bytes: &mut Vec<u8>) -> Result<Iframe> {
        let (first, start) = (&self.samples[0], bytes.len());
        // The offset of the data counts from the start of the `moof`, whose size does not depend on its value.
        let mut header = Vec::new();
        self.header(0)?.encode(&mut header).map_err(Error::internal)?;
        let data_offset = header.len() as u32 + BOX_HEADER_BYTES;
        self.header(i32::try_from(data_offset).map_err(Error::internal)?)?.encode(bytes).map_err(Error::internal)?;

        let data_bytes: u64 = self.samples.iter().map(|sample| sample.data.len() as u64).sum();
        let mdat_bytes = u32::try_from(data_bytes + u64::from(BOX_HEADER_BYTES)).map_err(Error::internal)?;
        bytes.extend_from_slice(&mdat_bytes.to_be_bytes());
        bytes.extend_from_slice(<Mdat as mp4_atom::Atom>::KIND.as_ref());
        for sample in self.samples {
            bytes.extend_from_slice(&sample.data);
        }
        // A keyframe is decoded when it is shown: its offset is just the edit, see `schedule`.
        Ok(Iframe {
            start_ticks: self.decode_ticks,
            offset_bytes: start as u64,
            size_bytes: u64::from(data_offset) + first.data.len() as u64,
        })
    }

    fn header(&self, data_offset: i32) -> Result<Moof> {
        let first = &self.samples[0];
        let constant = self.samples.iter().all(|sample| sample.duration_ticks == first.duration_ticks);
        let reordered = self.samples.iter().any(|sample| sample.composition_offset_ticks != 0);
        let (default_flags, first_flags) = match self.kind {
            object::Track::Video => (OTHER_SAMPLE, Some(SYNC_SAMPLE)),
            object::Track::Audio | object::Track::Text => (SYNC_SAMPLE, None),
        };
        let entry = |(index, sample): (usize, &Sample)| {
            Ok(TrunEntry {
                duration: (!constant).then_some(sample.duration_ticks),
                size: Some(u32::try_from(sample.data.len()).map_err(Error::internal)?),
                flags: first_flags.filter(|_| index == 0),
                cts: reordered.then_some(sample.composition_offset_ticks.into()),
            })
        };
        let entries = self.samples.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let count = u32::try_from(entries.len()).map_err(Error::internal)?;
        let sbgp = if self.kind == object::Track::Audio { vec![roll::members(count)] } else { Vec::new() };
        let tfhd = Tfhd {
            track_id: TRACK_ID,
            sample_description_index: Some(SAMPLE_DESCRIPTION_INDEX),
            default_sample_duration: constant.then_some(first.duration_ticks),
            default_sample_flags: Some(default_flags),
            default_base_is_moof: true,
            ..Tfhd::default()
        };
        Ok(Moof {
            mfhd: Mfhd { sequence_number: self.sequence },
            traf: vec![Traf {
                tfhd,
                tfdt: Some(Tfdt { base_media_decode_time: self.decode_ticks }),
                trun: vec![Trun { data_offset: Some(data_offset), samples: entries.into() }],
                sbgp,
                ..Traf::default()
            }],
        })
    }
}
