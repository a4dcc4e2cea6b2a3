//! Rules of Common Encryption, vectors, and hostile bytes.

mod hostile;
mod rotation;
mod samples;

use super::{Opener, map::runs};
use crate::{
    cmaf::{
        protection::{self, SampleProtection, Subsample},
        read,
    },
    gate,
    model::{Media, Rendition},
};
use marquee_core::{
    plan::Codec,
    protection::{Choice, ContentKey, KeyName, KeyPolicy, KeyUse, Protected, Scheme},
    source::Ratio,
};
use samples::{key, layout, picture, protector, samples, sound, tracks};
use uuid::Uuid;

const SCHEMES: [Scheme; 2] = [Scheme::Cbcs, Scheme::Cenc];

/// The box of a kind that occurs once, from its size on.
fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    let at = bytes.windows(4).position(|window| window == kind).unwrap() - 4;
    let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    &bytes[at..at + size]
}

/// Bytes in the clear and protected, run by run.
fn map(codec: Codec, scheme: Scheme) -> Vec<Vec<(u16, u32)>> {
    let mut layout = layout(codec);
    let map = |sample: Vec<u8>| {
        let runs = layout.map(&sample, scheme).unwrap();
        assert_eq!(
            runs.iter().map(|run| u64::from(run.clear_bytes) + u64::from(run.protected_bytes)).sum::<u64>(),
            sample.len() as u64
        );
        runs.iter().map(|run| (run.clear_bytes, run.protected_bytes)).collect()
    };
    samples(codec).into_iter().map(map).collect()
}

#[test]
fn headers_stay_in_the_clear() {
    // As another packager maps the films that these are of. Of HEVC with entry points into each row of blocks.
    assert_eq!(map(Codec::H264, Scheme::Cbcs), [[(9, 411)], [(9, 411)], [(10, 410)]]);
    assert_eq!(map(Codec::Hevc, Scheme::Cbcs), [[(23, 411)], [(27, 407)], [(26, 408)]]);
    let frames = vec![(29, 399), (25, 399), (28, 396), (26, 397)];
    assert_eq!(map(Codec::Av1, Scheme::Cbcs), [vec![(34, 406)], frames, vec![(3, 0)]]);
}

#[test]
fn in_counter_mode_the_last_whole_blocks_are_protected() {
    assert_eq!(map(Codec::H264, Scheme::Cenc), [[(20, 400)], [(20, 400)], [(20, 400)]]);
    assert_eq!(map(Codec::Hevc, Scheme::Cenc), [[(34, 400)], [(34, 400)], [(34, 400)]]);
    let frames = vec![(44, 384), (40, 384), (40, 384), (39, 384)];
    assert_eq!(map(Codec::Av1, Scheme::Cenc), [vec![(40, 400)], frames, vec![(3, 0)]]);
}

#[test]
fn what_is_long_and_clear_is_several_runs() {
    // A message of 200 000 bytes before the slice.
    let mut sample = [&200_000_u32.to_be_bytes()[..], &[6], &[0x55; 199_999]].concat();
    sample.extend(&samples(Codec::H264)[0]);
    let runs = layout(Codec::H264).map(&sample, Scheme::Cbcs).unwrap();
    let clear: Vec<_> = runs.iter().map(|run| run.clear_bytes).collect();
    assert_eq!(clear, [65_535, 65_535, 65_535, (200_004 - 3 * 65_535 + 9) as u16]);
    assert_eq!(runs.iter().map(|run| run.protected_bytes).collect::<Vec<_>>(), [0, 0, 0, 411]);
    let only = layout(Codec::H264).map(&sample[..200_004], Scheme::Cbcs).unwrap();
    assert_eq!(only.last(), Some(&Subsample { clear_bytes: (200_004 - 3 * 65_535) as u16, protected_bytes: 0 }));
}

