//! Session data that the multivariant playlist names by address: it is in the package, and can be read (RFC 8216 section 4.3.4.4).

use super::{files::Files, m3u8::Attributes, master::address, report::Report, segment::whole};

/// Largest file of session data, and how many one playlist may name.
const DATA_BYTES_MAX: u64 = 1 << 20;
const DATA_MAX: usize = 256;

/// A file of session data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Data {
    path: String,
    /// Whether it may be anything but JSON (8216bis section 4.4.6.4).
    raw: bool,
}

/// The file that an `EXT-X-SESSION-DATA` names; `None` where it holds a value itself, or names what another server has.
pub(super) fn data(report: &mut Report, path: &str, attributes: &Attributes<'_>) -> Option<Data> {
    let uri = attributes.quoted("URI")?;
    if uri.starts_with("https://") || uri.starts_with("http://") {
        return None;
    }
    Some(Data { path: address(report, path, uri)?, raw: attributes.get("FORMAT") == Some("RAW") })
}

/// Reads all `data`.
pub(super) async fn check<F: Files>(report: &mut Report, files: &F, path: &str, data: &[Data]) {
    report.must(data.len() <= DATA_MAX, "RFC 8216 10", path, || format!("names {} files of session data", data.len()));
    for Data { path, raw } in data.iter().take(DATA_MAX) {
        let Some(bytes) = whole(report, files, (path, None), DATA_BYTES_MAX, "RFC 8216 10").await else { continue };
        let is_json = *raw || serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
        report.must(is_json, "RFC 8216 4.3.4.4", path, || "is session data, and no JSON".to_owned());
    }
}
