//! Changes boxes of written segments: what is not changed stays byte for byte.

use super::pssh;
use crate::{
    cmaf::{
        protection::{ENCA, ENCV, Protection, SAIO, SAIZ, SENC, SINF},
        read::{BoxAt, STSD_HEADER_BYTES, children, find},
        roll, seig,
    },
    malformed,
};
use marquee_core::{Error, Result};
use mp4_atom::{Atom, Audio, BufMut, Decode, FourCC, Mdia, Minf, Moov, Sidx, Stbl, Stsd, Traf, Trak, Trun, Visual};
use uuid::Uuid;

/// Bytes of a box's size and kind.
pub(super) const BOX_HEADER_BYTES: usize = 8;
const PSSH: FourCC = FourCC::new(b"pssh");
/// What tells how the samples of a fragment are protected.
const PROTECTION: [FourCC; 3] = [SENC, SAIO, SAIZ];
/// Where a `trun` has its data offset: after version, flags and count.
const DATA_OFFSET: usize = 8;

/// Writes a changed box.
type Change<'a> = &'a dyn Fn(&BoxAt<'_>, &mut Vec<u8>) -> Result<()>;

/// Writes a box of a kind around what `body` writes.
fn wrap(kind: FourCC, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind.as_ref());
    body(out)?;
    let size = u32::try_from(out.len() - start).map_err(Error::internal)?;
    out.set_slice(start, &size.to_be_bytes());
    Ok(())
}

/// A box that is written again has a size of 32 bits: without one it would swallow what is put after it, with a longer one all
/// offsets would change.
fn check_size(atom: &BoxAt<'_>) -> Result<()> {
    let has_size = atom.whole.len() == atom.body.len() + BOX_HEADER_BYTES && !atom.whole.starts_with(&[0; 4]);
    if has_size { Ok(()) } else { Err(malformed(format!("{} has no size of 32 bits", atom.kind))) }
}

/// Copies boxes, and calls `change` for the ones at the end of `path` instead.
fn copy(bytes: &[u8], path: &[FourCC], out: &mut Vec<u8>, change: Change<'_>) -> Result<()> {
    for atom in children(bytes) {
        let atom = atom?;
        check_size(&atom)?;
        match path {
            [kind] if atom.kind == *kind => change(&atom, out)?,
            [kind, inner @ ..] if atom.kind == *kind => wrap(*kind, out, |out| copy(atom.body, inner, out, change))?,
            _ => out.extend_from_slice(atom.whole),
        }
    }
    Ok(())
}

/// An initialization segment with another sample entry.
fn with_entry(init: &[u8], change: Change<'_>) -> Result<Vec<u8>> {
    let path = [Moov::KIND, Trak::KIND, Mdia::KIND, Minf::KIND, Stbl::KIND, Stsd::KIND];
    let mut out = Vec::with_capacity(init.len() + 128);
    copy(init, &path, &mut out, &|stsd, out| {
        let (head, entries) = stsd.body.split_at_checked(STSD_HEADER_BYTES).ok_or_else(|| malformed("stsd is cut off"))?;
        wrap(Stsd::KIND, out, |out| {
            out.extend_from_slice(head);
            children(entries).try_for_each(|entry| change(&entry?, out))
        })
    })?;
    Ok(out)
}

/// An initialization segment whose track is protected. It ends in a common `pssh` of its key and `others`: scripts of browsers
/// are only told of such boxes.
pub(super) fn protected_init(init: &[u8], protection: &Protection, others: &[Uuid], is_sound: bool) -> Result<Vec<u8>> {
    let init = with_entry(init, &|entry, out| {
        wrap(if is_sound { ENCA } else { ENCV }, out, |out| {
            out.extend_from_slice(entry.body);
            protection.encode_sinf(entry.kind, out)
        })
    })?;
    with_movie(&init, &|movie, out| {
        out.extend_from_slice(movie.body);
        out.extend_from_slice(&pssh::common(&[&[protection.key_id], others].concat()));
        Ok(())
    })
}

/// The same without its protection.
pub(super) fn clear_init(init: &[u8]) -> Result<Vec<u8>> {
    let init = with_entry(init, &|entry, out| {
        let mut rest = entry.body;
        if entry.kind == ENCA {
            Audio::decode(&mut rest).map_err(malformed)?;
        } else {
            Visual::decode(&mut rest).map_err(malformed)?;
        }
        let (format, _) = Protection::of_entry(rest)?;
        wrap(format, out, |out| {
            out.extend_from_slice(&entry.body[..entry.body.len() - rest.len()]);
            without(rest, |atom| atom.kind == SINF, out)
        })
    })?;
    with_movie(&init, &|movie, out| without(movie.body, |atom| atom.kind == PSSH, out))
}

