//! `file:`: an object is a file whose path is its key. It appears whole by one `link` or `rename`, after its bytes are on disk. A copy
//! of it is another name of the same file.
//!
//! Work in progress lies in `.staging` (no key begins with a dot): `tmp-*` while an object is created, `grow-*` while a large
//! one grows. What killed processes left there goes with [`Blobs::tidy`].

mod grow;
mod list;
mod staging;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use marquee_core::{
    Error, Result,
    blobs::{Blobs, ByteStream, Created, Growing, Meta, Object},
    object::Key,
};
use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;
/// Tries at publishing a file while others remove the folder it goes to because it is empty.
const TRIES_MAX: u32 = 16;

/// See the module.
#[derive(Clone, Debug)]
pub struct FileBlobs {
    root: Arc<Path>,
}

impl FileBlobs {
    /// The store in `root`, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub async fn open(root: &Path) -> Result<Self> {
        let root = root.to_owned();
        let root = blocking(move || {
            fs::create_dir_all(&root)?;
            let root = fs::canonicalize(root)?;
            staging::prepare(&root)?;
            Ok(root)
        });
        Ok(Self { root: root.await?.into() })
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }
}

/// Runs file work where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

fn missing(cause: std::io::Error) -> Error {
    match cause.kind() {
        // A part of the path is an object itself.
        ErrorKind::NotFound | ErrorKind::NotADirectory => Error::not_found("object").caused_by(cause),
        _ => cause.into(),
    }
}

