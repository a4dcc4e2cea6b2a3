//! Headers of tus 1.0.

use super::checksum::Checksum;
use crate::{
    extract::header,
    problem::{Answer, Problem},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use marquee_core::id::VideoId;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// The one version that is spoken here.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// What `Tus-Extension` lists.
pub(super) const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,termination,checksum,expiration");
/// Media type of the bodies that carry bytes.
pub(super) const OFFSET_OCTETS: &str = "application/offset+octet-stream";

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");

/// Bytes of all metadata together.
const METADATA_BYTES_MAX: usize = 4 << 10;
/// RFC 9110 section 5.6.7, as `Upload-Expires` takes it.
const IMF_FIXDATE: &[BorrowedFormatItem<'static>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A request in the version that is spoken here. Others are refused with 412.
pub(super) struct Tus;

impl<S: Sync> FromRequestParts<S> for Tus {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.headers.get(TUS_RESUMABLE) == Some(&VERSION) {
            return Ok(Self);
        }
        let detail = "uploads speak tus 1.0.0: send the header Tus-Resumable: 1.0.0";
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, "tus_version", detail).with_header(TUS_VERSION, VERSION))
    }
}

/// What the client says of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    /// The video that it is for.
    pub(super) video: VideoId,
    /// How the client calls it; shown to people, never used as a name.
    pub(super) filename: String,
    /// Whether it takes the place of what a video shows that is ready.
    pub(super) replaces: bool,
}

impl Metadata {
    /// Reads `Upload-Metadata`: keys with base64 values, separated by commas. Keys that mean nothing here are skipped.
    pub(super) fn parse(headers: &HeaderMap) -> Answer<Self> {
        let bad = |what: &'static str| Problem::bad_request("invalid_metadata", what);
        let text = header(headers, UPLOAD_METADATA.as_str()).unwrap_or_default();
        if text.len() > METADATA_BYTES_MAX {
            return Err(bad("Upload-Metadata is longer than 4 KiB"));
        }
        let (mut video, mut filename, mut replaces) = (None, String::new(), false);
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = STANDARD.decode(value.trim()).map_err(|_| bad("a value in Upload-Metadata is not base64"))?;
            let value = String::from_utf8(value).map_err(|_| bad("a value in Upload-Metadata is not UTF-8"))?;
            match key {
                "video_id" => video = Some(value.parse::<VideoId>()?),
                "filename" => filename = value,
                "replace" => replaces = value != "false",
                _ => {}
            }
        }
        let video = video.ok_or_else(|| bad("Upload-Metadata must name the video: video_id and its id in base64"))?;
        Ok(Self { video, filename, replaces })
    }

    /// The same header for `HEAD`.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let (video, filename) = (STANDARD.encode(self.video.to_string()), STANDARD.encode(&self.filename));
        HeaderValue::try_from(format!("video_id {video},filename {filename}")).ok()
    }
}

/// A header that is a number of bytes: digits alone.
pub(super) fn bytes(headers: &HeaderMap, name: &HeaderName) -> Answer<Option<u64>> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let digits = header(headers, name.as_str()).filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| Problem::bad_request("invalid_header", format!("{name} must be a number of bytes")))
}

/// `Upload-Checksum`, if the client sent one.
pub(super) fn checksum(headers: &HeaderMap) -> Answer<Option<Checksum>> {
    match headers.get("upload-checksum") {
        Some(value) => Checksum::parse(value.to_str().unwrap_or_default()).map(Some),
        None => Ok(None),
    }
}

/// Whether the body carries bytes of the source.
pub(super) fn carries_bytes(headers: &HeaderMap) -> bool {
    header(headers, "content-type") == Some(OFFSET_OCTETS)
}

/// `Upload-Expires`.
pub(super) fn expires(at: OffsetDateTime) -> Option<HeaderValue> {
    HeaderValue::try_from(at.format(IMF_FIXDATE).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn metadata(text: &str) -> Answer<Metadata> {
        Metadata::parse(&HeaderMap::from_iter([(UPLOAD_METADATA, HeaderValue::from_str(text).unwrap())]))
    }

    #[test]
    fn metadata_names_the_video_and_the_file() {
        let id = "vid_0190a1b2c3d4e5f60718293a4b5c6d7e";
        let encoded = |text: &str| STANDARD.encode(text);
        let read = metadata(&format!("filename {},video_id {},empty", encoded("../../x\r\ny.mp4"), encoded(id))).unwrap();
        assert_eq!(read.video.to_string(), id);
        assert_eq!((read.filename.as_str(), read.replaces), ("../../x\r\ny.mp4", false));
        assert!(metadata(&format!("replace,video_id {}", encoded(id))).unwrap().replaces);
        assert!(!metadata(&format!("replace {},video_id {}", encoded("false"), encoded(id))).unwrap().replaces);
        let again = HeaderMap::from_iter([(UPLOAD_METADATA, read.header().unwrap())]);
        assert_eq!(Metadata::parse(&again).unwrap(), read);
        for bad in ["", "filename YQ==", "video_id ???", "video_id YQ==", &format!("video_id {id}"), "video_id /w=="] {
            assert!(metadata(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_digits_and_dates_are_of_the_web() {
        let one =
            |text: &str| bytes(&HeaderMap::from_iter([(UPLOAD_LENGTH, HeaderValue::from_str(text).unwrap())]), &UPLOAD_LENGTH);
        assert_eq!(one("0").unwrap(), Some(0));
        assert_eq!(one("9223372036854775807").unwrap(), Some(i64::MAX as u64));
        for bad in ["-1", "+1", "", "1.0", "0x1", "9223372036854775808", "99999999999999999999"] {
            assert!(one(bad).is_err(), "{bad}");
        }
        assert!(bytes(&HeaderMap::new(), &UPLOAD_LENGTH).unwrap().is_none());
        assert_eq!(expires(datetime!(2026-03-05 01:02:03 UTC)).unwrap(), "Thu, 05 Mar 2026 01:02:03 GMT");
    }
}
