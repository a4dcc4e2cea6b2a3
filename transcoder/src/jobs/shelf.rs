//! Where a child's output is put: objects that are created once, and the rows that will tell the ledger of them.

use super::{piece::Piece, source::read_all};
use crate::child::{Output, Sink};
use async_trait::async_trait;
use bytes::Bytes;
use marquee_backends::db::ledger::{Batch, Sha256, StoredRendition, StoredSegment};
use marquee_core::{
    Error, Result,
    blobs::{Blobs, Created},
    object::{Key, Layout, Track, init_path, segment_path},
    plan::Plan,
    protection::{Choice, ContentKeys},
    quality::Judged,
};
use marquee_packager::{
    cmaf::MediaSegment,
    gate,
    model::{Iframe, Rendition, Segment},
    protect::Protector,
};
use sha2::{Digest, Sha256 as Hasher};
use std::{ops::RangeInclusive, sync::Arc};
use tokio::task::JoinSet;

/// Objects that are written at a time. The child waits while this many are on their way.
const WRITES_MAX: usize = 4;
/// Latest tick that is believed: sums of such fit wherever they are stored.
const TICKS_MAX: u64 = 1 << 53;
/// Pictures of a segment at most: eight seconds at 240 frames a second.
const JUDGED_MAX: usize = 1920;

/// Takes init and media segments of one job. A child that was taken over by what it read may send anything: a shelf has room
/// for the renditions and the segments of its piece of the plan, each once, and for nothing else.
pub(crate) struct Shelf {
    blobs: Arc<dyn Blobs>,
    layout: Layout,
    chunk: u32,
    track: Track,
    /// What is protected before it is stored, and how.
    keys: Option<(Choice, ContentKeys)>,
    rooms: Vec<Room>,
    writes: JoinSet<Result<StoredSegment>>,
    stored: Batch,
}

/// Where one rendition goes.
struct Room {
    id: String,
    /// Described by its init segment.
    rendition: Option<Rendition>,
    /// Protects its segments.
    protector: Option<Arc<Protector>>,
    /// Numbers of the segments that may still come.
    numbers: RangeInclusive<u32>,
}

impl Shelf {
    /// A shelf for what is made of one piece of `plan`, whose encode lives in `layout`. What comes in the clear is protected with `keys`
    /// before it is stored, if the plan says so.
    ///
    /// # Errors
    /// `Internal` if it does and there are no keys: nothing is ever stored in the clear instead.
    pub(crate) fn new(
        blobs: Arc<dyn Blobs>,
        layout: Layout,
        plan: &Plan,
        piece: &Piece,
        keys: Option<ContentKeys>,
    ) -> Result<Self> {
        let (track, ids) = piece.renditions(plan);
        let room = |id: &str| Room { id: id.to_owned(), rendition: None, protector: None, numbers: piece.segments(plan) };
        let rooms = ids.into_iter().map(room).collect();
        let keys = match (&plan.protected, keys) {
            (Some(protected), Some(keys)) => Some((protected.choice, keys)),
            (None, None) => None,
            (Some(_), None) => return Err(Error::internal("the plan is protected and there are no keys")),
            (None, Some(_)) => return Err(Error::internal("there are keys and the plan is not protected")),
        };
        Ok(Self { blobs, layout, chunk: piece.chunk(), track, keys, rooms, writes: JoinSet::new(), stored: Batch::default() })
    }

    fn room(&mut self, track: Track, id: &str) -> Result<&mut Room> {
        let found = self.rooms.iter_mut().find(|room| room.id == id && self.track == track);
        found.ok_or_else(|| Error::internal(format!("the child made {}/{id}, which is none of its work", track.folder())))
    }

