//! Children on real films, judged by the ffmpeg program. This program is its own child: `child` as its first argument makes
//! it one, `probe` lets it show what the sandbox forbids.

mod bytes;
mod captions;
mod clips;
mod codecs;
mod collection;
mod driver;
mod ends;
mod fields;
mod index;
mod judge;
mod locked;
mod look;
mod lost;
mod loudness;
mod prints;
mod quality;
mod sandbox;
mod sound;
mod surround;
mod thumbnails;
mod words;

use libtest_mimic::{Arguments, Trial};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("child") => {
            bytes::become_less();
            marquee_transcoder::child::main()
        }
        Some("probe") => sandbox::probe(),
        _ => {}
    }
    let trials: Vec<Trial> = collection::trials()
        .into_iter()
        .chain(bytes::trials())
        .chain(captions::trials())
        .chain(clips::trials())
        .chain(codecs::trials())
        .chain(ends::trials())
        .chain(fields::trials())
        .chain(index::trials())
        .chain(locked::trials())
        .chain(look::trials())
        .chain(lost::trials())
        .chain(prints::trials())
        .chain(quality::trials())
        .chain(sound::trials())
        .chain(loudness::trials())
        .chain(surround::trials())
        .chain(words::trials())
        .chain(thumbnails::trials())
        .chain(sandbox::trials())
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
