//! Packages whose keys change.

use super::{package::rotating, *};
use marquee_core::protection::Scheme;

const PICTURES: &str = "v/540p/playlist.m3u8";
const IFRAMES: &str = "v/540p/iframes.m3u8";
const SEGMENT: &str = "v/540p/000002.m4s";

/// Rules that are broken once `change` is made to a file of a package that has none to break.
fn broken_by(scheme: Scheme, path: &str, change: impl Fn(&Bytes) -> Bytes) -> Vec<String> {
    let mut package = rotating(scheme);
    let before = rules(&judged(&package, false));
    let changed = change(&package[path]);
    assert_ne!(changed, package[path], "{path} is changed");
    package.insert(path.to_owned(), changed);
    rules(&judged(&package, false)).into_iter().filter(|rule| !before.contains(rule)).collect()
}

/// A playlist without the tags before its entry `number`, from 1.
fn without_key(playlist: &Bytes, number: usize) -> Bytes {
    let text = text_of(playlist);
    let parts: Vec<_> = text.split_inclusive("#EXTINF:").collect();
    let cut = |(place, part): (usize, &&str)| -> String {
        let is_key = |line: &&str| place + 1 == number && line.starts_with("#EXT-X-KEY:");
        part.split_inclusive('\n').filter(|line| !is_key(line)).collect()
    };
    parts.iter().enumerate().map(cut).collect::<String>().into()
}

#[test]
fn keys_that_change_by_the_book_are_no_error() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        for deep in [false, true] {
            let verdict = judged(&rotating(scheme), deep);
            assert!(verdict.is_good(), "{verdict}");
            let apple = if scheme == Scheme::Cenc { vec!["Warning HLS-AUTH 13.11"] } else { Vec::new() };
            let expected: Vec<_> = apple.into_iter().chain(["Warning HLS-AUTH 6.2"]).collect();
            assert_eq!(rules(&verdict), expected, "{verdict}");
        }
        let playlist = text_of(&rotating(scheme)[PICTURES]);
        assert_eq!(playlist.matches("#EXT-X-KEY:").count(), 3, "{playlist}");
        assert_eq!(text_of(&rotating(scheme)[IFRAMES]).matches("#EXT-X-KEY:").count(), 3);
    }
}

#[test]
fn keys_that_change_in_silence_are_found() {
    let scheme = Scheme::Cbcs;
    for playlist in [PICTURES, IFRAMES, "a/eng/playlist.m3u8"] {
        // Of I-frames, nine in three segments.
        let second = if playlist == IFRAMES { 4 } else { 2 };
        assert_eq!(broken_by(scheme, playlist, |text| without_key(text, 1)), ["Error HLS-AUTH 13.2"], "{playlist}");
        assert_eq!(broken_by(scheme, playlist, |text| without_key(text, second)), ["Error RFC 8216 4.3.2.4"], "{playlist}");
    }
}

#[test]
fn keys_of_others_are_found() {
    let other = |text: &Bytes| {
        let text = text_of(text);
        let (before, after) = text.split_once("base64,").unwrap();
        let letter = if after.starts_with('A') { 'B' } else { 'A' };
        Bytes::from(format!("{before}base64,{letter}{}", &after[1..]))
    };
    let listed = |id: &str| {
        let to = format!("KEYID=0x{id},KEYFORMAT=");
        move |text: &Bytes| Bytes::from(text_of(text).replacen("KEYFORMAT=", &to, 1))
    };
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        for playlist in [PICTURES, IFRAMES, "a/eng/playlist.m3u8"] {
            assert_eq!(broken_by(scheme, playlist, other), ["Error RFC 8216 4.3.2.4"], "{playlist}");
            assert_eq!(broken_by(scheme, playlist, listed(&"5".repeat(32))), ["Error RFC 8216 4.3.2.4"], "{playlist}");
        }
    }
}

