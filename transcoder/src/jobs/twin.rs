//! What an earlier encode made of the same bytes in the same way is copied inside the store, and not made again.

use super::{Jobs, analyse::is_of_the_moment, layout, piece::Piece, shelf::sha256, source::read_all};
use futures::{StreamExt, TryStreamExt, stream};
use marquee_backends::{
    db::{
        changes::Twin,
        encodes::Encode,
        ledger::{self, Batch, Sha256},
        thumbnails::State,
    },
    key_server::NO_MASTER_KEY,
};
use marquee_core::{
    Result,
    blobs::Created,
    object::{self, Key, Layout, Track, init_path, segment_path},
    plan::Measure,
    protection::ContentKeys,
    source::Note,
    thumbnails::Thumbnails,
};

/// Objects that are copied at a time.
const COPIES_MAX: usize = 8;

impl Jobs {
    /// What earlier encodes have of `piece`, now stored for `encode` too, and what is left to make of it.
    pub(super) async fn take_over(
        &self,
        encode: &Encode,
        keys: Option<&ContentKeys>,
        piece: Piece,
    ) -> Result<(Batch, Option<Piece>)> {
        let twins = self.deps.db.twins(encode).await?;
        let (track, renditions) = piece.renditions(&encode.plan);
        let (mut copied, mut left) = (Batch::default(), Vec::new());
        for rendition in renditions {
            let ours = ledger::Piece { track, rendition, chunk: piece.chunk() };
            match self.copy_piece(encode, keys, &twins, &piece, ours).await? {
                Some(batch) => copied.append(batch),
                None => left.push(rendition.to_owned()),
            }
        }
        Ok(match piece {
            _ if left.is_empty() => (copied, None),
            Piece::Picture { chunk, .. } => (copied, Some(Piece::Picture { chunk, rungs: left })),
            // All of it is made in one go.
            whole => (Batch::default(), Some(whole)),
        })
    }

    /// What samples of the film came to before, if they were the ones that `encode` asks for.
    pub(super) async fn known_measures(&self, encode: &Encode) -> Result<Option<Vec<Measure>>> {
        let twins = self.deps.db.twins(encode).await?;
        Ok(twins.iter().find_map(|twin| encode.plan.twin_measures(&twin.plan, &twin.common())).map(<[_]>::to_vec))
    }

    /// The thumbnails of an earlier encode, now stored for `encode` too.
    pub(super) async fn copy_thumbnails(&self, encode: &Encode) -> Result<Option<Thumbnails>> {
        for twin in self.deps.db.twins(encode).await? {
            if !encode.plan.shows_like(&twin.plan, &twin.common()) {
                continue;
            }
            let State::Stored(made, _) = self.deps.db.thumbnails(twin.id).await? else { continue };
            let posters = made.posters.iter().map(|poster| object::poster_path(poster.time_ms));
            let sheets = (1..=made.tiles.sheets()).map(object::sheet_path);
            let paths: Vec<_> =
                posters.chain(sheets).chain([object::TILES.to_owned()]).map(|path| (path.clone(), path, None)).collect();
            if self.copy_objects(layout(encode)?, &twin, &paths).await? {
                return Ok(Some(Thumbnails { cpu_ms: 0, ..made }));
            }
        }
        Ok(None)
    }

