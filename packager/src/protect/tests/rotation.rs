//! Tracks whose keys change.

use super::{
    super::{Protector, boxes},
    *,
};
use crate::cmaf::{MediaSegment, Protection, seig};
use bytes::Bytes;
use marquee_core::protection::ContentKeys;
use std::num::NonZeroU32;

/// Keys change after every second segment.
fn choice(scheme: Scheme) -> Choice {
    Choice { scheme, rotation_segments: NonZeroU32::new(2), ..Choice::default() }
}

fn rotating(init: &[u8], scheme: Scheme) -> Protector {
    let choice = choice(scheme);
    Protector::new(init, scheme, &key().of_period(choice, 0), "v/180p").unwrap().rotating(choice, &key())
}

/// Boxes of groups in a segment.
fn groups(segment: &MediaSegment) -> usize {
    segment.bytes.windows(4).filter(|kind| *kind == b"sgpd" || *kind == b"sbgp").count()
}

#[test]
fn keys_of_crypto_periods_open_what_they_closed() {
    let keys = ContentKeys(vec![(KeyUse::All, key())]);
    for (init, clear) in tracks() {
        for scheme in SCHEMES {
            let choice = choice(scheme);
            let protector = rotating(&init, scheme);
            let segment = |number| protector.segment(number, &clear.bytes).unwrap();
            let fixed = Protector::new(&init, scheme, &key().of_period(choice, 0), "v/180p").unwrap();
            assert_eq!((protector.init(), segment(2)), (fixed.init(), fixed.segment(2, &clear.bytes).unwrap()), "as without");
            let fragments = read::segment(&clear.bytes).unwrap().len();
            assert_eq!((groups(&segment(2)), groups(&segment(3))), (0, 2 * fragments));
            let opener = Opener::with_keys(protector.init(), &keys.of_periods(choice, 5)).unwrap();
            assert_eq!(opener.init(), &init);
            for number in 1..=5 {
                assert_eq!(opener.segment(&segment(number).bytes).unwrap(), clear, "{scheme:?} {number}");
            }
            let poor = Opener::with_keys(protector.init(), &keys.of_periods(choice, 2)).unwrap();
            let refused = poor.segment(&segment(3).bytes).unwrap_err();
            assert!(refused.detail().contains(&key().of_period(choice, 1).id.to_string()), "{refused:?}");
        }
    }
}

#[test]
fn the_gate_knows_which_key_each_segment_has() {
    let (init, clear) = picture(Codec::H264);
    let rendition = rendition(&init);
    for scheme in SCHEMES {
        let protector = rotating(&init, scheme);
        let names = vec![KeyName::new(KeyUse::All, &key())];
        let protected = Protected { choice: choice(scheme), names, systems: Vec::new() };
        assert_eq!(gate::check_protected_init(Some(&protected), &rendition, protector.init()), []);
        let found = |as_number, number| {
            let bytes: Bytes = protector.segment(number, &clear.bytes).unwrap().bytes;
            let findings = gate::check_protected_segment(Some(&protected), &rendition, as_number, &bytes);
            findings.into_iter().map(|finding| finding.rule.into_owned()).collect::<Vec<_>>()
        };
        for number in 1..=5 {
            assert_eq!(found(number, number), [""; 0], "{scheme:?} {number}");
        }
        assert_eq!(
            (found(3, 2), found(2, 3), found(3, 5)),
            (vec!["CENC 6".into()], vec!["CENC 6".into()], vec!["CENC 6".into()])
        );
    }
}

/// A track that says how its samples are protected, and leaves them as they are: for tests whose samples are nothing that could be.
pub(crate) struct Marker {
    choice: Choice,
    base: ContentKey,
    is_sound: bool,
}

impl Protector {
    /// See [`Marker`].
    pub(crate) fn marker(choice: Choice, base: &ContentKey, is_sound: bool) -> Marker {
        Marker { choice, base: base.clone(), is_sound }
    }
}

impl Marker {
    fn protection(&self, period: u32) -> Protection {
        let (key, scheme) = (self.base.of_period(self.choice, period), self.choice.scheme);
        let is_cbcs = scheme == Scheme::Cbcs;
        let pattern = if is_cbcs && !self.is_sound { (1, 9) } else { (0, 0) };
        Protection { scheme, key_id: key.id, constant_iv: is_cbcs.then_some(key.iv), pattern }
    }

    pub(crate) fn init(&self, clear: &[u8]) -> Bytes {
        boxes::protected_init(clear, &self.protection(0), &[], self.is_sound).unwrap().into()
    }

    pub(crate) fn segment(&self, number: u32, clear: &[u8]) -> Bytes {
        let (period, mut fragments) = (self.choice.period_of(number), read::segment(clear).unwrap().into_iter());
        let mut out = Vec::new();
        for atom in read::children(clear).map(Result::unwrap) {
            if atom.kind != mp4_atom::FourCC::new(b"moof") {
                out.extend_from_slice(atom.whole);
                continue;
            }
            let count = fragments.next().unwrap().samples.len();
            let sample = SampleProtection { iv: (self.choice.scheme == Scheme::Cenc).then_some([7; 8]), subsamples: Vec::new() };
            let mut added = Vec::new();
            protection::encode(&vec![sample; count], boxes::end_of_traf(&atom).unwrap(), &mut added).unwrap();
            if period > 0 {
                seig::encode(&self.protection(period), count, &mut added).unwrap();
            }
            boxes::with_protection(&atom, &added, &mut out).unwrap();
        }
        out.into()
    }
}
