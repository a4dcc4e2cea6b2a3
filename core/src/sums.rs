//! Checksums of a source, block by block. An object store proves nothing of a range that it hands out; these do, from the moment
//! the bytes were received.
//!
//! CRC-32C, as in RFC 3720 section 12.1: in a block of this size it finds any three turned bits and any burst of up to 32, processors
//! have an instruction for it, and its state is the sum itself, so that it goes on at any byte after a crash. It is against
//! accidents; against people there is the SHA-256 of the whole.

/// Bytes of a block, but for the last one of a source: what workers read at a time. It cannot change: stored sums are of it.
pub const BLOCK_BYTES: u64 = 2 << 20;
/// Bytes of a stored sum.
const SUM_BYTES: usize = size_of::<u32>();

/// Sums of blocks that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Position of the first one's block.
    pub first: u64,
    /// CRC-32C of each.
    pub sums: Vec<u32>,
}

impl Run {
    /// For the database: 4 bytes each, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.sums.iter().flat_map(|sum| sum.to_be_bytes()).collect()
    }
}

/// Sums the blocks of a source while it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    offset_bytes: u64,
    /// Sum of what came of the block that is not whole; `None` if nobody summed its beginning.
    begun: Option<u32>,
    whole: Run,
}

impl Running {
    /// Goes on at `offset_bytes`. `begun` is the sum of what came of the block there, if it is known: see [`Self::begun`].
    #[must_use]
    pub fn resume(offset_bytes: u64, begun: Option<u32>) -> Self {
        let begun = if offset_bytes.is_multiple_of(BLOCK_BYTES) { Some(0) } else { begun };
        Self { offset_bytes, begun, whole: Run::default() }
    }

    /// Takes in a piece.
    pub fn update(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = BLOCK_BYTES - self.offset_bytes % BLOCK_BYTES;
            let (now, later) = piece.split_at(piece.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.begun = self.begun.map(|sum| crc32c::crc32c_append(sum, now));
            self.offset_bytes += now.len() as u64;
            if self.offset_bytes.is_multiple_of(BLOCK_BYTES) {
                self.end_block();
            }
            piece = later;
        }
    }

    /// The source ends here, so the block that was begun, if there is one, is whole.
    pub fn end(&mut self) {
        if !self.offset_bytes.is_multiple_of(BLOCK_BYTES) {
            self.end_block();
        }
    }

    /// Bytes that were taken in, those before [`Self::resume`] included.
    #[must_use]
    pub fn offset_bytes(&self) -> u64 {
        self.offset_bytes
    }

    /// Sum of what came of the block that is not whole, if it is known.
    #[must_use]
    pub fn begun(&self) -> Option<u32> {
        self.begun
    }

    /// Sums of the blocks that became whole since the last [`Self::forget`].
    #[must_use]
    pub fn whole(&self) -> &Run {
        &self.whole
    }

    /// Forgets the sums of [`Self::whole`]: they are stored.
    pub fn forget(&mut self) {
        self.whole = Run::default();
    }

    fn end_block(&mut self) {
        // Only the first block after `resume` may have no sum, so sums never have a gap.
        if let Some(sum) = self.begun.replace(0) {
            if self.whole.sums.is_empty() {
                self.whole.first = (self.offset_bytes - 1) / BLOCK_BYTES;
            }
            self.whole.sums.push(sum);
        }
    }
}

/// What is known of the blocks of a source. A block without a sum is taken as it is: its source is older than sums are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(Vec<Option<u32>>);

impl Sums {
    /// Adds sums as [`Run::to_bytes`] writes them, those of the blocks from `first` on.
    pub fn add(&mut self, first: usize, sums: &[u8]) {
        let sums = sums.as_chunks::<SUM_BYTES>().0;
        if self.0.len() < first + sums.len() {
            self.0.resize(first + sums.len(), None);
        }
        for (place, sum) in self.0[first..].iter_mut().zip(sums) {
            *place = Some(u32::from_be_bytes(*sum));
        }
    }

    /// Whether `bytes` can be the block at position `index`.
    #[must_use]
    pub fn agree(&self, index: u64, bytes: &[u8]) -> bool {
        let known = usize::try_from(index).ok().and_then(|index| *self.0.get(index)?);
        known.is_none_or(|sum| sum == crc32c::crc32c(bytes))
    }

    /// Blocks with a sum.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = BLOCK_BYTES as usize;

    fn film(length: usize) -> Vec<u8> {
        (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    /// Sums of `film` that arrives in pieces of these lengths, then the rest, kept and taken up again after every piece.
    fn sums(film: &[u8], pieces: &[usize]) -> Vec<u32> {
        let (mut sums, mut at) = (Vec::new(), 0);
        let mut running = Running::resume(0, None);
        for length in pieces.iter().copied().chain([film.len()]) {
            let end = (at + length).min(film.len());
            running.update(&film[at..end]);
            at = end;
            if at == film.len() {
                running.end();
            }
            if !running.whole().sums.is_empty() {
                assert_eq!(running.whole().first, sums.len() as u64);
                sums.extend(&running.whole().sums);
            }
            running = Running::resume(running.offset_bytes(), running.begun());
        }
        sums
    }

    #[test]
    fn it_is_the_checksum_that_the_rfc_means() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn sums_are_the_same_however_a_source_is_cut() {
        let film = film(2 * BLOCK + 1000);
        let expected: Vec<u32> = film.chunks(BLOCK).map(crc32c::crc32c).collect();
        let cuts: [&[usize]; 7] =
            [&[], &[0, 1, 0, 7], &[BLOCK], &[BLOCK - 1, 1, 1], &[BLOCK + 1], &[2 * BLOCK, 999], &[100_000; 30]];
        for pieces in cuts {
            assert_eq!(sums(&film, pieces), expected, "{pieces:?}");
        }
        assert_eq!(sums(&film[..BLOCK], &[]), expected[..1], "a last block may be whole");
        assert!(sums(&[], &[]).is_empty());
    }

    #[test]
    fn a_block_whose_beginning_nobody_summed_has_no_sum_and_the_next_one_has() {
        let film = film(2 * BLOCK + 5);
        let mut running = Running::resume(10, None);
        running.update(&film[10..]);
        running.end();
        assert_eq!((running.whole().first, running.whole().sums.len()), (1, 2));
        let mut known = Sums::default();
        known.add(1, &running.whole().to_bytes());
        assert_eq!(known.count(), 2);
        assert!(known.agree(0, b"anything") && known.agree(9, b"anything"));
        assert!(known.agree(1, &film[BLOCK..2 * BLOCK]) && known.agree(2, &film[2 * BLOCK..]));
        assert!(!known.agree(1, &film[BLOCK..2 * BLOCK - 1]) && !known.agree(2, b"other"));
    }
}
