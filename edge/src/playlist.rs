//! Playlists and manifests: small, text, and worth compressing once for everybody.

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use marquee_core::{Error, Result, object::Key};
use std::io::Write;

/// Largest playlist that is served: a day of 2 s segments takes a twentieth of it.
pub(crate) const BYTES_MAX: u64 = 32 << 20;

/// Whether `key` names a playlist or manifest, or other text that players read whole.
pub(crate) fn is_text(key: &Key) -> bool {
    matches!(key.as_str().rsplit_once('.'), Some((_, "m3u8" | "mpd" | "vtt")))
}

/// `text` in gzip, or nothing if that is no smaller.
///
/// # Errors
/// `Internal` if the compression cannot run.
pub(crate) async fn gzip(text: Bytes) -> Result<Option<Bytes>> {
    let compressed = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text)?;
        let gzip = encoder.finish()?;
        Ok::<_, std::io::Error>((gzip.len() < text.len()).then(|| Bytes::from(gzip)))
    });
    compressed.await.map_err(Error::internal)?.map_err(Error::from)
}

/// Whether a client that sends this `Accept-Encoding` takes gzip (RFC 9110 section 12.5.3).
pub(crate) fn accepts_gzip(accept_encoding: &str) -> bool {
    let quality = |name: &str| {
        let entry = accept_encoding.split(',').find_map(|entry| {
            let (coding, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            coding.trim().eq_ignore_ascii_case(name).then_some(parameters)
        })?;
        let zero = entry
            .trim()
            .strip_prefix("q=")
            .and_then(|quality| quality.trim().parse::<f32>().ok())
            .is_some_and(|quality| quality <= 0.0);
        Some(!zero)
    };
    quality("gzip").or_else(|| quality("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn gzip_is_sent_to_those_who_ask_for_it() {
        for (header, expected) in [
            ("gzip", true),
            ("GZIP", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("br, gzip ;q=0.001", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("identity", false),
            ("xgzip", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(header), expected, "{header}");
        }
    }

    #[tokio::test]
    async fn text_comes_back_from_gzip_and_noise_stays_as_it_is() {
        let text = Bytes::from("#EXTINF:6.000,\n000001.m4s\n".repeat(100));
        let compressed = gzip(text.clone()).await.ok().flatten().expect("it is smaller");
        let mut back = Vec::new();
        GzDecoder::new(&compressed[..]).read_to_end(&mut back).expect("gzip");
        assert_eq!(back, text);
        assert_eq!(gzip(Bytes::from_static(b"x")).await.ok(), Some(None));
    }

    #[test]
    fn text_is_known_by_its_extension() {
        let is_text = |name: &str| is_text(&Key::parse(name).expect("a good key"));
        assert!(is_text("media/v/e/master.m3u8") && is_text("media/v/e/manifest.mpd") && is_text("media/v/e/s/en/1.vtt"));
        assert!(!is_text("media/v/e/v/540p/000001.m4s") && !is_text("media/v/m3u8/x"));
    }
}
