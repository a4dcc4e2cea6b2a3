//! A good package passes; every planted fault is found by its rule, and by no other.

mod boxes;
mod encrypted;
mod hostile;
mod images;
mod ladder;
mod manifest;
mod package;
mod playlists;
mod rotation;
mod rules;
mod structure;
mod words;

use super::*;
use bytes::Bytes;
use package::{Package, good, text_of};
use std::sync::OnceLock;

/// Breaks one thing of a file.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Every occurrence of a text becomes another.
    Text(&'static str, &'static str),
    /// The bytes so far after the first occurrence of others become these.
    Bytes(&'static [u8], usize, &'static [u8]),
    /// A box, and another one that follows it, change places.
    Swap(&'static [u8; 4], &'static [u8; 4]),
    /// Only so many bytes are left.
    Cut(usize),
    /// The file is gone.
    Gone,
    /// The file is this.
    Raw(&'static [u8]),
}

/// What the fault is, in which file, and the rules that find it.
type Row = (&'static str, &'static str, Fault, &'static [&'static str]);

fn broken(package: &Package, path: &str, fault: Fault) -> Package {
    let mut package = package.clone();
    let bytes = package.remove(path).unwrap_or_else(|| panic!("there is no {path}"));
    let changed = match fault {
        Fault::Text(from, to) => text_of(&bytes).replace(from, to).into_bytes(),
        Fault::Bytes(after, skip, new) => {
            let mut bytes = bytes.to_vec();
            let at = bytes.windows(after.len()).position(|window| window == after);
            let at = at.unwrap_or_else(|| panic!("{path} has no {after:?}")) + skip;
            bytes[at..at + new.len()].copy_from_slice(new);
            bytes
        }
        Fault::Swap(before, after) => {
            let [from, to] = [before, after].map(|kind| bytes.windows(4).position(|window| window == kind).unwrap() - 4);
            let size = u32::from_be_bytes(bytes[to..to + 4].try_into().unwrap()) as usize;
            [&bytes[..from], &bytes[to..to + size], &bytes[from..to], &bytes[to + size..]].concat()
        }
        Fault::Cut(length) => bytes[..length].to_vec(),
        Fault::Raw(bytes) => bytes.to_vec(),
        Fault::Gone => return package,
    };
    assert_ne!(changed, bytes, "{path}: {fault:?} changes nothing");
    package.insert(path.to_owned(), changed.into());
    package
}

fn judged(package: &Package, deep: bool) -> Verdict {
    futures::executor::block_on(verify(package, "master.m3u8", deep)).unwrap()
}

/// Severities and rules.
fn rules(verdict: &Verdict) -> Vec<String> {
    verdict.findings.iter().map(|finding| format!("{:?} {}", finding.severity, finding.rule)).collect()
}

/// Rules that are broken in `package` and not in a good one, and those that are broken more often.
fn found(package: &Package, deep: bool) -> (Vec<String>, Verdict) {
    static BEFORE: [OnceLock<Verdict>; 2] = [OnceLock::new(), OnceLock::new()];
    let before = BEFORE[usize::from(deep)].get_or_init(|| judged(&good(), deep));
    let verdict = judged(package, deep);
    let known = |finding: &&Finding| {
        let same = |other: &&Finding| (other.severity, &other.rule) == (finding.severity, &finding.rule);
        before.findings.iter().find(same).is_none_or(|other| other.count < finding.count)
    };
    let new = Verdict { findings: verdict.findings.iter().filter(known).cloned().collect(), ..Verdict::default() };
    (rules(&new), verdict)
}

fn each_is_found(rows: &[Row], deep: bool) {
    let good = good();
    let mut wrong = String::new();
    for (name, path, fault, expected) in rows {
        let (rules, verdict) = found(&broken(&good, path, *fault), deep);
        if rules != *expected {
            wrong += &format!("{name}: {rules:?} where {expected:?} belong\n{verdict}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_good_package_has_no_errors() {
    for deep in [false, true] {
        let verdict = judged(&good(), deep);
        assert!(verdict.is_good(), "{verdict}");
        // Trick play uses the normal groups of pictures.
        assert_eq!(rules(&verdict), ["Warning HLS-AUTH 6.2"], "{verdict}");
        assert_eq!((verdict.playlists, verdict.segments, verdict.deep), (8, 15, deep));
    }
    let shallow = judged(&good(), false).read_bytes;
    let deep = judged(&good(), true).read_bytes;
    assert!(shallow < deep, "{shallow} {deep}");
}

#[test]
fn a_verdict_is_printed_and_stored() {
    let package = broken(&good(), "master.m3u8", Fault::Text("#EXT-X-INDEPENDENT-SEGMENTS\n", ""));
    let verdict = judged(&broken(&package, "v/540p/000002.m4s", Fault::Gone), false);
    let text = verdict.to_string();
    assert!(text.starts_with("error  RFC 8216 6.2.1\n    v/540p/000002.m4s: does not exist\n"), "{text}");
    assert!(text.contains("warning  HLS-AUTH 9.11\n"), "{text}");
    assert!(text.contains("1 errors, 2 warnings in 8 playlists and 15 segments"), "{text}");
    let json = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    assert!(json.contains(r#""findings":[{"severity":"error","rule":"RFC 8216 6.2.1","count":1,"places":[{"path":"v/540p/"#));
}

/// A package that comes over HTTP.
struct Served(Package, Delivery);

impl Files for Served {
    async fn read(&self, path: &str, range: std::ops::Range<u64>) -> Result<Part> {
        let part = self.0.read(path, range).await?;
        let content_type = match path.rsplit('.').next() {
            Some("m3u8") => "application/vnd.apple.mpegurl",
            Some("vtt") => "text/vtt",
            Some("jpg") => "image/jpeg",
            _ => "video/mp4",
        };
        let content_type = if self.1.content_type.is_empty() { content_type } else { self.1.content_type.as_str() };
        Ok(Part { delivery: Some(Delivery { content_type: content_type.to_owned(), ..self.1.clone() }), ..part })
    }
}

#[test]
fn servers_deliver_files_as_players_want_them() {
    let issued = |content_type: &str, gzip, is_secure, is_issued| {
        let delivery = Delivery { content_type: content_type.to_owned(), gzip, is_secure, is_issued };
        let verdict = futures::executor::block_on(verify(&Served(good(), delivery), "master.m3u8", false)).unwrap();
        let known = rules(&judged(&good(), false));
        rules(&verdict).into_iter().filter(|rule| !known.contains(rule)).collect::<Vec<_>>()
    };
    let found = |content_type: &str, gzip, is_secure| issued(content_type, gzip, is_secure, true);
    assert_eq!(found("", true, true), Vec::<String>::new());
    assert_eq!(issued("", true, true, false), ["Warning HLS-AUTH 12.4"]);
    assert_eq!(found("", true, false), ["Warning HLS-AUTH 12.1"]);
    assert_eq!(found("", false, true), ["Warning HLS-AUTH 10.1"]);
    assert_eq!(found("text/plain", true, true), ["Warning HLS-AUTH 10.4"]);
}

#[test]
fn what_is_not_there_is_no_verdict() {
    let error = futures::executor::block_on(verify(&Package::new(), "master.m3u8", false)).unwrap_err();
    assert_eq!(error.kind(), marquee_core::ErrorKind::NotFound);
}
