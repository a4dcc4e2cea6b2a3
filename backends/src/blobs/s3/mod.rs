//! `s3:`: any store that speaks Amazon's S3, such as `s3://bucket/prefix?endpoint=http://host:9000`.
//!
//! Objects are created once by conditional writes (`If-None-Match: *`), which is probed when the store is opened: some stores
//! ignore the header. There an object is written under a name of its own below `.attempts/` and copied to its place if that is
//! still free, which leaves two writers a moment instead of a whole transfer to meet in. A large object is a multipart upload; the last bytes of an append that are too few for a part wait in
//! an object of their own under `.tails/`, since only the last part may be small. No key begins with a dot, so none of
//! these, nor the probe, is ever listed.

#[cfg(feature = "testing")]
mod bare;
mod connect;
mod direct;
mod error;
mod grow;
mod read;
mod stage;
mod tidy;

#[cfg(test)]
mod tests;

#[cfg(feature = "testing")]
pub use bare::bare_upload;
#[cfg(feature = "testing")]
pub(crate) use bare::create_bucket;

use async_trait::async_trait;
use aws_sdk_s3::{
    Client, primitives,
    types::{ChecksumAlgorithm, ServerSideEncryption},
};
use bytes::Bytes;
use error::{Told, told, unavailable};
use marquee_core::{
    Result,
    blobs::{Blobs, ByteStream, Created, Direct, Growing, Meta, Object},
    object::Key,
};
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;
use url::Url;

/// Written twice to find out whether the second write is refused.
const PROBE: &str = ".probe";
/// Tries of a write that met another one of the same name.
const CONFLICT_TRIES: u32 = 5;
/// Most keys in one answer, by the protocol.
const LIST_MAX: usize = 1000;

/// See the module.
#[derive(Clone)]
pub struct S3Blobs {
    client: Client,
    /// Signs what others send, for the address by which they find the store.
    signer: Client,
    bucket: String,
    /// What every key begins with: empty, or ends with a slash.
    prefix: String,
    encryption: Option<Encryption>,
    /// Whether the store honours `If-None-Match: *`.
    is_conditional: bool,
}

/// How the store encrypts what is written.
#[derive(Clone, Debug)]
struct Encryption {
    method: ServerSideEncryption,
    key: Option<String>,
}

impl S3Blobs {
    /// The store at `url`, for writing. Parameters of its query: `endpoint` (unset: Amazon's), `public_endpoint` (where those
    /// find it who send it parts themselves; unset: as we do), `region`, `style` (`path` or `host`; unset: `path` with an endpoint),
    /// `encryption` (`AES256` or `aws:kms`) and `encryption_key`. The access key and its secret are the URL's user and password, or
    /// else found as Amazon's tools do.
    ///
    /// # Errors
    /// `Invalid` for a bad URL, a missing bucket or one that may not be written, `Unavailable` if nobody answers.
    pub async fn open(url: &Url) -> Result<Self> {
        let mut store = connect::connect(url).await?;
        store.bucket_is_there().await?;
        store.is_conditional = store.probe().await?;
        if store.is_conditional {
            tracing::info!(blobs.bucket = store.bucket, "the object store creates objects once");
        } else {
            tracing::warn!(
                blobs.bucket = store.bucket,
                "the object store ignores If-None-Match: objects are staged and copied, and attempts that race at that moment may both write"
            );
        }
        Ok(store)
    }

