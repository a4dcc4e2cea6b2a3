//! Movie fragments (ISO/IEC 23000-19 section 7.3.2, ISO/IEC 14496-12 section 8.8): what a `moof` says of its samples.

use super::{
    boxes::{Fault, Fields, Head, all, children, first, is_ordered, name},
    entry::Media,
    groups::{self, KeyId},
    init::Init,
    report::Report,
    senc::{self, Encryption},
};

/// Samples of one fragment.
const SAMPLES_MAX: usize = 100_000;
/// `sample_is_non_sync_sample`.
const NON_SYNC: u32 = 0x1_0000;
/// `tf_flags` of `tfhd`, and what each field says.
const BASE_DATA_OFFSET: u32 = 1;
const DESCRIPTION_INDEX: u32 = 2;
const DEFAULTS: [u32; 3] = [8, 0x10, 0x20];
const BASE_IS_MOOF: u32 = 0x2_0000;
/// `tr_flags` of `trun`.
const DATA_OFFSET: u32 = 1;
const FIRST_FLAGS: u32 = 4;
const PER_SAMPLE: [u32; 4] = [0x100, 0x200, 0x400, 0x800];

/// One `moof`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Where it begins in its file.
    pub(super) offset: u64,
    /// `sequence_number`.
    pub(super) number: u32,
    /// Decode time of the first sample.
    pub(super) decode_ticks: u64,
    /// In coding order.
    pub(super) samples: Vec<Sample>,
    /// What they are encrypted with; `None` if they are in the clear.
    pub(super) key_id: Option<KeyId>,
    /// How, sample by sample, where it says that.
    pub(super) encryption: Vec<Encryption>,
}

/// A sample's times and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) duration_ticks: u32,
    pub(super) composition_ticks: i64,
    pub(super) sync: bool,
    /// First byte in its file.
    pub(super) offset: u64,
    pub(super) size_bytes: u32,
}

impl Fragment {
    pub(super) fn duration_ticks(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration_ticks)).sum()
    }

    /// Length of the shortest sample that has any.
    pub(super) fn shortest_ticks(&self) -> Option<u64> {
        self.samples.iter().map(|sample| u64::from(sample.duration_ticks)).filter(|ticks| *ticks > 0).min()
    }

    /// Media times at which the samples are shown, in coding order.
    pub(super) fn shown_ticks(&self) -> impl Iterator<Item = i128> {
        self.samples.iter().scan(i128::from(self.decode_ticks), |decoded, sample| {
            let shown = *decoded + i128::from(sample.composition_ticks);
            *decoded += i128::from(sample.duration_ticks);
            Some(shown)
        })
    }

    /// The first and the last byte of its samples.
    pub(super) fn data(&self) -> (u64, u64) {
        let start = self.samples.iter().map(|sample| sample.offset).min().unwrap_or(0);
        let end = self.samples.iter().map(|sample| sample.offset.saturating_add(sample.size_bytes.into())).max();
        (start, end.unwrap_or(0))
    }
}

/// Reads and checks the bytes of a `moof` that begins at `offset` of `path`.
pub(super) fn read(report: &mut Report, path: &str, init: &Init, offset: u64, bytes: &[u8]) -> Result<Fragment, Fault> {
    let head = Head::read(bytes)?;
    let moof = children(bytes.get(head.head_bytes as usize..).unwrap_or_default())?;
    let ordered = is_ordered(&moof, &[*b"mfhd", *b"pssh", *b"traf"]);
    report.must(ordered, "CMAF 7.3.2", path, || "has mfhd and traf in another order".to_owned());
    let number = Fields(first(&moof, b"mfhd")?.body.get(4..).unwrap_or_default()).u32()?;
    let tracks = all(&moof, b"traf");
    report.must(tracks.len() == 1, "HLS-AUTH 2.17", path, || format!("has {} tracks in a fragment", tracks.len()));
    let traf = children(first(&moof, b"traf")?.body)?;
    let order = [*b"tfhd", *b"tfdt", *b"trun", *b"senc", *b"saio", *b"saiz", *b"sbgp", *b"sgpd", *b"subs"];
    // The boxes of encryption and groups may stand in any order after the runs in practice; those of time may not.
    report.must(is_ordered(&traf, &order[..3]), "CMAF 7.3.2", path, || "has tfhd, tfdt and trun in another order".to_owned());
    let defaults = tfhd(report, path, init, first(&traf, b"tfhd")?.body)?;
    for kind in [b"tfhd", b"tfdt"] {
        let count = all(&traf, kind).len();
        report.must(count <= 1, "CMAF 7.3.2", path, || format!("has {count} {} in the fragment at {offset}", name(kind)));
    }
    let Ok(tfdt) = first(&traf, b"tfdt") else {
        report.fail("RFC 8216 3.3", path, format!("has no tfdt in the fragment at {offset}"));
        return Err("a fragment has no time".to_owned());
    };
    let mut fields = Fields(tfdt.body);
    let (version, _) = fields.full()?;
    let decode_ticks = fields.sized(version)?;
    let mut fragment = Fragment { offset, number, decode_ticks, ..Fragment::default() };
    for trun in all(&traf, b"trun") {
        run(report, path, trun.body, &defaults, &mut fragment)?;
    }
    report.must(!fragment.samples.is_empty(), "CMAF 7.3.2.3", path, || format!("has a fragment without samples at {offset}"));
    if let Some(protection) = &init.entry.protection {
        fragment.key_id = groups::key(report, path, &traf, protection, fragment.samples.len())?;
        let has = |kind| first(&traf, kind).is_ok();
        report.must(has(b"senc") || has(b"saiz") && has(b"saio"), "HLS-AUTH 1.38", path, || {
            format!("has neither senc nor saiz and saio in the fragment at {offset}")
        });
        report.should(!has(b"senc") || has(b"saio"), "CMAF 8.2.2.1", path, || {
            format!("has senc without saio in the fragment at {offset}")
        });
        if fragment.key_id.is_some() {
            let is_video = matches!(init.entry.media, Media::Video { .. });
            fragment.encryption = senc::read(report, path, (bytes, &traf), (protection, is_video), &fragment.samples)?;
        }
    }
    Ok(fragment)
}

