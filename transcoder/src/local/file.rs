//! A film on this machine's disk, read by offset for a child.

use super::unusable;
use crate::child::SourceReader;
use async_trait::async_trait;
use bytes::Bytes;
use marquee_core::{Error, Result};
use std::{fs::File, os::unix::fs::FileExt, path::Path, sync::Arc};

/// An open film.
pub(super) struct FileSource {
    file: Arc<File>,
    size_bytes: u64,
}

impl FileSource {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| unusable(path, error))?;
        let metadata = file.metadata().map_err(|error| unusable(path, error))?;
        if !metadata.is_file() {
            return Err(Error::invalid("unusable_path", format!("{} is not a file", path.display())));
        }
        Ok(Self { file: Arc::new(file), size_bytes: metadata.len() })
    }
}

#[async_trait]
impl SourceReader for FileSource {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Bytes> {
        let length = u64::from(length).min(self.size_bytes.saturating_sub(offset)) as usize;
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, offset).map(|()| Bytes::from(bytes))
        });
        Ok(read.await.map_err(Error::internal)??)
    }
}
