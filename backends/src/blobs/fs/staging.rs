//! `.staging`: files that are not objects yet.

use marquee_core::Result;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::{Builder, NamedTempFile};

/// Prefix of files that [`super::FileBlobs`] creates objects from.
const TEMPORARY: &str = "tmp-";
/// Prefix of large objects that grow.
const GROWING: &str = "grow-";
/// No write to a temporary file takes this long.
const TEMPORARY_AGE_MAX: Duration = Duration::from_secs(3600);
/// Empty growing files older than this were begun by somebody who died before noting it; appending makes them anew.
const EMPTY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// What servers that share the folder may do with objects.
const MODE: u32 = 0o644;

/// The folder.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join(".staging")
}

/// A file that vanishes unless it is linked elsewhere.
pub(super) fn temporary(root: &Path) -> std::io::Result<NamedTempFile> {
    Builder::new().prefix(TEMPORARY).permissions(Permissions::from_mode(MODE)).tempfile_in(folder(root))
}

/// A new, empty growing file; answers its name.
pub(super) fn growing(root: &Path) -> Result<String> {
    let file = Builder::new().prefix(GROWING).permissions(Permissions::from_mode(MODE)).tempfile_in(folder(root))?;
    let (_, path) = file.keep().map_err(|cause| cause.error)?;
    fs::File::open(folder(root))?.sync_all()?;
    Ok(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
}

/// Path of the growing file `name`, if it is the name of one.
pub(super) fn grown(root: &Path, name: &str) -> Option<PathBuf> {
    let plain = name.strip_prefix(GROWING)?.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| folder(root).join(name))
}

/// Makes the folder, and removes what killed processes left in it. Ages are told by the file system's own clock.
pub(super) fn clean(root: &Path) -> Result<()> {
    let folder = folder(root);
    fs::create_dir_all(&folder)?;
    let now = temporary(root)?.as_file().metadata()?.mtime();
    for entry in fs::read_dir(&folder)?.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        let older_than = |age: Duration| now - meta.mtime() > age.as_secs().cast_signed();
        let left = name.starts_with(TEMPORARY) && older_than(TEMPORARY_AGE_MAX)
            || name.starts_with(GROWING) && meta.len() == 0 && older_than(EMPTY_AGE_MAX)
            // An object already: whoever finished it died before removing this name.
            || name.starts_with(GROWING) && meta.nlink() > 1 && older_than(TEMPORARY_AGE_MAX);
        if left {
            tracing::info!(file = name, "removing what a killed process left in the store");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
