//! `.staging`: files that are not objects yet.

use marquee_core::{Result, object::Key};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::{Builder, NamedTempFile};

/// Prefix of files that [`super::FileBlobs`] creates objects from.
const TEMPORARY: &str = "tmp-";
/// Prefix of large objects that grow.
const GROWING: &str = "grow-";
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

/// Makes `to` a file of its own with the bytes of `from`.
pub(super) fn link_copy(root: &Path, from: &Path, to: &Path) -> std::io::Result<()> {
    let mut file = temporary(root)?;
    std::io::copy(&mut fs::File::open(from)?, file.as_file_mut())?;
    file.as_file().sync_all()?;
    fs::hard_link(file.path(), to)
}

/// A new, empty growing file for the object `key`; answers its name, which tells the key to [`tidy`].
pub(super) fn growing(root: &Path, key: &Key) -> Result<String> {
    let file = Builder::new().prefix(&prefix(key)).permissions(Permissions::from_mode(MODE)).tempfile_in(folder(root))?;
    let (_, path) = file.keep().map_err(|cause| cause.error)?;
    fs::File::open(folder(root))?.sync_all()?;
    Ok(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
}

/// What the names of growing files for the object `key` begin with.
fn prefix(key: &Key) -> String {
    format!("{GROWING}{}", hex::encode(&Sha256::digest(key.as_str())[..16]))
}

/// Path of the growing file `name`, if it is the name of one.
pub(super) fn grown(root: &Path, name: &str) -> Option<PathBuf> {
    let plain = name.strip_prefix(GROWING)?.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| folder(root).join(name))
}

/// Makes the folder.
pub(super) fn prepare(root: &Path) -> Result<()> {
    Ok(fs::create_dir_all(folder(root))?)
}

/// Removes what calls left that died longer than `age` ago, told by the file system's own clock; growing files of the objects
/// `growing` stay.
pub(super) fn tidy(root: &Path, growing: &HashSet<Key>, age: Duration) -> Result<()> {
    let known: HashSet<String> = growing.iter().map(prefix).collect();
    let now = temporary(root)?.as_file().metadata()?.mtime();
    for entry in fs::read_dir(folder(root))?.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if now - meta.mtime() < age.as_secs().cast_signed() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_known = || name.get(..GROWING.len() + 32).is_some_and(|prefix| known.contains(prefix));
        // One with two names is an object already: whoever finished it died before removing this one.
        if name.starts_with(TEMPORARY) || name.starts_with(GROWING) && (meta.nlink() > 1 || !is_known()) {
            tracing::info!(file = name, "removing what a killed process left in the store");
            match fs::remove_file(entry.path()) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause.into()),
                _ => {}
            }
        }
    }
    Ok(())
}
