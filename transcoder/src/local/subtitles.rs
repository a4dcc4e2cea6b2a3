//! Files of subtitles that are given beside a film.

use super::unusable;
use marquee_core::{Error, Result, id::SubtitleId, language, plan::SubtitleFile};
use marquee_packager::{sidecar, webvtt};
use std::{io::Read, path::Path};
use uuid::Uuid;

/// Reads the file of that number: what the plan needs to know of it, and what it says.
///
/// # Errors
/// `Invalid`, naming the file and what is wrong with it.
pub(super) fn read(path: &Path, language: &str, number: u128) -> Result<(SubtitleFile, (SubtitleId, String))> {
    let refuse = |code, what: String| Error::invalid(code, format!("{}: {what}", path.display()));
    let language = language::tag(language)
        .ok_or_else(|| refuse("unknown_language", format!("{language:?} is no language: give a tag such as en or pt-BR")))?;
    let file = std::fs::File::open(path).map_err(|error| unusable(path, error))?;
    let mut bytes = Vec::new();
    // One more than is allowed is enough to refuse it.
    file.take(sidecar::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| unusable(path, error))?;
    let read = sidecar::read(&bytes).map_err(|refused| refuse("subtitle_faults", refused.to_string()))?;
    let id = SubtitleId(Uuid::from_u128(number));
    let described = SubtitleFile { id, language, name: None, forced: false, hearing_impaired: false };
    Ok((described, (id, webvtt::segment(&read.cues))))
}
