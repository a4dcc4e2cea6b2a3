//! The thumbnails job: a child makes posters and tiles, which are stored beside the title. It is no part of publishing: a title is ready
//! without them, and whole if there never are any.

use super::{Jobs, committed, layout, source::read_all};
use crate::child::{Host, Image, Output, Sink, SourceReader, Task};
use async_trait::async_trait;
use bytes::Bytes;
use marquee_backends::{db::jobs::Claim, dispatch::Work};
use marquee_core::{
    Error, Result,
    blobs::{Blobs, Created},
    id::EncodeId,
    job::Failure,
    object::{self, Layout},
    plan::Plan,
    source::Source,
    thumbnails::{POSTERS_MAX, Poster, Thumbnails, Tiles, poster_size},
};
use marquee_packager::thumbs;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Bytes of an image that is stored.
const IMAGE_BYTES_MAX: usize = 4 << 20;

impl Jobs {
    pub(super) async fn thumbnails(&self, claim: &Claim, work: &Work, encode: EncodeId) -> Result<(), Failure> {
        let encode = self.deps.db.encode(encode).await?;
        if let Some(copied) = self.copy_thumbnails(&encode).await? {
            return Ok(committed(self.deps.db.finish_thumbnails(claim, encode.id, &copied).await?)?);
        }
        let pictured = Pictured {
            host: &self.deps.host,
            blobs: &*self.deps.blobs,
            layout: layout(&encode)?,
            source: &encode.source,
            plan: &encode.plan,
        };
        let progress = |done| work.progress(done);
        let made = pictured.make(self.source(&encode).await?, progress, work.cancelled()).await?;
        Ok(committed(self.deps.db.finish_thumbnails(claim, encode.id, &made).await?)?)
    }
}

/// An encode that gets thumbnails.
pub(crate) struct Pictured<'a> {
    /// Starts the child.
    pub(crate) host: &'a Host,
    /// Where they are stored.
    pub(crate) blobs: &'a dyn Blobs,
    /// Under which names.
    pub(crate) layout: Layout,
    /// What the film is.
    pub(crate) source: &'a Source,
    /// How its pictures look.
    pub(crate) plan: &'a Plan,
}

impl Pictured<'_> {
    /// Makes and stores its thumbnails. Nothing refers to them until the caller lets something.
    ///
    /// # Errors
    /// `Fail` if the film has no picture that can be seen by itself; `Retry` if the child fails or the store does not answer.
    pub(crate) async fn make(
        &self,
        reader: Arc<dyn SourceReader>,
        progress: impl Fn(f32) + Send + Sync,
        cancel: CancellationToken,
    ) -> Result<Thumbnails, Failure> {
        let task = Task::Thumbnails { source: self.source.clone(), plan: self.plan.clone() };
        let tiles = Tiles::of(&self.source.video, self.plan.duration_ms());
        let mut gallery = Gallery { pictured: self, tiles, posters: Vec::new(), sheets_bytes: Vec::new(), progress };
        let report = self.host.run(&task, reader, &mut gallery, cancel).await?;
        let Gallery { posters, sheets_bytes, .. } = gallery;
        if posters.is_empty() || sheets_bytes.len() != tiles.sheets() as usize {
            return Err(Error::internal("the child made fewer thumbnails than it was asked for").into());
        }
        self.write_index(&tiles).await?;
        Ok(Thumbnails { posters, tiles, sheets_bytes, cpu_ms: report.cpu_ms })
    }

    /// Stores an image. One that an earlier attempt stored stands. Answers how many bytes are there.
    async fn store(&self, path: &str, bytes: Bytes) -> Result<u64> {
        let (key, size_bytes) = (self.layout.key(path)?, bytes.len() as u64);
        match self.blobs.create(&key, bytes).await? {
            Created::New => Ok(size_bytes),
            Created::Existed => Ok(self.blobs.head(&key).await?.size_bytes),
        }
    }

    async fn write_index(&self, tiles: &Tiles) -> Result<()> {
        let (key, bytes) = (self.layout.key(object::TILES)?, Bytes::from(thumbs::index(tiles, self.plan.duration_ms())));
        if self.blobs.create(&key, bytes.clone()).await? == Created::Existed && read_all(self.blobs, &key).await? != bytes {
            return Err(Error::conflict("index_mismatch", format!("{key} was written by another version: encode anew")));
        }
        Ok(())
    }
}

/// Takes what the child makes. One that was taken over by what it read may send anything: there is room for the sheets of the title,
/// each once and in order, for a few posters, and only for what looks like a JPEG.
struct Gallery<'a, F> {
    pictured: &'a Pictured<'a>,
    tiles: Tiles,
    posters: Vec<Poster>,
    sheets_bytes: Vec<u64>,
    progress: F,
}

#[async_trait]
impl<F: Fn(f32) + Send + Sync> Sink for Gallery<'_, F> {
    async fn accept(&mut self, output: Output) -> Result<()> {
        match output {
            Output::Image { image, bytes } => self.put(image, bytes).await,
            Output::Progress(done) => {
                (self.progress)(done);
                Ok(())
            }
            _ => Err(Error::internal("the child made what it was not asked for")),
        }
    }
}

