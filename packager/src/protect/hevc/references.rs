//! Sets of pictures that a picture refers to (ITU-T H.265 sections 7.3.7 and 7.4.8).

use crate::{bits::Bits, malformed};
use marquee_core::{Error, Result};

/// Pictures that a picture refers to at most.
pub(super) const PICTURES_MAX: u32 = 16;

/// A picture by how far it is in the order, and whether this one refers to it, not only those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reference {
    distance: i64,
    is_used: bool,
}

/// A set of the short term: pictures before, nearest first, and pictures after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReferenceSet {
    before: Vec<Reference>,
    after: Vec<Reference>,
}

pub(super) fn too_many() -> Error {
    malformed("a picture refers to more pictures than there can be")
}

impl ReferenceSet {
    /// Pictures that this one refers to.
    pub(super) fn used(&self) -> usize {
        self.before.iter().chain(&self.after).filter(|reference| reference.is_used).count()
    }

    fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The set after those of the sequence that come `before` it: the next of them, or one that a slice has for itself.
    pub(super) fn parse(bits: &mut Bits<'_>, before: &[Self], is_of_slice: bool) -> Result<Self> {
        let set = if !before.is_empty() && bits.flag()? {
            Self::predicted(bits, before, is_of_slice)?
        } else {
            let (earlier, later) = (bits.golomb()?, bits.golomb()?);
            if earlier.saturating_add(later) > PICTURES_MAX {
                return Err(too_many());
            }
            Self { before: Self::listed(bits, earlier, -1)?, after: Self::listed(bits, later, 1)? }
        };
        if set.len() > PICTURES_MAX as usize { Err(too_many()) } else { Ok(set) }
    }

    fn listed(bits: &mut Bits<'_>, count: u32, direction: i64) -> Result<Vec<Reference>> {
        let mut distance = 0;
        let mut next = || {
            distance += direction * (i64::from(bits.golomb()?) + 1);
            Ok(Reference { distance, is_used: bits.flag()? })
        };
        (0..count).map(|_| next()).collect()
    }

    /// A set that is another one, moved (equations 7-61 and 7-62).
    fn predicted(bits: &mut Bits<'_>, before: &[Self], is_of_slice: bool) -> Result<Self> {
        let back = if is_of_slice { bits.golomb()? as usize } else { 0 };
        let of = before.len().checked_sub(back.saturating_add(1)).and_then(|index| before.get(index)).ok_or_else(too_many)?;
        let is_back = bits.flag()?;
        let size = i64::from(bits.golomb()?) + 1;
        let moved = if is_back { -size } else { size };
        // Each picture of the other set, and the picture that it belongs to: whether it is used, or else kept.
        let mut flags = Vec::new();
        for _ in 0..=of.len() {
            let is_used = bits.flag()?;
            flags.push((is_used, is_used || bits.flag()?));
        }
        let sources = of.before.iter().chain(&of.after).map(|reference| reference.distance).chain([0]);
        let mut kept: Vec<Reference> = std::iter::zip(sources, flags)
            .filter(|(_, (_, is_kept))| *is_kept)
            .map(|(distance, (is_used, _))| Reference { distance: distance + moved, is_used })
            .collect();
        // In the standard's order, which is by distance.
        kept.sort_by_key(|reference| reference.distance.abs());
        let (before, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|reference| reference.distance < 0);
        Ok(Self { before, after: others.into_iter().filter(|reference| reference.distance > 0).collect() })
    }
}
