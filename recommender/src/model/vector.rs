//! Sums over slices that compilers turn into vector instructions, chosen at run time for the processor at hand.

use bytemuck::Pod;
use pulp::{Arch, WithSimd};

/// Numbers that are added side by side: sums of floating point numbers are only turned into vectors where the order is free.
const LANES: usize = 16;

/// Bytes that come from memory together.
const LINE_BYTES: usize = 64;

/// Sum of products.
#[inline(always)]
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left_whole, left_rest) = left.as_chunks::<LANES>();
    let (right_whole, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (left, right) in left_whole.iter().zip(right_whole) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}

/// Sum of products of whole numbers, in any order. It has to fit.
#[inline(always)]
pub(crate) fn dot_whole(left: &[i16], right: &[i8]) -> i32 {
    left.iter().zip(right).fold(0_i32, |sum, (left, right)| sum.wrapping_add(i32::from(*left) * i32::from(*right)))
}

/// Adds `scale` times `from` to `to`.
#[inline(always)]
pub(crate) fn add_scaled(to: &mut [f32], scale: f32, from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += scale * from;
    }
}

/// Sum of numbers.
#[inline(always)]
pub(crate) fn sum(numbers: &[f32]) -> f32 {
    let (whole, rest) = numbers.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for numbers in whole {
        for lane in 0..LANES {
            sums[lane] += numbers[lane];
        }
    }
    sums.iter().chain(rest).sum()
}

/// The largest of numbers; minus infinity if there are none.
#[inline(always)]
pub(crate) fn largest(numbers: &[f32]) -> f32 {
    let (whole, rest) = numbers.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for numbers in whole {
        for lane in 0..LANES {
            most[lane] = if numbers[lane] > most[lane] { numbers[lane] } else { most[lane] };
        }
    }
    rest.iter().chain(&most).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Asks memory for `numbers`. What is asked for one after the other is on its way at the same time; what is asked for when it is needed
/// is waited for each time.
#[inline(always)]
pub(crate) fn fetch<T: Pod>(numbers: &[T]) {
    let bytes: &[u8] = bytemuck::cast_slice(numbers);
    let (mut all, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        all ^= byte;
        at += LINE_BYTES;
    }
    std::hint::black_box(all);
}

/// Runs `work` compiled for the widest vectors that this processor has: what it calls, and `work` itself, has to be marked to be inlined
/// always, or it is compiled for the oldest processor.
#[inline]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> WithSimd for Work<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> R {
            (self.0)()
        }
    }
    Arch::new().dispatch(Work(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_plain_loops() {
        for length in [0, 1, 15, 16, 17, 100] {
            let left: Vec<f32> = (0..length).map(|number| number as f32 * 0.5 - 3.0).collect();
            let right: Vec<f32> = (0..length).map(|number| 1.0 - number as f32 * 0.25).collect();
            let plain: f32 = left.iter().zip(&right).map(|(left, right)| left * right).sum();
            let got = widest(
                #[inline(always)]
                || dot(&left, &right),
            );
            assert!((got - plain).abs() <= plain.abs() * 1e-5 + 1e-5, "{length}: {got} {plain}");
            assert_eq!(largest(&left), left.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let (whole, small): (Vec<i16>, Vec<i8>) =
                (0..length as i16).map(|at| (at * 31 - 700, (at * 7 % 50 - 25) as i8)).unzip();
            let plain: i32 = whole.iter().zip(&small).map(|(left, right)| i32::from(*left) * i32::from(*right)).sum();
            assert_eq!(
                widest(
                    #[inline(always)]
                    || dot_whole(&whole, &small)
                ),
                plain
            );
            assert!((sum(&left) - left.iter().sum::<f32>()).abs() < 1e-3);
            let mut to = left.clone();
            add_scaled(&mut to, 2.0, &right);
            assert!(to.iter().zip(&left).zip(&right).all(|((to, left), right)| *to == left + 2.0 * right));
        }
    }
}