impl<F> Gallery<'_, F> {
    async fn put(&mut self, image: Image, bytes: Bytes) -> Result<()> {
        let (video, duration_ms) = (&self.pictured.source.video, self.pictured.plan.duration_ms());
        if bytes.len() > IMAGE_BYTES_MAX || !is_jpeg(&bytes) {
            return Err(Error::internal(format!("the child made {image:?} of {} bytes, which is no JPEG for us", bytes.len())));
        }
        let is_new = |time_ms: u64| time_ms < duration_ms.max(1) && self.posters.iter().all(|poster| poster.time_ms != time_ms);
        match image {
            Image::Sheet { number } if number as usize == self.sheets_bytes.len() + 1 && number <= self.tiles.sheets() => {
                self.sheets_bytes.push(self.pictured.store(&object::sheet_path(number), bytes).await?);
            }
            Image::Poster { time_ms } if self.posters.len() < POSTERS_MAX as usize && is_new(time_ms) => {
                let (width, height) = poster_size(video);
                let size_bytes = self.pictured.store(&object::poster_path(time_ms), bytes).await?;
                self.posters.push(Poster { time_ms, width, height, size_bytes });
            }
            _ => return Err(Error::internal(format!("the child made {image:?}, which is none of its work"))),
        }
        Ok(())
    }
}

/// Whether bytes begin and end as a JPEG does (ITU-T T.81 section B.1.1.3).
fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.ends_with(&[0xff, 0xd9])
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_backends::blobs::FileBlobs;
    use marquee_core::{ErrorKind, id::VideoId, testing};
    use std::path::PathBuf;

    const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 0xff, 0xd9];

    fn sheet(number: u32) -> Output {
        Output::Image { image: Image::Sheet { number }, bytes: Bytes::from_static(JPEG) }
    }

    fn poster(time_ms: u64) -> Output {
        Output::Image { image: Image::Poster { time_ms }, bytes: Bytes::from_static(JPEG) }
    }

    /// How a gallery of a title of 35 s, which has one sheet, takes `outputs`: the error of the first that it refuses.
    async fn refusal(outputs: Vec<Output>) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = FileBlobs::open(folder.path()).await.expect("a store");
        let source = testing::source();
        let recipe = crate::recipe::load(crate::recipe::STANDARD, None).expect("a recipe");
        let plan = Plan::new(&source, &recipe);
        let host = Host::new(PathBuf::new());
        let layout = Layout::new(VideoId(Default::default()), EncodeId(Default::default()));
        let pictured = Pictured { host: &host, blobs: &blobs, layout, source: &source, plan: &plan };
        let tiles = Tiles::of(&source.video, plan.duration_ms());
        assert_eq!(tiles.sheets(), 1);
        let mut gallery = Gallery { pictured: &pictured, tiles, posters: Vec::new(), sheets_bytes: Vec::new(), progress: |_| () };
        for output in outputs {
            if let Err(error) = gallery.accept(output).await {
                assert_eq!(error.kind(), ErrorKind::Internal);
                return Some(error.detail());
            }
        }
        assert_eq!(blobs.list("media/", None, 100).await.expect("listed").len(), gallery.posters.len() + 1);
        None
    }

    #[tokio::test]
    async fn there_is_room_for_what_was_asked_for_and_nothing_else() {
        assert_eq!(refusal(vec![sheet(1), poster(0), poster(34_999)]).await, None);
        assert_eq!(refusal(vec![sheet(1), Output::Progress(0.5)]).await, None);
        for outputs in [
            vec![sheet(0)],
            vec![sheet(2)],
            vec![sheet(1), sheet(1)],
            vec![sheet(1), sheet(2)],
            vec![poster(35_000)],
            vec![poster(u64::MAX)],
            vec![poster(5), poster(5)],
            (0..=u64::from(POSTERS_MAX)).map(poster).collect(),
        ] {
            let told = format!("{outputs:?}");
            let refused = refusal(outputs).await.expect(&told);
            assert!(refused.contains("none of its work"), "{told}: {refused}");
        }
        assert!(refusal(vec![Output::Measures(Vec::new())]).await.is_some());
    }

    #[tokio::test]
    async fn what_is_no_jpeg_or_too_large_is_not_stored() {
        let mut large = vec![0; IMAGE_BYTES_MAX + 1];
        large[..3].copy_from_slice(&JPEG[..3]);
        large.extend_from_slice(&[0xff, 0xd9]);
        let cut = JPEG[..JPEG.len() - 1].to_vec();
        for bytes in [Vec::new(), b"<svg onload=alert(1)>".to_vec(), cut, large] {
            let output = Output::Image { image: Image::Sheet { number: 1 }, bytes: bytes.into() };
            assert!(refusal(vec![output]).await.expect("refused").contains("no JPEG"));
        }
    }
}
