//! Boxes and their fields (ISO/IEC 14496-12 section 4), read by hand: what judges a writer does not read with its library.

use std::fmt;

/// Boxes beside each other that are looked at.
const BOXES_MAX: usize = 4096;

/// A box's kind.
pub(super) type Kind = [u8; 4];

/// What is wrong with some bytes.
pub(super) type Fault = String;

/// The head of a box: where it begins is for the caller to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes of the head.
    pub(super) head_bytes: u64,
    /// Bytes of the whole box; `None` if it goes to the end of the file.
    pub(super) size_bytes: Option<u64>,
}

impl Head {
    /// Bytes that hold any head.
    pub(super) const BYTES_MAX: u64 = 16;

    /// Reads the head at the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut fields = Fields(bytes);
        let (size, kind) = (fields.u32()?, fields.kind()?);
        let (head_bytes, size_bytes) = match size {
            0 => (8, None),
            1 => (16, Some(fields.u64()?)),
            size => (8, Some(size.into())),
        };
        if size_bytes.is_some_and(|size| size < head_bytes) {
            return Err(format!("{} says that it has {size} bytes", name(&kind)));
        }
        Ok(Self { kind, head_bytes, size_bytes })
    }
}

/// A box whose bytes are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom<'a> {
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
}

/// The boxes in `bytes`, which they fill.
pub(super) fn children(bytes: &[u8]) -> Result<Vec<Atom<'_>>, Fault> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let head = Head::read(rest)?;
        let size = head.size_bytes.map_or(Some(rest.len()), |size| usize::try_from(size).ok());
        let (whole, after) =
            size.and_then(|size| rest.split_at_checked(size)).ok_or_else(|| format!("{} is cut off", name(&head.kind)))?;
        // A head is at most 16 bytes and was read from `whole`'s own start.
        let body = whole.get(head.head_bytes as usize..).unwrap_or_default();
        found.push(Atom { kind: head.kind, body });
        if found.len() > BOXES_MAX {
            return Err(format!("there are more than {BOXES_MAX} boxes"));
        }
        rest = after;
    }
    Ok(found)
}

/// The boxes of a kind.
pub(super) fn all<'a>(atoms: &[Atom<'a>], kind: &Kind) -> Vec<Atom<'a>> {
    atoms.iter().filter(|atom| atom.kind == *kind).copied().collect()
}

/// The first box of a kind.
pub(super) fn first<'a>(atoms: &[Atom<'a>], kind: &Kind) -> Result<Atom<'a>, Fault> {
    atoms.iter().find(|atom| atom.kind == *kind).copied().ok_or_else(|| format!("there is no {}", name(kind)))
}

/// Whether those boxes whose kinds are in `order` stand in that order. Others are ignored.
pub(super) fn is_ordered(atoms: &[Atom<'_>], order: &[Kind]) -> bool {
    atoms.iter().filter_map(|atom| order.iter().position(|kind| *kind == atom.kind)).is_sorted()
}

/// A kind as people write it.
pub(super) fn name(kind: &Kind) -> impl fmt::Display {
    kind.escape_ascii().to_string()
}

/// Fields from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a box ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or("a box ends early")?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn kind(&mut self) -> Result<Kind, Fault> {
        self.array()
    }

    /// Version and flags.
    pub(super) fn full(&mut self) -> Result<(u8, u32), Fault> {
        self.u32().map(|word| ((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// A number of 32 bits in version 0 and 64 in later ones.
    pub(super) fn sized(&mut self, version: u8) -> Result<u64, Fault> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_all_sizes_are_read_and_lies_refused() {
        let head = |bytes: &[u8]| Head::read(bytes).map(|head| (head.head_bytes, head.size_bytes));
        assert_eq!(head(b"\0\0\0\x09freex"), Ok((8, Some(9))));
        assert_eq!(head(b"\0\0\0\x00free"), Ok((8, None)));
        assert_eq!(head(b"\0\0\0\x01free\xff\0\0\0\0\0\0\0"), Ok((16, Some(0xff << 56))));
        for bad in [&b"\0\0\0\x07free"[..], b"\0\0\0\x01free\0\0\0\0\0\0\0\x0f", b"\0\0\0\x08fre"] {
            assert!(head(bad).is_err());
        }
        assert_eq!(children(b"\0\0\0\x09freex\0\0\0\x00skipyz").unwrap().len(), 2);
        assert!(children(b"\0\0\0\x09free").is_err());
        assert!(children(&b"\0\0\0\x08free".repeat(5000)).is_err());
    }
}
