//! Where the bytes of a package come from, and which names may be asked for.

use bytes::Bytes;
use marquee_core::Result;
use std::ops::Range;

/// Code of the error of a [`Files`] that was sent elsewhere.
pub const REDIRECTED: &str = "redirected";
/// Longest name.
const PATH_LENGTH_MAX: usize = 1024;

/// The files of a package, by their paths relative to its folder: a local folder, an address, an object store.
pub trait Files: Sync {
    /// The bytes of `path` in `range`, fewer where the file ends before. Every reading asks for a bounded range. `path` may hold
    /// percent-encoded bytes, as a URL does (see [`decoded`]), and never climbs out of the package.
    ///
    /// # Errors
    /// What the caller cannot read, with its reason: it becomes a finding. A redirect has the code [`REDIRECTED`].
    fn read(&self, path: &str, range: Range<u64>) -> impl Future<Output = Result<Part>> + Send;
}

/// Part of a file.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What was asked for.
    pub bytes: Bytes,
    /// Bytes of the whole file.
    pub size_bytes: u64,
    /// How it came, where it came over HTTP.
    pub delivery: Option<Delivery>,
}

/// What an HTTP answer says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// `Content-Type`, without parameters.
    pub content_type: String,
    /// Whether it came compressed by gzip.
    pub gzip: bool,
    /// Whether it came over TLS 1.2 or later, with forward secrecy and a certificate that holds (HLS-AUTH 12.1 to 12.3): the reader's
    /// client accepts no other.
    pub is_secure: bool,
    /// Whether its address may be another one for others, or later: it holds what looks like a token.
    pub is_issued: bool,
}

/// The file that `uri` names in the file at `base`, by its path in the package.
///
/// # Errors
/// Why it names nothing inside the package.
pub(super) fn resolve(base: &str, uri: &str) -> Result<String, &'static str> {
    let uri = uri.split_once('#').map_or(uri, |(uri, _)| uri);
    let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
    let scheme = path.split('/').next().is_some_and(|first| first.contains(':'));
    if path.is_empty() || path.starts_with('/') || scheme {
        return Err("is no address relative to the playlist");
    }
    let mut parts: Vec<&str> = base.rsplit_once('/').map_or(Vec::new(), |(folder, _)| folder.split('/').collect());
    for part in path.split('/') {
        match decoded(part).as_deref() {
            Some(".") => {}
            Some("..") => drop(parts.pop().ok_or("points outside the package")?),
            Some("") | None => return Err("is no address"),
            Some(name) if name.contains(['/', '\\', '\0']) => return Err("hides a folder"),
            Some(_) => parts.push(part),
        }
    }
    let path = parts.join("/");
    if path.len() > PATH_LENGTH_MAX {
        return Err("is too long");
    }
    Ok(query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")))
}

/// The name in a folder of what `path` is called in an address: without a query, percent-encoded bytes decoded (RFC 3986 section
/// 2.1). `None` if it is not UTF-8 then.
#[must_use]
pub fn decoded(path: &str) -> Option<String> {
    let path = path.split('?').next()?.as_bytes();
    let (mut bytes, mut at) = (Vec::with_capacity(path.len()), 0);
    while let Some(byte) = path.get(at) {
        let escaped = || u8::from_str_radix(std::str::from_utf8(path.get(at + 1..at + 3)?).ok()?, 16).ok();
        match (byte == &b'%').then(escaped).flatten() {
            Some(escaped) => {
                bytes.push(escaped);
                at += 3;
            }
            None => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_package() {
        let table = [
            ("master.m3u8", "v/540p/playlist.m3u8", Some("v/540p/playlist.m3u8")),
            ("v/540p/playlist.m3u8", "000001.m4s", Some("v/540p/000001.m4s")),
            ("v/540p/playlist.m3u8", "../234p/./init.mp4#t=1", Some("v/234p/init.mp4")),
            ("v/540p/playlist.m3u8", "../../a%20b.vtt?x=../../..", Some("a%20b.vtt?x=../../..")),
            ("v/540p/playlist.m3u8", "../../../secret", None),
            ("v/540p/playlist.m3u8", "%2e%2E/../../secret", None),
            ("master.m3u8", "..", None),
            ("master.m3u8", "a%2f..%2f..%2fsecret", None),
            ("master.m3u8", "a%00b", None),
            ("master.m3u8", "%ff", None),
            ("master.m3u8", "/etc/passwd", None),
            ("master.m3u8", "//host/x", None),
            ("master.m3u8", "https://host/x", None),
            ("master.m3u8", "file:x", None),
            ("master.m3u8", "a//b", None),
            ("master.m3u8", "", None),
            ("master.m3u8", "#x", None),
        ];
        for (base, uri, expected) in table {
            assert_eq!(resolve(base, uri).ok().as_deref(), expected, "{uri}");
        }
        assert!(resolve("", &"a/".repeat(600)).is_err());
        assert_eq!(decoded("a%20b%zz%4").as_deref(), Some("a b%zz%4"));
    }
}
