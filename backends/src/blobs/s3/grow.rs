//! Large objects as multipart uploads.
//!
//! What is known of one is kept by the caller and replaced as a whole: parts that were stored, and the name of the tail. A
//! tail's name tells its place and content, so that an append that nobody noted cannot change what an earlier state names.

use super::{
    S3Blobs,
    connect::patient,
    error::{Told, told, unavailable},
};
use aws_sdk_s3::{
    primitives,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use futures::StreamExt;
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, ByteStream, Growing, Meta},
    object::Key,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Smallest part but the last, Amazon S3 user guide "Multipart upload limits". There are at most 10,000.
const PART_BYTES_MIN: usize = 5 << 20;
/// Where tails are.
pub(super) const TAILS: &str = ".tails/";

/// What [`Growing`] carries for this store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Of the multipart upload.
    pub(super) upload: String,
    pub(super) parts: Vec<Part>,
    /// The bytes behind the last part.
    tail: Option<Tail>,
    /// A tail that no state needs any more once this one is kept.
    stale: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) etag: Option<String>,
    pub(super) crc32: Option<String>,
    pub(super) size_bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tail {
    name: String,
    size_bytes: u64,
}

/// How large the next part is: larger with their number, so that the largest source fits and small ones take little memory.
fn part_bytes(parts: usize) -> usize {
    match parts {
        0..2000 => 8 << 20,
        2000..6000 => 32 << 20,
        _ => 128 << 20,
    }
}

impl State {
    pub(super) fn of(growing: &Growing) -> Result<Self> {
        serde_json::from_value(growing.state.clone())
            .map_err(|cause| Error::internal(format!("not a growing object of this store: {cause}")))
    }

    pub(super) fn keep(&self, growing: &mut Growing) -> Result<()> {
        let parts: u64 = self.parts.iter().map(|part| part.size_bytes).sum();
        growing.state = serde_json::to_value(self).map_err(Error::internal)?;
        growing.size_bytes = parts + self.tail.as_ref().map_or(0, |tail| tail.size_bytes);
        Ok(())
    }

    /// Folder of this upload's tails.
    fn tails(&self, store: &S3Blobs) -> String {
        tails(store, &self.upload)
    }
}

/// Folder of the tails of the multipart upload called `upload`.
pub(super) fn tails(store: &S3Blobs, upload: &str) -> String {
    store.raw(&format!("{TAILS}{}/", hex::encode(Sha256::digest(upload))))
}

/// Begins a multipart upload whose parts bring sums of this kind along, or none: Amazon S3 refuses others.
pub(super) async fn begin(store: &S3Blobs, key: &Key, sums: Option<ChecksumAlgorithm>) -> Result<Growing> {
    let encryption = store.encryption.clone();
    let create = store
        .client
        .create_multipart_upload()
        .bucket(&store.bucket)
        .key(store.raw(key.as_str()))
        .set_checksum_algorithm(sums)
        .set_server_side_encryption(encryption.as_ref().map(|encryption| encryption.method.clone()))
        .set_ssekms_key_id(encryption.and_then(|encryption| encryption.key));
    let created = create.send().await.map_err(told)?;
    let upload = created.upload_id().ok_or_else(|| unavailable("the store named no upload"))?.to_owned();
    let mut growing = Growing { key: key.as_str().to_owned(), size_bytes: 0, state: serde_json::Value::Null };
    State { upload, parts: Vec::new(), tail: None, stale: None }.keep(&mut growing)?;
    Ok(growing)
}

pub(super) async fn append(store: &S3Blobs, growing: &mut Growing, mut body: ByteStream) -> Result<()> {
    let mut state = State::of(growing)?;
    if let Some(stale) = state.stale.take() {
        store.delete_raw(&stale).await?;
    }
    let tail = state.tail.take();
    let mut gathered = match &tail {
        Some(tail) => load(store, tail).await?.to_vec(),
        None => Vec::new(),
    };
    state.stale = tail.as_ref().map(|tail| tail.name.clone());
    let (mut failure, mut is_new) = (None, false);
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => gathered.extend_from_slice(&piece),
            Err(cause) => {
                failure = Some(cause);
                break;
            }
        }
        is_new = true;
        if gathered.len() >= part_bytes(state.parts.len()) {
            add_part(store, growing, &mut state, std::mem::take(&mut gathered).into()).await?;
        }
    }
    // What arrived before a failure counts too.
    if is_new && gathered.len() >= PART_BYTES_MIN {
        add_part(store, growing, &mut state, gathered.into()).await?;
    } else if is_new && !gathered.is_empty() {
        state.tail = Some(save(store, &state, gathered.into()).await?);
        if state.stale == state.tail.as_ref().map(|tail| tail.name.clone()) {
            state.stale = None;
        }
        state.keep(growing)?;
    }
    failure.map_or(Ok(()), Err)
}

/// Stores the next part, and notes it in `growing` at once: with it the state is whole again.
async fn add_part(store: &S3Blobs, growing: &mut Growing, state: &mut State, body: Bytes) -> Result<()> {
    let part = upload_part(store, growing, state, body).await?;
    state.parts.push(part);
    state.keep(growing)
}

