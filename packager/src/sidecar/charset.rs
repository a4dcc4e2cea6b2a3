//! From the bytes of a file to characters, however they were written.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use marquee_core::source::Note;

/// Bytes in which an encoding shows.
const SAMPLE_BYTES: usize = 4096;

/// The text of a file, every line of which ends in `\n`, and what to say if its encoding is not UTF-8.
pub(super) fn decode(bytes: &[u8]) -> (String, Option<Note>) {
    let (encoding, is_guess) = if let Some((marked, _)) = Encoding::for_bom(bytes) {
        (marked, false)
    } else if let Some(wide) = wide(bytes) {
        (wide, true)
    } else if std::str::from_utf8(bytes).is_ok() {
        (UTF_8, false)
    } else if let Some(declared) = declared(bytes) {
        (declared, false)
    } else {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(bytes, true);
        (detector.guess(None, Utf8Detection::Deny), true)
    };
    let (text, _, has_errors) = encoding.decode(bytes);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let note = match (is_guess, has_errors) {
        (true, _) => Some(format!("the file is not in UTF-8: its characters are taken for {}", encoding.name())),
        (false, true) => Some(format!("some characters of the file are not {} and cannot be shown", encoding.name())),
        (false, false) if encoding != UTF_8 => {
            Some(format!("the file is in {}, as it says itself, and becomes UTF-8", encoding.name()))
        }
        (false, false) => None,
    };
    (text, note.map(|message| Note::new("subtitle_charset", message)))
}

/// UTF-16 without a mark: half of the bytes of what is mostly ASCII, digits and line ends at least, are zero.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let zeros = |first: usize| sample.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let many = sample.len() / 8;
    if many == 0 || even.max(odd) < many {
        None
    } else if odd > even * 4 {
        Some(UTF_16LE)
    } else {
        (even > odd * 4).then_some(UTF_16BE)
    }
}

/// What an XML declaration says.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.strip_prefix(b"<?xml")?.chunks(SAMPLE_BYTES).next()?).into_owned();
    let (_, rest) = head.split_once("?>")?.0.split_once("encoding")?;
    let label = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = label.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Encoding::for_label(label[1..].split(quote).next()?.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible() && *encoding != UTF_8)
}
