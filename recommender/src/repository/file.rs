//! The file of a model: its card, and the arrays that it ranks by.

use super::{
    Card,
    container::{self, Format, Pieces, Slices, damaged},
};
use crate::model::{
    Catalog, Neighbours, Popularity, Ranker, Terms,
    factors::Factors,
    sequence::{Attention, Shape},
    spectral::Spectral,
};
use bytes::Bytes;
use marquee_core::{Result, id::VideoId};
use serde::{Deserialize, Serialize};
use std::io::Write;
use uuid::Uuid;

/// Version of the layout: only this one is understood.
pub const VERSION: u32 = 2;
const FORMAT: Format = Format { magic: b"MRQMODEL", version: VERSION };

/// What is in the header.
#[derive(Serialize, Deserialize)]
struct Header {
    card: Card,
    titles: usize,
    factors: (usize, f32, f32),
    spectral: usize,
    sequence: Shape,
}

/// A model as it is served.
#[derive(Clone, Debug)]
pub struct Packed {
    /// What it is.
    pub card: Card,
    /// Its titles.
    pub catalog: Catalog,
    /// What it ranks them by.
    pub ranker: Ranker,
}

/// Writes the file of a model.
///
/// # Errors
/// `Internal` if it cannot be written.
pub fn write(packed: &Packed, out: impl Write) -> Result<()> {
    let terms = &packed.ranker.terms;
    let titles = ids(&packed.catalog);
    let mut arrays = Pieces::default();
    arrays.add("titles", &titles);
    for (name, neighbours) in [("ridge", &terms.ridge), ("next", &terms.next), ("content", &terms.content)] {
        arrays.add_sparse(name, neighbours.weights());
    }
    let (factors_size, penalty, unwatched, vectors) = terms.factors.parts();
    arrays.add("factors", vectors.bytes());
    let (spectral_size, vectors, roots) = terms.spectral.parts();
    arrays.add("spectral", vectors.bytes());
    arrays.add("roots", roots.bytes());
    let (sequence, numbers, vectors) = terms.sequence.parts();
    arrays.add("sequence.numbers", bytemuck::cast_slice(numbers));
    arrays.add("sequence.titles", bytemuck::cast_slice(vectors));
    arrays.add("popularity", bytemuck::cast_slice(terms.popularity.counts()));
    arrays.add("prints", terms.prints.bytes());
    let header = Header {
        card: packed.card.clone(),
        titles: packed.catalog.len(),
        factors: (factors_size, penalty, unwatched),
        spectral: spectral_size,
        sequence,
    };
    container::write(&FORMAT, header, &arrays, out)
}

/// The model in `file`, whose arrays stay where they lie.
///
/// # Errors
/// `Invalid` with `damaged_model` if it is not as it was written, `other_model` if another version of Marquee wrote it.
pub fn read(file: &Bytes) -> Result<Packed> {
    let (header, arrays) = container::read(&FORMAT, file)?;
    unpacked(&header, &arrays).ok_or_else(damaged)
}

fn unpacked(header: &Header, arrays: &Slices) -> Option<Packed> {
    let titles = header.titles;
    let catalog = catalog(&arrays.get("titles")?);
    let neighbours = |name: &str| arrays.sparse(name, titles).map(Neighbours::new);
    let (size, penalty, unwatched) = header.factors;
    let vectors = arrays.numbers("factors")?;
    let numbers = |name: &str| arrays.numbers::<f32>(name).map(|numbers| numbers.to_vec());
    let sequence = Attention::from_parts(header.sequence, numbers("sequence.numbers")?, numbers("sequence.titles")?)?;
    let counts = arrays.numbers::<f32>("popularity")?.as_chunks::<3>().0.to_vec();
    let prints = arrays.numbers("prints")?;
    let fits = |all: usize| all == 0 || all == titles;
    if catalog.len() != titles || counts.len() != titles || vectors.len() != size * titles || !fits(prints.len()) {
        return None;
    }
    let terms = Terms {
        ridge: neighbours("ridge")?,
        next: neighbours("next")?,
        content: neighbours("content")?,
        factors: Factors::new(size, penalty, unwatched, vectors),
        spectral: Spectral::from_parts(header.spectral, arrays.numbers("spectral")?, arrays.numbers("roots")?)?,
        sequence,
        popularity: Popularity::new(counts),
        prints,
        recency: header.card.choices.knobs.recency,
    };
    let ranker = Ranker { terms, blend: header.card.choices.blend.clone(), dial: 0.0 };
    Some(Packed { card: header.card.clone(), catalog, ranker })
}

/// The titles of a catalogue, one after the other.
pub(super) fn ids(catalog: &Catalog) -> Vec<u8> {
    catalog.titles().iter().flat_map(|video| *video.0.as_bytes()).collect()
}

/// The catalogue of titles that were written one after the other.
pub(super) fn catalog(ids: &[u8]) -> Catalog {
    Catalog::new(ids.as_chunks::<16>().0.iter().map(|id| VideoId(Uuid::from_bytes(*id))))
}
