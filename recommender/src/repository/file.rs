//! The file of a model: a header in JSON, arrays in little-endian order, and a checksum of all that.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `MRQMODEL` |
//! | 4 | version of the layout |
//! | 4 | length of the header |
//! | … | header: the card, and where each array lies |
//! | … | arrays |
//! | 32 | SHA-256 of everything before |

use super::Card;
use crate::{
    data::Sparse,
    model::{
        Catalog, Neighbours, Popularity, Ranker, Terms,
        factors::Factors,
        sequence::{Attention, Shape},
        spectral::Spectral,
    },
};
use marquee_core::{Error, Result, id::VideoId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"MRQMODEL";
/// Version of the layout: of a higher one nothing is known. Version 1 had no network.
const VERSION: u32 = 2;
const CHECKSUM_BYTES: usize = 32;
const FIXED_BYTES: usize = MAGIC.len() + 8;

/// What is in the header.
#[derive(Serialize, Deserialize)]
struct Header {
    card: Card,
    titles: usize,
    factors: (usize, f32, f32),
    spectral: usize,
    #[serde(default)]
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

/// The file of a model.
///
/// # Errors
/// `Internal` if its card cannot be written.
pub fn write(packed: &Packed) -> Result<Vec<u8>> {
    let terms = &packed.ranker.terms;
    let mut arrays = Arrays::default();
    let titles = packed.catalog.titles().iter().flat_map(|video| *video.0.as_bytes()).collect();
    arrays.add("titles", titles);
    for (name, neighbours) in [("ridge", &terms.ridge), ("next", &terms.next), ("content", &terms.content)] {
        arrays.sparse(name, neighbours.weights());
    }
    let (factors_size, penalty, unwatched, vectors) = terms.factors.parts();
    arrays.floats("factors", vectors);
    let (spectral_size, vectors, roots) = terms.spectral.parts();
    arrays.floats("spectral", vectors);
    arrays.floats("roots", roots);
    let (sequence, numbers, vectors) = terms.sequence.parts();
    arrays.floats("sequence.numbers", numbers);
    arrays.floats("sequence.titles", vectors);
    arrays.floats("popularity", &terms.popularity.counts().concat());
    let header = Header {
        card: packed.card.clone(),
        titles: packed.catalog.len(),
        factors: (factors_size, penalty, unwatched),
        spectral: spectral_size,
        sequence,
        arrays: arrays.names,
    };
    let header = serde_json::to_vec(&header).map_err(Error::internal)?;
    let mut file = Vec::with_capacity(FIXED_BYTES + header.len() + arrays.bytes.len() + CHECKSUM_BYTES);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(&(header.len() as u32).to_le_bytes());
    file.extend_from_slice(&header);
    file.extend_from_slice(&arrays.bytes);
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    Ok(file)
}

/// The model in `file`.
///
/// # Errors
/// `Invalid` with `damaged_model` if it is not as it was written, `newer_model` if a newer Marquee wrote it.
pub fn read(file: &[u8]) -> Result<Packed> {
    let fixed = file.get(..FIXED_BYTES).ok_or_else(damaged)?;
    if &fixed[..8] != MAGIC {
        return Err(damaged());
    }
    let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    if number(8) > VERSION {
        let message = "this model was written by a newer Marquee: update this one, or train anew";
        return Err(Error::invalid("newer_model", message));
    }
    let (content, checksum) = file.split_at_checked(file.len() - CHECKSUM_BYTES.min(file.len())).ok_or_else(damaged)?;
    if Sha256::digest(content).as_slice() != checksum {
        return Err(damaged());
    }
    let end = FIXED_BYTES + number(12) as usize;
    let header = content.get(FIXED_BYTES..end).ok_or_else(damaged)?;
    let header: Header = serde_json::from_slice(header).map_err(|error| damaged().caused_by(error))?;
    let arrays = Slices::new(&header.arrays, &content[end..]).ok_or_else(damaged)?;
    unpacked(&header, &arrays).ok_or_else(damaged)
}

fn unpacked(header: &Header, arrays: &Slices<'_>) -> Option<Packed> {
    let titles = header.titles;
    let ids = arrays.bytes("titles")?.as_chunks::<16>().0;
    let catalog = Catalog::new(ids.iter().map(|id| VideoId(Uuid::from_bytes(*id))));
    let neighbours = |name: &str| arrays.sparse(name, titles).map(Neighbours::new);
    let (size, penalty, unwatched) = header.factors;
    // What older layouts do not have was never trained.
    let later = |name: &str| arrays.floats(name).unwrap_or_default();
    let vectors = arrays.floats("factors")?;
    let sequence = Attention::from_parts(header.sequence, later("sequence.numbers"), later("sequence.titles"))?;
    let counts = arrays.floats("popularity")?.as_chunks::<3>().0.to_vec();
    if catalog.len() != titles || counts.len() != titles || vectors.len() != size * titles {
        return None;
    }
    let terms = Terms {
        ridge: neighbours("ridge")?,
        next: neighbours("next")?,
        content: neighbours("content")?,
        factors: Factors::new(size, penalty, unwatched, vectors),
        spectral: Spectral::from_parts(header.spectral, arrays.floats("spectral")?, arrays.floats("roots")?)?,
        sequence,
        popularity: Popularity::new(counts),
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
struct Arrays {
    names: Vec<(String, usize)>,
    bytes: Vec<u8>,
}

impl Arrays {
    fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.names.push((name.to_owned(), bytes.len()));
        self.bytes.extend(bytes);
    }

    fn floats(&mut self, name: &str, floats: &[f32]) {
        self.add(name, floats.iter().flat_map(|float| float.to_le_bytes()).collect());
    }

    fn sparse(&mut self, name: &str, matrix: &Sparse) {
        let (starts, columns, values) = matrix.parts();
        self.add(&format!("{name}.starts"), starts.iter().flat_map(|start| (*start as u64).to_le_bytes()).collect());
        self.add(&format!("{name}.columns"), columns.iter().flat_map(|column| column.to_le_bytes()).collect());
        self.floats(&format!("{name}.values"), values);
    }
}

/// Arrays that are being read.
struct Slices<'a> {
    by_name: HashMap<&'a str, &'a [u8]>,
}

impl<'a> Slices<'a> {
    fn new(names: &'a [(String, usize)], mut bytes: &'a [u8]) -> Option<Self> {
        let mut by_name = HashMap::new();
        for (name, length) in names {
            let (array, rest) = bytes.split_at_checked(*length)?;
            by_name.insert(name.as_str(), array);
            bytes = rest;
        }
        Some(Self { by_name })
    }

    fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.by_name.get(name).copied()
    }

    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        self.bytes(name).map(|bytes| bytes.as_chunks::<4>().0.iter().map(|float| f32::from_le_bytes(*float)).collect())
    }

    fn sparse(&self, name: &str, width: usize) -> Option<Sparse> {
        let starts: Vec<usize> = self
            .bytes(&format!("{name}.starts"))?
            .as_chunks::<8>()
            .0
            .iter()
            .map(|start| u64::from_le_bytes(*start) as usize)
            .collect();
        let columns = self.bytes(&format!("{name}.columns"))?.as_chunks::<4>().0.iter().map(|column| u32::from_le_bytes(*column));
        let columns = columns.collect();
        // What was never trained has no rows.
        if starts.len() < 2 {
            return Some(Sparse::default());
        }
        Sparse::from_parts(width, starts, columns, self.floats(&format!("{name}.values"))?)
    }
}
