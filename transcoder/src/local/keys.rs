//! The file that the keys of a protected title are written to. It is made before the work begins, so that what is in its way is told
//! then, and is gone again if nothing came of the work.

use super::unusable;
use marquee_core::{
    Result,
    protection::{ContentKeys, Protected},
};
use marquee_packager::protect::cpix;
use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// A new file that only its owner reads.
pub(super) struct KeysFile {
    path: PathBuf,
    file: File,
    is_kept: bool,
}

impl KeysFile {
    pub(super) fn begin(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| unusable(path, error))?;
        Ok(Self { path: path.to_owned(), file, is_kept: false })
    }

    /// Writes the keys of a film of so many segments as a CPIX document, and keeps the file.
    pub(super) fn write(mut self, protected: &Protected, keys: &ContentKeys, segments: u32) -> Result<()> {
        let document = cpix::export("film", protected, keys, segments);
        let written = self.file.write_all(document.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| unusable(&self.path, error))?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for KeysFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // An empty file says that nothing came of it, too.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