#[test]
fn a_sample_entry_says_how_the_track_is_protected() {
    let (id, iv) = (key().id, key().iv);
    let sinf = |format: &[u8], scheme: &[u8], tenc: &[u8]| {
        let tenc = [&(tenc.len() as u32 + 8).to_be_bytes(), &b"tenc"[..], tenc].concat();
        let schi = [&(tenc.len() as u32 + 8).to_be_bytes(), &b"schi"[..], &tenc].concat();
        let inner = [b"\0\0\0\x0cfrma", format, b"\0\0\0\x14schm\0\0\0\0", scheme, b"\0\x01\0\0", &schi].concat();
        [&(inner.len() as u32 + 8).to_be_bytes(), &b"sinf"[..], &inner].concat()
    };
    let constant = [id.as_bytes(), &[16][..], &iv].concat();
    let cases: [(_, _, &[u8; 4], Vec<u8>); 3] = [
        (
            picture(Codec::H264).0,
            Scheme::Cbcs,
            b"encv",
            sinf(b"avc1", b"cbcs", &[&[1, 0, 0, 0, 0, 0x19, 1, 0], &constant[..]].concat()),
        ),
        (sound().0, Scheme::Cbcs, b"enca", sinf(b"mp4a", b"cbcs", &[&[1, 0, 0, 0, 0, 0, 1, 0], &constant[..]].concat())),
        (
            picture(Codec::Hevc).0,
            Scheme::Cenc,
            b"encv",
            sinf(b"hvc1", b"cenc", &[&[0, 0, 0, 0, 0, 0, 1, 8], &id.as_bytes()[..]].concat()),
        ),
    ];
    for (clear, scheme, entry, expected) in cases {
        let protected = protector(&clear, scheme).init().clone();
        assert!(find(&protected, entry).ends_with(&expected), "{}", find(&protected, entry).escape_ascii());
        assert!(find(&protected, b"moov").ends_with(find(&protected, b"pssh")), "after mvex");
        let (before, after) = (read::init(&clear).unwrap(), read::init(&protected).unwrap());
        let protection = after.protection.clone().unwrap();
        assert_eq!((protection.scheme, protection.key_id), (scheme, id));
        assert_eq!(read::Init { protection: None, ..after }, before);
        assert_eq!(Opener::new(&protected, &key().secret).unwrap().init(), &clear);
    }
}

#[test]
fn a_fragment_says_how_its_samples_are_protected() {
    let (init, clear) = picture(Codec::H264);
    let protected = protector(&init, Scheme::Cbcs).segment(1, &clear.bytes).unwrap();
    let moof = find(&protected.bytes, b"moof");
    let senc = b"\0\0\0\x28senc\0\0\0\x02\0\0\0\x03\0\x01\0\x09\0\0\x01\x9b\0\x01\0\x09\0\0\x01\x9b\0\x01\0\x0a\0\0\x01\x9a";
    let saiz = b"\0\0\0\x11saiz\0\0\0\0\x08\0\0\0\x03";
    assert_eq!(find(moof, b"senc"), senc);
    assert!(moof.ends_with(&[find(moof, b"senc"), find(moof, b"saio"), saiz].concat()), "in CMAF's order, at the end of traf");
    let offset = u32::from_be_bytes(find(moof, b"saio")[16..].try_into().unwrap()) as usize;
    assert!(moof[offset..].starts_with(&senc[16..]));
    assert_eq!(protected.bytes.len(), clear.bytes.len() + senc.len() + 20 + saiz.len());
    assert_eq!(protected.iframes[0].offset_bytes, clear.iframes[0].offset_bytes);
    assert_eq!(protected.iframes[0].size_bytes, clear.iframes[0].size_bytes + (senc.len() + 20 + saiz.len()) as u64);
    assert_eq!(protected.duration_ticks, clear.duration_ticks);

    // Of sound there is nothing to say but that it is protected: three samples of which nothing is told, at the end of `senc`.
    let (init, clear) = sound();
    let protected = protector(&init, Scheme::Cbcs).segment(1, &clear.bytes).unwrap();
    let moof = find(&protected.bytes, b"moof");
    let (senc, saiz) = (b"\0\0\0\x10senc\0\0\0\0\0\0\0\x03", b"\0\0\0\x14saiz\0\0\0\0\0\0\0\0\x03\0\0\0");
    assert!(moof.ends_with(&[senc, find(moof, b"saio"), saiz].concat()));
    let offset = u32::from_be_bytes(find(moof, b"saio")[16..].try_into().unwrap()) as usize;
    assert!(moof[..offset].ends_with(senc));
    let protected = protector(&init, Scheme::Cenc).segment(1, &clear.bytes).unwrap();
    assert!(find(&protected.bytes, b"moof").ends_with(b"saiz\0\0\0\0\x08\0\0\0\x03"));
}

