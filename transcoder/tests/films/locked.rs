//! Films that nobody can see without a key, or without a display of one kind: they are refused, and told why.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::job::Failure;
use std::{fs, path::Path};

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4";
const SOUND: &str = "-f lavfi -i sine=sample_rate=48000:duration=4";
const KEY: &str = "-encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
                   -encryption_kid a7e61c373e219033c21091fa607bf3b8";
const PACKET_BYTES: usize = 188;

/// What is done to the bytes of a clip.
type Change = fn(&mut [u8]);

pub(crate) fn trials() -> Vec<Trial> {
    let refused = |name: &str, file: &'static str, coded: &str, change: Change, code: &'static str| {
        let arguments = format!("{PICTURE} {SOUND} {coded}");
        Trial::test(format!("locked::{name}"), move || is_refused(file, &arguments, change, code))
    };
    vec![
        refused("common_encryption", "a.mp4", &format!("-c:v libx264 -c:a aac {KEY}"), |_| (), "encrypted"),
        refused("scrambled_broadcast", "a.ts", "-c:v mpeg2video -c:a mp2", scramble, "encrypted"),
        refused(
            "windows_media_with_rights",
            "a.wmv",
            "-c:v wmv2 -c:a wmav2 -metadata copyright=long_enough",
            manage_rights,
            "encrypted",
        ),
        refused(
            "dolby_vision_alone",
            "a.mp4",
            "-c:v libx265 -tag:v hvc1 -c:a aac",
            show_only_in_dolby_vision,
            "unsupported_codec",
        ),
    ]
}

fn is_refused(file: &str, arguments: &str, change: Change, wanted: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    judge::make(&clip, arguments);
    let mut bytes = fs::read(&clip)?;
    change(&mut bytes);
    fs::write(&clip, bytes)?;
    refusal(&clip, wanted)
}

fn refusal(clip: &Path, wanted: &str) -> Result<(), Failed> {
    match driver::inspect(clip) {
        Err(Failure::Fail { code, .. }) if code == wanted => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// Says of all packets of pictures and sound that they are scrambled, and lets them look so (ISO/IEC 13818-1 section 2.4.3.3).
fn scramble(stream: &mut [u8]) {
    for packet in stream.chunks_exact_mut(PACKET_BYTES) {
        // ffmpeg gives them identifiers from 0x100 on, and its tables others.
        if packet[1] & 0x1f == 1 {
            packet[3] |= 0x80;
            packet[12..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).expect("it is in the clip")
}

/// Makes a Content Encryption Object of the Content Description Object (ASF revision 01.20.05 sections 3.10 and 3.14): its four parts
/// are each as long as is said before it.
fn manage_rights(film: &mut [u8]) {
    const DESCRIPTION: &[u8] = b"\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
    const ENCRYPTION: &[u8] = b"\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e";
    let at = find(film, DESCRIPTION);
    let size = usize::from(film[at + 16]);
    film[at..at + 16].copy_from_slice(ENCRYPTION);
    film[at + 24..at + size].fill(0);
    film[at + 28..at + 35].copy_from_slice(b"\x03\0\0\0DRM");
}

/// Makes a Dolby Vision configuration of profile 5 of the box that states bitrates: it is long enough for what comes first in it.
fn show_only_in_dolby_vision(film: &mut [u8]) {
    let picture = find(film, b"hvc1");
    let at = picture + find(&film[picture..], b"btrt");
    film[at..at + 4].copy_from_slice(b"dvvC");
    // Version 1.0, seven bits of profile, six of level, and what is there: enhancement and base.
    film[at + 4..at + 8].copy_from_slice(&[1, 0, 5 << 1, 0x0d]);
}
