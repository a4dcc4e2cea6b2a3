//! Reads CMAF tracks back: what the conformance gate judges, and what an attempt learns from a segment it finds stored.
//!
//! The bytes may be hostile: nothing is allocated by a count that the bytes do not carry, only the boxes that are
//! needed are looked into, and every sum is checked.

use super::{
    Configuration, HevcParameterSets, ParameterSets, SequenceHeader, UDTA,
    protection::{self, Protection},
};
use crate::{
    codec::{AudioConfig, Codec},
    malformed,
};
use marquee_core::Result;
use mp4_atom::{
    Atom, Audio, Av01, Av1c, Avc1, Avcc, Buf, Decode, Dinf, Edts, Elst, Esds, FourCC, Ftyp, Hdlr, Header, Hvc1, Hvcc, Mdat, Mdhd,
    Mdia, Minf, Moof, Moov, Mp4a, Sgpd, Smhd, Stbl, Stsd, Styp, Tfdt, Tfhd, Tkhd, Traf, Trak, Trun, Visual, Vmhd,
};
use std::ops::Range;

/// Samples of one segment: more than 6 s of sound have, and few enough to list.
const SAMPLES_MAX: usize = 100_000;
/// Bytes of an `esds`: descriptors nest, and the reader follows them by recursion.
const ESDS_BYTES_MAX: usize = 512;
/// Bytes of a box's header at most, where its size has 64 bits.
const BOX_HEADER_BYTES_MAX: usize = 16;
/// Version, flags and entry count before the entries of a `stsd`.
pub(crate) const STSD_HEADER_BYTES: usize = 8;
/// `sample_is_non_sync_sample` (ISO/IEC 14496-12 section 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// What an initialization segment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// Compatible brands.
    pub brands: Vec<[u8; 4]>,
    /// Ticks per second.
    pub timescale: u32,
    /// Codec of the sample entry, as playlists name it.
    pub codec: Codec,
    /// Media time at which the presentation starts: see [`super::edit_ticks`], or an audio encoder's priming.
    pub edit_ticks: u64,
    /// Entries of the edit list.
    pub edits: usize,
    /// What kind of track it is.
    pub media: Entry,
    /// How its samples are protected; `None` if they are in the clear.
    pub protection: Option<Protection>,
}

/// What a sample entry says about the picture or the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A picture track.
    Video {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
    /// A sound track.
    Audio {
        /// Channel count.
        channels: u16,
        /// Samples per second and channel.
        sample_rate_hz: u32,
    },
}

/// One `moof` and its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// First byte of the `moof`.
    pub offset_bytes: u64,
    /// Decode time of the first sample.
    pub decode_ticks: u64,
    /// Samples in coding order, at least one.
    pub samples: Vec<SampleRange>,
}

/// A sample's times and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRange {
    /// Until the next sample is decoded.
    pub duration_ticks: u32,
    /// Presentation time minus decode time.
    pub composition_offset_ticks: i64,
    /// Whether decoding can start here.
    pub keyframe: bool,
    /// First byte in the segment.
    pub offset_bytes: u64,
    /// Bytes.
    pub size_bytes: u32,
}

impl Fragment {
    /// Sum of the samples' durations.
    #[must_use]
    pub fn duration_ticks(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration_ticks)).sum()
    }

    /// Presentation times on the media timeline, in coding order; the track's edit is not taken away.
    pub fn media_ticks(&self) -> impl Iterator<Item = i128> {
        self.samples.iter().scan(i128::from(self.decode_ticks), |decoded, sample| {
            let shown = *decoded + i128::from(sample.composition_offset_ticks);
            *decoded += i128::from(sample.duration_ticks);
            Some(shown)
        })
    }
}

impl SampleRange {
    /// The sample's bytes in its segment.
    #[must_use]
    pub fn of<'a>(&self, segment: &'a [u8]) -> &'a [u8] {
        let range = usize::try_from(self.offset_bytes).ok().and_then(|start| {
            let end = start.checked_add(self.size_bytes as usize)?;
            segment.get(start..end)
        });
        range.unwrap_or_default()
    }
}

