//! How a source is cut whose client sends it straight to the object store, part by part.

use crate::{blobs::Part, sums::BLOCK_BYTES};
use std::collections::BTreeSet;

/// Parts that one object may have. Amazon S3 user guide, "Multipart upload limits"; the smallest part but the last has 5 MiB there.
const COUNT_MAX: u64 = 10_000;
/// Smallest part: below it asking for URLs takes more time than it saves when a part breaks off.
const PART_BYTES_MIN: u64 = 8 * BLOCK_BYTES;

/// A source cut into parts that are all equally long, but for the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the whole.
    pub length_bytes: u64,
    /// Bytes of a part, above 0.
    pub part_bytes: u64,
}

impl Cut {
    /// The cut of a source of `length_bytes`: whole blocks in each part, and no more parts than a store takes.
    #[must_use]
    pub fn of(length_bytes: u64) -> Self {
        let part_bytes = length_bytes.div_ceil(COUNT_MAX).next_multiple_of(BLOCK_BYTES).max(PART_BYTES_MIN);
        Self { length_bytes, part_bytes }
    }

    /// Number of the last part: they are counted from 1.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.length_bytes.div_ceil(self.part_bytes)).unwrap_or(u32::MAX)
    }

    /// The part called `number`, if there is one.
    #[must_use]
    pub fn part(&self, number: u32) -> Option<Part> {
        let start = u64::from(number.checked_sub(1)?) * self.part_bytes;
        let size_bytes = self.length_bytes.checked_sub(start)?.min(self.part_bytes);
        (size_bytes > 0).then_some(Part { number, size_bytes })
    }

    /// Every part.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        (1..=self.count()).filter_map(|number| self.part(number)).collect()
    }

    /// Numbers of the parts in which `stored` is not the whole: missing, of another length, or none of this cut.
    #[must_use]
    pub fn wrong(&self, stored: &[Part]) -> Vec<u32> {
        let expected: BTreeSet<Part> = self.parts().into_iter().collect();
        let stored: BTreeSet<Part> = stored.iter().copied().collect();
        let wrong: BTreeSet<u32> = expected.symmetric_difference(&stored).map(|part| part.number).collect();
        wrong.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole_in_blocks_and_not_too_many() {
        let mib = 1 << 20;
        for length in [1, 16 * mib - 1, 16 * mib, 16 * mib + 1, 100 * mib, 160_000 * mib, 160_000 * mib + 1, 512 << 30, 5 << 40] {
            let cut = Cut::of(length);
            let parts = cut.parts();
            assert_eq!(parts.iter().map(|part| part.size_bytes).sum::<u64>(), length);
            assert!((1..=10_000).contains(&parts.len()) && parts.len() == cut.count() as usize, "{length}: {}", parts.len());
            assert!(cut.part_bytes.is_multiple_of(BLOCK_BYTES) && (16 * mib..5 << 30).contains(&cut.part_bytes), "{length}");
            assert!(parts.iter().rev().skip(1).all(|part| part.size_bytes == cut.part_bytes));
            assert!(cut.part(0).is_none() && cut.part(cut.count() + 1).is_none() && cut.part(u32::MAX).is_none());
        }
        assert_eq!(Cut::of(0).count(), 0);
    }

    #[test]
    fn what_is_missing_short_or_foreign_is_wrong() {
        let cut = Cut { length_bytes: 25, part_bytes: 10 };
        let part = |number, size_bytes| Part { number, size_bytes };
        assert!(cut.wrong(&[part(3, 5), part(1, 10), part(2, 10)]).is_empty());
        assert_eq!(cut.wrong(&[]), [1, 2, 3]);
        assert_eq!(cut.wrong(&[part(1, 10), part(2, 9), part(3, 10), part(9, 10)]), [2, 3, 9]);
    }
}
