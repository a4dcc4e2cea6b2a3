//! What killed processes left in the bucket: multipart uploads, their tails, staged objects. Ages are told by the store's clock.

use super::{
    LIST_MAX, PROBE, S3Blobs,
    error::{Told, told},
    grow::{TAILS, tails},
    stage::ATTEMPTS,
};
use aws_sdk_s3::primitives::DateTime;
use bytes::Bytes;
use marquee_core::{Error, Result, object::Key};
use std::collections::HashSet;
use std::time::Duration;

pub(super) async fn tidy(store: &S3Blobs, growing: &HashSet<Key>, age: Duration) -> Result<()> {
    let Some(before) = store_time(store).await?.and_then(|now| now.checked_sub(age.as_secs().cast_signed())) else {
        return Ok(());
    };
    remove_old(store, ATTEMPTS, before, |_| true).await?;
    match stale_uploads(store, growing, before).await {
        Ok(living) => remove_old(store, TAILS, before, |name| !living.iter().any(|tails| name.starts_with(tails))).await,
        // Without the list nobody knows whose tails are whose. The bucket's own rule removes what is left.
        Err(Told::Unsupported(_) | Told::Refused(_)) => Ok(()),
        Err(told) => Err(told.into()),
    }
}

/// Seconds since 1970 on the store's clock.
async fn store_time(store: &S3Blobs) -> Result<Option<i64>> {
    let name = store.raw(PROBE);
    store.put(&name, Bytes::new(), false).await?;
    let head = store.client.head_object().bucket(&store.bucket).key(&name).send().await.map_err(told)?;
    Ok(head.last_modified().map(DateTime::secs))
}

/// Drops multipart uploads that began before `before` and are none of `growing`. Answers the tails' folders of those that stay.
async fn stale_uploads(store: &S3Blobs, growing: &HashSet<Key>, before: i64) -> Result<Vec<String>, Told> {
    let mut living = Vec::new();
    let (mut key_marker, mut upload_marker) = (None, None);
    loop {
        let list = store.client.list_multipart_uploads().bucket(&store.bucket).prefix(&store.prefix);
        let listed = list.set_key_marker(key_marker).set_upload_id_marker(upload_marker).send().await.map_err(told)?;
        for upload in listed.uploads() {
            let (Some(name), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
            let key = name.strip_prefix(&store.prefix).and_then(|key| Key::parse(key).ok());
            let is_old = upload.initiated().is_some_and(|time| time.secs() < before);
            if !is_old || key.is_some_and(|key| growing.contains(&key)) {
                living.push(tails(store, id));
                continue;
            }
            tracing::info!(blobs.key = name, "dropping a multipart upload that nobody knows of");
            let abort = store.client.abort_multipart_upload().bucket(&store.bucket).key(name).upload_id(id);
            match abort.send().await.map_err(told) {
                Ok(_) | Err(Told::Missing(_)) => {}
                Err(told) => return Err(told),
            }
        }
        if !listed.is_truncated().unwrap_or(false) {
            return Ok(living);
        }
        key_marker = listed.next_key_marker().map(str::to_owned);
        upload_marker = listed.next_upload_id_marker().map(str::to_owned);
    }
}

/// Removes what lies in `folder` since before `before`, if `is_left` says so of its name.
async fn remove_old(store: &S3Blobs, folder: &str, before: i64, is_left: impl Fn(&str) -> bool) -> Result<()> {
    let prefix = store.raw(folder);
    let mut after = None;
    loop {
        let list = store.client.list_objects_v2().bucket(&store.bucket).prefix(&prefix).set_start_after(after);
        let listed = list.max_keys(i32::try_from(LIST_MAX).map_err(Error::internal)?).send().await.map_err(told)?;
        for object in listed.contents() {
            let is_old = object.last_modified().is_some_and(|time| time.secs() < before);
            if let Some(name) = object.key().filter(|name| is_old && is_left(name)) {
                store.delete_raw(name).await?;
            }
        }
        after = listed.contents().last().and_then(|object| object.key()).map(str::to_owned);
        if after.is_none() || !listed.is_truncated().unwrap_or(false) {
            return Ok(());
        }
    }
}
