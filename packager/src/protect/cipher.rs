//! AES over the protected runs of a sample (ISO/IEC 23001-7 sections 9.5 and 10).

use super::map::runs;
use crate::{
    cmaf::protection::{Protection, SAMPLE_IV_BYTES, SampleProtection},
    malformed,
};
use aes::{
    Aes128, Block,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper},
};
use ctr::{CtrCore, flavors::Ctr64BE};
use marquee_core::{
    Result,
    protection::{KEY_BYTES, Secret},
};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// A key, made ready.
#[derive(Clone)]
pub(super) struct Cipher(Aes128);

impl Cipher {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(Aes128::new(secret.expose().into()))
    }

    /// Changes the protected bytes of a sample in place.
    pub(super) fn apply(
        &self,
        direction: Direction,
        protection: &Protection,
        of_sample: &SampleProtection,
        sample: &mut [u8],
    ) -> Result<()> {
        match (&protection.constant_iv, of_sample.iv) {
            (Some(iv), _) => runs(sample, &of_sample.subsamples, |run| self.chained(direction, iv, protection.pattern, run)),
            (None, Some(iv)) => {
                // Its own half counts blocks, through all runs of the sample.
                let mut counter = [0; KEY_BYTES];
                counter[..SAMPLE_IV_BYTES].copy_from_slice(&iv);
                let core = CtrCore::<&Aes128, Ctr64BE>::inner_iv_init(&self.0, &counter.into());
                let mut stream = StreamCipherCoreWrapper::from_core(core);
                runs(sample, &of_sample.subsamples, |run| stream.apply_keystream(run))
            }
            (None, None) => Err(malformed("a sample has no vector")),
        }
    }

    /// One run in `cbcs`: whole blocks, each `pattern.0` of them followed by `pattern.1` in the clear.
    fn chained(&self, direction: Direction, iv: &[u8; KEY_BYTES], (crypt, skip): (u8, u8), run: &mut [u8]) {
        let (blocks, _) = Block::slice_as_chunks_mut(run);
        let (crypt, skip) = if crypt == 0 { (blocks.len().max(1), 0) } else { (crypt.into(), skip.into()) };
        let chunks = blocks.chunks_mut(crypt + skip).map(|chunk| {
            let end = chunk.len().min(crypt);
            &mut chunk[..end]
        });
        match direction {
            Direction::Encrypt => {
                let mut chain = cbc::Encryptor::<&Aes128>::inner_iv_init(&self.0, iv.into());
                chunks.for_each(|blocks| chain.encrypt_blocks(blocks));
            }
            Direction::Decrypt => {
                let mut chain = cbc::Decryptor::<&Aes128>::inner_iv_init(&self.0, iv.into());
                chunks.for_each(|blocks| chain.decrypt_blocks(blocks));
            }
        }
    }
}
