//! Playlists that the gate reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marquee_packager::{gate, model::Presentation};

fuzz_target!(|text: &str| {
    let media = vec![("v/a/playlist.m3u8".to_owned(), text.to_owned())];
    let _ = gate::check_playlists(&Presentation::default(), text, &media);
});
