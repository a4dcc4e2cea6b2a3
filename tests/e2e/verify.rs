//! `marquee verify` of what the same binary made, in a folder and on the edge.

use crate::support::{clip::SHORT, node::Node};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output},
};

fn marquee(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_marquee")).args(arguments).output().expect("marquee runs")
}

/// The verdict that it prints, and its exit code.
fn verify(package: &str, options: &[&str]) -> (Value, Option<i32>) {
    let ended = marquee(&[&["verify", package, "--json"], options].concat());
    let verdict = serde_json::from_slice(&ended.stdout);
    (verdict.unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&ended.stderr))), ended.status.code())
}

fn rules(verdict: &Value) -> Vec<&str> {
    let findings = verdict["findings"].as_array().expect("findings");
    findings.iter().filter(|found| found["severity"] == "error").filter_map(|found| found["rule"].as_str()).collect()
}

fn encoded(folder: &Path) -> String {
    encoded_with(folder, &[])
}

fn encoded_with(folder: &Path, options: &[&str]) -> String {
    let (film, out) = (SHORT.file(), folder.join("out"));
    let out = out.to_string_lossy().into_owned();
    let film = film.to_string_lossy();
    let done = marquee(&[&["encode", &film, "--out", &out, "--preset", "ultrafast", "--json"], options].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    out
}

#[test]
fn an_encoded_film_keeps_every_rule_and_a_broken_one_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = encoded(folder.path());
    let sound = fs::read_dir(Path::new(&out).join("a")).expect("sound").next().expect("a track").expect("an entry").path();
    let segment = sound.join("000001.m4s");
    for options in [&[][..], &["--deep"]] {
        let (verdict, code) = verify(&out, options);
        assert_eq!((rules(&verdict), code), (vec![], Some(0)), "{verdict:#}");
        assert!(verdict["segments"].as_u64() > Some(4) && verdict["playlists"].as_u64() > Some(4), "{verdict:#}");
    }
    let named = marquee(&["verify", &format!("{out}/master.m3u8")]);
    let said = String::from_utf8_lossy(&named.stdout);
    assert!(named.status.success() && said.contains("0 errors, "), "{said}");

    let length = segment.metadata().expect("a segment").len();
    File::options().write(true).open(&segment).and_then(|file| file.set_len(length / 2)).expect("it is cut");
    let (verdict, code) = verify(&out, &[]);
    assert_eq!((rules(&verdict), code), (vec!["CMAF 7.3.2.3"], Some(1)), "{verdict:#}");
    let place = &verdict["findings"][0]["places"][0];
    assert!(place["message"].as_str().is_some_and(|message| message.starts_with("is cut off")), "{place}");
}

#[test]
fn a_protected_film_keeps_every_rule() {
    for scheme in ["cbcs", "cenc"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = folder.path().join("keys.cpix").to_string_lossy().into_owned();
        let out = encoded_with(folder.path(), &["--protect", scheme, "--keys", &keys]);
        for options in [&[][..], &["--deep"]] {
            let (verdict, code) = verify(&out, options);
            assert_eq!((rules(&verdict), code), (vec![], Some(0)), "{verdict:#}");
        }
        let document = fs::read_to_string(&keys).expect("the keys");
        assert!(document.contains(&format!("commonEncryptionScheme=\"{scheme}\"")), "{document}");
    }
}

#[test]
fn what_cannot_be_read_is_not_called_broken() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = folder.path().to_string_lossy().into_owned();
    for package in [empty.as_str(), "/there/is/nothing", "http://127.0.0.1:1/", "https://127.0.0.1/"] {
        let (problem, code) = verify(package, &[]);
        assert_eq!(code, Some(2), "{package}: {problem}");
        assert!(problem["code"].is_string() && problem["message"].is_string(), "{problem}");
        let said = marquee(&["verify", package]);
        assert!(said.status.code() == Some(2) && !said.stderr.is_empty());
    }
    assert_eq!(marquee(&["verify"]).status.code(), Some(1), "a slip of the script's own");
}

#[tokio::test]
async fn a_title_on_the_edge_keeps_every_rule() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("By the book", &SHORT.file()).await;
    admin.wait_until_ready(&id).await;
    let master = admin.hls(&id).await;
    let (good, code) = tokio::task::spawn_blocking(move || verify(&master, &["--deep"])).await.expect("it ends");
    assert_eq!((rules(&good), code), (vec![], Some(0)), "{good:#}");
    assert!(good.to_string().contains("HLS-AUTH 12.1"), "without TLS: {good:#}");
    let master = admin.hls(&id).await.replacen("/media/", "/media/other/", 1);
    let (problem, code) = tokio::task::spawn_blocking(move || verify(&master, &[])).await.expect("it ends");
    assert_eq!(code, Some(2), "{problem}");
    node.stop().await;
}