#[test]
fn every_track_opens_again_and_another_attempt_gives_the_same() {
    for (init, clear) in tracks() {
        for scheme in SCHEMES {
            let protector = protector(&init, scheme);
            let protected = protector.segment(7, &clear.bytes).unwrap();
            assert_eq!(protected, samples::protector(&init, scheme).segment(7, &clear.bytes).unwrap());
            assert_ne!(read_all(&protected.bytes), read_all(&clear.bytes));
            assert_eq!(Opener::new(protector.init(), &key().secret).unwrap().segment(&protected.bytes).unwrap(), clear);
        }
    }
}

/// The bytes of all samples.
fn read_all(segment: &[u8]) -> Vec<u8> {
    let fragments = read::segment(segment).unwrap();
    fragments.iter().flat_map(|fragment| &fragment.samples).flat_map(|sample| sample.of(segment)).copied().collect()
}

#[test]
fn blocks_are_chained_as_the_standard_chains_them() {
    // NIST SP 800-38A F.2.1: two blocks in CBC, of a key and a vector that are ours here.
    let plain = hex::decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51").unwrap();
    let coded = hex::decode("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2").unwrap();
    let cipher = super::cipher::Cipher::new(&key().secret);
    let encrypt = |pattern, subsamples: &[Subsample], sample: &[u8]| {
        let protection = protection::Protection { scheme: Scheme::Cbcs, key_id: key().id, constant_iv: Some(key().iv), pattern };
        let how = SampleProtection { iv: None, subsamples: subsamples.to_vec() };
        let mut sample = sample.to_vec();
        cipher.apply(super::cipher::Direction::Encrypt, &protection, &how, &mut sample).unwrap();
        sample
    };
    let rest = [0x77; 15];
    assert_eq!(encrypt((0, 0), &[], &[&plain[..], &rest].concat()), [&coded[..], &rest].concat(), "a part of a block stays");
    assert_eq!(encrypt((0, 0), &[], &rest), rest);

    // One block in ten, chained over those between.
    let between = [0x55; 9 * 16];
    let sample = [&plain[..16], &between, &plain[16..], &between, &rest].concat();
    assert_eq!(encrypt((1, 9), &[], &sample), [&coded[..16], &between, &coded[16..], &between, &rest].concat());

    // Each run begins anew.
    let run = Subsample { clear_bytes: 3, protected_bytes: 16 };
    let sample = [b"abc", &plain[..16], b"abc", &plain[..16]].concat();
    assert_eq!(encrypt((1, 9), &[run, run], &sample), [b"abc", &coded[..16], b"abc", &coded[..16]].concat());
}

#[test]
fn the_counter_goes_on_through_the_runs_of_a_sample() {
    let cipher = super::cipher::Cipher::new(&key().secret);
    let protection = protection::Protection { scheme: Scheme::Cenc, key_id: key().id, constant_iv: None, pattern: (0, 0) };
    let encrypt = |iv: [u8; 8], subsamples: Vec<Subsample>, mut sample: Vec<u8>| {
        let how = SampleProtection { iv: Some(iv), subsamples };
        cipher.apply(super::cipher::Direction::Encrypt, &protection, &how, &mut sample).unwrap();
        sample
    };
    let whole = encrypt([9; 8], Vec::new(), vec![0; 32]);
    let run = Subsample { clear_bytes: 2, protected_bytes: 16 };
    assert_eq!(encrypt([9; 8], vec![run, run], vec![0; 36]), [&[0, 0], &whole[..16], &[0, 0], &whole[16..]].concat());
    assert!(whole[..16] != whole[16..] && whole != encrypt([8; 8], Vec::new(), vec![0; 32]));
}

#[test]
fn no_two_samples_have_the_same_vector() {
    let (init, clear) = picture(Codec::H264);
    let mut seen = std::collections::HashSet::new();
    let other = ContentKey { iv: [3; 16], ..key() };
    for (key, name) in [(key(), "v/180p"), (key(), "v/360p"), (key(), "a/180p"), (other, "v/180p")] {
        let protector = super::Protector::new(&init, Scheme::Cenc, &key, name).unwrap();
        for number in [1, 2, 100_000] {
            let protected = protector.segment(number, &clear.bytes).unwrap().bytes;
            let protection = read::init(protector.init()).unwrap().protection.unwrap();
            let traf = read::find(&find(&protected, b"moof")[8..], mp4_atom::FourCC::new(b"traf")).unwrap().body;
            for sample in protection::decode(traf, &protection, 3).unwrap() {
                assert!(seen.insert(sample.iv.unwrap()), "{name} {number}");
            }
        }
    }
    assert_eq!(seen.len(), 4 * 3 * 3);
}

