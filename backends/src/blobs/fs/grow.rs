//! Large objects that grow in a staging file until they get their name.

use super::{blocking, meta, missing, publish, staging};
use bytes::Bytes;
use futures::StreamExt;
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{ByteStream, Created, Growing, Meta},
    object::Key,
};
use serde_json::json;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;
/// How long an append waits for one before it that was cut off and is still writing its last bytes.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

pub(super) fn begin(root: &Path, key: &Key) -> Result<Growing> {
    let name = staging::growing(root, key)?;
    Ok(Growing { key: key.as_str().to_owned(), size_bytes: 0, state: json!({ "file": name }) })
}

fn path(root: &Path, growing: &Growing) -> Result<PathBuf> {
    let name = growing.state.get("file").and_then(serde_json::Value::as_str);
    name.and_then(|name| staging::grown(root, name)).ok_or_else(|| Error::internal("not a growing object of this store"))
}

pub(super) async fn append(root: &Arc<Path>, growing: &mut Growing, mut body: ByteStream) -> Result<()> {
    let start = growing.size_bytes;
    let file = Arc::new(open(path(root, growing)?, start).await?);
    let mut written = start;
    let mut gathered = Vec::new();
    let mut failure = None;
    while failure.is_none() {
        let chunk = body.next().await;
        let over = chunk.is_none();
        match chunk {
            Some(Ok(chunk)) => gathered.push(chunk),
            Some(Err(cause)) => failure = Some(cause),
            None => {}
        }
        let length: usize = gathered.iter().map(Bytes::len).sum();
        if length > 0 && (length >= WRITE_BYTES || over || failure.is_some()) {
            let (file, chunks) = (file.clone(), std::mem::take(&mut gathered));
            match blocking(move || write(&file, &chunks)).await {
                Ok(()) => written += length as u64,
                Err(cause) => failure = Some(cause),
            }
        }
        if over {
            break;
        }
    }
    // What arrived before a failure counts too, once it is on disk.
    blocking(move || Ok(file.sync_data()?)).await?;
    growing.size_bytes = written;
    failure.map_or(Ok(()), Err)
}

fn write(file: &File, chunks: &[Bytes]) -> Result<()> {
    let mut file = file;
    for chunk in chunks {
        file.write_all(chunk)?;
    }
    Ok(())
}

/// The staging file, held by this append alone and cut to what is known to be durable.
async fn open(path: PathBuf, durable_bytes: u64) -> Result<File> {
    // Only an object of which nothing was promised may be missing.
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(durable_bytes == 0).truncate(false);
    let mut file = blocking(move || options.open(path).map_err(missing)).await?;
    for _ in 0..LOCK_TRIES {
        let (back, locked) = blocking(move || {
            let locked = file.try_lock();
            Ok((file, locked))
        })
        .await?;
        file = back;
        match locked {
            Ok(()) => return blocking(move || cut(file, durable_bytes)).await,
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(cause)) => return Err(cause.into()),
        }
    }
    Err(Error::conflict("upload_busy", "another request is still writing to this upload, try again shortly"))
}

fn cut(mut file: File, durable_bytes: u64) -> Result<File> {
    let length = file.metadata()?.len();
    if length < durable_bytes {
        return Err(Error::internal(format!("{durable_bytes} bytes were stored and only {length} are left")));
    }
    file.set_len(durable_bytes)?;
    file.seek(SeekFrom::Start(durable_bytes))?;
    Ok(file)
}

pub(super) fn finish(root: &Path, growing: &Growing) -> Result<Meta> {
    let staged = path(root, growing)?;
    let object = root.join(Key::parse(&growing.key)?.as_str());
    let file = match OpenOptions::new().write(true).open(&staged) {
        Ok(file) => file,
        // Finished before.
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return finished(&object, growing).map_err(|missing| missing.caused_by(cause));
        }
        Err(cause) => return Err(cause.into()),
    };
    if file.metadata()?.nlink() == 1 {
        cut(file, growing.size_bytes)?.sync_all()?;
    }
    if publish(root, &object, || fs::hard_link(&staged, &object))? == Created::Existed
        && fs::metadata(&object)?.ino() != fs::metadata(&staged)?.ino()
    {
        return Err(Error::conflict("already_exists", "there is another object of that name"));
    }
    fs::remove_file(&staged)?;
    finished(&object, growing)
}

fn finished(object: &Path, growing: &Growing) -> Result<Meta> {
    let meta = meta(&fs::metadata(object).map_err(missing)?)?;
    if meta.size_bytes == growing.size_bytes { Ok(meta) } else { Err(Error::not_found("growing object")) }
}

pub(super) fn abort(root: &Path, growing: &Growing) -> Result<()> {
    match fs::remove_file(path(root, growing)?).map_err(missing) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
