//! Files of subtitles that are given beside a film.

use super::unusable;
use marquee_core::{Error, Result, id::SubtitleId, language, plan::SubtitleFile, source::Note};
use marquee_packager::{sidecar, webvtt};
use std::{io::Read, path::Path};
use uuid::Uuid;

/// A file that was read.
pub(super) struct Given {
    /// What the plan needs to know of it.
    pub(super) file: SubtitleFile,
    /// What it says, as WebVTT.
    pub(super) text: (SubtitleId, String),
    /// What is to be known of it.
    pub(super) notes: Vec<Note>,
}

/// Reads the file of that number.
///
/// # Errors
/// `Invalid`, naming the file and what is wrong with it.
pub(super) fn read(path: &Path, language: &str, number: u128) -> Result<Given> {
    let refuse = |code, what: String| Error::invalid(code, format!("{}: {what}", path.display()));
    let language = language::tag(language)
        .ok_or_else(|| refuse("unknown_language", format!("{language:?} is no language: give a tag such as en or pt-BR")))?;
    let file = std::fs::File::open(path).map_err(|error| unusable(path, error))?;
    let mut bytes = Vec::new();
    // One more than is allowed is enough to refuse it.
    file.take(sidecar::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| unusable(path, error))?;
    let read = sidecar::read(&bytes).map_err(|refused| refuse("subtitle_faults", refused.to_string()))?;
    let id = SubtitleId(Uuid::from_u128(number));
    let file = SubtitleFile { id, language, name: None, forced: false, hearing_impaired: false };
    let named = |note: Note| Note::new(&note.code, format!("{}: {}", path.display(), note.message));
    let notes = read.notes.into_iter().map(named).collect();
    Ok(Given { file, text: (id, webvtt::segment(&read.cues)), notes })
}
