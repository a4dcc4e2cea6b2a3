//! Every sample, with `--deep`: what the headers promise of it has to be true.

use super::{fragment::Sample, init::Init, report::Report};
use crate::cmaf;
use marquee_core::plan;

/// `nal_unit_type` of what starts decoding, and of parameter sets: H.264 (table 7-1) and H.265 (table 7-1).
const AVC_IDR: [u8; 1] = [5];
const AVC_SETS: [u8; 2] = [7, 8];
const HEVC_IDR: [u8; 2] = [19, 20];
const HEVC_SETS: [u8; 3] = [32, 33, 34];

/// Checks the bytes of a sample, the one with this number in its fragment. Encrypted ones say nothing.
pub(super) fn check(report: &mut Report, path: &str, init: &Init, (index, sample): (usize, &Sample), bytes: &[u8]) {
    let (entry, at) = (&init.entry, sample.offset);
    if entry.protection.is_some() {
        return;
    }
    let (key, repeats) = match &entry.kind {
        b"avc1" | b"avc3" => match units(bytes, entry.length_bytes, |unit| unit[0] & 0x1f) {
            Some(kinds) => (has(&kinds, &AVC_IDR), has(&kinds, &AVC_SETS)),
            None => return report.fail("14496-15 5.3.2", path, broken(at)),
        },
        b"hvc1" | b"hev1" => match units(bytes, entry.length_bytes, |unit| unit[0] >> 1 & 0x3f) {
            Some(kinds) => (has(&kinds, &HEVC_IDR), has(&kinds, &HEVC_SETS)),
            None => return report.fail("14496-15 8.3.2", path, broken(at)),
        },
        b"av01" => {
            let read = |what: fn(plan::Codec, &[u8]) -> marquee_core::Result<bool>| what(plan::Codec::Av1, bytes);
            match (read(cmaf::is_keyframe), read(cmaf::has_what_is_elsewhere)) {
                (Ok(key), Ok(repeats)) => (key, repeats),
                _ => return report.fail("AV1-ISOBMFF 2.4", path, broken(at)),
            }
        }
        b"mp4a" => {
            let adts = bytes.len() > 1 && bytes[0] == 0xff && bytes[1] & 0xf6 == 0xf0;
            report.must(!bytes.is_empty() && !adts, "14496-14 4.1", path, || format!("has no raw frame of AAC at {at}"));
            return;
        }
        _ => return,
    };
    let rule = if index == 0 { "HLS-AUTH 7.4" } else { "14496-12 8.6.2" };
    report.must(key || !sample.sync, rule, path, || format!("says that decoding can start at {at}, where it cannot"));
    let out_of_band = [*b"avc1", *b"hvc1", *b"av01"].contains(&entry.kind);
    report.should(!repeats || !out_of_band, "HLS-AUTH 1.10", path, || format!("repeats what its header has at {at}"));
}

fn broken(at: u64) -> String {
    format!("has a sample at {at} that is not made of whole units")
}

fn has(kinds: &[u8], wanted: &[u8]) -> bool {
    kinds.iter().any(|kind| wanted.contains(kind))
}

/// The types of the units that fill a sample; `None` if they do not.
fn units(sample: &[u8], length_bytes: usize, kind: impl Fn(&[u8]) -> u8) -> Option<Vec<u8>> {
    let (mut kinds, mut rest) = (Vec::new(), sample);
    while !rest.is_empty() {
        let (length, after) = rest.split_at_checked(length_bytes)?;
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        // The highest bit of a unit is never set.
        if unit.first().is_none_or(|first| first & 0x80 != 0) {
            return None;
        }
        kinds.push(kind(unit));
        rest = after;
    }
    (!kinds.is_empty()).then_some(kinds)
}