/// Duration, size and flags of samples that do not say them, and which of these their runs have to say.
struct Defaults {
    values: [u32; 3],
    is_open: [bool; 3],
}

fn tfhd(report: &mut Report, path: &str, init: &Init, body: &[u8]) -> Result<Defaults, Fault> {
    let mut fields = Fields(body);
    let (_, flags) = fields.full()?;
    let track_id = fields.u32()?;
    report.must(track_id == init.track_id, "CMAF 7.5.16", path, || {
        format!("is of track {track_id}, its header of track {}", init.track_id)
    });
    let relative = flags & BASE_IS_MOOF != 0 && flags & BASE_DATA_OFFSET == 0;
    report.must(relative, "CMAF 7.5.16", path, || "does not count its data from its moof".to_owned());
    if flags & BASE_DATA_OFFSET != 0 {
        fields.u64()?;
    }
    let cmf2 = init.brands.contains(b"cmf2");
    let described = flags & DESCRIPTION_INDEX != 0;
    report.must(!cmf2 || described, "CMAF 7.7.3", path, || "tfhd leaves the sample description to the header".to_owned());
    if described {
        let index = fields.u32()?;
        report.must(index == 1, "CMAF 7.5.16", path, || format!("has the sample description {index}"));
    }
    let mut values = init.defaults;
    for (value, flag) in std::iter::zip(&mut values, DEFAULTS) {
        if flags & flag != 0 {
            *value = fields.u32()?;
        }
    }
    Ok(Defaults { values, is_open: DEFAULTS.map(|flag| cmf2 && flags & flag == 0) })
}

fn run(report: &mut Report, path: &str, body: &[u8], defaults: &Defaults, fragment: &mut Fragment) -> Result<(), Fault> {
    let mut fields = Fields(body);
    let (version, flags) = fields.full()?;
    let count = fields.u32()? as usize;
    report.must(version <= 1, "CMAF 7.5.17", path, || format!("has a trun of version {version}"));
    let open = std::iter::zip(PER_SAMPLE, defaults.is_open).any(|(flag, is_open)| is_open && flags & flag == 0);
    report.must(!open, "CMAF 7.7.3", path, || "leaves durations, sizes or flags of samples to the header".to_owned());
    let [duration_ticks, default_bytes, other_flags] = defaults.values;
    report.must(flags & DATA_OFFSET != 0, "CMAF 7.5.17", path, || "has a trun without data-offset-present".to_owned());
    let relative = if flags & DATA_OFFSET != 0 { i64::from(fields.u32()?.cast_signed()) } else { 0 };
    let mut first_flags = if flags & FIRST_FLAGS != 0 { Some(fields.u32()?) } else { None };
    if fragment.samples.len().saturating_add(count) > SAMPLES_MAX {
        return Err(format!("a fragment has more than {SAMPLES_MAX} samples"));
    }
    let mut offset = fragment.offset.checked_add_signed(relative).ok_or("a run's data lies before the file")?;
    for _ in 0..count {
        let mut own = [None; 4];
        for (value, flag) in std::iter::zip(&mut own, PER_SAMPLE) {
            if flags & flag != 0 {
                *value = Some(fields.u32()?);
            }
        }
        let [duration, size, sample_flags, composition] = own;
        let size_bytes = size.unwrap_or(default_bytes);
        let sample_flags = first_flags.take().or(sample_flags).unwrap_or(other_flags);
        let composition = composition.unwrap_or(0);
        fragment.samples.push(Sample {
            duration_ticks: duration.unwrap_or(duration_ticks),
            composition_ticks: if version == 0 { composition.into() } else { composition.cast_signed().into() },
            sync: sample_flags & NON_SYNC == 0,
            offset,
            size_bytes,
        });
        offset = offset.checked_add(size_bytes.into()).ok_or("a run's data has no end")?;
    }
    Ok(())
}
