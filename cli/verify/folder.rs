//! A package in a local folder.

use bytes::Bytes;
use marquee_core::{Error, Result};
use marquee_packager::verify::{Files, Part, decoded};
use std::{
    fs::File,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// A folder, by its real name.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self(path.canonicalize()?))
    }
}

impl Files for Folder {
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let name = decoded(path).ok_or_else(|| Error::not_found("file"))?;
        let root = self.0.clone();
        tokio::task::spawn_blocking(move || read(&root, &name, &range)).await.map_err(Error::internal)?
    }
}

fn read(root: &Path, name: &str, range: &Range<u64>) -> Result<Part> {
    // A link may lead out of the folder.
    let path = root.join(name).canonicalize()?;
    let meta = path.metadata()?;
    if !path.starts_with(root) || !meta.is_file() {
        return Err(Error::not_found("file in this folder"));
    }
    let (size_bytes, file) = (meta.len(), File::open(path)?);
    let length = range.end.min(size_bytes).saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(length).map_err(Error::internal)?];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Part { bytes: Bytes::from(bytes), size_bytes, delivery: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_files_of_the_folder_are_read() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("package");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        std::fs::write(folder.join("a file"), "0123456789").unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
        let files = Folder::open(&folder).unwrap();
        for name in ["missing", "link", "../secret", ".", "", "/etc/hostname", "%2e%2e/secret"] {
            assert!(files.read(name, 0..9).await.is_err(), "{name}");
        }
        for (range, expected) in [(2..5, "234"), (8..20, "89"), (10..20, ""), (50..60, ""), (0..u64::MAX, "0123456789")] {
            let part = files.read("a%20file?query", range).await.unwrap();
            assert_eq!((&part.bytes[..], part.size_bytes), (expected.as_bytes(), 10));
        }
        assert!(Folder::open(&folder.join("missing")).is_err());
    }
}
