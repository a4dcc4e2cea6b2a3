//! Sample groups of Common Encryption (ISO/IEC 23001-7 section 6): a fragment whose samples have another key than their track's first says
//! so by a group of its own, `sgpd` and `sbgp` of the kind `seig` in its `traf`.

use super::{
    protection::{Protection, SAMPLE_IV_BYTES},
    read::{BoxAt, children},
};
use crate::malformed;
use marquee_core::{Error, Result, protection::KEY_BYTES};
use mp4_atom::{BufMut, Decode, Encode, FourCC};
use uuid::Uuid;

const SGPD: FourCC = FourCC::new(b"sgpd");
const SBGP: FourCC = FourCC::new(b"sbgp");
const SEIG: FourCC = FourCC::new(b"seig");
/// Version 1 and no flags: entries of one length.
const VERSION_1: u32 = 1 << 24;
/// The first group that a fragment describes itself (ISO/IEC 14496-12 section 8.9.4).
const FIRST_OF_FRAGMENT: u32 = 0x1_0001;

/// Whether a box in a `traf` tells of such groups.
pub(crate) fn is_group(atom: &BoxAt<'_>) -> bool {
    [SGPD, SBGP].contains(&atom.kind) && atom.body.get(4..8) == Some(SEIG.as_ref())
}

/// Writes that all `count` samples of a fragment are protected as `protection` says.
pub(crate) fn encode(protection: &Protection, count: usize, buf: &mut Vec<u8>) -> Result<()> {
    let count = u32::try_from(count).map_err(Error::internal)?;
    let mut entry = vec![0, protection.pattern.0 << 4 | protection.pattern.1 & 0xf, 1];
    entry.push(if protection.constant_iv.is_some() { 0 } else { SAMPLE_IV_BYTES as u8 });
    entry.extend_from_slice(protection.key_id.as_bytes());
    if let Some(iv) = &protection.constant_iv {
        entry.push(KEY_BYTES as u8);
        entry.extend_from_slice(iv);
    }
    let written = buf
        .encode_atom(SBGP, |buf| {
            0_u32.encode(buf)?;
            SEIG.encode(buf)?;
            [1, count, FIRST_OF_FRAGMENT].iter().try_for_each(|number| number.encode(buf))
        })
        .and_then(|()| {
            buf.encode_atom(SGPD, |buf| {
                VERSION_1.encode(buf)?;
                SEIG.encode(buf)?;
                [entry.len() as u32, 1].iter().try_for_each(|number| number.encode(buf))?;
                buf.append_slice(&entry);
                Ok(())
            })
        });
    written.map_err(Error::internal)
}

