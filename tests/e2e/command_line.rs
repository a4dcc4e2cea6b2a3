//! `marquee encode` as a shell or a script calls it.

use crate::support::{clip::SHORT, judge};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

fn marquee(folder: &Path, arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_marquee")).args(arguments).current_dir(folder).output();
    program.expect("marquee runs")
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_current_folder_is_filled_if_it_is_empty() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let film = SHORT.file().to_string_lossy().into_owned();
    let encode = ["encode", &film, "--out", ".", "--preset", "ultrafast", "--json"];
    let done = marquee(folder.path(), &encode);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(entries(folder.path()), ["a", "chapters.json", "manifest.mpd", "master.m3u8", "s", "thumbs", "v"]);
    for rung in entries(&folder.path().join("v")) {
        let playlist = folder.path().join("v").join(rung).join("playlist.m3u8");
        assert_eq!(judge::picture(&playlist.to_string_lossy(), true).frames as u64, SHORT.frames());
    }
    let again = marquee(folder.path(), &encode);
    assert_eq!(again.status.code(), Some(1), "it is not empty any more");
    assert_eq!(entries(folder.path()), ["a", "chapters.json", "manifest.mpd", "master.m3u8", "s", "thumbs", "v"]);
}

#[test]
fn a_script_can_tell_a_bad_film_from_a_slip_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("text.mp4"), "This is not a film.\n".repeat(10)).expect("written");
    let film = SHORT.file().to_string_lossy().into_owned();
    let table: [(&[&str], i32); 11] = [
        (&["--help"], 0),
        (&["--version"], 0),
        (&["encode", "--help"], 0),
        (&["encode", &film, "--out", "out", "--plan"], 0),
        (&["encode", "text.mp4", "--out", "out"], 2),
        (&["encode", "missing.mp4", "--out", "out"], 1),
        (&["encode", &film], 1),
        (&["encode", &film, "--out", "out", "--threads", "many"], 1),
        (&["encode", &film, "--out", "out", "--preset", "warp"], 1),
        (&["encod"], 1),
        (&[], 1),
    ];
    for (arguments, code) in table {
        let ended = marquee(folder.path(), arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(code == 0 || !said.trim().is_empty(), "{arguments:?} says nothing");
    }
    let refused = marquee(folder.path(), &["encode", "text.mp4", "--out", "out", "--json"]);
    let reason: Value = serde_json::from_slice(&refused.stdout).expect("JSON");
    assert_eq!((refused.status.code(), reason["code"].as_str()), (Some(2), Some("not_a_video")), "{reason}");
    assert_eq!(entries(folder.path()), ["text.mp4"], "nothing is left");
}

#[test]
fn who_reads_no_further_breaks_nothing() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_marquee"));
    let program = program.args(["config", "show"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().expect("marquee runs");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && !said.contains("panicked"), "{}: {said}", done.status);
}

#[test]
fn what_is_to_be_known_of_words_is_said_and_what_is_wrong_with_them_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let film = SHORT.file().to_string_lossy().into_owned();
    let words = "1\n00:00:00,100 --> 00:00:00,500\nGr\u{fc}\u{df}e\n";
    let wide: Vec<u8> = format!("\u{feff}{words}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path().join("wide.srt"), wide).expect("written");
    std::fs::write(folder.path().join("bad.srt"), "1\nnonsense --> 00:00\nx\n").expect("written");
    let encode = |words: &str| {
        let subtitles = format!("{words}:de");
        marquee(folder.path(), &["encode", &film, "--out", "out", "--plan", "--json", "--subtitles", &subtitles])
    };
    let told = |done: &Output| serde_json::from_slice::<Value>(&done.stdout).expect("an answer in JSON");
    let done = encode("wide.srt");
    let notes = told(&done)["notes"].to_string();
    assert!(notes.contains("wide.srt") && notes.contains("UTF-16LE"), "{notes}");
    let done = encode("bad.srt");
    assert_eq!((done.status.code(), &told(&done)["code"]), (Some(1), &Value::from("subtitle_faults")));
}
