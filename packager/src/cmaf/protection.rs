//! The boxes of Common Encryption (ISO/IEC 23001-7 sections 7, 8 and 12.2): `sinf` in the sample entry, and in each fragment `senc` with
//! `saio` and `saiz`. Sample groups (`sgpd`, `sbgp`, see [`seig`](super::seig)) are in those fragments alone whose key is not the track's first: older
//! televisions do not take them.

use super::read::find;
use crate::malformed;
use marquee_core::{
    Error, Result,
    protection::{KEY_BYTES, Scheme},
};
use mp4_atom::{BufMut, Decode, Encode, FourCC};
use uuid::Uuid;

/// Sample entries whose real kind is in their `frma`.
pub(crate) const ENCV: FourCC = FourCC::new(b"encv");
pub(crate) const ENCA: FourCC = FourCC::new(b"enca");
pub(crate) const SINF: FourCC = FourCC::new(b"sinf");
pub(crate) const SENC: FourCC = FourCC::new(b"senc");
pub(crate) const SAIO: FourCC = FourCC::new(b"saio");
pub(crate) const SAIZ: FourCC = FourCC::new(b"saiz");
const FRMA: FourCC = FourCC::new(b"frma");
const SCHM: FourCC = FourCC::new(b"schm");
const SCHI: FourCC = FourCC::new(b"schi");
const TENC: FourCC = FourCC::new(b"tenc");

/// `scheme_version` of both schemes.
const SCHEME_VERSION: u32 = 0x0001_0000;
/// Bytes of the vector of a sample in `cenc`.
pub(crate) const SAMPLE_IV_BYTES: usize = 8;
/// `senc_use_subsamples`.
const USE_SUBSAMPLES: u32 = 2;
/// Bytes of a box's size, kind, version and flags.
const FULL_BOX_HEADER_BYTES: usize = 12;
/// Subsamples of one sample: the size of what is told of it has to fit the one byte that `saiz` has.
const SUBSAMPLES_MAX: usize = 40;

/// How a track is protected, as its sample entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The scheme.
    pub scheme: Scheme,
    /// Which key opens it.
    pub key_id: Uuid,
    /// `cbcs`: what every range starts from. `cenc` has one vector for each sample instead.
    pub constant_iv: Option<[u8; KEY_BYTES]>,
    /// `cbcs`: blocks that are encrypted, and blocks that are not after them; 0 and 0 if all are.
    pub pattern: (u8, u8),
}

impl Protection {
    /// Writes `sinf` of a track whose samples are those of a `format` entry.
    pub(crate) fn encode_sinf(&self, format: FourCC, buf: &mut Vec<u8>) -> Result<()> {
        let name = self.scheme.name().as_bytes();
        let written = buf.encode_atom(SINF, |buf| {
            buf.encode_atom(FRMA, |buf| format.encode(buf))?;
            buf.encode_atom(SCHM, |buf| {
                0_u32.encode(buf)?;
                buf.append_slice(name);
                SCHEME_VERSION.encode(buf)
            })?;
            buf.encode_atom(SCHI, |buf| buf.encode_atom(TENC, |buf| self.encode_tenc(buf)))
        });
        written.map_err(Error::internal)
    }

    fn encode_tenc(&self, buf: &mut Vec<u8>) -> mp4_atom::Result<()> {
        let (version, (crypt, skip)) = match self.scheme {
            Scheme::Cbcs => (1_u8, self.pattern),
            Scheme::Cenc => (0, (0, 0)),
        };
        buf.append_slice(&[version, 0, 0, 0, 0, crypt << 4 | skip & 0xf, 1]);
        let sample_iv_bytes = if self.constant_iv.is_some() { 0 } else { SAMPLE_IV_BYTES as u8 };
        sample_iv_bytes.encode(buf)?;
        buf.append_slice(self.key_id.as_bytes());
        if let Some(iv) = &self.constant_iv {
            (KEY_BYTES as u8).encode(buf)?;
            buf.append_slice(iv);
        }
        Ok(())
    }

    /// Reads the `sinf` among the children of a sample entry: the entry's real kind, and the protection.
    ///
    /// # Errors
    /// `malformed_media` if there is none, or it says what is neither of the schemes.
    pub(crate) fn of_entry(entry: &[u8]) -> Result<(FourCC, Self)> {
        let sinf = find(entry, SINF)?.body;
        let format = FourCC::decode(&mut find(sinf, FRMA)?.body).map_err(malformed)?;
        let mut schm = find(sinf, SCHM)?.body;
        let (_, name) = pair::<u32, FourCC>(&mut schm)?;
        let scheme = [Scheme::Cbcs, Scheme::Cenc].into_iter().find(|scheme| scheme.name().as_bytes() == name.as_ref());
        let scheme = scheme.ok_or_else(|| malformed(format!("samples in the scheme {name} cannot be read")))?;
        let mut tenc = find(find(sinf, SCHI)?.body, TENC)?.body;
        let ([_version, _, _, _, _, pattern, is_protected, sample_iv_bytes], key_id) = pair::<[u8; 8], [u8; 16]>(&mut tenc)?;
        let constant_iv = match (scheme, is_protected, sample_iv_bytes) {
            (Scheme::Cenc, 1, 8) => None,
            (Scheme::Cbcs, 1, 0) => {
                let (bytes, iv) = pair::<u8, [u8; KEY_BYTES]>(&mut tenc)?;
                if usize::from(bytes) != KEY_BYTES {
                    return Err(malformed(format!("the constant vector has {bytes} bytes")));
                }
                Some(iv)
            }
            _ => return Err(malformed("the track has vectors that its scheme does not have")),
        };
        let pattern = (pattern >> 4, pattern & 0xf);
        Ok((format, Self { scheme, key_id: Uuid::from_bytes(key_id), constant_iv, pattern }))
    }
}

