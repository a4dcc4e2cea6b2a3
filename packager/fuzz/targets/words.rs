//! Segments of subtitles, and files of them that people upload: what is read of these is WebVTT that reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marquee_packager::{sidecar, webvtt};

fuzz_target!(|bytes: &[u8]| {
    let _ = webvtt::read(bytes);
    if let Ok(read) = sidecar::read(bytes) {
        assert!(read.cues.iter().all(|cue| cue.start_ms < cue.end_ms));
        let written = webvtt::whole([read.cues.clone()]);
        assert_eq!(webvtt::read(written.as_bytes()).expect("WebVTT of our own").cues.len(), read.cues.len());
    }
});
