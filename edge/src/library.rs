//! Every object that this edge can give out: from the store, else by one fetch for all who ask.

use crate::{
    arrival::{Arrival, pieces},
    flight::{Flight, Landing, Outcome},
    meter::{self, Source},
    origin::Origin,
    playlist,
    recent::Recent,
    store::{Store, Whole},
};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{ByteStream, Meta},
    object::Key,
};
use sha2::{Digest, Sha256};
use std::{ops::Range, sync::Arc, time::Duration};

/// Largest object that is kept; what is larger passes through. A 6 s segment at 40 Mb/s has 30 MB.
const OBJECT_BYTES_MAX: u64 = 32 << 20;
/// An object has room if this many of its size have.
const OBJECTS_MIN: u64 = 4;
/// How long it is believed that an object does not exist.
const MISSING_FOR: Duration = Duration::from_secs(1);
/// Names of missing objects that are remembered.
const MISSING_MAX: u64 = 10_000;
/// How long a growing playlist is taken for new.
const LIVE_FOR: Duration = Duration::from_secs(1);
/// How long a growing playlist may be shown when the API does not answer: a player that sees no new segment waits, one that sees
/// an error gives up.
const LIVE_STALE_FOR: Duration = Duration::from_secs(30);
/// Bytes of growing playlists in memory.
const LIVE_BYTES: u64 = 16 << 20;

/// An object, in whatever form it is here.
#[derive(Clone)]
pub(crate) enum Found {
    /// All of it.
    Whole(Arc<Whole>),
    /// It is arriving.
    Arriving(Arc<Meta>, Arc<Arrival>),
    /// It is too large to be kept: each reader fetches its own range.
    Large(Arc<Meta>),
}

/// The store, the flights and the origin behind them.
#[derive(Clone)]
pub(crate) struct Library(Arc<Parts>);

struct Parts {
    origin: Origin,
    store: Store,
    object_bytes_max: u64,
    flight: Arc<Flight<Key, Found>>,
    missing: Recent<()>,
    live: Recent<Arc<Whole>>,
}

impl Library {
    /// A library that keeps `memory_bytes` of objects.
    pub(crate) fn new(origin: Origin, memory_bytes: u64) -> Self {
        Self(Arc::new(Parts {
            origin,
            store: Store::new(memory_bytes),
            object_bytes_max: OBJECT_BYTES_MAX.min(memory_bytes / OBJECTS_MIN),
            flight: Flight::new(),
            missing: Recent::new(MISSING_FOR, MISSING_MAX, |()| 1),
            live: Recent::new(LIVE_STALE_FOR, LIVE_BYTES, |whole: &Arc<Whole>| whole.body.len()),
        }))
    }

    /// The stored object `key`.
    ///
    /// # Errors
    /// `NotFound`, believed for a second; `Unavailable`, never remembered.
    pub(crate) async fn object(&self, key: &Key) -> Outcome<(Found, Source)> {
        let parts = &self.0;
        if let Some(whole) = parts.store.get(key) {
            return Ok((Found::Whole(whole), Source::Hit));
        }
        if parts.missing.get(key).is_some() {
            return Err(Arc::new(Error::not_found("object")));
        }
        let stored = || parts.store.get(key).map(Found::Whole);
        let fetch = |landing| Self(parts.clone()).fetch_object(key.clone(), landing);
        let found = parts.flight.join(key, stored, fetch).await?;
        let source = if matches!(found, Found::Large(_)) { Source::Passed } else { Source::Miss };
        Ok((found, source))
    }

    async fn fetch_object(self, key: Key, landing: Landing<Found>) {
        if let Err(error) = self.take_in(&key, &landing).await {
            if error.kind() == ErrorKind::NotFound {
                self.0.missing.insert(key, ());
            } else {
                tracing::warn!(object.key = %key, error = error.detail(), "an object could not be fetched");
            }
            landing.share(Err(error));
        }
        meter::stored_bytes().set(self.0.store.size_bytes() as f64);
    }