/// How the `count` samples of a `traf` are protected, of a track that is as `track` says where no group says otherwise.
///
/// # Errors
/// `malformed_media` for groups that are not of all samples alike, or that are protected in another way than the track.
pub(crate) fn decode(traf: &[u8], track: &Protection, count: usize) -> Result<Protection> {
    let (mut members, mut entry) = (None, None);
    for atom in children(traf) {
        let atom = atom?;
        if !is_group(&atom) {
            continue;
        }
        let slot = if atom.kind == SBGP { &mut members } else { &mut entry };
        if slot.replace(atom.body).is_some() {
            return Err(malformed("a fragment tells of its keys twice"));
        }
    }
    let (members, mut entry) = match (members, entry) {
        (None, None) => return Ok(track.clone()),
        (Some(members), Some(entry)) => (members, entry),
        _ => return Err(malformed("a fragment tells half of its keys")),
    };
    let other = || malformed("the samples of a fragment do not have one key");
    let expected = [0, u32::from_be_bytes(*b"seig"), 1, u32::try_from(count).map_err(malformed)?, FIRST_OF_FRAGMENT];
    if members != expected.map(u32::to_be_bytes).concat() {
        return Err(other());
    }
    let mut field = |expected: Option<u32>| {
        let value = u32::decode(&mut entry).map_err(malformed)?;
        if expected.is_none_or(|expected| expected == value) { Ok(value) } else { Err(other()) }
    };
    field(Some(VERSION_1))?;
    field(None)?;
    let length = field(None)?;
    field(Some(1))?;
    let constant = track.constant_iv.is_some();
    let (head_bytes, iv_bytes) = (4 + KEY_BYTES, if constant { 1 + KEY_BYTES } else { 0 });
    let pattern = track.pattern.0 << 4 | track.pattern.1 & 0xf;
    let head = [0, pattern, 1, if constant { 0 } else { SAMPLE_IV_BYTES as u8 }];
    let alike = entry.len() == head_bytes + iv_bytes && length as usize == entry.len() && entry.starts_with(&head);
    if !alike || (constant && usize::from(entry[head_bytes]) != KEY_BYTES) {
        return Err(malformed("a fragment is protected in another way than its track"));
    }
    let sixteen = |at: usize| <[u8; KEY_BYTES]>::decode(&mut &entry[at..]).map_err(malformed);
    let key_id = Uuid::from_bytes(sixteen(head.len())?);
    Ok(Protection { key_id, constant_iv: constant.then(|| sixteen(head_bytes + 1)).transpose()?, ..track.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::protection::Scheme;

    const CBCS: Protection =
        Protection { scheme: Scheme::Cbcs, key_id: Uuid::from_u128(1), constant_iv: Some([7; KEY_BYTES]), pattern: (1, 9) };
    const CENC: Protection = Protection { scheme: Scheme::Cenc, key_id: Uuid::from_u128(1), constant_iv: None, pattern: (0, 0) };

    fn written(protection: &Protection) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(protection, 50, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_group_is_this_and_reads_back() {
        let key_id = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        let members = b"\0\0\0\x1csbgp\0\0\0\0seig\0\0\0\x01\0\0\0\x32\0\x01\0\x01";
        let id = key_id.as_bytes();
        let cenc = [&members[..], b"\0\0\0\x2csgpd\x01\0\0\0seig\0\0\0\x14\0\0\0\x01\0\0\x01\x08", id].concat();
        assert_eq!(written(&Protection { key_id, ..CENC }), cenc);
        let iv = [&[16][..], &[9; 16]].concat();
        let cbcs = [&members[..], b"\0\0\0\x3dsgpd\x01\0\0\0seig\0\0\0\x25\0\0\0\x01\0\x19\x01\0", id, &iv].concat();
        assert_eq!(written(&Protection { key_id, constant_iv: Some([9; 16]), ..CBCS }), cbcs);
        for track in [CBCS, CENC] {
            let other = Protection { key_id, constant_iv: track.constant_iv.map(|_| [3; 16]), ..track.clone() };
            assert_eq!(decode(&written(&other), &track, 50).unwrap(), other);
            assert_eq!(decode(b"\0\0\0\x08senc", &track, 50).unwrap(), track, "no group, the track's own key");
        }
    }

    #[test]
    fn what_is_not_one_key_for_all_is_refused() {
        for track in [CBCS, CENC] {
            let good = written(&track);
            let other = if track == CBCS { CENC } else { CBCS };
            assert!(decode(&good, &track, 49).is_err() && decode(&good, &other, 50).is_err());
            assert!(decode(&[&good[..], &good].concat(), &track, 50).is_err());
            assert!(decode(&good[..28], &track, 50).is_err() && decode(&good[28..], &track, 50).is_err(), "half of it");
            for place in 0..good.len() {
                for bit in 0..8 {
                    let mut changed = good.clone();
                    changed[place] ^= 1 << bit;
                    // Ids and vectors may be any; a kind that is another tells of something else.
                    if let Ok(read) = decode(&changed, &track, 50) {
                        assert_eq!(Protection { key_id: track.key_id, constant_iv: track.constant_iv, ..read }, track);
                    }
                }
            }
        }
    }
}
