//! An encode as it is going to be served: manifests that are not written yet, and what is stored.

use super::source::gather;
use bytes::Bytes;
use marquee_core::{
    Error, Result,
    blobs::Blobs,
    object::{Layout, MASTER},
};
use marquee_packager::verify::{Files, Part, Verdict, decoded, verify};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{runtime::Handle, sync::oneshot};

/// The files of one encode.
pub(super) struct Package {
    blobs: Arc<dyn Blobs>,
    layout: Layout,
    /// By path.
    texts: BTreeMap<String, Bytes>,
    /// Why something could not be read that may be read later.
    outage: Mutex<Option<Error>>,
}

impl Package {
    pub(super) fn new(blobs: Arc<dyn Blobs>, layout: Layout, texts: BTreeMap<String, Bytes>) -> Self {
        Self { blobs, layout, texts, outage: Mutex::default() }
    }

    /// What is wrong with it, going by the headers of all boxes. It is computed on a thread of its own, and no longer than somebody waits.
    ///
    /// # Errors
    /// When the store does not answer: then nothing is known.
    pub(super) async fn verdict(self) -> Result<Verdict> {
        let (mut tell, told) = oneshot::channel();
        let runtime = Handle::current();
        let judging = move || {
            let judged = runtime.block_on(async {
                tokio::select! {
                    verdict = verify(&self, MASTER, false) => Some(verdict),
                    () = tell.closed() => None,
                }
            });
            let outage = self.outage.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Nobody may be left to tell.
            let _ = judged.map(|verdict| tell.send(outage.map_or(verdict, Err)));
        };
        tokio::task::spawn_blocking(judging);
        told.await.map_err(Error::internal)?
    }

    async fn stored(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let key = self.layout.key(path)?;
        let object = self.blobs.read(&key, Some(range.clone())).await?;
        let size_bytes = object.meta.size_bytes;
        let length_bytes = range.end.min(size_bytes).saturating_sub(range.start);
        Ok(Part { bytes: gather(object, &key, length_bytes).await?, size_bytes, delivery: None })
    }
}

impl Files for Package {
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let path = decoded(path).ok_or_else(|| Error::not_found("file"))?;
        if let Some(text) = self.texts.get(&*path) {
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
            let bytes = text.slice(place(range.start)..place(range.end).max(place(range.start)));
            return Ok(Part { bytes, size_bytes: text.len() as u64, delivery: None });
        }
        match self.stored(&path, range).await {
            Err(error) if error.kind().is_transient() => {
                *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(Error::unavailable("the object store"))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_backends::blobs::FileBlobs;
    use marquee_core::{
        id::{EncodeId, VideoId},
        testing::Bent,
    };
    use uuid::Uuid;

    /// A package of a multivariant playlist that names one more, which is stored if it `is_there`.
    async fn package(is_there: bool, is_out: bool) -> Result<Verdict> {
        let folder = tempfile::tempdir().expect("a folder");
        let stored: Arc<dyn Blobs> = Arc::new(FileBlobs::open(folder.path()).await?);
        let layout = Layout::new(VideoId(Uuid::nil()), EncodeId(Uuid::nil()));
        let (path, playlist) = ("v/540p/playlist.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-ENDLIST\n");
        if is_there {
            stored.create(&layout.key(path)?, playlist.into()).await?;
        }
        let blobs = Bent::new(stored, move |object| if is_out { Err(Error::unavailable("the store")) } else { Ok(object) });
        let master = format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{path}\n");
        Package::new(Arc::new(blobs), layout, BTreeMap::from([(MASTER.to_owned(), master.into())])).verdict().await
    }

    #[tokio::test]
    async fn what_is_missing_is_a_finding_and_an_outage_is_none() {
        let playlists = async |is_there| package(is_there, false).await.map(|verdict| (verdict.is_good(), verdict.playlists));
        assert_eq!(playlists(true).await.expect("judged"), (false, 2));
        assert_eq!(playlists(false).await.expect("judged"), (false, 1));
        let error = package(true, true).await.expect_err("nothing is known");
        assert!(error.kind().is_transient(), "{error:?}");
    }
}
