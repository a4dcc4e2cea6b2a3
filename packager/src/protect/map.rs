//! Which bytes of a sample are protected.

use super::{av1, avc, hevc};
use crate::{
    cmaf::{Configuration, protection::Subsample, split_avcc},
    malformed,
};
use marquee_core::{
    Result,
    protection::{KEY_BYTES, Scheme},
};

/// Bytes of a unit's length in a sample.
const LENGTH_BYTES: usize = 4;

/// What the samples of a track are, and what of them has to stay in the clear.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// Nothing: all of a sample of sound is protected.
    Whole,
    /// H.264: all but slices, and their headers.
    Avc(avc::Headers),
    /// HEVC: all but slice segments, and their headers.
    Hevc(hevc::Headers),
    /// AV1: all but tiles.
    Av1(Box<av1::Reader>),
}

impl Layout {
    pub(super) fn of_picture(configuration: &Configuration) -> Result<Self> {
        Ok(match configuration {
            Configuration::Avc(sets) => Self::Avc(avc::Headers::new(sets)?),
            Configuration::Hevc(sets) => Self::Hevc(hevc::Headers::new(sets)?),
            Configuration::Av1(header) => Self::Av1(Box::new(av1::Reader::new(header.sequence()?))),
        })
    }

    /// The runs of the next sample of a segment, from its first byte to its last; none if all of it is protected. A segment's samples
    /// are asked for in order, by a layout of its own.
    pub(super) fn map(&mut self, sample: &[u8], scheme: Scheme) -> Result<Vec<Subsample>> {
        let mut map = Map { scheme, runs: Vec::new(), clear_bytes: 0 };
        match self {
            Self::Whole => return Ok(Vec::new()),
            Self::Avc(headers) => units(sample, &mut map, |unit| headers.clear_bytes(unit))?,
            Self::Hevc(headers) => units(sample, &mut map, |unit| headers.clear_bytes(unit))?,
            Self::Av1(reader) => reader.map(sample, &mut map)?,
        }
        Ok(map.finish())
    }
}

fn units(sample: &[u8], map: &mut Map, clear_bytes: impl Fn(&[u8]) -> Result<usize>) -> Result<()> {
    for unit in split_avcc(sample)? {
        let clear_bytes = clear_bytes(unit)?;
        map.clear(LENGTH_BYTES + clear_bytes);
        map.protect(unit.len() - clear_bytes);
    }
    Ok(())
}

/// Runs of a sample as they are found.
pub(super) struct Map {
    scheme: Scheme,
    runs: Vec<Subsample>,
    clear_bytes: usize,
}

impl Map {
    /// The next bytes stay in the clear.
    pub(super) fn clear(&mut self, bytes: usize) {
        self.clear_bytes += bytes;
    }

    /// The next bytes are protected: in `cenc` whole blocks, the last ones (ISO/IEC 23001-7 section 9.5.2).
    pub(super) fn protect(&mut self, bytes: usize) {
        let protected_bytes = match self.scheme {
            Scheme::Cbcs => bytes,
            Scheme::Cenc => bytes - bytes % KEY_BYTES,
        };
        self.clear_bytes += bytes - protected_bytes;
        if protected_bytes > 0 {
            self.close(protected_bytes as u32);
        }
    }

    /// Ends a run; more bytes in the clear than its field holds are runs of their own before it.
    fn close(&mut self, protected_bytes: u32) {
        while let Some(more) = self.clear_bytes.checked_sub(usize::from(u16::MAX)).filter(|more| *more > 0) {
            self.runs.push(Subsample { clear_bytes: u16::MAX, protected_bytes: 0 });
            self.clear_bytes = more;
        }
        self.runs.push(Subsample { clear_bytes: self.clear_bytes as u16, protected_bytes });
        self.clear_bytes = 0;
    }

    fn finish(mut self) -> Vec<Subsample> {
        if self.clear_bytes > 0 {
            self.close(0);
        }
        self.runs
    }
}

/// Calls `change` with each protected run of a sample.
///
/// # Errors
/// `malformed_media` if the runs are more or less than the sample.
pub(super) fn runs(sample: &mut [u8], subsamples: &[Subsample], mut change: impl FnMut(&mut [u8])) -> Result<()> {
    if subsamples.is_empty() {
        change(sample);
        return Ok(());
    }
    let mut rest = sample;
    for subsample in subsamples {
        let clear_bytes = usize::from(subsample.clear_bytes);
        let end = clear_bytes.checked_add(subsample.protected_bytes as usize);
        let (run, after) = end
            .and_then(|end| rest.split_at_mut_checked(end))
            .ok_or_else(|| malformed("a protected run lies outside its sample"))?;
        change(&mut run[clear_bytes..]);
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(malformed("the protected runs are not the whole sample")) }
}