/// Reads an initialization segment.
///
/// # Errors
/// `malformed_media` if it is none, or has not exactly one track with one sample entry of a known codec.
pub fn init(bytes: &[u8]) -> Result<Init> {
    let brands = child::<Ftyp>(bytes)?.compatible_brands.into_iter().map(Into::into).collect();
    let track = track(bytes)?;
    let edits = match find(track, Edts::KIND) {
        Ok(edts) => child::<Elst>(edts.body)?.entries,
        Err(_) => Vec::new(),
    };
    let media = find(track, Mdia::KIND)?.body;
    let timescale = child::<Mdhd>(media)?.timescale;
    let (codec, media, protection) = sample_entry(first_entry(media)?)?;
    let edit_ticks = edits.first().and_then(|edit| edit.media_time).unwrap_or(0);
    Ok(Init { brands, timescale, codec, edit_ticks, edits: edits.len(), media, protection })
}

/// The one track of an initialization segment.
fn track(init: &[u8]) -> Result<&[u8]> {
    let mut tracks = children(find(init, Moov::KIND)?.body).filter(|atom| !matches!(atom, Ok(atom) if atom.kind != Trak::KIND));
    match (tracks.next(), tracks.next()) {
        (Some(track), None) => Ok(track?.body),
        _ => Err(malformed("a CMAF header has exactly one track")),
    }
}

/// The first sample entry of what is inside an `mdia`.
fn first_entry(media: &[u8]) -> Result<BoxAt<'_>> {
    let table = find(find(media, Minf::KIND)?.body, Stbl::KIND)?.body;
    let entries = find(table, Stsd::KIND)?.body;
    let entry = children(entries.get(STSD_HEADER_BYTES..).unwrap_or_default()).next();
    entry.ok_or_else(|| malformed("there is no sample entry"))?
}

/// Boxes of an init segment's track that a file with sample tables has as well, with their headers where they are bytes.
pub(crate) struct Boxes<'a> {
    pub(crate) tkhd: Tkhd,
    pub(crate) mdhd: Mdhd,
    pub(crate) hdlr: &'a [u8],
    /// `vmhd` or `smhd`.
    pub(crate) media_header: &'a [u8],
    pub(crate) dinf: &'a [u8],
    pub(crate) stsd: &'a [u8],
    /// The groups of its samples, and how loud it is: nothing where that is not said.
    pub(crate) sgpd: &'a [u8],
    pub(crate) udta: &'a [u8],
}

/// The boxes of an initialization segment.
///
/// # Errors
/// `malformed_media` if one is missing.
pub(crate) fn boxes(bytes: &[u8]) -> Result<Boxes<'_>> {
    let track = track(bytes)?;
    let media = find(track, Mdia::KIND)?.body;
    let information = find(media, Minf::KIND)?.body;
    let table = find(information, Stbl::KIND)?.body;
    Ok(Boxes {
        tkhd: child(track)?,
        mdhd: child(media)?,
        hdlr: find(media, Hdlr::KIND)?.whole,
        media_header: find(information, Vmhd::KIND).or_else(|_| find(information, Smhd::KIND))?.whole,
        dinf: find(information, Dinf::KIND)?.whole,
        stsd: find(table, Stsd::KIND)?.whole,
        sgpd: find(table, Sgpd::KIND).map_or(&[], |groups| groups.whole),
        udta: find(track, UDTA).map_or(&[], |data| data.whole),
    })
}

