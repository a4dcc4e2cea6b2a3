//! The file of a delta: what was learned since a model was trained.

use super::{
    container::{self, Format, Pieces, Slices, damaged},
    file::{catalog, ids},
};
use crate::{
    data::Sparse,
    fresh::{Delta, Solved},
    model::TitleIndex,
};
use bytes::Bytes;
use marquee_core::{Result, id::ModelId};
use serde::{Deserialize, Serialize};
use std::io::Write;
use time::OffsetDateTime;

const FORMAT: Format = Format { magic: b"MRQDELTA", version: 1 };

/// What is in the header.
#[derive(Serialize, Deserialize)]
struct Header {
    model: ModelId,
    #[serde(with = "time::serde::rfc3339")]
    known_at: OffsetDateTime,
    titles: usize,
}

/// A delta as it is stored.
#[derive(Clone, Debug)]
pub struct PackedDelta {
    /// The model that it belongs to: to any other one it is of no use.
    pub model: ModelId,
    /// What was watched by then is part of it.
    pub known_at: OffsetDateTime,
    /// What was learned.
    pub delta: Delta,
}

/// Writes the file of a delta.
///
/// # Errors
/// `Internal` if it cannot be written.
pub fn write_delta(packed: &PackedDelta, out: impl Write) -> Result<()> {
    let PackedDelta { model, known_at, delta } = packed;
    let titles = ids(&delta.catalog);
    let solved: Vec<TitleIndex> = delta.columns.keys().copied().collect();
    let watches: Vec<f32> = delta.columns.values().map(|solved| solved.watches).collect();
    let columns = Sparse::from_rows(delta.catalog.len(), delta.columns.values().map(|solved| solved.column.clone()));
    let mut arrays = Pieces::default();
    arrays.add("titles", &titles);
    arrays.add("popularity", bytemuck::cast_slice(&delta.counts));
    arrays.add("solved", bytemuck::cast_slice(&solved));
    arrays.add("watches", bytemuck::cast_slice(&watches));
    arrays.add_sparse("ridge", &columns);
    let header = Header { model: *model, known_at: *known_at, titles: delta.catalog.len() };
    container::write(&FORMAT, header, &arrays, out)
}

/// The delta in `file`.
///
/// # Errors
/// `Invalid` with `damaged_model` if it is not as it was written, `other_model` if another version of Marquee wrote it.
pub fn read_delta(file: &Bytes) -> Result<PackedDelta> {
    let (header, arrays): (Header, Slices) = container::read(&FORMAT, file)?;
    let delta = unpacked(header.titles, &arrays).ok_or_else(damaged)?;
    Ok(PackedDelta { model: header.model, known_at: header.known_at, delta })
}

fn unpacked(titles: usize, arrays: &Slices) -> Option<Delta> {
    let catalog = catalog(&arrays.get("titles")?);
    let counts = arrays.numbers::<f32>("popularity")?.as_chunks::<3>().0.to_vec();
    let (solved, watches) = (arrays.numbers::<TitleIndex>("solved")?, arrays.numbers::<f32>("watches")?);
    let ridge = arrays.sparse("ridge", titles)?;
    let rises = solved.is_sorted_by(|left, right| left < right) && solved.last().is_none_or(|title| (*title as usize) < titles);
    if catalog.len() != titles
        || counts.len() != titles
        || !rises
        || ridge.height() != solved.len()
        || watches.len() != solved.len()
    {
        return None;
    }
    let column = |(row, (title, watches)): (usize, (&TitleIndex, &f32))| {
        (*title, Solved { column: ridge.entries(row).collect(), watches: *watches })
    };
    let columns = solved.iter().zip(watches.iter()).enumerate().map(column).collect();
    Some(Delta { catalog, counts, columns })
}
