//! Copying inside the store, and by that creating objects in one without conditional writes.

use super::{
    CONFLICT_TRIES, S3Blobs,
    error::{Told, told, unavailable},
};
use bytes::Bytes;
use marquee_core::{OsRandom, Random, Result, blobs::Created, object::Key};

/// Where objects wait for their place.
pub(super) const ATTEMPTS: &str = ".attempts/";

/// Writes `body` under a name that nobody else has, and copies it to `key` if nobody is there by then.
pub(super) async fn create(store: &S3Blobs, key: &Key, body: Bytes) -> Result<Created> {
    let place = store.raw(key.as_str());
    if is_taken(store, &place).await? {
        return Ok(Created::Existed);
    }
    let mut own = [0; 16];
    OsRandom.fill(&mut own);
    let staged = store.raw(&format!("{ATTEMPTS}{}", hex::encode(own)));
    store.put(&staged, body, false).await?;
    let created = if is_taken(store, &place).await? {
        Created::Existed
    } else {
        copy(store, &staged, &place, false).await?;
        Created::New
    };
    // One that stays goes with the next tidying.
    if let Err(cause) = store.delete_raw(&staged).await {
        tracing::debug!(error = cause.detail(), "could not remove a staged object");
    }
    Ok(created)
}

async fn is_taken(store: &S3Blobs, name: &str) -> Result<bool> {
    match store.head_raw(name).await {
        Ok(_) => Ok(true),
        Err(Told::Missing(_)) => Ok(false),
        Err(told) => Err(told.into()),
    }
}

/// Stores the object `from` under `to` as well, if nobody is there by then.
pub(super) async fn copy_once(store: &S3Blobs, from: &Key, to: &Key) -> Result<Created> {
    let (from, to) = (store.raw(from.as_str()), store.raw(to.as_str()));
    // Some stores know the condition when they write, and ignore it when they copy.
    if is_taken(store, &to).await? {
        return Ok(Created::Existed);
    }
    let mut once = store.is_conditional;
    for _ in 0..CONFLICT_TRIES {
        match copy(store, &from, &to, once).await {
            Ok(()) => return Ok(Created::New),
            Err(Told::Exists(_)) => return Ok(Created::Existed),
            Err(Told::Conflict(_)) => {}
            Err(Told::Unsupported(_)) if once => once = false,
            Err(told) => return Err(told.into()),
        }
    }
    Err(unavailable("too many writers of one object"))
}

async fn copy(store: &S3Blobs, from: &str, to: &str, once: bool) -> Result<(), Told> {
    let encryption = store.encryption.clone();
    let copy = store
        .client
        .copy_object()
        .bucket(&store.bucket)
        .key(to)
        .copy_source(format!("{}/{from}", store.bucket))
        .set_server_side_encryption(encryption.as_ref().map(|encryption| encryption.method.clone()))
        .set_ssekms_key_id(encryption.and_then(|encryption| encryption.key))
        .set_if_none_match(once.then(|| "*".to_owned()));
    copy.send().await.map(drop).map_err(told)
}