    /// Stores an init segment, if the track has one. One that is there already must be the same: segments of all attempts are decoded by it.
    pub(crate) async fn put_init(&mut self, track: Track, rendition: Rendition, bytes: Bytes) -> Result<()> {
        let protector = self.protector(track, &rendition, &bytes)?;
        let room = self.room(track, &rendition.id)?;
        if rendition.folder() != track || room.rendition.is_some() {
            return Err(Error::internal(format!("the child described {} twice, or as another kind of track", rendition.id)));
        }
        room.rendition = Some(rendition.clone());
        room.protector.clone_from(&protector);
        let bytes = protector.map_or(bytes, |protector| protector.init().clone());
        let (init_bytes, init_sha256) = (bytes.len() as u64, sha256(bytes.clone()).await?);
        if track.has_init() {
            self.create_init(&self.layout.key(&init_path(track, &rendition.id))?, bytes, init_sha256).await?;
        } else if init_bytes > 0 {
            return Err(Error::internal(format!("the child made an init segment of {}, which has none", rendition.id)));
        }
        self.stored.renditions.push(StoredRendition { track, rendition, init_bytes, init_sha256 });
        Ok(())
    }

    /// What protects a track whose init segment is `init`; `None` if it stays in the clear.
    fn protector(&self, track: Track, rendition: &Rendition, init: &[u8]) -> Result<Option<Arc<Protector>>> {
        let Some((choice, keys)) = self.keys.as_ref().filter(|_| track.has_init()) else { return Ok(None) };
        let key = keys.of(&rendition.media).ok_or_else(|| Error::internal(format!("there is no key for {}", rendition.id)))?;
        let name = format!("{}/{}", track.folder(), rendition.id);
        let others = keys.0.iter().filter(|(_, other)| other.id != key.id);
        let others: Vec<_> = others.map(|(_, other)| other.of_period(*choice, 0).id).collect();
        let first = key.of_period(*choice, 0);
        Ok(Some(Arc::new(Protector::beside(init, choice.scheme, &first, &others, &name)?.rotating(*choice, key))))
    }

    async fn create_init(&self, key: &Key, bytes: Bytes, init_sha256: Sha256) -> Result<()> {
        let there = self.blobs.create(key, bytes).await? == Created::Existed;
        if there && sha256(read_all(&*self.blobs, key).await?).await? != init_sha256 {
            return Err(Error::conflict("init_mismatch", format!("{key} was made by an encoder of another version")));
        }
        Ok(())
    }

    /// Begins to store a media segment; waits if too many are on their way.
    pub(crate) async fn put_segment(
        &mut self,
        track: Track,
        rendition: &str,
        segment: Segment,
        bytes: Bytes,
        judged: Vec<Judged>,
    ) -> Result<()> {
        while self.writes.len() >= WRITES_MAX {
            self.land_one().await?;
        }
        let number = segment.number;
        let room = self.room(track, rendition)?;
        if !room.numbers.contains(&number) {
            let message = format!("the child made segment {number} of {rendition} where {:?} may come", room.numbers);
            return Err(Error::internal(message));
        }
        if segment.start_ticks.max(segment.duration_ticks) > TICKS_MAX {
            return Err(Error::internal(format!("the child made segment {number} of {rendition} at no time of this world")));
        }
        if !are_of(&judged, &segment) {
            return Err(Error::internal(format!("the child judged pictures that segment {number} of {rendition} cannot have")));
        }
        room.numbers = number + 1..=*room.numbers.end();
        let Some(rendition) = room.rendition.clone() else {
            return Err(Error::internal(format!("a segment of {rendition} came before its init segment")));
        };
        let protector = room.protector.clone();
        let key = self.layout.key(&segment_path(track, &rendition.id, number))?;
        let (blobs, chunk) = (self.blobs.clone(), self.chunk);
        self.writes.spawn(async move {
            let (segment, bytes) = match protector {
                Some(protector) => protect(protector, segment, bytes).await?,
                None => (segment, bytes),
            };
            let sha256 = sha256(bytes.clone()).await?;
            let (segment, stored_sha256) = match blobs.create(&key, bytes).await? {
                Created::New => (segment, sha256),
                Created::Existed => adopt(&*blobs, &key, &rendition, segment, sha256).await?,
            };
            // Nobody judged what is there instead.
            let judged = if stored_sha256 == sha256 { judged } else { Vec::new() };
            Ok(StoredSegment { track, rendition: rendition.id, chunk, segment, sha256: stored_sha256, judged })
        });
        Ok(())
    }

    /// Media segments that were put and not yet taken by [`Self::settle`].
    pub(crate) fn segments(&self) -> usize {
        self.writes.len() + self.stored.segments.len()
    }

