//! Files of subtitles that are given beside a film.

use super::unusable;
use marquee_core::{Error, Result, id::SubtitleId, language, plan::SubtitleFile, source::Note};
use marquee_packager::{sidecar, webvtt};
use std::{
    io::Read,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// Files that were read.
#[derive(Default)]
pub(super) struct Given {
    /// What the plan needs to know of them.
    pub(super) files: Vec<SubtitleFile>,
    /// What they say, as WebVTT.
    pub(super) texts: Vec<(SubtitleId, String)>,
    /// What is to be known of them.
    pub(super) notes: Vec<Note>,
}

/// Reads files of which the language is given.
///
/// # Errors
/// `Invalid`, naming the first file with which something is wrong, and what.
pub(super) fn read(given: &[(PathBuf, String)]) -> Result<Given> {
    let mut all = Given::default();
    for ((path, language), number) in given.iter().zip(1..) {
        add(&mut all, path, language, number)?;
    }
    Ok(all)
}

fn add(all: &mut Given, path: &Path, language: &str, number: u128) -> Result<()> {
    let refuse = |code, what: String| Error::invalid(code, format!("{}: {what}", path.display()));
    let language = language::tag(language)
        .ok_or_else(|| refuse("unknown_language", format!("{language:?} is no language: give a tag such as en or pt-BR")))?;
    let file = std::fs::File::open(path).map_err(|error| unusable(path, error))?;
    let mut bytes = Vec::new();
    // One more than is allowed is enough to refuse it.
    file.take(sidecar::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| unusable(path, error))?;
    let read = sidecar::read(&bytes).map_err(|refused| refuse("subtitle_faults", refused.to_string()))?;
    let id = SubtitleId(Uuid::from_u128(number));
    all.files.push(SubtitleFile { id, language, name: None, forced: false, hearing_impaired: false });
    all.texts.push((id, webvtt::segment(&read.cues)));
    let named = |note: Note| Note::new(&note.code, format!("{}: {}", path.display(), note.message));
    all.notes.extend(read.notes.into_iter().map(named));
    Ok(())
}
