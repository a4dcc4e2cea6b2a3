//! Files that are made to hurt.

use super::*;
use crate::webvtt;
use std::time::{Duration, Instant};

/// What reading any file may take, on a slow machine that does something else, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a file, and what was made of it, which players must be able to read whatever it was.
fn survive(bytes: &[u8]) -> Result<Sidecar, Refused> {
    let began = Instant::now();
    let read = read(bytes);
    assert!(began.elapsed() < PATIENCE, "{:?} for {:?}", began.elapsed(), &bytes[..bytes.len().min(40)]);
    if let Ok(sidecar) = &read {
        let written = webvtt::segment(&sidecar.cues);
        let back = webvtt::read(written.as_bytes()).unwrap_or_else(|error| panic!("{}: {written}", error.detail()));
        assert_eq!(back.cues, sidecar.cues);
    }
    read
}

#[test]
fn bombs_are_refused() {
    let srt = |words: &str| format!("1\n00:00:01,000 --> 00:00:02,000\n{words}\n");
    let ttml = |body: &str| format!("<tt xmlns=\"http://www.w3.org/ns/ttml\"><body>{body}</body></tt>");
    let paragraph = |words: &str| ttml(&format!("<p begin=\"1s\" end=\"2s\">{words}</p>"));
    let laughs = format!(
        "<!DOCTYPE tt [<!ENTITY a \"ha\"><!ENTITY b \"{}\"><!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}",
        "&a;".repeat(1000),
        paragraph("&b;&x;")
    );
    let spans: String = (0..5000).map(|ms| format!("<span begin=\"{ms}ms\">x</span>")).collect();
    let table = [
        ("x".repeat(FILE_BYTES_MAX + 1), "the file is larger than 8 MiB"),
        (srt(&"long".repeat(1 << 20)), "bytes of words"),
        (srt(&"<i>".repeat(1 << 20)), "bytes of words"),
        (srt(&"x\n".repeat(1 << 20)), "bytes of words"),
        (format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{}", "<b>".repeat(1 << 20)), "bytes of words"),
        (format!("WEBVTT\n\n{}", "0".repeat(1 << 20)), "no time belongs"),
        (format!("1\n{}:00:00,000 --> 1:00:00,000\nx", "9".repeat(1 << 20)), "not the time"),
        (format!("1\n00:00:00,{} --> 1:00:00,000\nx", "9".repeat(1 << 20)), "not the time"),
        ("00:00:01.000 --> 00:00:02.000\nx\n\n".repeat(CUES_MAX + 1), "more than 50000 cues"),
        (laughs, "entities are not allowed"),
        (ttml(&"<div>".repeat(1 << 20)), "nested deeper than 32"),
        (paragraph(&"<span>".repeat(1 << 20)), "nested deeper than 32"),
        (paragraph(&"x".repeat(1 << 20)), "bytes of words"),
        (paragraph(&spans), "more words or parts"),
        (ttml("<p begin=\"999999999999999999s\" end=\"2s\">x</p>"), "not a time"),
        (ttml(&format!("<p {} begin=\"1s\"", "a=\"b\" ".repeat(1 << 20))), "not XML"),
    ];
    for (file, fault) in table {
        let refused = survive(file.as_bytes()).map(|found| found.cues.len()).expect_err(fault);
        assert!(refused.to_string().contains(fault), "{refused} is not {fault}");
    }
}

#[test]
fn what_costs_much_is_over_soon() {
    let script = |line: &str| format!("[Script Info]\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{line}\n");
    let id = "r".repeat(1 << 20);
    let files = [
        script(&"{".repeat(4 << 20)),
        script(&format!("{{\\p1}}{}", "{".repeat(4 << 20))),
        script("{\\p1}{{{{{{{{{{").repeat(60_000),
        script(&"{\\i1}".repeat(1 << 20)),
        format!("[Script Info]\n[V4+ Styles]\nFormat: {}\n{}[Events]\n", "a,".repeat(1 << 20), "Style: a,b\n".repeat(1 << 18)),
        format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{}", "<".repeat(8000)),
        format!("00:00:01.000 --> 00:00:02.000\n{}", "&<{\\".repeat(2000)),
        "\n".repeat(FILE_BYTES_MAX),
        "1\n".repeat(FILE_BYTES_MAX / 2),
        format!(
            "<tt xmlns=\"http://www.w3.org/ns/ttml\"><body region=\"{id}\" style=\"{id}\">{}</body></tt>",
            "<p/>".repeat(1 << 20)
        ),
        format!(
            "<tt xmlns=\"http://www.w3.org/ns/ttml\"><body>{}</body></tt>",
            "<p begin=\"1s\" end=\"2s\">x</p>".repeat(1 << 17)
        ),
    ];
    for file in files {
        let _ = survive(file.as_bytes());
    }
}

#[test]
fn bytes_that_nobody_sees_are_left_out() {
    let nul = "1\n00:00:01,000 --> 00:00:02,000\na\u{0}b\u{1b}[31mc\u{7f}\n";
    assert_eq!(cues(nul), ["1000 2000 |ab[31mc"]);
    assert!(survive(&[0; 10_000]).is_err());
    assert!(survive(&[0xff; 10_000]).is_err());
    assert!(survive(b"\xff\xfe\x00").is_err());
}

/// Each file is changed in many places, always the same ones: what comes of it is refused, or readable.
#[test]
fn changed_files_are_refused_or_readable() {
    const ROUNDS: usize = 4000;
    let seeds: [&str; 4] = [
        SRT,
        "WEBVTT\n\nSTYLE\n::cue {}\n\nid\n00:01.000 --> 00:02.000 line:0\n<v Mary>Hi <c.red>you</c></v> &amp; <b>all</b>\n\n00:03.000 --> 00:04.000\nx",
        "[Script Info]\n[V4+ Styles]\nFormat: Name, Bold, Alignment\nStyle: S,1,8\n[Events]\nFormat: Start, End, Style, Text\nDialogue: 0:00:01.00,0:00:02.00,S,{\\i1}a\\N{\\p0}b\n",
        "<tt xmlns=\"http://www.w3.org/ns/ttml\" frameRate=\"25\"><head><region id=\"r\" origin=\"1% 2%\"/></head><body><div begin=\"1s\"><p begin=\"12f\" end=\"5s\" region=\"r\">a<br/><span fontStyle=\"italic\" end=\"2s\">b &amp;</span></p></div></body></tt>",
    ];
    let pieces = "--> < > & { } \\ \n\n \r \0 \u{feff} 99999999999 : <v\u{a0}a-- </b> -- é \"";
    let pieces: Vec<&str> = pieces.split(' ').collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let (mut read, mut refused) = (0, 0);
    for seed in seeds {
        for _ in 0..ROUNDS {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let position = random(bytes.len());
                match random(4) {
                    0 => bytes[position] ^= 1 << random(8),
                    1 => drop(bytes.drain(position..(position + random(12)).min(bytes.len()))),
                    2 => drop(bytes.splice(position..position, pieces[random(pieces.len())].bytes())),
                    _ => bytes.extend_from_within(position..(position + random(40)).min(bytes.len())),
                }
                if bytes.is_empty() {
                    bytes.push(b'x');
                }
            }
            if survive(&bytes).is_ok() { read += 1 } else { refused += 1 }
        }
    }
    assert!(read > ROUNDS / 2 && refused > ROUNDS / 2, "{read} were read, {refused} refused");
}
