//! The checksum extension of tus 1.0.

use crate::problem::Problem;
use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};
use marquee_core::Error;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, digest::DynDigest};
use subtle::ConstantTimeEq;

/// What `Tus-Checksum-Algorithm` lists. SHA-1 is the one that the specification requires.
pub(super) const ALGORITHMS: &str = "sha1,sha256,md5";

/// What the body of one request must hash to.
pub(super) struct Checksum {
    digest: Box<dyn DynDigest + Send>,
    expected: Vec<u8>,
}

impl Checksum {
    /// Reads the header `Upload-Checksum`: the algorithm and the hash in base64.
    pub(super) fn parse(header: &str) -> Result<Self, Problem> {
        let bad = |what: String| Problem::bad_request("invalid_checksum", what);
        let (algorithm, hash) =
            header.split_once(' ').ok_or_else(|| bad("Upload-Checksum is an algorithm, a space and base64".into()))?;
        let digest: Box<dyn DynDigest + Send> = match algorithm {
            "sha1" => Box::new(Sha1::default()),
            "sha256" => Box::new(Sha256::default()),
            "md5" => Box::new(Md5::default()),
            _ => return Err(bad(format!("this algorithm is not known here: use one of {ALGORITHMS}"))),
        };
        let expected = STANDARD.decode(hash.trim()).map_err(|_| bad("the hash in Upload-Checksum is not base64".into()))?;
        if expected.len() != digest.output_size() {
            return Err(bad("the hash in Upload-Checksum does not have the length of its algorithm".into()));
        }
        Ok(Self { digest, expected })
    }

    /// Takes in a piece of the body.
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.digest.update(piece);
    }

    /// Refuses a body that does not hash to what was promised: 460, see the specification.
    pub(super) fn check(self) -> Result<(), Problem> {
        if self.digest.finalize().as_ref().ct_eq(&self.expected).into() {
            return Ok(());
        }
        let status = StatusCode::from_u16(crate::problem::CHECKSUM_MISMATCH).map_err(Error::internal)?;
        let detail = "the bytes changed on their way and were dropped: send them again from the same offset";
        Err(Problem::new(status, "checksum_mismatch", detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_and_compared() {
        for (algorithm, hash) in [
            ("sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
            ("sha256", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="),
            ("md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
        ] {
            for (body, good) in [("hello world", true), ("hello worle", false), ("", false)] {
                let mut checksum = Checksum::parse(&format!("{algorithm} {hash}")).unwrap_or_else(|_| panic!("{algorithm}"));
                checksum.update(body.as_bytes());
                assert_eq!(checksum.check().is_ok(), good, "{algorithm} {body}");
            }
        }
        for bad in ["", "sha1", "crc32 AAAA", "sha1 !!!", "sha1 AAAA", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            assert!(Checksum::parse(bad).is_err(), "{bad}");
        }
    }
}