#[test]
fn groups_of_fragments_are_looked_at() {
    let changed = |from: &'static [u8], skip: usize, to: &'static [u8]| {
        move |bytes: &Bytes| {
            let mut bytes = bytes.to_vec();
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap() + skip;
            bytes[at..at + to.len()].copy_from_slice(to);
            Bytes::from(bytes)
        }
    };
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let found = |change: &dyn Fn(&Bytes) -> Bytes| broken_by(scheme, SEGMENT, change);
        // A segment that has no groups has the first key: the fragments behind have another.
        let none = found(&changed(b"sbgp", 0, b"free"));
        assert_eq!(none, ["Error RFC 8216 4.3.2.4"], "{scheme:?}");
        assert_eq!(found(&changed(b"sbgp", 23, b"\x02")), ["Error CENC 6", "Error RFC 8216 4.3.2.4"], "{scheme:?}");
        assert_eq!(found(&changed(b"sgpd", 22, b"\0")), ["Error RFC 8216 4.3.2.4"], "in the clear, {scheme:?}");
        assert_eq!(found(&changed(b"sgpd", 21, b"\x55")), ["Error CENC 6"], "{scheme:?}");
    }
}

/// Overwrites bytes behind the first occurrence of a kind of box.
fn patched(bytes: &Bytes, kind: &[u8; 4], skip: usize, new: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    let at = bytes.windows(4).position(|window| window == kind).unwrap() + skip;
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes.into()
}

#[test]
fn what_is_said_of_encrypted_samples_is_looked_at() {
    for (scheme, entry) in [(Scheme::Cbcs, 12), (Scheme::Cenc, 20)] {
        let found = |kind: &[u8; 4], skip, new: &[u8]| broken_by(scheme, SEGMENT, |bytes| patched(bytes, kind, skip, new));
        assert_eq!(found(b"senc", 11, &[51]), ["Error CENC 7.2"], "{scheme:?}");
        // How many bytes of the first sample are in the clear.
        assert_eq!(found(b"senc", entry + 2, &[0x7f]), ["Error CENC 9.5"], "{scheme:?}");
        assert_eq!(found(b"saio", 15, &[1]), ["Error CENC 7.1"], "{scheme:?}");
        assert_eq!(found(b"saiz", 8, &[3]), ["Error CENC 7.1"], "{scheme:?}");
        assert_eq!(found(b"saiz", 0, b"tfdt"), ["Error CMAF 7.3.2"], "{scheme:?}");
    }
}

/// Makes of the first bytes of the first sample clear ones and encrypted ones, as many as before.
fn cut(bytes: &Bytes, entry: usize, clear: u16) -> Bytes {
    let at = bytes.windows(4).position(|window| window == b"senc").unwrap() + entry + 2;
    let sum = u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
        + u32::from_be_bytes([bytes[at + 2], bytes[at + 3], bytes[at + 4], bytes[at + 5]]);
    patched(bytes, b"senc", entry + 2, &[&clear.to_be_bytes()[..], &(sum - u32::from(clear)).to_be_bytes()].concat())
}

#[test]
fn counters_are_used_once_and_for_whole_blocks() {
    let again = |bytes: &Bytes| {
        let at = bytes.windows(4).position(|window| window == b"senc").unwrap();
        patched(bytes, b"senc", 12 + 16, &bytes[at + 12..at + 20])
    };
    assert_eq!(broken_by(Scheme::Cenc, SEGMENT, again), ["Error CENC 9.2"]);
    assert_eq!(broken_by(Scheme::Cenc, SEGMENT, |bytes| cut(bytes, 20, 7)), ["Warning CENC 10.1"]);
    assert_eq!(broken_by(Scheme::Cbcs, SEGMENT, |bytes| cut(bytes, 12, 7)), Vec::<String>::new());
}

#[test]
fn units_are_found_without_a_key() {
    for (scheme, entry) in [(Scheme::Cbcs, 12), (Scheme::Cenc, 20)] {
        let mut package = rotating(scheme);
        let before = rules(&judged(&package, true));
        package.insert(SEGMENT.to_owned(), cut(&package[SEGMENT], entry, 4));
        let found: Vec<_> = rules(&judged(&package, true)).into_iter().filter(|rule| !before.contains(rule)).collect();
        assert!(found.contains(&"Error CENC 9.5".to_owned()), "{found:?}");
    }
}
