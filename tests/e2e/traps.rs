//! Files that name other files, for readers that follow names: lists and manifests in text, and containers that every reader
//! of films opens.

use crate::support::clip::SHORT;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Lists and manifests that name `bait`.
pub(super) fn texts(bait: &str) -> Vec<(&'static str, String)> {
    vec![
        ("a playlist", playlist(bait)),
        ("a master playlist", format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\n{bait}\n")),
        ("a concatenation", format!("ffconcat version 1.0\nfile '{bait}'\n")),
        ("a DASH manifest", dash(bait)),
        (
            "a session description",
            format!("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:{bait}\nm=video 9 RTP/AVP 96\n"),
        ),
        ("a drawing", format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"{bait}\"/></svg>")),
    ]
}

fn playlist(bait: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{bait}\n#EXT-X-ENDLIST\n")
}

fn dash(bait: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT5S\" \
         profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet mimeType=\"video/mp4\">\
         <Representation id=\"1\" bandwidth=\"1\"><BaseURL>{bait}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )
}

/// QuickTime films in `folder` whose samples are in another file: an alias record with the absolute path of `bait`, and a URL.
pub(super) fn quicktime(folder: &Path, bait: &Path) -> [PathBuf; 2] {
    let film = made(folder, "own.mov", &["-c:v", "copy", "-an"]);
    let path = bait.to_str().expect("a path in UTF-8").as_bytes();
    let references = [("alias.mov", b"alis", alias(path)), ("url.mov", b"url ", [b"file://", path, b"\0"].concat())];
    references.map(|(name, kind, reference)| {
        let mut film = film.clone();
        // Where the clip's own samples are there is nothing, so whoever shows a picture has it from elsewhere.
        let samples = position(&film, b"mdat");
        let length = number(&film, samples - 4);
        film[samples + 4..samples - 4 + length].fill(0);
        refer(&mut film, *kind, &reference);
        written(folder, name, &film)
    })
}

/// Puts a reference to another file in place of the one that says "in this file".
fn refer(film: &mut Vec<u8>, kind: [u8; 4], reference: &[u8]) {
    let (mut from, mut parents) = (0, Vec::new());
    for name in [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"] {
        from += position(&film[from..], name);
        parents.push(from - 4);
        from += 4;
    }
    let place = parents.pop().expect("six boxes");
    let old = number(film, place);
    let entry = [&(reference.len() as u32 + 12).to_be_bytes()[..], &kind, &[0; 4], reference].concat();
    let new = [&(entry.len() as u32 + 16).to_be_bytes()[..], b"dref", &[0; 4], &1_u32.to_be_bytes(), &entry].concat();
    for parent in parents {
        let size = number(film, parent) + new.len() - old;
        film[parent..parent + 4].copy_from_slice(&(size as u32).to_be_bytes());
    }
    film.splice(place..place + old, new);
}

/// A Macintosh alias record of which readers take one thing, an absolute path.
fn alias(path: &[u8]) -> Vec<u8> {
    // Volume and file without a name, no levels to go up or down.
    let mut alias = vec![0; 150];
    alias[130..134].fill(0xff);
    alias.extend_from_slice(&2_u16.to_be_bytes());
    alias.extend_from_slice(&(path.len() as u16).to_be_bytes());
    alias.extend_from_slice(path);
    alias.extend(std::iter::repeat_n(0, path.len() % 2));
    alias.extend_from_slice(&[0xff, 0xff, 0, 0]);
    alias
}

/// An AVI in `folder` with subtitles of the kind that holds a file of its own: a playlist that names `bait`.
pub(super) fn avi_with_playlist(folder: &Path, bait: &str) -> PathBuf {
    avi_with(folder, "playlist.avi", &playlist(bait))
}

/// The same with a film's honest subtitles: a reader that shows them opens what it finds there.
pub(super) fn avi_with_subtitles(folder: &Path) -> PathBuf {
    avi_with(folder, "subtitles.avi", "1\n00:00:00,000 --> 00:00:01,000\nhello\n\n")
}

fn avi_with(folder: &Path, name: &str, text: &str) -> PathBuf {
    let sound = ["-t", "1", "-c:v", "mpeg4", "-c:a", "pcm_s16le", "-ac", "1", "-ar", "8000"];
    let mut film = made(folder, "own.avi", &sound);
    // Its sound becomes subtitles, the first piece of sound their file.
    let kind = position(&film, b"auds");
    film[kind..kind + 4].copy_from_slice(b"txts");
    let samples = position(&film, b"movi");
    let piece = samples + position(&film[samples..], b"01wb") + 8;
    let length = u32::from_le_bytes(film[piece - 4..piece].try_into().expect("four bytes")) as usize;
    let mut file = [&b"GAB2\0\x02\0\x02\0\0\0x\0\x04\0"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    assert!(file.len() <= length, "{} bytes of {length}", file.len());
    file.resize(length, b'\n');
    film[piece..piece + length].copy_from_slice(&file);
    written(folder, name, &film)
}

fn made(folder: &Path, name: &str, arguments: &[&str]) -> Vec<u8> {
    let (clip, film) = (SHORT.file(), folder.join(name));
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-nostdin", "-i"]).arg(clip).args(arguments).arg(&film);
    assert!(command.status().expect("the ffmpeg program is installed").success(), "{name}");
    std::fs::read(film).expect("it was made")
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the trap is written");
    path
}

fn position(bytes: &[u8], name: &[u8; 4]) -> usize {
    bytes.windows(4).position(|window| window == name).unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(name)))
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}
