//! A SHA-256 that goes on from what the database keeps of it, in another request or another process.

use crate::{Error, Result};
use sha2::{
    Digest, Sha256,
    digest::common::hazmat::{SerializableState, SerializedState},
};

/// The SHA-256 of what came so far.
#[derive(Clone, Default)]
pub struct Running(Sha256);

impl Running {
    /// Goes on from a [`Self::state`].
    ///
    /// # Errors
    /// `Internal` if that cannot be read.
    pub fn restore(state: &[u8]) -> Result<Self> {
        let broken = || Error::internal("the stored state of a SHA-256 cannot be read");
        let state = SerializedState::<Sha256>::try_from(state).map_err(|_| broken())?;
        Sha256::deserialize(&state).map(Self).map_err(|_| broken())
    }

    /// For the database.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    /// Takes in a piece.
    pub fn update(&mut self, piece: &[u8]) {
        Digest::update(&mut self.0, piece);
    }

    /// The hash of everything.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_goes_on_from_its_stored_state_at_any_byte() {
        let bytes: Vec<u8> = (0..300).map(|number| (number % 251) as u8).collect();
        let whole: [u8; 32] = Sha256::digest(&bytes).into();
        for cut in 0..bytes.len() {
            let mut first = Running::default();
            first.update(&bytes[..cut]);
            let mut second = Running::restore(&first.state()).unwrap();
            second.update(&bytes[cut..]);
            assert_eq!(second.finish(), whole, "{cut}");
        }
        assert!(Running::restore(b"short").is_err());
        assert!(Running::restore(&[0xff; 105]).is_err());
    }
}