    /// The store at `url`, for reading alone.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_to_read(url: &Url) -> Result<Self> {
        let store = connect::connect(url).await?;
        store.bucket_is_there().await?;
        match store.head_raw(&store.raw(PROBE)).await {
            Ok(_) | Err(Told::Missing(_)) => Ok(store),
            Err(told) => Err(told.at_start()),
        }
    }

    async fn bucket_is_there(&self) -> Result<()> {
        match self.client.head_bucket().bucket(&self.bucket).send().await.map_err(told) {
            // Who may not ask may still read or write.
            Ok(_) | Err(Told::Refused(_)) => Ok(()),
            Err(told) => Err(told.at_start()),
        }
    }

    fn raw(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Writes an object twice. The second write must be refused.
    async fn probe(&self) -> Result<bool> {
        let name = self.raw(PROBE);
        for last in [false, true] {
            match self.put(&name, Bytes::new(), true).await {
                Err(Told::Exists(_)) if last => return Ok(true),
                Ok(()) | Err(Told::Exists(_) | Told::Conflict(_)) => {}
                Err(told) => return Err(told.at_start()),
            }
        }
        Ok(false)
    }

    async fn put(&self, name: &str, body: Bytes, once: bool) -> Result<(), Told> {
        let encryption = self.encryption.clone();
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(name)
            .body(primitives::ByteStream::from(body))
            .set_server_side_encryption(encryption.as_ref().map(|encryption| encryption.method.clone()))
            .set_ssekms_key_id(encryption.and_then(|encryption| encryption.key))
            .set_if_none_match(once.then(|| "*".to_owned()));
        put.send().await.map(drop).map_err(told)
    }

    async fn head_raw(&self, name: &str) -> Result<Meta, Told> {
        let head = self.client.head_object().bucket(&self.bucket).key(name).send().await.map_err(told)?;
        let size_bytes = head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        Ok(Meta { size_bytes, etag: etag(head.e_tag()) })
    }

    async fn delete_raw(&self, name: &str) -> Result<()> {
        match self.client.delete_object().bucket(&self.bucket).key(name).send().await.map_err(told) {
            Ok(_) | Err(Told::Missing(_)) => Ok(()),
            Err(told) => Err(told.into()),
        }
    }

    /// Up to `limit` names after `after` that begin with `prefix`, and whether there are more.
    async fn list_raw(&self, prefix: &str, after: Option<String>, limit: usize) -> Result<(Vec<String>, bool)> {
        let page = i32::try_from(limit.clamp(1, LIST_MAX)).unwrap_or(i32::MAX);
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).max_keys(page).set_start_after(after);
        let listed = list.send().await.map_err(told)?;
        let names = listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect();
        Ok((names, listed.is_truncated().unwrap_or(false)))
    }
}

/// Without the quotes that it has on the wire.
fn etag(text: Option<&str>) -> String {
    text.unwrap_or_default().trim_matches('"').to_owned()
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn create(&self, key: &Key, body: Bytes) -> Result<Created> {
        if !self.is_conditional {
            return stage::create(self, key, body).await;
        }
        let name = self.raw(key.as_str());
        for _ in 0..CONFLICT_TRIES {
            match self.put(&name, body.clone(), true).await {
                Ok(()) => return Ok(Created::New),
                Err(Told::Exists(_)) => return Ok(Created::Existed),
                Err(Told::Conflict(_)) => {}
                Err(told) => return Err(told.into()),
            }
        }
        Err(unavailable("too many writers of one object"))
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Created> {
        stage::copy_once(self, from, to).await
    }

    async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object> {
        read::read(self, key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Meta> {
        Ok(self.head_raw(&self.raw(key.as_str())).await?)
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.delete_raw(&self.raw(key.as_str())).await
    }

    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
        let mut after = after.map(|key| self.raw(key.as_str()));
        let mut keys = Vec::new();
        loop {
            let (names, more) = self.list_raw(&self.raw(prefix), after, limit).await?;
            after = names.last().cloned();
            let ours = names.iter().filter_map(|name| Key::parse(name.strip_prefix(&self.prefix)?).ok());
            keys.extend(ours.take(limit - keys.len()));
            if keys.len() >= limit || !more || after.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn begin(&self, key: &Key) -> Result<Growing> {
        // Our own parts bring their sums along, and the store wants to know that at the beginning.
        grow::begin(self, key, Some(ChecksumAlgorithm::Crc32)).await
    }

    async fn append(&self, growing: &mut Growing, body: ByteStream) -> Result<()> {
        grow::append(self, growing, body).await
    }

    async fn finish(&self, growing: &Growing) -> Result<Meta> {
        grow::finish(self, growing).await
    }

    async fn abort(&self, growing: &Growing) -> Result<()> {
        grow::abort(self, growing).await
    }

    fn direct(&self) -> Option<&dyn Direct> {
        Some(self)
    }

    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()> {
        tidy::tidy(self, growing, age).await
    }

    fn summary(&self) -> String {
        let how =
            if self.is_conditional { "created once by conditional writes" } else { "staged and copied: no conditional writes" };
        format!("s3 bucket {}, {how}", self.bucket)
    }
}
