//! Boxes of init and media segments: what is read of them is inside them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marquee_packager::{
    cmaf::read::{self, Head},
    progressive::{Progressive, Source},
};

fuzz_target!(|bytes: &[u8]| {
    let _ = read::segment_brands(bytes);
    let init = read::init(bytes);
    let segment = read::segment(bytes);
    for fragment in segment.iter().flatten() {
        for sample in &fragment.samples {
            assert_eq!(sample.of(bytes).len(), sample.size_bytes as usize);
        }
    }
    if let Ok(Head::Fragment(fragment)) = read::head(bytes, 0, bytes.len() as u64) {
        assert!(!fragment.samples.is_empty());
    }
    // An init segment and a media segment may lie in the same bytes.
    if let (Ok(_), Ok(fragments)) = (init, segment) {
        let _ = Progressive::of(&[Source { init: bytes.to_vec().into(), segments: vec![fragments] }]);
    }
});