    async fn copy_piece(
        &self,
        encode: &Encode,
        keys: Option<&ContentKeys>,
        twins: &[Twin],
        piece: &Piece,
        ours: ledger::Piece<'_>,
    ) -> Result<Option<Batch>> {
        for twin in twins {
            let found = encode.plan.twin(ours.track, ours.rendition, ours.chunk, &twin.plan, &twin.common());
            let Some((rendition, chunk)) = found else { continue };
            let theirs = ledger::Piece { track: ours.track, rendition: &rendition, chunk };
            let Some(stored) = self.deps.db.piece(twin.id, &theirs).await? else { continue };
            if ours.track.has_init() && (keys.is_some() || twin.plan.protected.is_some()) {
                match self.store_anew((encode, keys), (twin, &stored), piece, ours.rendition).await {
                    Ok(mut anew) => {
                        anew.finished = renamed(stored, ours).finished;
                        return Ok(Some(anew));
                    }
                    // Keys that nobody here can open are no reason to wait: then it is made.
                    Err(error) if is_of_the_moment(error.kind()) && error.code() != NO_MASTER_KEY => return Err(error),
                    Err(error) => {
                        tracing::info!(encode.id = %twin.id, error = error.detail(), "not taken over");
                        continue;
                    }
                }
            }
            let copies = copies(&stored, ours.track, ours.rendition);
            if self.copy_objects(layout(encode)?, twin, &copies).await? {
                return Ok(Some(renamed(stored, ours)));
            }
        }
        Ok(None)
    }

    /// Copies objects from the folder of `twin`: from, to, and the checksum where it is known. False if one of them is not there any
    /// more, or another one is where it should go.
    async fn copy_objects(&self, ours: Layout, twin: &Twin, copies: &[(String, String, Option<Sha256>)]) -> Result<bool> {
        let theirs = Layout::new(twin.video, twin.id);
        let pairs = copies.iter().map(|(from, to, sum)| Ok((theirs.key(from)?, ours.key(to)?, *sum)));
        let pairs: Vec<_> = pairs.collect::<Result<_>>()?;
        let copied = stream::iter(pairs).map(|(from, to, sum)| self.copy_object(from, to, sum)).buffer_unordered(COPIES_MAX);
        copied.try_fold(true, |all, copied| async move { Ok(all && copied) }).await
    }

    async fn copy_object(&self, from: Key, to: Key, sum: Option<Sha256>) -> Result<bool> {
        match self.deps.blobs.copy(&from, &to).await {
            Ok(Created::New) => Ok(true),
            // An earlier attempt copied it, or made its own.
            Ok(Created::Existed) => {
                let there = sha256(read_all(&*self.deps.blobs, &to).await?).await?;
                let wanted = match sum {
                    Some(sum) => sum,
                    None => sha256(read_all(&*self.deps.blobs, &from).await?).await?,
                };
                Ok(there == wanted)
            }
            Err(error) if is_of_the_moment(error.kind()) => Err(error),
            Err(error) => {
                // It is being removed, or the store cannot copy it: then it is made.
                tracing::info!(object.key = %from, error = error.detail(), "not copied");
                Ok(false)
            }
        }
    }
}

/// Paths of what is `stored`, and where it goes as `rendition`.
fn copies(stored: &Batch, track: Track, rendition: &str) -> Vec<(String, String, Option<Sha256>)> {
    let inits = stored.renditions.iter().filter(|_| track.has_init());
    let inits = inits.map(|init| (init_path(track, &init.rendition.id), init_path(track, rendition), Some(init.init_sha256)));
    let segments = stored.segments.iter().map(|segment| {
        let path = |id: &str| segment_path(track, id, segment.segment.number);
        (path(&segment.rendition), path(rendition), Some(segment.sha256))
    });
    inits.chain(segments).collect()
}

/// The rows of a copied piece, under our names. It took no time worth counting.
fn renamed(mut stored: Batch, ours: ledger::Piece<'_>) -> Batch {
    for init in &mut stored.renditions {
        ours.rendition.clone_into(&mut init.rendition.id);
    }
    for segment in &mut stored.segments {
        ours.rendition.clone_into(&mut segment.rendition);
        segment.chunk = ours.chunk;
    }
    for finished in &mut stored.finished {
        ours.rendition.clone_into(&mut finished.rendition);
        finished.chunk = ours.chunk;
        (finished.cpu_ms, finished.quality_cpu_ms) = (0, 0);
        let note = Note::new("copied", "what had been made in the same way before was copied");
        if !finished.notes.contains(&note) {
            finished.notes.push(note);
        }
    }
    stored
}