fn sample_entry(entry: BoxAt<'_>) -> Result<(Codec, Entry, Option<Protection>)> {
    let mut body = entry.body;
    if [Avc1::KIND, Hvc1::KIND, Av01::KIND, protection::ENCV].contains(&entry.kind) {
        let visual = Visual::decode(&mut body).map_err(malformed)?;
        let (format, protection) = format(entry.kind, body)?;
        let media = Entry::Video { width: visual.width, height: visual.height };
        Ok((configuration(format, body)?.codec()?, media, protection))
    } else if [Mp4a::KIND, protection::ENCA].contains(&entry.kind) {
        let audio = Audio::decode(&mut body).map_err(malformed)?;
        let (_, protection) = format(entry.kind, body)?;
        let esds = find(body, Esds::KIND)?;
        if esds.whole.len() > ESDS_BYTES_MAX {
            return Err(malformed("the elementary stream descriptor is too long"));
        }
        let config = Esds::decode(&mut &*esds.whole).map_err(malformed)?.es_desc.dec_config.dec_specific;
        let config = AudioConfig::parse(&config.ok_or_else(|| malformed("there is no audio configuration"))?.raw)?;
        let media = Entry::Audio { channels: audio.channel_count, sample_rate_hz: config.sample_rate_hz };
        Ok((config.codec(), media, protection))
    } else {
        Err(malformed(format!("sample entry {} is not supported", entry.kind)))
    }
}

/// What an entry with these children is when its protection is taken away.
fn format(kind: FourCC, children: &[u8]) -> Result<(FourCC, Option<Protection>)> {
    if [protection::ENCV, protection::ENCA].contains(&kind) {
        let (format, protection) = Protection::of_entry(children)?;
        return Ok((format, Some(protection)));
    }
    Ok((kind, None))
}

/// The decoder configuration of a picture track, from its initialization segment.
pub(crate) fn picture_configuration(init: &[u8]) -> Result<Configuration> {
    let entry = first_entry(find(track(init)?, Mdia::KIND)?.body)?;
    let mut body = entry.body;
    Visual::decode(&mut body).map_err(malformed)?;
    configuration(format(entry.kind, body)?.0, body)
}

/// The decoder configuration among the children of a sample entry. What its box repeats of what it holds has to be true.
fn configuration(entry: FourCC, children: &[u8]) -> Result<Configuration> {
    let untrue = || malformed("the decoder configuration is not that of its parameter sets");
    if entry == Hvc1::KIND {
        let hvcc = child::<Hvcc>(children)?;
        let sets = HevcParameterSets::of(&hvcc)?;
        return if sets.configuration()? == hvcc { Ok(Configuration::Hevc(sets)) } else { Err(untrue()) };
    }
    if entry == Av01::KIND {
        let av1c = child::<Av1c>(children)?;
        let header = SequenceHeader::find(&av1c.config_obus)?;
        return if header.configuration()? == av1c { Ok(Configuration::Av1(header)) } else { Err(untrue()) };
    }
    let avcc = child::<Avcc>(children)?;
    let [Some(sps), Some(pps)] = [avcc.sequence_parameter_sets.first(), avcc.picture_parameter_sets.first()] else {
        return Err(malformed("there are no parameter sets"));
    };
    Ok(Configuration::Avc(ParameterSets { sps: sps.clone().into(), pps: pps.clone().into() }))
}

/// Reads a media segment: its fragments in order, at least one.
///
/// # Errors
/// `malformed_media` if boxes are cut off or missing, samples lie outside the `mdat` that follows their `moof`, or a
/// fragment leaves to its init segment what its samples are.
pub fn segment(bytes: &[u8]) -> Result<Vec<Fragment>> {
    let mut fragments: Vec<Fragment> = Vec::new();
    let mut open: Option<BoxAt<'_>> = None;
    let mut room = SAMPLES_MAX;
    for atom in children(bytes) {
        let atom = atom?;
        if atom.kind == Moof::KIND {
            if open.replace(atom).is_some() {
                return Err(malformed("a moof has no mdat"));
            }
        } else if atom.kind == Mdat::KIND {
            let moof = open.take().ok_or_else(|| malformed("an mdat has no moof"))?;
            let fragment = fragment(&moof, atom.body_range(), room)?;
            room -= fragment.samples.len();
            fragments.push(fragment);
        } else if open.is_some() || (atom.kind == Styp::KIND && !fragments.is_empty()) {
            return Err(malformed(format!("{} is out of place", atom.kind)));
        }
    }
    if fragments.is_empty() || open.is_some() {
        return Err(malformed("the segment has no complete fragment"));
    }
    Ok(fragments)
}

