//! Bytes that lie: a clear error, never a panic, and nothing protected that was not what it should be.

use super::samples::{PPS, SPS, key, layout, picture, protector, samples, tracks};
use crate::{
    cmaf::{HevcParameterSets, MediaSegment, ParameterSets, SequenceHeader},
    protect::{Opener, Protector, av1, avc, hevc, map::Layout},
    sample::{AV1_HEADER, HEVC_PPS, HEVC_SPS, HEVC_VPS},
};
use bytes::Bytes;
use marquee_core::{Random, SeededRandom, plan::Codec, protection::Scheme};

const CODECS: [Codec; 3] = [Codec::H264, Codec::Hevc, Codec::Av1];
const SCHEMES: [Scheme; 2] = [Scheme::Cbcs, Scheme::Cenc];

/// Numbers that are the same at every run.
struct Numbers(SeededRandom);

impl Numbers {
    fn below(&self, limit: usize) -> usize {
        ((&self.0 as &dyn Random).unit() * limit as f64) as usize
    }

    /// Bytes with a few of them changed, taken away or added.
    fn mutated(&self, bytes: &[u8]) -> Vec<u8> {
        let mut mutated = bytes.to_vec();
        for _ in 0..1 + self.below(4) {
            let at = self.below(mutated.len());
            match self.below(4) {
                0 => mutated[at] ^= 1 << self.below(8),
                1 => mutated[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                2 => mutated.truncate(at.max(1)),
                _ => mutated.insert(at, self.below(256) as u8),
            }
        }
        mutated
    }
}

#[test]
fn mutated_tracks_never_panic() {
    let numbers = Numbers(SeededRandom::new(5));
    for (init, clear) in tracks() {
        for scheme in SCHEMES {
            let good = protector(&init, scheme);
            let protected = good.segment(1, &clear.bytes).unwrap().bytes;
            let opener = Opener::new(good.init(), &key().secret).unwrap();
            for _ in 0..3000 {
                // What can be protected can be opened.
                if let Ok(MediaSegment { bytes, .. }) = good.segment(1, &numbers.mutated(&clear.bytes)) {
                    assert!(opener.segment(&bytes).is_ok());
                }
                let _ = opener.segment(&numbers.mutated(&protected));
                if let Ok(other) = Protector::new(&numbers.mutated(&init), scheme, &key(), "v/180p") {
                    let _ = other.segment(1, &clear.bytes);
                }
                if let Ok(other) = Opener::new(&numbers.mutated(good.init()), &key().secret) {
                    let _ = other.segment(&protected);
                }
            }
        }
    }
}

#[test]
fn mutated_parameter_sets_and_samples_never_panic() {
    let numbers = Numbers(SeededRandom::new(6));
    let sets = |sps: &[u8], pps: &[u8]| ParameterSets { sps: Bytes::copy_from_slice(sps), pps: Bytes::copy_from_slice(pps) };
    for _ in 0..20_000 {
        let avc = avc::Headers::new(&sets(&numbers.mutated(SPS), &numbers.mutated(PPS))).map(Layout::Avc);
        let [vps, sps, pps] = [HEVC_VPS, HEVC_SPS, HEVC_PPS].map(|set| Bytes::from(numbers.mutated(set)));
        let hevc = hevc::Headers::new(&HevcParameterSets { vps, sps, pps }).map(Layout::Hevc);
        let header = SequenceHeader::find(&numbers.mutated(AV1_HEADER)).and_then(|header| header.sequence());
        let av1 = header.map(|sequence| Layout::Av1(Box::new(av1::Reader::new(sequence))));
        for (codec, other) in std::iter::zip(CODECS, [avc, hevc, av1]) {
            for mut layout in [layout(codec)].into_iter().chain(other) {
                for sample in samples(codec) {
                    // A part of a real one, mostly that with its header.
                    let sample = numbers.mutated(&sample[..sample.len().min(40)]);
                    let _ = layout.map(&sample, SCHEMES[numbers.below(2)]);
                }
            }
        }
    }
}

#[test]
fn what_ends_early_is_refused() {
    for codec in CODECS {
        let (init, clear) = picture(codec);
        let good = protector(&init, Scheme::Cbcs);
        for length in 0..clear.bytes.len() {
            assert!(good.segment(1, &clear.bytes[..length]).is_err(), "{length}");
        }
        let protected = good.segment(1, &clear.bytes).unwrap().bytes;
        let opener = Opener::new(good.init(), &key().secret).unwrap();
        for length in 0..protected.len() {
            assert!(opener.segment(&protected[..length]).is_err(), "{length}");
        }
        for length in 0..init.len() {
            assert!(Protector::new(&init[..length], Scheme::Cbcs, &key(), "").is_err(), "{length}");
        }
        for length in 0..good.init().len() {
            assert!(Opener::new(&good.init()[..length], &key().secret).is_err(), "{length}");
        }
    }
}

/// A sample of one unit.
fn unit(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

#[test]
fn headers_that_end_early_or_lie_are_refused() {
    for (codec, slice) in [(Codec::H264, &samples(Codec::H264)[1][4..13]), (Codec::Hevc, &samples(Codec::Hevc)[1][4..31])] {
        let map = |sample: &[u8]| layout(codec).map(sample, Scheme::Cbcs);
        assert!(map(&unit(slice)).is_ok());
        let headers = if codec == Codec::H264 { 2..5 } else { 3..23 };
        for length in headers {
            assert!(map(&unit(&slice[..length])).unwrap_err().detail().contains("ends early"), "{codec:?} {length}");
        }
        // A length that reaches behind the sample.
        let mut long = unit(slice);
        long[3] += 1;
        assert!(map(&long).unwrap_err().detail().contains("cut off"));
    }
    // A slice of other parameter sets: the third number of its header is 1.
    let other = unit(&[0x41, 0b1101_0000, 0xff, 0xff, 0xff, 0xff]);
    assert!(layout(Codec::H264).map(&other, Scheme::Cbcs).unwrap_err().detail().contains("other parameter sets"));
    let frame = &samples(Codec::Av1)[0];
    let mut early = [&[0x32, 3], &frame[AV1_HEADER.len() + 3..AV1_HEADER.len() + 6]].concat();
    assert!(layout(Codec::Av1).map(&early, Scheme::Cbcs).is_err(), "its header ends early");
    early[0] = 0x22;
    assert!(layout(Codec::Av1).map(&early, Scheme::Cbcs).unwrap_err().detail().contains("no frame"), "tiles alone");
}

#[test]
fn a_track_is_protected_once_and_whole() {
    let (init, clear) = picture(Codec::H264);
    let good = protector(&init, Scheme::Cbcs);
    let protected = good.segment(1, &clear.bytes).unwrap().bytes;
    let refused =
        |result: marquee_core::Result<MediaSegment>, why: &str| assert!(result.unwrap_err().detail().contains(why), "{why}");
    refused(good.segment(1, &protected), "already");
    assert!(Protector::new(good.init(), Scheme::Cbcs, &key(), "").unwrap_err().detail().contains("already"));
    assert!(Opener::new(&init, &key().secret).unwrap_err().detail().contains("not protected"));
    refused(Opener::new(good.init(), &key().secret).unwrap().segment(&clear.bytes), "senc");
    // An index of the segment would be wrong afterwards.
    let indexed = [&clear.bytes[..24], b"\0\0\0\x08sidx", &clear.bytes[24..]].concat();
    refused(good.segment(1, &indexed), "index");
    // A box that reaches to the end of what is around it, wherever that is.
    let mut endless = clear.bytes.to_vec();
    let at = endless.windows(4).position(|window| window == b"trun").unwrap();
    endless[at - 4..at].fill(0);
    refused(good.segment(1, &endless), "no size of 32 bits");
    // More runs than can be listed: slices in a sample that is mostly headers.
    let slices = samples(Codec::H264)[0].repeat(41);
    let map = layout(Codec::H264).map(&slices, Scheme::Cbcs).unwrap();
    let how = crate::cmaf::protection::SampleProtection { iv: None, subsamples: map };
    let error = crate::cmaf::protection::encode(&[how], 0, &mut Vec::new()).unwrap_err();
    assert!(error.detail().contains("more protected runs"), "{error:?}");
}
