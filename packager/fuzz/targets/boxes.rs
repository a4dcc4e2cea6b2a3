//! Boxes of init and media segments: what is read of them is inside them, and what is protected opens again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marquee_core::{
    SeededRandom,
    protection::{ContentKey, Scheme},
};
use marquee_packager::{
    cmaf::read::{self, Head},
    progressive::{Progressive, Source},
    protect::{Opener, Protector},
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
    let key = ContentKey::generate(&SeededRandom::new(1));
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let Ok(protector) = Protector::new(bytes, scheme, &key, "v/a") else { continue };
        let Ok(protected) = protector.segment(1, bytes) else { continue };
        // It looks at more than was looked at before.
        let Ok(opener) = Opener::new(protector.init(), &key.secret) else { continue };
        let Ok(opened) = opener.segment(&protected.bytes) else { continue };
        let samples = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let fragments = read::segment(bytes).expect("it was read before");
            fragments.iter().flat_map(|fragment| &fragment.samples).map(|sample| sample.of(bytes).to_vec()).collect()
        };
        assert_eq!(samples(&opened.bytes), samples(bytes));
    }
    if let Ok(opener) = Opener::new(bytes, &key.secret) {
        let _ = opener.segment(bytes);
    }
});
