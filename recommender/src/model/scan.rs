//! Finds the largest of many numbers without looking at each.

use pulp::{Arch, Simd, WithSimd};

/// Numbers of which only the largest is looked at at first.
pub(super) const CHUNK: usize = 64;

/// The largest number of each whole [`CHUNK`], of those whose bits are set in `open`; 0 if none is larger.
pub(super) fn tops(numbers: &[f32], open: &[usize]) -> Vec<f32> {
    Arch::new().dispatch(Tops { numbers, open })
}

/// The places of all numbers that are at least `floor`, where `tops` are the largest of all chunks.
pub(super) fn places_from(numbers: &[f32], tops: &[f32], floor: f32) -> Vec<usize> {
    Arch::new().dispatch(PlacesFrom { numbers, tops, floor })
}

struct Tops<'a> {
    numbers: &'a [f32],
    open: &'a [usize],
}

impl WithSimd for Tops<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let lane_bits: Vec<u32> = (0..S::U32_LANES).map(|lane| 1 << lane).collect();
        let lane_bits = simd.partial_load_u32s(&lane_bits);
        let (none, nothing) = (simd.splat_u32s(0), simd.splat_f32s(0.0));
        let (vectors, _) = S::as_simd_f32s(self.numbers);
        let mut tops = Vec::with_capacity(self.numbers.len() / CHUNK);
        let mut at = 0;
        for chunk in vectors.chunks_exact(CHUNK / S::F32_LANES) {
            let mut top = nothing;
            for vector in chunk {
                let word = self.open.get(at / usize::BITS as usize).map_or(0, |word| word >> (at % usize::BITS as usize));
                let is_open = simd.greater_than_u32s(simd.and_u32s(simd.splat_u32s(word as u32), lane_bits), none);
                top = simd.max_f32s(top, simd.select_f32s(is_open, *vector, nothing));
                at += S::F32_LANES;
            }
            tops.push(simd.reduce_max_f32s(top));
        }
        tops
    }
}

struct PlacesFrom<'a> {
    numbers: &'a [f32],
    tops: &'a [f32],
    floor: f32,
}

impl WithSimd for PlacesFrom<'_> {
    type Output = Vec<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<usize> {
        let floor = simd.splat_f32s(self.floor);
        let mut places = Vec::new();
        for ((chunk, numbers), _) in
            self.numbers.chunks_exact(CHUNK).enumerate().zip(self.tops).filter(|(_, top)| **top >= self.floor)
        {
            let mut first = chunk * CHUNK;
            for vector in S::as_simd_f32s(numbers).0 {
                if simd.first_true_m32s(simd.greater_than_or_equal_f32s(*vector, floor)) < S::F32_LANES {
                    places.extend((first..first + S::F32_LANES).filter(|place| self.numbers[*place] >= self.floor));
                }
                first += S::F32_LANES;
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_a_plain_look_finds() {
        let numbers: Vec<f32> = (0..320).map(|number| ((number * 7919 % 331) as f32 - 20.0) / 31.0).collect();
        let is_open = |place: usize| place % 3 != 1 && place < 256;
        let mut open = vec![0_usize; 256 / usize::BITS as usize];
        (0..256)
            .filter(|place| is_open(*place))
            .for_each(|place| open[place / usize::BITS as usize] |= 1 << (place % usize::BITS as usize));
        let tops = tops(&numbers, &open);
        for (chunk, top) in tops.iter().enumerate() {
            let places = (chunk * CHUNK..(chunk + 1) * CHUNK).filter(|place| is_open(*place));
            assert_eq!(*top, places.map(|place| numbers[place]).fold(0.0, f32::max), "{chunk}");
        }
        assert_eq!((tops.len(), tops[4]), (5, 0.0));
        let every = vec![f32::INFINITY; 5];
        let plain: Vec<usize> = (0..320).filter(|place| numbers[*place] >= 9.0).collect();
        assert_eq!(places_from(&numbers, &every, 9.0), plain);
        assert!(plain.len() > 20 && places_from(&numbers, &[0.0; 5], 9.0).is_empty());
    }
}