/// Two values, one after the other.
fn pair<A: Decode, B: Decode>(bytes: &mut &[u8]) -> Result<(A, B)> {
    Ok((A::decode(bytes).map_err(malformed)?, B::decode(bytes).map_err(malformed)?))
}

/// A run of bytes in the clear, and then one that is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subsample {
    pub(crate) clear_bytes: u16,
    pub(crate) protected_bytes: u32,
}

/// How one sample is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SampleProtection {
    /// `cenc`: its vector.
    pub(crate) iv: Option<[u8; SAMPLE_IV_BYTES]>,
    /// Its runs from the first byte to the last; none if all of it is protected.
    pub(crate) subsamples: Vec<Subsample>,
}

impl SampleProtection {
    /// Bytes that `senc` has of it.
    fn size_bytes(&self) -> usize {
        let map = if self.subsamples.is_empty() { 0 } else { 2 + 6 * self.subsamples.len() };
        self.iv.map_or(0, |iv| iv.len()) + map
    }
}

/// Writes `senc`, `saio` and `saiz`: how each sample of a fragment is protected, all of them with subsamples or none. `offset_bytes` is
/// how far after the start of the `moof` they will be. Of whole samples with a constant vector there is nothing to say; a fragment
/// with `senc` still has all three (ISO/IEC 23000-19 section 8.2.2.1), as some televisions want it (HLS-AUTH 1.38).
pub(crate) fn encode(samples: &[SampleProtection], offset_bytes: usize, buf: &mut Vec<u8>) -> Result<()> {
    let has_subsamples = samples.iter().any(|sample| !sample.subsamples.is_empty());
    if samples.iter().any(|sample| sample.subsamples.len() > SUBSAMPLES_MAX) {
        return Err(malformed("a sample has more protected runs than a fragment can list"));
    }
    let written = buf.encode_atom(SENC, |buf| {
        (if has_subsamples { USE_SUBSAMPLES } else { 0 }).encode(buf)?;
        (samples.len() as u32).encode(buf)?;
        for sample in samples {
            buf.append_slice(sample.iv.as_ref().map_or(&[], |iv| iv));
            if has_subsamples {
                (sample.subsamples.len() as u16).encode(buf)?;
            }
            for Subsample { clear_bytes, protected_bytes } in &sample.subsamples {
                clear_bytes.encode(buf)?;
                protected_bytes.encode(buf)?;
            }
        }
        Ok(())
    });
    written.map_err(Error::internal)?;
    let first_bytes = FULL_BOX_HEADER_BYTES + 4;
    let offset = u32::try_from(offset_bytes + first_bytes).map_err(Error::internal)?;
    let sizes: Vec<u8> = samples.iter().map(|sample| sample.size_bytes() as u8).collect();
    // A default of 0 says that the sizes are listed (ISO/IEC 14496-12 section 8.7.8.3).
    let same = sizes.first().copied().filter(|first| *first > 0 && sizes.iter().all(|size| size == first));
    let written = buf
        .encode_atom(SAIO, |buf| {
            0_u32.encode(buf)?;
            1_u32.encode(buf)?;
            offset.encode(buf)
        })
        .and_then(|()| {
            buf.encode_atom(SAIZ, |buf| {
                0_u32.encode(buf)?;
                same.unwrap_or(0).encode(buf)?;
                (sizes.len() as u32).encode(buf)?;
                buf.append_slice(if same.is_some() { &[] } else { &sizes });
                Ok(())
            })
        });
    written.map_err(Error::internal)
}

/// Reads the `senc` of a `traf` that has `count` samples.
///
/// # Errors
/// `malformed_media` if it is missing, cut off, or of another count.
pub(crate) fn decode(traf: &[u8], protection: &Protection, count: usize) -> Result<Vec<SampleProtection>> {
    let mut senc = find(traf, SENC)?.body;
    let (flags, listed) = pair::<u32, u32>(&mut senc)?;
    if listed as usize != count {
        return Err(malformed(format!("protection of {listed} samples is listed, of {count}")));
    }
    let has_subsamples = flags & USE_SUBSAMPLES != 0;
    // The count is that of samples which were found.
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let mut sample = SampleProtection::default();
        if protection.constant_iv.is_none() {
            sample.iv = Some(<[u8; SAMPLE_IV_BYTES]>::decode(&mut senc).map_err(malformed)?);
        }
        let runs = if has_subsamples { u16::decode(&mut senc).map_err(malformed)? } else { 0 };
        for _ in 0..runs {
            let (clear_bytes, protected_bytes) = pair::<u16, u32>(&mut senc)?;
            sample.subsamples.push(Subsample { clear_bytes, protected_bytes });
        }
        samples.push(sample);
    }
    Ok(samples)
}