/// What the beginning of a fragment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// Its samples.
    Fragment(Fragment),
    /// That so many bytes are needed to know.
    Needs(u64),
}

/// Reads the first `moof` of `bytes`, which lie at `offset_bytes` of a segment of `segment_bytes`, without its samples. It is the first box
/// but for a `styp`.
///
/// # Errors
/// `malformed_media` if there is none, or it is not whole within its segment.
pub fn head(bytes: &[u8], offset_bytes: u64, segment_bytes: u64) -> Result<Head> {
    let styp_bytes = extent(bytes, Styp::KIND).map_or(0, |(size, _)| size);
    let from =
        |at: u64| usize::try_from(at).ok().and_then(|at| bytes.get(at..)).filter(|rest| rest.len() >= BOX_HEADER_BYTES_MAX);
    let needs = |bytes: u64| match offset_bytes.checked_add(bytes).is_some_and(|end| end <= segment_bytes) {
        true => Ok(Head::Needs(bytes)),
        false => Err(malformed("a fragment is cut off")),
    };
    let header_bytes = BOX_HEADER_BYTES_MAX as u64;
    let Some(rest) = from(styp_bytes) else { return needs(styp_bytes.saturating_add(header_bytes)) };
    let (moof_bytes, _) = extent(rest, Moof::KIND)?;
    let before_data = styp_bytes.saturating_add(moof_bytes);
    let Some(data) = from(before_data) else { return needs(before_data.saturating_add(header_bytes)) };
    let (mdat_bytes, header_bytes) = extent(data, Mdat::KIND)?;
    let start = offset_bytes + before_data;
    let end = start.checked_add(mdat_bytes).filter(|end| *end <= segment_bytes);
    let data = start + header_bytes..end.ok_or_else(|| malformed("a fragment is cut off"))?;
    let moof = BoxAt { offset: offset_bytes + styp_bytes, ..box_at(rest, 0)? };
    fragment(&moof, data, SAMPLES_MAX).map(Head::Fragment)
}

/// Bytes of the box at the start of `bytes`, which has to be of that kind, and of its header.
fn extent(bytes: &[u8], kind: FourCC) -> Result<(u64, u64)> {
    let mut after = bytes;
    let header = Header::decode(&mut after).map_err(malformed)?;
    let header_bytes = (bytes.len() - after.len()) as u64;
    match header.size {
        Some(size) if header.kind == kind => Ok((header_bytes + size as u64, header_bytes)),
        _ => Err(malformed(format!("{kind} is missing"))),
    }
}

/// The brands of a segment's `styp`, which must come first.
///
/// # Errors
/// `malformed_media` if there is none.
pub fn segment_brands(bytes: &[u8]) -> Result<Vec<[u8; 4]>> {
    let first = children(bytes).next().ok_or_else(|| malformed("the segment is empty"))??;
    let styp = Styp::decode(&mut &*first.whole).map_err(malformed)?;
    Ok(styp.compatible_brands.into_iter().map(Into::into).collect())
}