    /// Waits until everything is stored, and hands over the rows that tell of it.
    pub(crate) async fn settle(&mut self) -> Result<Batch> {
        while !self.writes.is_empty() {
            self.land_one().await?;
        }
        self.stored.segments.sort_by(|a, b| (&a.rendition, a.segment.number).cmp(&(&b.rendition, b.segment.number)));
        Ok(std::mem::take(&mut self.stored))
    }

    async fn land_one(&mut self) -> Result<()> {
        if let Some(write) = self.writes.join_next().await {
            self.stored.segments.push(write.map_err(Error::internal)??);
        }
        Ok(())
    }
}

/// A shelf as the sink of a child, and somebody who wants to know how far the child is.
pub(crate) struct ShelfSink<F> {
    pub(crate) shelf: Shelf,
    pub(crate) progress: F,
}

#[async_trait]
impl<F: Fn(f32) + Send> Sink for ShelfSink<F> {
    async fn accept(&mut self, output: Output) -> Result<()> {
        match output {
            Output::Init { track, rendition, bytes } => self.shelf.put_init(track, rendition, bytes).await?,
            Output::Segment { track, rendition, segment, bytes, judged } => {
                self.shelf.put_segment(track, &rendition, segment, bytes, judged).await?;
            }
            Output::Progress(done) => (self.progress)(done),
            Output::Source(_) | Output::Measures(_) | Output::Fingerprints(_) | Output::Image { .. } => {}
        }
        Ok(())
    }
}

/// The segment as it is stored: its bytes protected, and where its keyframes are in these.
async fn protect(protector: Arc<Protector>, segment: Segment, clear: Bytes) -> Result<(Segment, Bytes)> {
    let number = segment.number;
    let protected = tokio::task::spawn_blocking(move || protector.segment(number, &clear)).await.map_err(Error::internal)??;
    moved(segment, protected)
}

/// A segment whose bytes became others: its keyframes are shown when they were, and lie elsewhere.
pub(super) fn moved(mut segment: Segment, into: MediaSegment) -> Result<(Segment, Bytes)> {
    if into.iframes.len() != segment.iframes.len() {
        return Err(Error::internal(format!("segment {} has other keyframes than it says", segment.number)));
    }
    for (frame, lies) in std::iter::zip(&mut segment.iframes, &into.iframes) {
        *frame = Iframe { start_ticks: frame.start_ticks, ..*lies };
    }
    segment.size_bytes = into.bytes.len() as u64;
    Ok((segment, into.bytes))
}

/// Whether `judged` may be what was judged of `segment`.
fn are_of(judged: &[Judged], segment: &Segment) -> bool {
    let within = |tick: u64| tick >= segment.start_ticks && tick - segment.start_ticks < segment.duration_ticks;
    let is_score = |score: f64| (0.0..=100.0).contains(&score);
    judged.len() <= JUDGED_MAX && judged.iter().all(|it| within(it.tick) && is_score(it.vmaf) && is_score(it.psnr_db))
}

/// What an earlier attempt stored under `key` stands: the ledger gets what is true of those bytes, not of ours.
async fn adopt(
    blobs: &dyn Blobs,
    key: &Key,
    rendition: &Rendition,
    ours: Segment,
    our_sha256: Sha256,
) -> Result<(Segment, Sha256)> {
    let bytes = read_all(blobs, key).await?;
    let their_sha256 = sha256(bytes.clone()).await?;
    if their_sha256 == our_sha256 {
        return Ok((ours, our_sha256));
    }
    if !rendition.folder().has_init() {
        // Text is cut at the same times whoever does it.
        return Ok((Segment { size_bytes: bytes.len() as u64, ..ours }, their_sha256));
    }
    let theirs = gate::read_segment(rendition, ours.number, &bytes)?;
    if (theirs.start_ticks, theirs.duration_ticks) != (ours.start_ticks, ours.duration_ticks) {
        return Err(Error::conflict("segment_mismatch", format!("{key} was cut elsewhere by another attempt")));
    }
    Ok((theirs, their_sha256))
}

/// Checksum of `bytes`, computed where it holds nobody up.
pub(crate) async fn sha256(bytes: Bytes) -> Result<Sha256> {
    let hash = tokio::task::spawn_blocking(move || Hasher::digest(&bytes).into());
    hash.await.map_err(Error::internal)
}
