//! What a fragment says of how its samples are encrypted (ISO/IEC 23001-7 section 7): vectors, and which bytes are in the clear.

use super::{
    boxes::{Atom, Fault, Fields, all, first},
    entry::Protection,
    fragment::Sample,
    report::Report,
};
use std::collections::BTreeSet;

/// `flags` of `senc`: that subsamples are listed.
const SUBSAMPLES: u32 = 2;
/// Bytes of a block of AES.
const BLOCK_BYTES: u32 = 16;

/// An initialization vector; one of eight bytes is the first half (section 9.2).
pub(super) type Vector = [u8; 16];

/// How one sample is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encryption {
    /// Its own vector.
    vector: Option<Vector>,
    /// Bytes in the clear, then encrypted ones, in turn; nothing if it is encrypted as a whole.
    pub(super) subsamples: Vec<(u16, u32)>,
}

/// Reads and checks the `senc` of a `traf`, whose `moof` has these bytes from its start on. Nothing if there is none.
///
/// # Errors
/// What keeps it from being read.
pub(super) fn read(
    report: &mut Report,
    path: &str,
    (moof, traf): (&[u8], &[Atom<'_>]),
    (protection, is_video): (&Protection, bool),
    samples: &[Sample],
) -> Result<Vec<Encryption>, Fault> {
    let Ok(senc) = first(traf, b"senc") else { return Ok(Vec::new()) };
    let mut fields = Fields(senc.body);
    let (_, flags) = fields.full()?;
    let count = fields.u32()? as usize;
    report.must(count == samples.len(), "CENC 7.2", path, || format!("senc is about {count} samples of {}", samples.len()));
    let (listed, mut all, mut sizes) = (fields.0, Vec::new(), Vec::new());
    for _ in 0..count.min(samples.len()) {
        let before = fields.0.len();
        all.push(one(&mut fields, protection.iv_bytes, flags & SUBSAMPLES != 0)?);
        sizes.push(before - fields.0.len());
    }
    report.must(fields.0.is_empty(), "CENC 7.2", path, || "senc is longer than what it says".to_owned());
    for (sample, encryption) in std::iter::zip(samples, &all) {
        cut(report, path, sample, encryption, is_video && &protection.scheme == b"cenc");
    }
    let vectors: Vec<_> = all.iter().filter_map(|encryption| encryption.vector).collect();
    let distinct = vectors.iter().collect::<BTreeSet<_>>().len();
    report.must(distinct == vectors.len(), "CENC 9.2", path, || "has samples with the same initialization vector".to_owned());
    auxiliary(report, path, (moof, traf), protection, (listed, &sizes))?;
    Ok(all)
}

fn one(fields: &mut Fields<'_>, iv_bytes: u8, cut: bool) -> Result<Encryption, Fault> {
    let mut encryption = Encryption::default();
    if iv_bytes > 0 {
        let bytes = fields.bytes(iv_bytes.into())?;
        let mut vector = Vector::default();
        vector.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        encryption.vector = Some(vector);
    }
    if cut {
        for _ in 0..fields.u16()? {
            encryption.subsamples.push((fields.u16()?, fields.u32()?));
        }
    }
    Ok(encryption)
}

/// Subsamples fill their sample; those of pictures in counter mode have whole blocks.
fn cut(report: &mut Report, path: &str, sample: &Sample, encryption: &Encryption, in_blocks: bool) {
    let subsamples = &encryption.subsamples;
    let sum: u64 = subsamples.iter().map(|(clear, protected)| u64::from(*clear) + u64::from(*protected)).sum();
    report.must(subsamples.is_empty() || sum == u64::from(sample.size_bytes), "CENC 9.5", path, || {
        format!("has subsamples of {sum} bytes in the sample of {} at {}", sample.size_bytes, sample.offset)
    });
    let whole = subsamples.iter().all(|(_, protected)| protected.is_multiple_of(BLOCK_BYTES));
    // Decoders in hardware that take whole blocks alone are why; others go on.
    report.should(!in_blocks || whole, "CENC 10.1", path, || {
        format!("encrypts in the sample at {} what is not a multiple of {BLOCK_BYTES} bytes", sample.offset)
    });
}

/// Readers that do not know `senc` are told by `saiz` and `saio` where the same is, and how long (section 7.1).
fn auxiliary(
    report: &mut Report,
    path: &str,
    (moof, traf): (&[u8], &[Atom<'_>]),
    protection: &Protection,
    (listed, sizes): (&[u8], &[usize]),
) -> Result<(), Fault> {
    // Of sound that is encrypted as a whole with the vector of its track there is nothing to say.
    if sizes.iter().all(|size| *size == 0) {
        return Ok(());
    }
    for saiz in all(traf, b"saiz") {
        let mut fields = Fields(saiz.body);
        if !is_of_encryption(report, path, &mut fields, protection)? {
            continue;
        }
        let (same, count) = (usize::from(fields.u8()?), fields.u32()? as usize);
        let said: Vec<_> =
            if same == 0 { fields.0.iter().map(|size| usize::from(*size)).collect() } else { vec![same; sizes.len()] };
        report.must(count == sizes.len() && said == sizes, "CENC 7.1", path, || "saiz has not the sizes of senc".to_owned());
    }
    for saio in all(traf, b"saio") {
        let mut fields = Fields(saio.body);
        let version = Fields(saio.body).full()?.0;
        if !is_of_encryption(report, path, &mut fields, protection)? {
            continue;
        }
        let count = fields.u32()?;
        report.must(count == 1, "CMAF 8.2.2.1", path, || format!("saio has {count} entries"));
        let offset = usize::try_from(fields.sized(version)?).unwrap_or(usize::MAX);
        let there = moof.get(offset..).is_some_and(|from| from.starts_with(listed));
        report.must(there, "CENC 7.1", path, || format!("saio points to {offset}, where senc does not list its samples"));
    }
    Ok(())
}

/// Whether auxiliary information is about encryption: it may say so, and it is if it says nothing.
fn is_of_encryption(report: &mut Report, path: &str, fields: &mut Fields<'_>, protection: &Protection) -> Result<bool, Fault> {
    if fields.full()?.1 & 1 == 0 {
        return Ok(true);
    }
    let kind = fields.kind()?;
    fields.u32()?;
    let known = kind == *b"cenc" || kind == protection.scheme;
    report.must(known, "CMAF 8.2.2.1", path, || format!("has auxiliary information of the type {}", kind.escape_ascii()));
    Ok(known)
}

/// The vector of the first sample that has one.
pub(super) fn first_vector(all: &[Encryption]) -> Option<Vector> {
    all.iter().find_map(|encryption| encryption.vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auxiliary_information_is_one_list_about_encryption() {
        let protection = Protection { scheme: *b"cbcs", iv_bytes: 8, ..Protection::default() };
        let sample = Sample { duration_ticks: 1, composition_ticks: 0, sync: true, offset: 0, size_bytes: 9 };
        let senc = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[7; 8]].concat();
        let found = |kind: &[u8], count: u8| {
            let flags = u8::from(!kind.is_empty());
            let parameter: &[u8] = if kind.is_empty() { &[] } else { &[0; 4] };
            let saio = [&[0, 0, 0, flags][..], kind, parameter, &[0, 0, 0, count], &[0, 0, 0, 3]].concat();
            let traf = [Atom { kind: *b"senc", body: &senc }, Atom { kind: *b"saio", body: &saio }];
            let moof = [&[1, 2, 3][..], &[7; 8]].concat();
            let mut report = Report::default();
            read(&mut report, "1.m4s", (&moof, &traf), (&protection, false), &[sample]).unwrap();
            report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect::<Vec<_>>()
        };
        for good in [&b""[..], b"cenc", b"cbcs"] {
            assert_eq!(found(good, 1), Vec::<String>::new(), "{good:?}");
        }
        assert_eq!(found(b"abcd", 1), ["CMAF 8.2.2.1"]);
        assert_eq!(found(b"", 2), ["CMAF 8.2.2.1"]);
    }
}
