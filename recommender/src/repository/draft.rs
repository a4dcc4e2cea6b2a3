//! A file of nobody else's, which becomes memory.

use bytes::Bytes;
use marquee_core::{Error, Result};
use memmap2::Mmap;
use std::{
    fs::File,
    io::{BufWriter, Write},
};

/// A file without a name: it is gone with whoever holds it, whatever happens.
pub(super) struct Draft {
    file: BufWriter<File>,
}

impl Draft {
    /// An empty one where temporary files lie.
    pub(super) fn new() -> Result<Self> {
        tempfile::tempfile().map(|file| Self { file: BufWriter::new(file) }).map_err(Error::internal)
    }

    /// Where to write.
    pub(super) fn writer(&mut self) -> impl Write + '_ {
        &mut self.file
    }

    /// The same with `piece` at its end.
    pub(super) fn with(mut self, piece: &[u8]) -> Result<Self> {
        self.file.write_all(piece).map_err(Error::internal)?;
        Ok(self)
    }

    /// What was written, as memory that the system reads from the file when it is looked at, and takes back when it has too little.
    pub(super) fn mapped(self) -> Result<Bytes> {
        let file = self.file.into_inner().map_err(Error::internal)?;
        #[expect(unsafe_code, reason = "a file that somebody changes would change under us; this one has no name to be found by")]
        let map = unsafe { Mmap::map(&file) }.map_err(Error::internal)?;
        Ok(Bytes::from_owner(map))
    }
}