#[test]
fn runs_are_the_sample_and_nothing_else() {
    let run = |clear_bytes, protected_bytes| Subsample { clear_bytes, protected_bytes };
    for bad in [vec![run(3, 3)], vec![run(3, 5)], vec![run(7, 0), run(1, 0)], vec![run(0, u32::MAX)]] {
        assert!(runs(&mut [0; 7], &bad, |_| ()).is_err(), "{bad:?}");
    }
    let mut sizes = Vec::new();
    runs(&mut [0; 7], &[run(3, 2), run(0, 2)], |run| sizes.push(run.len())).unwrap();
    assert_eq!(sizes, [2, 2]);
}

#[test]
fn nothing_shows_the_secret() {
    let (init, _) = picture(Codec::H264);
    let protector = protector(&init, Scheme::Cbcs);
    let opener = Opener::new(protector.init(), &key().secret).unwrap();
    for shown in [format!("{protector:?}"), format!("{opener:?}"), format!("{:?}", key())] {
        assert!(!shown.contains("126, 21") && !shown.to_lowercase().contains("2b7e"), "{shown}");
    }
}

/// What the ledger says of a track of [`picture`].
fn rendition(init: &[u8]) -> Rendition {
    Rendition {
        id: "180p".to_owned(),
        codec: read::init(init).unwrap().codec.to_string(),
        timescale: 30_000,
        edit_ticks: 2000,
        max_bitrate_bps: 1_000_000,
        media: Media::Video { width: 320, height: 180, frame_rate: Ratio::new(30, 1) },
    }
}

#[test]
fn the_gate_takes_a_protected_track_as_the_clear_one() {
    for (init, clear) in [Codec::H264, Codec::Hevc, Codec::Av1].map(picture) {
        let rendition = rendition(&init);
        for scheme in SCHEMES {
            let protector = protector(&init, scheme);
            let protected = protector.segment(1, &clear.bytes).unwrap();
            let segment = gate::read_segment(&rendition, 1, &protected.bytes).unwrap();
            assert_eq!(segment.iframes[0].size_bytes, protected.iframes[0].size_bytes);
            assert_eq!(gate::check_init(&rendition, protector.init()), []);
            assert_eq!(gate::check_segment(&rendition, &segment, &protected.bytes), []);
        }
    }
}

#[test]
fn the_gate_finds_what_is_protected_otherwise_than_planned() {
    let (init, clear) = picture(Codec::H264);
    let rendition = rendition(&init);
    let planned = |scheme, id: Uuid| {
        let names = vec![KeyName { of: KeyUse::All, id, iv: key().iv, told: Vec::new() }];
        Protected { choice: Choice { scheme, keys: KeyPolicy::PerTitle, rotation_segments: None }, names, systems: Vec::new() }
    };
    let found = |protected: Option<&Protected>, init: &[u8], segment: &[u8]| {
        let mut findings = gate::check_protected_init(protected, &rendition, init);
        findings.extend(gate::check_protected_segment(protected, &rendition, 1, segment));
        findings.iter().map(|finding| finding.rule.to_string()).collect::<Vec<_>>()
    };
    for scheme in SCHEMES {
        let protector = protector(&init, scheme);
        let segment = protector.segment(1, &clear.bytes).unwrap().bytes;
        let plan = planned(scheme, key().id);
        assert_eq!(found(Some(&plan), protector.init(), &segment), [""; 0]);
        assert_eq!(found(None, &init, &clear.bytes), [""; 0]);
        assert_eq!(found(Some(&plan), &init, &clear.bytes), ["CENC 8.1", "HLS-AUTH 1.38"], "nothing is shown in the clear");
        assert_eq!(found(Some(&plan), protector.init(), &clear.bytes), ["HLS-AUTH 1.38"]);
        assert_eq!(found(None, protector.init(), &segment), ["CENC 8.1", "HLS-AUTH 1.38"]);
        assert_eq!(found(Some(&planned(scheme, Uuid::nil())), protector.init(), &segment), ["CENC 8.2"]);
        let other = SCHEMES.into_iter().find(|other| *other != scheme).unwrap();
        let rules = found(Some(&planned(other, key().id)), protector.init(), &segment);
        assert_eq!(rules, ["CENC 4.1", "CENC 10.4.1", "HLS-AUTH 13.7"]);
    }
}
