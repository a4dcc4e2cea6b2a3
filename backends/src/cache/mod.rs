//! Caches.

mod memory;
#[cfg(feature = "redis")]
pub mod redis;

pub use memory::MemoryCache;

use marquee_core::{Error, Result};

/// Longest key, in bytes.
const KEY_LENGTH_MAX: usize = 256;

fn check(key: &str) -> Result<()> {
    if key.is_empty() || key.len() > KEY_LENGTH_MAX {
        return Err(Error::invalid("invalid_key", format!("a cache key has 1 to {KEY_LENGTH_MAX} bytes")));
    }
    Ok(())
}
