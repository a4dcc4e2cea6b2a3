//! Segments of subtitles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marquee_packager::webvtt;

fuzz_target!(|bytes: &[u8]| {
    let _ = webvtt::read(bytes);
});
