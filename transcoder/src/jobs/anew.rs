//! What an earlier encode made is stored anew where one of the two is protected: it is opened with its keys and protected with ours, and
//! not encoded again. Keys are for one encode alone, so nothing that is protected is ever copied as it is.

use super::{
    Jobs, layout,
    piece::Piece,
    shelf::{Shelf, moved, sha256},
    source::read_all,
};
use bytes::Bytes;
use marquee_backends::db::{
    changes::Twin,
    encodes::Encode,
    ledger::{Batch, Sha256},
};
use marquee_core::{
    Error, Result,
    object::{Key, Layout, init_path, segment_path},
    protection::ContentKeys,
};
use marquee_packager::{
    model::{Rendition, Segment},
    protect::Opener,
};

impl Jobs {
    /// Stores what `twin` has `stored` of one rendition of `piece` for `encode`, which has it as `ours` and is protected with `keys`.
    ///
    /// # Errors
    /// `NotFound` if it is not there any more; `Internal` if it is not what its row says.
    pub(super) async fn store_anew(
        &self,
        (encode, keys): (&Encode, Option<&ContentKeys>),
        (twin, stored): (&Twin, &Batch),
        piece: &Piece,
        ours: &str,
    ) -> Result<Batch> {
        let [described] = &stored.renditions[..] else { return Err(Error::internal("a piece is of one rendition")) };
        let (track, theirs) = (described.track, &described.rendition);
        let from = Layout::new(twin.video, twin.id);
        let init = self.read_back(&from.key(&init_path(track, &theirs.id))?, described.init_sha256).await?;
        let opener = self.opener(twin, &init).await?;
        let init = opener.as_ref().map_or(init, |opener| opener.init().clone());
        let mut shelf = Shelf::new(self.deps.blobs.clone(), layout(encode)?, &encode.plan, piece, keys.cloned())?;
        shelf.put_init(track, Rendition { id: ours.to_owned(), ..theirs.clone() }, init).await?;
        let mut segments: Vec<_> = stored.segments.iter().collect();
        segments.sort_by_key(|stored| stored.segment.number);
        for stored in segments {
            let key = from.key(&segment_path(track, &theirs.id, stored.segment.number))?;
            let bytes = self.read_back(&key, stored.sha256).await?;
            let (segment, clear) = match opener.clone() {
                Some(opener) => open(opener, stored.segment.clone(), bytes).await?,
                None => (stored.segment.clone(), bytes),
            };
            shelf.put_segment(track, ours, segment, clear, stored.judged.clone()).await?;
        }
        shelf.settle().await
    }

    /// An object that must be what its row says.
    async fn read_back(&self, key: &Key, expected: Sha256) -> Result<Bytes> {
        let bytes = read_all(&*self.deps.blobs, key).await?;
        if sha256(bytes.clone()).await? == expected { Ok(bytes) } else { Err(Error::internal(format!("{key} is damaged"))) }
    }

    /// What opens a track of `twin` whose init segment is `init`; `None` if it is in the clear.
    async fn opener(&self, twin: &Twin, init: &[u8]) -> Result<Option<Opener>> {
        let Some(keys) = self.keys(twin.id, &twin.plan).await? else { return Ok(None) };
        let choice = twin.plan.protected.as_ref().map(|protected| protected.choice).unwrap_or_default();
        Ok(Some(Opener::with_keys(init, &keys.of_periods(choice, twin.plan.last_segment()))?))
    }
}

/// The segment in the clear, and where its keyframes are in it.
async fn open(opener: Opener, segment: Segment, protected: Bytes) -> Result<(Segment, Bytes)> {
    let opened = tokio::task::spawn_blocking(move || opener.segment(&protected)).await.map_err(Error::internal)??;
    moved(segment, opened)
}
