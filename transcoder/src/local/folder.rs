//! The folder that `marquee encode` fills. What is not ready lies in a hidden folder on the same disk: beside it if it is yet to
//! be made, inside it if it is there, because a mount point or a current directory cannot be replaced.

use super::unusable;
use marquee_core::{Error, Result, object::MASTER};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// Tries at removing the folder of an encode, and the pause between them.
const REMOVE_TRIES: u32 = 40;
const REMOVE_PAUSE: Duration = Duration::from_millis(50);

/// A folder that is empty or not there yet, and a place to work.
pub(super) struct Folder {
    out: PathBuf,
    is_new: bool,
    work: TempDir,
}

/// Refuses an `out` that holds something.
pub(super) fn check_free(out: &Path) -> Result<()> {
    let found = match std::fs::read_dir(out) {
        Ok(mut entries) => entries.next().transpose().map_err(|error| unusable(out, error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(out, error)),
    };
    let Some(entry) = found else { return Ok(()) };
    let message = format!(
        "{} is not empty, it holds {}: name a folder that is, or that does not exist",
        out.display(),
        entry.file_name().to_string_lossy()
    );
    Err(Error::conflict("out_not_empty", message))
}

impl Folder {
    /// Makes the place to work.
    pub(super) fn begin(out: &Path) -> Result<Self> {
        let is_new = !out.is_dir();
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let place = if is_new { parent } else { out };
        std::fs::create_dir_all(place).map_err(|error| unusable(place, error))?;
        let work = tempfile::Builder::new().prefix(".marquee-").tempdir_in(place);
        Ok(Self { out: out.to_owned(), is_new, work: work.map_err(|error| unusable(place, error))? })
    }

    /// The place to work.
    pub(super) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Moves what is in `made`, a folder inside the place to work, to where it belongs. The master playlist goes last: who finds
    /// it finds everything. If something is in the way, nothing is moved.
    pub(super) async fn deliver(&self, made: &Path) -> Result<()> {
        if self.is_new {
            return Ok(tokio::fs::rename(made, &self.out).await?);
        }
        let mut names = names(made).await?;
        names.sort_by_key(|name| name == MASTER);
        for (moved, name) in names.iter().enumerate() {
            if let Err(error) = self.put(made, name).await {
                for name in &names[..moved] {
                    // Then it stays, and the next encode says what is in its way.
                    let _ = tokio::fs::rename(self.out.join(name), made.join(name)).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn put(&self, made: &Path, name: &OsString) -> Result<()> {
        let place = self.out.join(name);
        if tokio::fs::try_exists(&place).await? {
            let message = format!("{} appeared while the film was encoded: it is not replaced", place.display());
            return Err(Error::conflict("out_not_empty", message));
        }
        Ok(tokio::fs::rename(made.join(name), place).await?)
    }

    /// Removes the place to work. A write that was under way when its encode was cancelled ends a moment later and may be in the
    /// way.
    pub(super) async fn clear(self) {
        for _ in 0..REMOVE_TRIES {
            match tokio::fs::remove_dir_all(self.work()).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => tokio::time::sleep(REMOVE_PAUSE).await,
                _ => return,
            }
        }
        tracing::warn!(folder = %self.work().display(), "could not remove a folder of work");
    }
}

async fn names(folder: &Path) -> Result<Vec<OsString>> {
    let mut entries = tokio::fs::read_dir(folder).await?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        names.push(entry.file_name());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf) {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, "text").expect("written");
    }

    /// A folder that is there, and an encode in its place to work.
    async fn made() -> (TempDir, Folder, PathBuf) {
        let out = tempfile::tempdir().expect("a folder");
        let folder = Folder::begin(out.path()).expect("a place to work");
        let made = folder.work().join("media");
        for name in ["master.m3u8", "a/1/init.mp4", "v/1/init.mp4"] {
            write(made.join(name));
        }
        (out, folder, made)
    }

    async fn sorted(folder: &Path) -> Vec<OsString> {
        let mut names = names(folder).await.expect("read");
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_folder_that_is_there_is_filled_and_stays_the_same_folder() {
        use std::os::unix::fs::MetadataExt;
        let (out, folder, made) = made().await;
        let before = out.path().metadata().expect("there").ino();
        folder.deliver(&made).await.expect("delivered");
        folder.clear().await;
        assert_eq!(sorted(out.path()).await, ["a", "master.m3u8", "v"]);
        assert_eq!(out.path().metadata().expect("there").ino(), before);
    }

    #[tokio::test]
    async fn what_is_in_the_way_is_not_replaced_and_nothing_else_is_left() {
        for name in ["master.m3u8", "v/other", "a/other"] {
            let (out, folder, made) = made().await;
            write(out.path().join(name));
            let error = folder.deliver(&made).await.expect_err(name);
            assert_eq!(error.code(), "out_not_empty");
            folder.clear().await;
            assert_eq!(sorted(out.path()).await, [name.split('/').next().expect("a name")]);
            let refusal = check_free(out.path()).expect_err(name);
            assert!(refusal.message().contains(name.split('/').next().expect("a name")), "{refusal}");
        }
    }
}