    /// Fetches `key` and stores it; shares it as soon as readers can begin.
    async fn take_in(&self, key: &Key, landing: &Landing<Found>) -> Outcome<()> {
        let (object, _turn) = self.0.origin.object(key, None).await?;
        let meta = Meta { etag: quoted(&object.meta.etag), ..object.meta };
        let whole = if playlist::is_text(key) {
            let body = gather(object.body, meta.size_bytes, playlist::BYTES_MAX).await?;
            Whole { etag: meta.etag, gzip: playlist::gzip(body.clone()).await?, body }
        } else if meta.size_bytes > self.0.object_bytes_max {
            landing.share(Ok(Found::Large(Arc::new(meta))));
            return Ok(());
        } else {
            let arrival = Arrival::new(meta.size_bytes);
            landing.share(Ok(Found::Arriving(Arc::new(meta.clone()), arrival.clone())));
            Whole { etag: meta.etag, body: arrival.fill(object.body).await?, gzip: None }
        };
        let whole = Arc::new(whole);
        self.0.store.insert(key.clone(), whole.clone());
        landing.share(Ok(Found::Whole(whole)));
        Ok(())
    }

    /// A range of an object that is too large to be kept, straight from the origin.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub(crate) async fn pass(&self, key: &Key, range: Range<u64>) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let (object, turn) = self.0.origin.object(key, Some(range)).await?;
        Ok(pieces(object.body).inspect(move |_| _ = &turn))
    }

    /// The growing playlist `key`, at most a second old, or, while the API does not answer, as it was last seen.
    ///
    /// # Errors
    /// `NotFound`, believed for a second; `Unavailable`.
    pub(crate) async fn playlist(&self, key: &Key) -> Outcome<(Found, Source)> {
        let parts = &self.0;
        let fresh = || parts.live.get_within(key, LIVE_FOR).map(Found::Whole);
        if let Some(found) = fresh() {
            return Ok((found, Source::Hit));
        }
        if parts.missing.get(key).is_some() {
            return Err(Arc::new(Error::not_found("playlist")));
        }
        let fetch = |landing| Self(parts.clone()).fetch_playlist(key.clone(), landing);
        match parts.flight.join(key, fresh, fetch).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let stale = parts.live.get(key).ok_or(error)?;
                Ok((Found::Whole(stale), Source::Stale))
            }
            outcome => outcome.map(|found| (found, Source::Miss)),
        }
    }

    /// The sixteen bytes of the content key that `key`, `keys/{video}/{encode}/{id}`, names. They are not kept here, and each who asks is
    /// answered by the API.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub(crate) async fn content_key(&self, key: &Key) -> Result<Bytes> {
        self.0.origin.content_key(key).await
    }

    async fn fetch_playlist(self, key: Key, landing: Landing<Found>) {
        let outcome = self.render(&key).await.map_err(Arc::new);
        match &outcome {
            Ok(whole) => self.0.live.insert(key, whole.clone()),
            Err(error) if error.kind() == ErrorKind::NotFound => self.0.missing.insert(key, ()),
            Err(error) => tracing::warn!(object.key = %key, error = error.detail(), "a playlist could not be fetched"),
        }
        landing.share(outcome.map(Found::Whole));
    }

    async fn render(&self, key: &Key) -> Result<Arc<Whole>> {
        let body = self.0.origin.playlist(key, playlist::BYTES_MAX).await?;
        let digest = Sha256::digest(&body);
        let etag = quoted(&hex::encode(&digest[..16]));
        Ok(Arc::new(Whole { etag, gzip: playlist::gzip(body.clone()).await?, body }))
    }
}

/// An entity tag in quotes, whether the store gives it with them or without. Always strong: objects never change.
fn quoted(etag: &str) -> String {
    format!("\"{}\"", etag.trim_start_matches("W/").trim_matches('"'))
}

/// All of `body`, which must be of `size_bytes`.
async fn gather(body: ByteStream, size_bytes: u64, bytes_max: u64) -> Result<Bytes> {
    if size_bytes > bytes_max {
        return Err(Error::internal(format!("a text of {size_bytes} bytes")));
    }
    let text: BytesMut = pieces(body)
        .try_fold(BytesMut::new(), async |mut text, piece| {
            text.extend_from_slice(&piece);
            if text.len() as u64 > bytes_max { Err(Error::unavailable("the origin")) } else { Ok(text) }
        })
        .await?;
    if text.len() as u64 == size_bytes {
        Ok(text.freeze())
    } else {
        let detail = format!("an object of {size_bytes} bytes came with {}", text.len());
        Err(Error::unavailable("the origin").caused_by(detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_quoted_once() {
        for etag in ["abc", "\"abc\"", "W/\"abc\""] {
            assert_eq!(quoted(etag), "\"abc\"");
        }
    }
}