fn fragment(moof: &BoxAt<'_>, data: Range<u64>, room: usize) -> Result<Fragment> {
    let mut tracks = children(moof.body).filter(|atom| matches!(atom, Ok(atom) if atom.kind == Traf::KIND));
    let (Some(track), None) = (tracks.next(), tracks.next()) else {
        return Err(malformed("a fragment has exactly one track"));
    };
    let track = track?.body;
    let defaults = child::<Tfhd>(track)?;
    if !defaults.default_base_is_moof || defaults.base_data_offset.is_some() || defaults.sample_description_index.is_none() {
        return Err(malformed("the fragment does not stand for itself"));
    }
    let decode_ticks = child::<Tfdt>(track)?.base_media_decode_time;
    let mut samples = Vec::new();
    for atom in children(track) {
        let atom = atom?;
        if atom.kind == Trun::KIND {
            let run = Trun::decode(&mut &*atom.whole).map_err(malformed)?;
            read_run(&run, &defaults, moof.offset, &data, room, &mut samples)?;
        }
    }
    if samples.is_empty() {
        return Err(malformed("a fragment has no samples"));
    }
    Ok(Fragment { offset_bytes: moof.offset, decode_ticks, samples })
}

fn read_run(
    run: &Trun,
    defaults: &Tfhd,
    moof_offset: u64,
    data: &Range<u64>,
    room: usize,
    samples: &mut Vec<SampleRange>,
) -> Result<()> {
    if room.checked_sub(samples.len()).is_none_or(|left| run.samples.len() > left) {
        return Err(malformed("the segment has too many samples"));
    }
    let data_offset = run.data_offset.and_then(|offset| moof_offset.checked_add_signed(offset.into()));
    let mut offset_bytes = data_offset.ok_or_else(|| malformed("a run does not say where its data is"))?;
    let missing = || malformed("a sample's duration, size or flags are missing");
    for (index, entry) in run.samples.iter().enumerate() {
        let flags = entry.flags.or(defaults.default_sample_flags).ok_or_else(missing)?;
        let size_bytes = entry.size.or(defaults.default_sample_size).ok_or_else(missing)?;
        let end = offset_bytes.checked_add(size_bytes.into()).filter(|end| *end <= data.end && offset_bytes >= data.start);
        let sample = SampleRange {
            duration_ticks: entry.duration.or(defaults.default_sample_duration).ok_or_else(missing)?,
            composition_offset_ticks: entry.cts.unwrap_or(0),
            keyframe: flags & NON_SYNC == 0,
            offset_bytes,
            size_bytes,
        };
        samples.push(sample);
        offset_bytes = end.ok_or_else(|| malformed(format!("sample {index} lies outside its mdat")))?;
    }
    Ok(())
}

/// A box in its surroundings.
#[derive(Clone, Copy)]
pub(crate) struct BoxAt<'a> {
    pub(crate) kind: FourCC,
    /// Where it starts.
    pub(crate) offset: u64,
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl BoxAt<'_> {
    fn body_range(&self) -> Range<u64> {
        let end = self.offset + self.whole.len() as u64;
        end - self.body.len() as u64..end
    }
}

/// The boxes in `bytes`, one after the other; ends after the first error.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = Result<BoxAt<'_>>> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        let next = box_at(rest, offset);
        offset = next.as_ref().map_or(bytes.len(), |found| offset + found.whole.len());
        Some(next)
    })
}

fn box_at(bytes: &[u8], offset: usize) -> Result<BoxAt<'_>> {
    let mut after = bytes;
    let header = Header::decode(&mut after).map_err(malformed)?;
    let size = header.size.unwrap_or(after.len());
    let body = after.get(..size).ok_or_else(|| malformed(format!("{} is cut off", header.kind)))?;
    let whole = &bytes[..bytes.len() - after.remaining() + size];
    Ok(BoxAt { kind: header.kind, offset: offset as u64, whole, body })
}

/// The first child of a kind.
pub(crate) fn find(bytes: &[u8], kind: FourCC) -> Result<BoxAt<'_>> {
    for atom in children(bytes) {
        let atom = atom?;
        if atom.kind == kind {
            return Ok(atom);
        }
    }
    Err(malformed(format!("{kind} is missing")))
}

/// The first child of a type, decoded.
fn child<T: Atom>(bytes: &[u8]) -> Result<T> {
    let found = find(bytes, T::KIND)?;
    T::decode(&mut &*found.whole).map_err(malformed)
}
