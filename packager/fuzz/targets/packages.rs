//! Whole packages, as `marquee verify` reads them: files one after the other, each a line with its name and its length and then its bytes.
#![no_main]

use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use marquee_core::{Error, Result};
use marquee_packager::verify::{Files, Part, verify};
use std::{collections::BTreeMap, ops::Range};

struct Package<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Package<'a> {
    fn of(mut bytes: &'a [u8]) -> Self {
        let mut files = BTreeMap::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            let head = std::str::from_utf8(line).ok().and_then(|line| line.rsplit_once(' '));
            let Some((name, length)) = head else { break };
            let length = length.parse().unwrap_or(0).min(rest.len());
            files.insert(name, &rest[..length]);
            bytes = &rest[length..];
        }
        Self(files)
    }
}

impl Files for Package<'_> {
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let file = self.0.get(path).ok_or_else(|| Error::not_found("file"))?;
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(file.len());
        let bytes = file[at(range.start)..at(range.end).max(at(range.start))].to_vec().into();
        Ok(Part { bytes, size_bytes: file.len() as u64, delivery: None })
    }
}

fuzz_target!(|bytes: &[u8]| {
    let package = Package::of(bytes);
    for deep in [false, true] {
        let _ = block_on(verify(&package, "master.m3u8", deep));
    }
});
