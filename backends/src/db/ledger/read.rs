//! Reading the ledger: of a whole encode, or of one piece of it.

use super::{Finished, Ledger, Piece, StoredRendition, StoredSegment, folder, name_of, sha256, unsigned};
use crate::db::{Db, error};
use marquee_core::{Error, Result, id::EncodeId, presentation::Segment};
use sqlx::PgConnection;

/// Rows that are wanted, as parameters of a statement.
struct Wanted<'a> {
    encode: EncodeId,
    /// `None` if those of all pieces are.
    track: Option<&'static str>,
    rendition: Option<&'a str>,
    chunk: Option<i32>,
}

impl Db {
    /// What is stored of `encode`, or of one piece of it.
    pub(in crate::db) async fn stored(&self, encode: EncodeId, piece: Option<&Piece<'_>>) -> Result<Ledger> {
        let wanted = Wanted {
            encode,
            track: piece.map(|piece| name_of(piece.track)),
            rendition: piece.map(|piece| piece.rendition),
            chunk: piece.map(|piece| i32::try_from(piece.chunk)).transpose().map_err(Error::internal)?,
        };
        // One snapshot: a job that commits in between must not show its segments without their rendition.
        let mut tx = self.pool().begin_with("begin isolation level repeatable read read only").await.map_err(error)?;
        Ok(Ledger {
            renditions: renditions(&mut tx, &wanted).await?,
            segments: segments(&mut tx, &wanted).await?,
            finished: finished(&mut tx, &wanted).await?,
        })
    }
}

async fn renditions(conn: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<StoredRendition>> {
    let rows = sqlx::query!(
        "select track, description, init_bytes, init_sha256 from renditions
         where encode_id = $1 and ($2::text is null or track = $2 and rendition = $3::text) order by track, rendition",
        wanted.encode.0,
        wanted.track,
        wanted.rendition,
    );
    let stored = rows.fetch_all(conn).await.map_err(error)?.into_iter().map(|row| {
        Ok(StoredRendition {
            track: folder(&row.track)?,
            rendition: serde_json::from_value(row.description).map_err(Error::internal)?,
            init_bytes: unsigned(row.init_bytes),
            init_sha256: sha256(row.init_sha256)?,
        })
    });
    stored.collect()
}

async fn segments(conn: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<StoredSegment>> {
    let rows = sqlx::query!(
        "select track, rendition, number, chunk, start_ticks, duration_ticks, size_bytes, iframes, sha256, judged
         from segments
         where encode_id = $1 and ($2::text is null or track = $2 and rendition = $3::text and chunk = $4::int)
         order by track, rendition, number",
        wanted.encode.0,
        wanted.track,
        wanted.rendition,
        wanted.chunk,
    );
    let stored = rows.fetch_all(conn).await.map_err(error)?.into_iter().map(|row| {
        Ok(StoredSegment {
            track: folder(&row.track)?,
            chunk: row.chunk.unsigned_abs(),
            segment: Segment {
                number: row.number.unsigned_abs(),
                start_ticks: unsigned(row.start_ticks),
                duration_ticks: unsigned(row.duration_ticks),
                size_bytes: unsigned(row.size_bytes),
                iframes: serde_json::from_value(row.iframes).map_err(Error::internal)?,
            },
            rendition: row.rendition,
            sha256: sha256(row.sha256)?,
            judged: serde_json::from_value(row.judged).map_err(Error::internal)?,
        })
    });
    stored.collect()
}

async fn finished(conn: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<Finished>> {
    let rows = sqlx::query!(
        "select track, rendition, chunk, frames, damaged, cpu_ms, quality_cpu_ms, notes from finished_chunks
         where encode_id = $1 and ($2::text is null or track = $2 and rendition = $3::text and chunk = $4::int)
         order by track, rendition, chunk",
        wanted.encode.0,
        wanted.track,
        wanted.rendition,
        wanted.chunk,
    );
    let stored = rows.fetch_all(conn).await.map_err(error)?.into_iter().map(|row| {
        Ok(Finished {
            track: folder(&row.track)?,
            rendition: row.rendition,
            chunk: row.chunk.unsigned_abs(),
            frames: unsigned(row.frames),
            damaged: unsigned(row.damaged),
            cpu_ms: unsigned(row.cpu_ms),
            quality_cpu_ms: unsigned(row.quality_cpu_ms),
            notes: serde_json::from_value(row.notes).map_err(Error::internal)?,
        })
    });
    stored.collect()
}
