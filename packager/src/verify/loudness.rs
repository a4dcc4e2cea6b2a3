//! How loud a track says that it is: `ludt` in its user data (ISO/IEC 14496-12 section 12.2.7; HLS-AUTH 2.18 to 2.23).

use super::{
    boxes::{Atom, Fault, Fields, all, children, first},
    entry::Media,
    report::Report,
    track::Track,
};

/// `method_definition` of the loudness of all that is heard, and of what is said.
const PROGRAM: u8 = 1;
const ANCHOR: u8 = 2;
/// `measurement_system`: ITU-R BS.1770-4.
const BS_1770: u8 = 2;
/// How the loudness and true peaks are coded (ISO/IEC 23003-4).
const LKFS_MIN: f64 = -57.75;
const LKFS_STEP: f64 = 0.25;
const DBTP_MAX: f64 = 20.0;
const DBTP_STEP: f64 = 1.0 / 32.0;
/// By how much sound may be louder than its peak: five channels that are nothing but peaks are, with weights of behind, 9 dB.
const LOUDER_DB: f64 = 9.0;
/// Tracks that differ by less are equally loud (EBU R 128), in LU.
const ALIKE_LU: f64 = 2.0;
/// What is said, in a box.
const ENTRIES_MAX: usize = 64;

/// What a track says of its loudness.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    /// Loudness of all that is heard or of what is said, of the sound as it is, in LKFS.
    pub(super) lkfs: Vec<f64>,
    /// What no true peak exceeds, in dBTP.
    peak_dbtp: Option<f64>,
    /// Whether a peak is said at all, and all is measured as Apple's players expect.
    is_complete: bool,
}

/// Reads the user data of a track; `None` if it does not say how loud it is.
///
/// # Errors
/// What keeps its box from being read.
pub(super) fn read(udta: &[u8]) -> Result<Option<Said>, Fault> {
    let inside = children(udta)?;
    let Ok(ludt) = first(&inside, b"ludt") else { return Ok(None) };
    let mut said = Said { is_complete: true, ..Said::default() };
    let boxes = all(&children(ludt.body)?, b"tlou");
    for tlou in &boxes {
        track(tlou, &mut said)?;
    }
    said.is_complete &= !said.lkfs.is_empty();
    Ok(Some(said))
}

fn track(tlou: &Atom<'_>, said: &mut Said) -> Result<(), Fault> {
    let mut fields = Fields(tlou.body);
    let (version, _) = fields.full()?;
    let mut entries = 1;
    if version >= 1 {
        let kind_and_count = fields.u8()?;
        // Of audio scenes with parts a box says which ones are meant.
        if kind_and_count >> 6 != 0 {
            return Ok(());
        }
        entries = kind_and_count & 0x3f;
    }
    for _ in 0..entries {
        let equalised = version >= 1 && fields.u8()? & 0x3f != 0;
        let changed = fields.u16()? & 0x1fff != 0;
        let peaks = fields.u32()?;
        let (sample_peak, true_peak) = (peaks >> 20, peaks >> 8 & 0xfff);
        for _ in 0..fields.u8()? {
            let (method, value, system) = (fields.u8()?, fields.u8()?, fields.u8()? >> 4);
            if equalised || changed || ![PROGRAM, ANCHOR].contains(&method) {
                continue;
            }
            if said.lkfs.len() >= ENTRIES_MAX {
                return Err(format!("tlou says more than {ENTRIES_MAX} times how loud it is"));
            }
            said.lkfs.push(LKFS_MIN + LKFS_STEP * f64::from(value));
            said.is_complete &= system == BS_1770 && (sample_peak, true_peak) != (0, 0);
            said.peak_dbtp = (true_peak != 0).then(|| DBTP_MAX - DBTP_STEP * f64::from(true_peak));
        }
    }
    Ok(())
}

/// What is said can be true, as far as that is seen without hearing it.
pub(super) fn check(report: &mut Report, path: &str, said: &Said) {
    // A must where it stands in the sound itself (HLS-AUTH 2.21 and 2.22); the box comes before that.
    report.should(said.is_complete, "HLS-AUTH 2.21", path, || {
        "does not say program or anchor loudness by BS.1770-4, with a peak, in its ludt box".to_owned()
    });
    let loudest = said.lkfs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let softest = said.lkfs.iter().copied().fold(f64::INFINITY, f64::min);
    if let Some(peak_dbtp) = said.peak_dbtp {
        report.must(loudest <= peak_dbtp + LOUDER_DB, "HLS-AUTH 2.23", path, || {
            format!("says that it is at {loudest} LKFS with a true peak of {peak_dbtp} dBTP: no sound is")
        });
    }
    // What is said is a part of all.
    report.must(loudest - softest <= 60.0 || said.lkfs.is_empty(), "HLS-AUTH 2.23", path, || {
        format!("says that it is at {softest} and at {loudest} LKFS")
    });
}