async fn upload_part(store: &S3Blobs, growing: &Growing, state: &State, body: Bytes) -> Result<Part> {
    let size_bytes = body.len() as u64;
    let stored = store
        .client
        .upload_part()
        .bucket(&store.bucket)
        .key(store.raw(&growing.key))
        .upload_id(&state.upload)
        .part_number(number(state.parts.len()))
        .body(primitives::ByteStream::from(body))
        .send()
        .await
        .map_err(told)?;
    let etag = stored.e_tag().ok_or_else(|| unavailable("the store named no part"))?.to_owned();
    Ok(Part { etag: Some(etag), crc32: stored.checksum_crc32().map(str::to_owned), size_bytes })
}

/// Parts are counted from 1.
fn number(index: usize) -> i32 {
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}

async fn save(store: &S3Blobs, state: &State, body: Bytes) -> Result<Tail> {
    let after: u64 = state.parts.iter().map(|part| part.size_bytes).sum();
    let name = format!("{}{after}-{}", state.tails(store), hex::encode(Sha256::digest(&body)));
    let size_bytes = body.len() as u64;
    store.put(&name, body, false).await?;
    Ok(Tail { name, size_bytes })
}

async fn load(store: &S3Blobs, tail: &Tail) -> Result<Bytes> {
    let got = store.client.get_object().bucket(&store.bucket).key(&tail.name).send().await.map_err(told)?;
    let bytes = got.body.collect().await.map_err(unavailable)?.into_bytes();
    if bytes.len() as u64 == tail.size_bytes { Ok(bytes) } else { Err(unavailable("a tail did not arrive whole")) }
}

pub(super) async fn finish(store: &S3Blobs, growing: &Growing) -> Result<Meta> {
    let mut state = State::of(growing)?;
    let key = Key::parse(&growing.key)?;
    if growing.size_bytes == 0 {
        // A multipart upload has at least one byte.
        drop_upload(store, growing, &state).await?;
        store.create(&key, Bytes::new()).await?;
        return finished(store, growing, &key).await;
    }
    if let Err(cause) = complete(store, growing, &mut state).await {
        let is_gone = match cause.kind() {
            ErrorKind::NotFound => true,
            // Of what is gone some stores say that it may not be touched.
            ErrorKind::Conflict | ErrorKind::Internal => is_gone(store, growing, &state).await?,
            _ => false,
        };
        if !is_gone {
            return Err(cause);
        }
        // Finished before, or dropped.
        finished(store, growing, &key).await.map_err(|missing| missing.caused_by(cause))?;
    }
    clear_tails(store, &state).await?;
    finished(store, growing, &key).await
}

async fn complete(store: &S3Blobs, growing: &Growing, state: &mut State) -> Result<()> {
    if let Some(tail) = state.tail.take() {
        let last = load(store, &tail).await?;
        let part = upload_part(store, growing, state, last).await?;
        state.parts.push(part);
    }
    let parts = state.parts.iter().enumerate().map(|(index, part)| {
        let completed = CompletedPart::builder().part_number(number(index)).set_e_tag(part.etag.clone());
        completed.set_checksum_crc32(part.crc32.clone()).build()
    });
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
    let complete = store
        .client
        .complete_multipart_upload()
        .bucket(&store.bucket)
        .key(store.raw(&growing.key))
        .upload_id(&state.upload)
        .multipart_upload(parts)
        .set_if_none_match(store.is_conditional.then(|| "*".to_owned()));
    complete.customize().config_override(patient()).send().await.map_err(told)?;
    Ok(())
}

/// Whether the multipart upload, which had parts, was completed or dropped. Some stores refuse what is gone, or find nothing in it.
async fn is_gone(store: &S3Blobs, growing: &Growing, state: &State) -> Result<bool> {
    let list = store.client.list_parts().bucket(&store.bucket).key(store.raw(&growing.key)).upload_id(&state.upload);
    match list.max_parts(1).send().await.map_err(told) {
        Ok(listed) => Ok(listed.parts().is_empty()),
        Err(Told::Missing(_) | Told::Refused(_)) => Ok(true),
        Err(told) => Err(told.into()),
    }
}

async fn finished(store: &S3Blobs, growing: &Growing, key: &Key) -> Result<Meta> {
    let meta = store.head(key).await?;
    if meta.size_bytes == growing.size_bytes { Ok(meta) } else { Err(Error::not_found("growing object")) }
}

pub(super) async fn abort(store: &S3Blobs, growing: &Growing) -> Result<()> {
    let state = State::of(growing)?;
    drop_upload(store, growing, &state).await?;
    clear_tails(store, &state).await
}

async fn drop_upload(store: &S3Blobs, growing: &Growing, state: &State) -> Result<()> {
    let abort = store.client.abort_multipart_upload().bucket(&store.bucket).key(store.raw(&growing.key)).upload_id(&state.upload);
    match abort.send().await.map_err(told) {
        Ok(_) | Err(Told::Missing(_)) => Ok(()),
        // Some stores say this of what is gone. Where it is true, the bucket's own rule has to remove the parts.
        Err(Told::Refused(cause)) => {
            tracing::warn!(blobs.key = growing.key, error = cause, "the store refuses to drop an upload");
            Ok(())
        }
        Err(told) => Err(told.into()),
    }
}

async fn clear_tails(store: &S3Blobs, state: &State) -> Result<()> {
    let folder = state.tails(store);
    loop {
        let (names, more) = store.list_raw(&folder, None, super::LIST_MAX).await?;
        // There are seldom more than one or two: an append removes the one before.
        for name in &names {
            store.delete_raw(name).await?;
        }
        if !more {
            return Ok(());
        }
    }
}
