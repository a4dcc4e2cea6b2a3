//! Files of a header and arrays: what models and what was learned since lie in.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | what kind of file it is |
//! | 4 | version of the layout |
//! | 4 | length of the header |
//! | … | header in JSON, which also says where each array lies; spaces until the next one may begin |
//! | … | arrays in little-endian order, each at a multiple of 64 bytes: they are read where they lie |
//! | 32 | SHA-256 of everything before |

use crate::data::{Array, Sparse};
use bytemuck::Pod;
use bytes::Bytes;
use marquee_core::{Error, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, io::Write};

const MAGIC_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 32;
const FIXED_BYTES: usize = MAGIC_BYTES + 8;
/// Arrays begin at multiples of it.
const ALIGN_BYTES: usize = 64;

/// A kind of file, and the version of its layout: only this one is understood.
pub(super) struct Format {
    pub(super) magic: &'static [u8; MAGIC_BYTES],
    pub(super) version: u32,
}

/// What is in the header.
#[derive(Serialize, Deserialize)]
struct Header<H> {
    #[serde(flatten)]
    own: H,
    arrays: Vec<(String, usize)>,
}

/// Writes a file of this header and these arrays.
///
/// # Errors
/// `Internal` if it cannot be written.
pub(super) fn write(format: &Format, own: impl Serialize, arrays: &Pieces<'_>, out: impl Write) -> Result<()> {
    let header = Header { own, arrays: arrays.pieces.iter().map(|(name, piece)| (name.clone(), piece.len())).collect() };
    let mut header = serde_json::to_vec(&header).map_err(Error::internal)?;
    header.resize((FIXED_BYTES + header.len()).next_multiple_of(ALIGN_BYTES) - FIXED_BYTES, b' ');
    let mut out = Hashed { out, hash: Sha256::new() };
    let mut write = |piece: &[u8]| out.write(piece).map_err(Error::internal);
    write(format.magic)?;
    write(&format.version.to_le_bytes())?;
    write(&u32::try_from(header.len()).map_err(Error::internal)?.to_le_bytes())?;
    write(&header)?;
    for (_, piece) in &arrays.pieces {
        write(piece)?;
        write(&[0; ALIGN_BYTES][..padding(piece.len())])?;
    }
    out.end().map_err(Error::internal)
}

/// The header and the arrays of `file`, which stay where they lie.
///
/// # Errors
/// `Invalid` with `damaged_model` if it is not as it was written, `other_model` if another version of Marquee wrote it.
pub(super) fn read<H: DeserializeOwned>(format: &Format, file: &Bytes) -> Result<(H, Slices)> {
    let fixed = file.get(..FIXED_BYTES).ok_or_else(damaged)?;
    if &fixed[..MAGIC_BYTES] != format.magic {
        return Err(damaged());
    }
    let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    if number(MAGIC_BYTES) != format.version {
        let message = "this model was written by another version of Marquee: update this one, or train anew";
        return Err(Error::invalid("other_model", message));
    }
    let end = file.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= FIXED_BYTES).ok_or_else(damaged)?;
    if Sha256::digest(&file[..end]).as_slice() != &file[end..] {
        return Err(damaged());
    }
    let start = FIXED_BYTES + number(MAGIC_BYTES + 4) as usize;
    let header = file[..end].get(FIXED_BYTES..start).ok_or_else(damaged)?;
    let header: Header<H> = serde_json::from_slice(header).map_err(|error| damaged().caused_by(error))?;
    let arrays = Slices::new(header.arrays, &file.slice(start..end)).ok_or_else(damaged)?;
    Ok((header.own, arrays))
}

/// What to say of a file that is none.
pub(super) fn damaged() -> Error {
    Error::invalid(
        "damaged_model",
        "this is not a model as Marquee writes it, or not all of it: train anew, or go back to the one before",
    )
}

/// Arrays that are being written.
#[derive(Default)]
pub(super) struct Pieces<'a> {
    pieces: Vec<(String, &'a [u8])>,
}

impl<'a> Pieces<'a> {
    pub(super) fn add(&mut self, name: &str, piece: &'a [u8]) {
        self.pieces.push((name.to_owned(), piece));
    }

    pub(super) fn add_sparse(&mut self, name: &str, matrix: &'a Sparse) {
        let (starts, columns, values) = matrix.parts();
        self.add(&format!("{name}.starts"), starts.bytes());
        self.add(&format!("{name}.columns"), columns.bytes());
        self.add(&format!("{name}.values"), values.bytes());
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
pub(super) struct Slices {
    by_name: HashMap<String, Bytes>,
}

impl Slices {
    fn new(names: Vec<(String, usize)>, bytes: &Bytes) -> Option<Self> {
        let (mut by_name, mut start) = (HashMap::new(), 0_usize);
        for (name, length) in names {
            let end = start.checked_add(length).filter(|end| *end <= bytes.len())?;
            by_name.insert(name, bytes.slice(start..end));
            start = end.checked_next_multiple_of(ALIGN_BYTES)?;
        }
        Some(Self { by_name })
    }

    pub(super) fn get(&self, name: &str) -> Option<Bytes> {
        self.by_name.get(name).cloned()
    }

    pub(super) fn numbers<T: Pod>(&self, name: &str) -> Option<Array<T>> {
        Array::new(self.get(name)?)
    }

    pub(super) fn sparse(&self, name: &str, width: usize) -> Option<Sparse> {
        let starts: Array<u64> = self.numbers(&format!("{name}.starts"))?;
        // What was never trained has no rows.
        if starts.len() < 2 {
            return Some(Sparse::default());
        }
        let columns = self.numbers(&format!("{name}.columns"))?;
        Sparse::from_parts(width, starts, columns, self.numbers(&format!("{name}.values"))?)
    }
}