/// A title is as loud in one language as in another, or says that it is not.
pub(super) fn across(report: &mut Report, path: &str, tracks: &[Track]) {
    let sounds = tracks.iter().filter_map(|track| track.init.as_ref());
    let sounds = sounds.filter(|init| matches!(init.entry.media, Media::Audio { .. }));
    let levels: Vec<_> = sounds.map(|init| init.loudness.as_ref().and_then(|said| said.lkfs.first().copied())).collect();
    let said: Vec<f64> = levels.iter().flatten().copied().collect();
    // Of what says nothing nobody knows that it is as loud as what does.
    report.should(said.is_empty() || said.len() == levels.len(), "HLS-AUTH 2.18", path, || {
        format!("{} of {} tracks of sound say how loud they are", said.len(), levels.len())
    });
    let (loudest, softest) = said.iter().fold((f64::MIN, f64::MAX), |(most, least), lkfs| (lkfs.max(most), lkfs.min(least)));
    report.should(said.is_empty() || loudest - softest <= ALIKE_LU, "HLS-AUTH 2.18", path, || {
        format!("has sound at {loudest} LKFS and at {softest}: players that do not read loudness jump")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmaf::Loudness;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    fn udta(tlou: &[u8]) -> Vec<u8> {
        boxed(b"ludt", &boxed(b"tlou", tlou))
    }

    fn found(said: &Said) -> Vec<String> {
        let mut report = Report::default();
        check(&mut report, "init.mp4", said);
        report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }

    #[test]
    fn what_our_writer_says_is_read_back() {
        let loudness = Loudness { lkfs: Some(-24.1), is_whole: true, true_peak_max_dbtp: -2.0 };
        let written = loudness.user_data().unwrap();
        let said = read(&written[8..]).unwrap().unwrap();
        assert_eq!(said, Said { lkfs: vec![-24.0], peak_dbtp: Some(-2.0), is_complete: true });
        assert_eq!(found(&said), Vec::<String>::new());
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&boxed(b"cprt", b"")).unwrap(), None);
    }

    #[test]
    fn later_versions_say_more_of_which_the_sound_as_it_is_counts() {
        let entry = |changed: u8, value: u8| [&[0, 0, changed, 0, 0x02, 0xc0, 0x22, 1, 1, value, 0x23][..]].concat();
        let both = [&[1, 0, 0, 0, 2][..], &entry(1, 200), &entry(0, 135)].concat();
        assert_eq!(read(&udta(&both)).unwrap().unwrap().lkfs, [-24.0]);
        let scene = [&[1, 0, 0, 0, 0x42][..], &entry(0, 135)].concat();
        assert_eq!(read(&udta(&scene)).unwrap().unwrap().lkfs, [0.0; 0]);
    }

    #[test]
    fn what_cannot_be_is_found() {
        let said = |body: &[u8]| read(&udta(body)).unwrap().unwrap();
        for (body, rules) in [
            // By another measure, and without a peak.
            (&[0, 0, 0, 0, 0, 0, 0, 0x02, 0xc0, 0x22, 1, 1, 135, 0x43][..], &["HLS-AUTH 2.21"][..]),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0x22, 1, 1, 135, 0x23], &["HLS-AUTH 2.21"]),
            (&[0, 0, 0, 0, 0, 0, 0, 0x02, 0xc0, 0x22, 0], &["HLS-AUTH 2.21"]),
            // Louder than its peak, and with two loudnesses.
            (&[0, 0, 0, 0, 0, 0, 0, 0x05, 0xc0, 0x22, 1, 1, 231, 0x23], &["HLS-AUTH 2.23"]),
            (&[0, 0, 0, 0, 0, 0, 0, 0x02, 0xc0, 0x22, 2, 1, 0, 0x23, 1, 255, 0x23], &["HLS-AUTH 2.23"]),
        ] {
            assert_eq!(found(&said(body)), rules, "{body:?}");
        }
        let whole = [0, 0, 0, 0, 0, 0, 0, 0x02, 0xc0, 0x22, 1, 1, 135, 0x23];
        for length in 0..whole.len() {
            assert!(read(&udta(&whole[..length])).is_err(), "{length}");
        }
    }
}
