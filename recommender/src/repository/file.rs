//! The file of a model: a header in JSON, arrays in little-endian order, and a checksum of all that.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `MRQMODEL` |
//! | 4 | version of the layout |
//! | 4 | length of the header |
//! | … | header: the card, and where each array lies; spaces until the next one may begin |
//! | … | arrays, each at a multiple of 64 bytes: they are read where they lie |
//! | 32 | SHA-256 of everything before |

use super::Card;
use crate::{
    data::{Array, Sparse},
    model::{
        Catalog, Neighbours, Popularity, Ranker, Terms,
        factors::Factors,
        sequence::{Attention, Shape},
        spectral::Spectral,
    },
};
use bytemuck::Pod;
use bytes::Bytes;
use marquee_core::{Error, Result, id::VideoId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, io::Write};
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"MRQMODEL";
/// Version of the layout: only this one is understood.
pub const VERSION: u32 = 2;
const CHECKSUM_BYTES: usize = 32;
const FIXED_BYTES: usize = MAGIC.len() + 8;
/// Arrays begin at multiples of it.
const ALIGN_BYTES: usize = 64;

/// What is in the header.
#[derive(Serialize, Deserialize)]
struct Header {
    card: Card,
    titles: usize,
    factors: (usize, f32, f32),
    spectral: usize,
    sequence: Shape,
    arrays: Vec<(String, usize)>,
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
    let titles: Vec<u8> = packed.catalog.titles().iter().flat_map(|video| *video.0.as_bytes()).collect();
    let mut arrays = Pieces::default();
    arrays.add("titles", &titles);
    for (name, neighbours) in [("ridge", &terms.ridge), ("next", &terms.next), ("content", &terms.content)] {
        let (starts, columns, values) = neighbours.weights().parts();
        arrays.add(&format!("{name}.starts"), starts.bytes());
        arrays.add(&format!("{name}.columns"), columns.bytes());
        arrays.add(&format!("{name}.values"), values.bytes());
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
        arrays: arrays.pieces.iter().map(|(name, piece)| (name.clone(), piece.len())).collect(),
    };
    let mut header = serde_json::to_vec(&header).map_err(Error::internal)?;
    header.resize((FIXED_BYTES + header.len()).next_multiple_of(ALIGN_BYTES) - FIXED_BYTES, b' ');
    let mut out = Hashed { out, hash: Sha256::new() };
    let mut write = |piece: &[u8]| out.write(piece).map_err(Error::internal);
    write(MAGIC)?;
    write(&VERSION.to_le_bytes())?;
    write(&u32::try_from(header.len()).map_err(Error::internal)?.to_le_bytes())?;
    write(&header)?;
    for (_, piece) in &arrays.pieces {
        write(piece)?;
        write(&[0; ALIGN_BYTES][..padding(piece.len())])?;
    }
    out.end().map_err(Error::internal)
}

/// The model in `file`, whose arrays stay where they lie.
///
/// # Errors
/// `Invalid` with `damaged_model` if it is not as it was written, `other_model` if another version of Marquee wrote it.
pub fn read(file: &Bytes) -> Result<Packed> {
    let fixed = file.get(..FIXED_BYTES).ok_or_else(damaged)?;
    if &fixed[..8] != MAGIC {
        return Err(damaged());
    }
    let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    if number(8) != VERSION {
        let message = "this model was written by another version of Marquee: update this one, or train anew";
        return Err(Error::invalid("other_model", message));
    }
    let end = file.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= FIXED_BYTES).ok_or_else(damaged)?;
    if Sha256::digest(&file[..end]).as_slice() != &file[end..] {
        return Err(damaged());
    }
    let start = FIXED_BYTES + number(12) as usize;
    let header = file[..end].get(FIXED_BYTES..start).ok_or_else(damaged)?;
    let header: Header = serde_json::from_slice(header).map_err(|error| damaged().caused_by(error))?;
    let arrays = Slices::new(&header.arrays, &file.slice(start..end)).ok_or_else(damaged)?;
    unpacked(&header, &arrays).ok_or_else(damaged)
}

fn unpacked(header: &Header, arrays: &Slices<'_>) -> Option<Packed> {
    let titles = header.titles;
    let ids = arrays.get("titles")?;
    let ids = ids.as_chunks::<16>().0;
    let catalog = Catalog::new(ids.iter().map(|id| VideoId(Uuid::from_bytes(*id))));
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

fn damaged() -> Error {
    Error::invalid(
        "damaged_model",
        "this is not a model as Marquee writes it, or not all of it: train anew, or go back to the one before",
    )
}

/// Arrays that are being written.
#[derive(Default)]
struct Pieces<'a> {
    pieces: Vec<(String, &'a [u8])>,
}

impl<'a> Pieces<'a> {
    fn add(&mut self, name: &str, piece: &'a [u8]) {
        self.pieces.push((name.to_owned(), piece));
    }
}

/// Bytes from the end of an array to where the next one may begin.
fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGN_BYTES) - length
}

/// What is written, and what its checksum will be.
struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.hash.update(piece);
        self.out.write_all(piece)
    }

    fn end(mut self) -> std::io::Result<()> {
        self.out.write_all(&self.hash.finalize())?;
        self.out.flush()
    }
}

/// Arrays that are being read.
struct Slices<'a> {
    by_name: HashMap<&'a str, Bytes>,
}

impl<'a> Slices<'a> {
    fn new(names: &'a [(String, usize)], bytes: &Bytes) -> Option<Self> {
        let (mut by_name, mut start) = (HashMap::new(), 0_usize);
        for (name, length) in names {
            let end = start.checked_add(*length).filter(|end| *end <= bytes.len())?;
            by_name.insert(name.as_str(), bytes.slice(start..end));
            start = end.checked_next_multiple_of(ALIGN_BYTES)?;
        }
        Some(Self { by_name })
    }

    fn get(&self, name: &str) -> Option<Bytes> {
        self.by_name.get(name).cloned()
    }

    fn numbers<T: Pod>(&self, name: &str) -> Option<Array<T>> {
        Array::new(self.get(name)?)
    }

    fn sparse(&self, name: &str, width: usize) -> Option<Sparse> {
        let starts: Array<u64> = self.numbers(&format!("{name}.starts"))?;
        // What was never trained has no rows.
        if starts.len() < 2 {
            return Some(Sparse::default());
        }
        let columns = self.numbers(&format!("{name}.columns"))?;
        Sparse::from_parts(width, starts, columns, self.numbers(&format!("{name}.values"))?)
    }
}