/// An initialization segment whose `moov` holds something else.
fn with_movie(init: &[u8], change: Change<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(init.len() + 128);
    copy(init, &[Moov::KIND], &mut out, &|movie, out| wrap(Moov::KIND, out, |out| change(movie, out)))?;
    Ok(out)
}

fn without(bytes: &[u8], is_left_out: impl Fn(&BoxAt<'_>) -> bool, out: &mut Vec<u8>) -> Result<()> {
    for atom in children(bytes) {
        let atom = atom?;
        if !is_left_out(&atom) {
            out.extend_from_slice(atom.whole);
        }
    }
    Ok(())
}

/// Where the boxes of a track's fragment end that are kept when it is protected, from the start of its `moof`: what is put there is known
/// before it is written.
pub(super) fn end_of_traf(moof: &BoxAt<'_>) -> Result<usize> {
    let traf = find(moof.body, Traf::KIND)?;
    let start = usize::try_from(traf.offset).map_err(malformed)?;
    let mut kept = Vec::new();
    without(traf.body, roll::is_members, &mut kept)?;
    Ok(BOX_HEADER_BYTES + start + BOX_HEADER_BYTES + kept.len())
}

/// A `moof` with `added` at the end of its `traf`: how its samples are protected. Groups of clear samples are left out: some televisions
/// refuse any in what is protected.
pub(super) fn with_protection(moof: &BoxAt<'_>, added: &[u8], out: &mut Vec<u8>) -> Result<()> {
    for atom in children(find(moof.body, Traf::KIND)?.body) {
        if is_protection(&atom?) {
            return Err(malformed("the fragment is protected already"));
        }
    }
    change_traf(moof, out, |traf, out| {
        without(traf, roll::is_members, out)?;
        out.extend_from_slice(added);
        Ok(())
    })
}

/// A `moof` without what tells how its samples are protected, and with `added` at the end of its `traf`.
pub(super) fn without_protection(moof: &BoxAt<'_>, added: &[u8], out: &mut Vec<u8>) -> Result<()> {
    change_traf(moof, out, |traf, out| {
        without(traf, is_protection, out)?;
        out.extend_from_slice(added);
        Ok(())
    })
}

/// Whether a box tells how samples of a fragment are protected.
fn is_protection(atom: &BoxAt<'_>) -> bool {
    PROTECTION.contains(&atom.kind) || seig::is_group(atom)
}

/// A `moof` whose `traf` is changed, and with it how far its samples are away.
fn change_traf(moof: &BoxAt<'_>, out: &mut Vec<u8>, change: impl Fn(&[u8], &mut Vec<u8>) -> Result<()>) -> Result<()> {
    check_size(moof)?;
    let before = find(moof.body, Traf::KIND)?.body;
    let mut after = Vec::with_capacity(before.len());
    change(before, &mut after)?;
    let moved = after.len() as i64 - before.len() as i64;
    wrap(moof.kind, out, |out| {
        copy(moof.body, &[Traf::KIND], out, &|traf, out| {
            let mut body = Vec::with_capacity(traf.body.len());
            copy(traf.body, &[Trun::KIND], &mut body, &|run, out| move_run(run, moved, out))?;
            wrap(Traf::KIND, out, |out| change(&body, out))
        })
    })
}

fn move_run(run: &BoxAt<'_>, moved: i64, out: &mut Vec<u8>) -> Result<()> {
    let cut_off = || malformed("trun is cut off");
    let before: [u8; 4] =
        run.body.get(DATA_OFFSET..DATA_OFFSET + 4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(cut_off)?;
    let offset = i32::try_from(i64::from(i32::from_be_bytes(before)) + moved).map_err(malformed)?;
    let place = out.len() + run.whole.len() - run.body.len() + DATA_OFFSET;
    out.extend_from_slice(run.whole);
    out[place..place + 4].copy_from_slice(&offset.to_be_bytes());
    Ok(())
}

/// Whether a box between fragments can stay as it is.
pub(super) fn check_other(atom: &BoxAt<'_>) -> Result<()> {
    if atom.kind == Sidx::KIND { Err(malformed("a segment with an index cannot be changed")) } else { Ok(()) }
}