/// Size and validator. Every write makes a new file, so that its number and time tell it from others of the same name.
fn meta(metadata: &Metadata) -> Result<Meta> {
    if !metadata.is_file() {
        return Err(Error::not_found("object"));
    }
    let etag = format!("{:x}-{:x}-{:x}{:08x}", metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    Ok(Meta { size_bytes: metadata.len(), etag })
}

/// Makes `place` in the folder of `path`, whatever others remove meanwhile, and makes the new name durable.
fn publish(root: &Path, path: &Path, mut place: impl FnMut() -> std::io::Result<()>) -> Result<Created> {
    let folder = path.parent().unwrap_or(root);
    let mut tries = 0;
    loop {
        tries += 1;
        let placed = make_folders(root, folder).and_then(|()| place());
        match placed {
            Ok(()) => break,
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists && path.is_file() => return Ok(Created::Existed),
            Err(cause) if cause.kind() == ErrorKind::NotFound && tries < TRIES_MAX => {}
            Err(cause) if matches!(cause.kind(), ErrorKind::NotADirectory | ErrorKind::AlreadyExists) => {
                return Err(
                    Error::conflict("key_is_folder", "an object's key cannot be the folder of another's").caused_by(cause)
                );
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    File::open(folder)?.sync_all()?;
    Ok(Created::New)
}

/// `create_dir_all` that makes each new name durable.
fn make_folders(root: &Path, folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent().filter(|_| folder != root) else { return Ok(()) };
    make_folders(root, parent)?;
    match fs::create_dir(folder) {
        // Looked at once: others make it and remove it meanwhile.
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => match fs::metadata(folder) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(cause),
            Err(gone) => Err(gone),
        },
        made => made.and_then(|()| File::open(parent)?.sync_all()),
    }
}

fn remove(root: &Path, path: &Path) -> Result<()> {
    match fs::remove_file(path).map_err(missing) {
        // A folder is not an object.
        Err(_) if path.is_dir() => return Ok(()),
        Err(cause) if cause.kind() == marquee_core::ErrorKind::NotFound => return Ok(()),
        removed => removed?,
    }
    let mut folder = path.parent();
    while let Some(empty) = folder.filter(|folder| *folder != root) {
        if fs::remove_dir(empty).is_err() {
            break;
        }
        folder = empty.parent();
    }
    if let Some(left) = folder
        && let Ok(left) = File::open(left)
    {
        left.sync_all()?;
    }
    Ok(())
}

/// The part of an object of `size` bytes that is read.
fn part(range: Option<Range<u64>>, size: u64) -> Result<Range<u64>> {
    match range {
        None => Ok(0..size),
        Some(range) if range.start < range.end && range.start < size => Ok(range.start..range.end.min(size)),
        Some(_) => Err(Error::invalid("invalid_range", format!("the range does not lie in the object's {size} bytes"))),
    }
}

/// The next `length` bytes of `file`, or an error: never fewer.
fn stream(file: tokio::fs::File, length: u64) -> ByteStream {
    let chunks = ReaderStream::with_capacity(file.take(length), READ_BYTES);
    let counted = futures::stream::unfold((chunks, length), |(mut chunks, left)| async move {
        match chunks.next().await {
            Some(Ok(chunk)) => {
                let left = left.saturating_sub(chunk.len() as u64);
                Some((Ok(chunk), (chunks, left)))
            }
            Some(Err(cause)) => Some((Err(cause.into()), (chunks, 0))),
            None if left > 0 => Some((Err(Error::internal(format!("the object's file is {left} bytes too short"))), (chunks, 0))),
            None => None,
        }
    });
    counted.boxed()
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn create(&self, key: &Key, body: Bytes) -> Result<Created> {
        let (root, path) = (self.root.clone(), self.path(key));
        blocking(move || {
            if path.is_file() {
                return Ok(Created::Existed);
            }
            let mut file = staging::temporary(&root)?;
            file.write_all(&body)?;
            file.as_file().sync_all()?;
            publish(&root, &path, || fs::hard_link(file.path(), &path))
        })
        .await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Created> {
        let (root, from, to) = (self.root.clone(), self.path(from), self.path(to));
        blocking(move || {
            if to.is_file() {
                return Ok(Created::Existed);
            }
            if !fs::metadata(&from).map_err(missing)?.is_file() {
                return Err(Error::not_found("object"));
            }
            // Neither is ever written again, so that one file with two names is as good as two.
            publish(&root, &to, || match fs::hard_link(&from, &to) {
                Err(cause)
                    if !matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::NotADirectory) =>
                {
                    // It has as many names as it may have, or belongs to somebody else.
                    staging::link_copy(&root, &from, &to)
                }
                linked => linked,
            })
        })
        .await
    }

    async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object> {
        let mut file = tokio::fs::File::open(self.path(key)).await.map_err(missing)?;
        let meta = meta(&file.metadata().await?)?;
        let range = part(range, meta.size_bytes)?;
        file.seek(SeekFrom::Start(range.start)).await?;
        let body = stream(file, range.end - range.start);
        Ok(Object { meta, range, body })
    }

    async fn head(&self, key: &Key) -> Result<Meta> {
        meta(&tokio::fs::metadata(self.path(key)).await.map_err(missing)?)
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let (root, path) = (self.root.clone(), self.path(key));
        blocking(move || remove(&root, &path)).await
    }

    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
        let (root, prefix, after) = (self.root.clone(), prefix.to_owned(), after.cloned());
        blocking(move || list::keys(&root, &prefix, after.as_ref(), limit)).await
    }

    async fn begin(&self, key: &Key) -> Result<Growing> {
        let (root, key) = (self.root.clone(), key.clone());
        blocking(move || grow::begin(&root, &key)).await
    }

    async fn append(&self, growing: &mut Growing, body: ByteStream) -> Result<()> {
        grow::append(&self.root, growing, body).await
    }

    async fn finish(&self, growing: &Growing) -> Result<Meta> {
        let (root, growing) = (self.root.clone(), growing.clone());
        blocking(move || grow::finish(&root, &growing)).await
    }

    async fn abort(&self, growing: &Growing) -> Result<()> {
        let (root, growing) = (self.root.clone(), growing.clone());
        blocking(move || grow::abort(&root, &growing)).await
    }

    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()> {
        let (root, growing) = (self.root.clone(), growing.clone());
        blocking(move || staging::tidy(&root, &growing, age)).await
    }

    fn summary(&self) -> String {
        format!("files in {}, created once", self.root.display())
    }
}

#[cfg(test)]
mod tests;
