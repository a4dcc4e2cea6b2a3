//! Every sample, with `--deep`: what the headers promise of it has to be true.

use super::{fragment::Sample, hdr, init::Init, report::Report, senc::Encryption};
use crate::{bits::Bits, cmaf};
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
        b"hvc1" | b"hev1" => match units(bytes, entry.length_bytes, |unit| {
            let bright = hdr::is_brightness(unit);
            report.should(!bright, "HLS-AUTH 1.8", path, || format!("says in the sample at {at} how bright pictures are"));
            unit[0] >> 1 & 0x3f
        }) {
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
        b"ac-3" | b"ec-3" => {
            // Where a box says it, the box counts.
            let said = init.loudness.is_some() || dialnorm(bytes).is_none_or(|level| level > 0);
            report.should(said, "HLS-AUTH 2.20", path, || format!("says in neither ludt nor dialnorm at {at} how loud it is"));
            return;
        }
        _ => return,
    };
    let rule = if index == 0 { "HLS-AUTH 7.4" } else { "14496-12 8.6.2" };
    report.must(key || !sample.sync, rule, path, || format!("says that decoding can start at {at}, where it cannot"));
    let out_of_band = [*b"avc1", *b"hvc1", *b"av01"].contains(&entry.kind);
    report.should(!repeats || !out_of_band, "HLS-AUTH 1.10", path, || format!("repeats what its header has at {at}"));
}

/// Of pictures in units, the length and the first byte of each is in the clear: decoders find the units before they decrypt them.
pub(super) fn clear(report: &mut Report, path: &str, init: &Init, (sample, encryption): (&Sample, &Encryption), bytes: &[u8]) {
    let length_bytes = init.entry.length_bytes;
    if length_bytes == 0 {
        return;
    }
    let mut ranges = Vec::new();
    let mut from = 0_usize;
    for (clear, protected) in &encryption.subsamples {
        let to = from + usize::from(*clear);
        ranges.push(from..to);
        from = to.saturating_add(*protected as usize);
    }
    let (mut at, mut all) = (0_usize, true);
    while all && at < bytes.len() {
        let head = at..at.saturating_add(length_bytes + 1);
        all = ranges.iter().any(|range| range.start <= head.start && head.end <= range.end);
        let length = bytes.get(at..at.saturating_add(length_bytes)).unwrap_or_default();
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        at = at.saturating_add(length_bytes).saturating_add(length);
    }
    report
        .must(all, "CENC 9.5", path, || format!("encrypts the length or the head of a unit in the sample at {}", sample.offset));
}

/// `dialnorm` of a frame of AC-3 or E-AC-3 (ETSI TS 102 366 sections 4.4.2 and annex E.1.3): 1 to 31, and 0 is reserved. `None` if it is no
/// such frame.
fn dialnorm(frame: &[u8]) -> Option<u32> {
    let mut bits = Bits::new(frame.strip_prefix(&[0x0b, 0x77])?);
    let mut take = |count| bits.take(count).ok();
    // `bsid` is at the same place in both.
    let bsid = frame.get(5)? >> 3;
    if bsid > 10 {
        // Type, number, size, rate and blocks; then the mode, low frequencies and the version.
        take(2 + 3 + 11)?;
        take(2 + 2)?;
        take(3 + 1)?;
        take(5)?;
    } else {
        // Checksum, rate and size; then version, kind and mode, what some modes have, and low frequencies.
        take(16 + 2 + 6)?;
        take(5 + 3)?;
        let mode = take(3)?;
        let more = [mode & 1 == 1 && mode != 1, mode & 4 != 0, mode == 2];
        take(2 * more.into_iter().filter(|there| *there).count() as u32 + 1)?;
    }
    take(5)
}

fn broken(at: u64) -> String {
    format!("has a sample at {at} that is not made of whole units")
}

fn has(kinds: &[u8], wanted: &[u8]) -> bool {
    kinds.iter().any(|kind| wanted.contains(kind))
}

/// The types of the units that fill a sample; `None` if they do not.
fn units(sample: &[u8], length_bytes: usize, mut kind: impl FnMut(&[u8]) -> u8) -> Option<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{entry::Entry, loudness::Said};

    #[test]
    fn frames_of_dolby_say_how_loud_they_are() {
        // Stereo and 5.1 of AC-3, then stereo of E-AC-3, field by field.
        assert_eq!(dialnorm(&[0x0b, 0x77, 0x12, 0x34, 0x1e, 0x40, 0x43, 0x60]), Some(27));
        assert_eq!(dialnorm(&[0x0b, 0x77, 0x12, 0x34, 0x1e, 0x40, 0xe1, 0xd8]), Some(27));
        assert_eq!(dialnorm(&[0x0b, 0x77, 0x00, 0xff, 0x34, 0x86, 0xc0]), Some(27));
        assert_eq!(dialnorm(&[0x0b, 0x77, 0x00, 0xff, 0x34, 0x80, 0x00]), Some(0));
        assert_eq!((dialnorm(&[0x0b, 0x77, 0]), dialnorm(b"others")), (None, None));
    }

    #[test]
    fn samples_leave_to_their_header_what_it_says() {
        let init = |kind: &[u8; 4], length_bytes| Init {
            brands: Vec::new(),
            track_id: 1,
            timescale: 1000,
            language: "und".to_owned(),
            edit_ticks: 0,
            entry: Entry { kind: *kind, length_bytes, ..Entry::default() },
            loudness: None,
            defaults: [0; 3],
        };
        let sample = Sample { duration_ticks: 1, composition_ticks: 0, sync: true, offset: 0, size_bytes: 9 };
        let found = |init: &Init, bytes: &[u8]| {
            let mut report = Report::default();
            check(&mut report, "1.m4s", init, (0, &sample), bytes);
            report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect::<Vec<_>>()
        };
        let hevc = init(b"hvc1", 1);
        assert_eq!(found(&hevc, &[4, 39 << 1, 1, 144, 4, 3, 19 << 1, 1, 7]), ["HLS-AUTH 1.8"], "content light level");
        assert_eq!(found(&hevc, &[4, 39 << 1, 1, 1, 4, 3, 19 << 1, 1, 7]), [""; 0], "times of pictures");
        let silent = [0x0b, 0x77, 0x00, 0xff, 0x34, 0x80, 0x00];
        assert_eq!(found(&init(b"ec-3", 0), &silent), ["HLS-AUTH 2.20"]);
        assert_eq!(found(&Init { loudness: Some(Said::default()), ..init(b"ec-3", 0) }, &silent), [""; 0]);
    }
}
