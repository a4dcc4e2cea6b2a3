//! Real films, where they are at hand: a folder beside the checkout that is too large to be part of it.

use std::{
    fs,
    io::{Write, stderr},
    path::{Path, PathBuf},
};

/// The films in folder `kind` (`good`, `hostile`), in order. None, and a message, if the folder is not there.
pub(crate) fn films(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media").join(kind);
    let Ok(entries) = fs::read_dir(&folder) else {
        // Past the test's own output, which nobody sees of a test that passes.
        let _ = writeln!(stderr(), "SKIPPED: the films of {} are not on this machine", folder.display());
        return Vec::new();
    };
    let mut films: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    films.sort();
    assert!(!films.is_empty(), "{} is empty", folder.display());
    films
}
