//! What layers of a network are made of, forwards and backwards. Matrices lie row by row in a slice.

use crate::model::vector::{add_scaled, dot, largest, sum, widest};
use faer::{Accum, MatMut, MatRef, Par};

/// Keeps roots of means of squares away from 0.
const TINY: f32 = 1e-6;

/// `data` as a matrix of `width` columns.
pub(super) fn rows(data: &[f32], width: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(data, data.len() / width, width)
}

/// The same, to be written.
pub(super) fn rows_mut(data: &mut [f32], width: usize) -> MatMut<'_, f32> {
    let height = data.len() / width;
    MatMut::from_row_major_slice_mut(data, height, width)
}

/// `out` becomes the product.
pub(super) fn multiply(out: MatMut<'_, f32>, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    faer::linalg::matmul::matmul(out, Accum::Replace, left, right, 1.0, Par::Seq);
}

/// The product is added to `out`.
pub(super) fn multiply_add(out: MatMut<'_, f32>, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    faer::linalg::matmul::matmul(out, Accum::Add, left, right, 1.0, Par::Seq);
}

/// The exponential function, good to six digits, in a form that compilers turn into vector instructions: 2 to the whole part goes
/// into the exponent, 2 to the rest is a polynomial.
#[inline(always)]
fn exp(value: f32) -> f32 {
    // Adding and taking away 1.5 times 2 to the 23rd rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let power = value.clamp(-87.0, 88.0) * std::f32::consts::LOG2_E;
    let whole = (power + ROUND) - ROUND;
    let rest = (power - whole) * std::f32::consts::LN_2;
    let terms = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let mut sum = terms[0];
    for term in &terms[1..] {
        sum = sum * rest + term;
    }
    // The low bits of the rounded number are its value.
    let bits = (power + ROUND).to_bits().wrapping_sub(ROUND.to_bits());
    sum * f32::from_bits(bits.wrapping_add(127) << 23)
}

/// Takes `values` to the exponential of what each is above the largest of them and `other`; gives that, and their sum.
#[inline(always)]
pub(super) fn exponentials(values: &mut [f32], other: f32) -> (f32, f32) {
    let top = largest(values).max(other);
    for value in values.iter_mut() {
        *value = exp(*value - top);
    }
    (top, sum(values))
}

/// Divides each row by the root of the mean of its squares, times `gain` (B. Zhang, R. Sennrich, "Root Mean Square Layer
/// Normalization", 2019). Gives the factors of the rows, too.
pub(super) fn norm(x: &[f32], gain: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let width = gain.len();
    let mut out = vec![0.0; x.len()];
    let mut scales = vec![0.0; x.len() / width];
    widest(
        #[inline(always)]
        || {
            for ((x, out), scale) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).zip(&mut scales) {
                *scale = 1.0 / (dot(x, x) / width as f32 + TINY).sqrt();
                for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
                    *out = x * *scale * gain;
                }
            }
        },
    );
    (out, scales)
}

/// Adds to `slope` and `gain_slope` what `out_slope`, the slope of what [`norm`] gave, says of its input and its gain.
pub(super) fn norm_back(
    (x, gain, scales): (&[f32], &[f32], &[f32]),
    out_slope: &[f32],
    slope: &mut [f32],
    gain_slope: &mut [f32],
) {
    let width = gain.len();
    let rows = x.chunks_exact(width).zip(out_slope.chunks_exact(width)).zip(slope.chunks_exact_mut(width)).zip(scales);
    let mut pulled = vec![0.0; width];
    widest(
        #[inline(always)]
        || {
            for (((x, out_slope), slope), scale) in rows {
                for place in 0..width {
                    gain_slope[place] += out_slope[place] * x[place] * scale;
                    pulled[place] = out_slope[place] * gain[place];
                }
                let along = dot(&pulled, x) * scale * scale * scale / width as f32;
                add_scaled(slope, *scale, &pulled);
                add_scaled(slope, -along, x);
            }
        },
    );
}

/// How the attention of one layer looks: heads, and a number for each distance at which a head may look back.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) heads: usize,
    /// Numbers in a row of the output.
    pub(super) size: usize,
    /// What each head adds for each distance, the largest distance first.
    pub(super) reach: &'a [f32],
}

impl Look<'_> {
    fn width(&self) -> usize {
        self.size / self.heads
    }

    fn length(&self) -> usize {
        self.reach.len() / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width() as f32).sqrt()
    }

    /// For each sequence, one after the other, and each head: what a place takes of the places up to it. Rows of `asked` hold what each
    /// place asks for, what it answers to, and what it gives. Gives what is taken and the shares.
    pub(super) fn forward(&self, asked: &[f32], lengths: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let (width, length) = (self.width(), self.length());
        let mut out = vec![0.0; asked.len() / 3];
        let mut shares = vec![0.0; lengths.iter().map(|count| count * count * self.heads).sum()];
        let (matrix, mut taken) = (rows(asked, 3 * self.size), rows_mut(&mut out, self.size));
        let (mut start, mut rest) = (0, shares.as_mut_slice());
        for count in lengths {
            for head in 0..self.heads {
                let part = |which: usize| matrix.submatrix(start, which * self.size + head * width, *count, width);
                let (own, after) = rest.split_at_mut(count * count);
                rest = after;
                faer::linalg::matmul::matmul(
                    rows_mut(own, *count),
                    Accum::Replace,
                    part(0),
                    part(1).transpose(),
                    self.scale(),
                    Par::Seq,
                );
                let reach = &self.reach[head * length..(head + 1) * length];
                widest(
                    #[inline(always)]
                    || {
                        for (place, row) in own.chunks_exact_mut(*count).enumerate() {
                            let (seen, unseen) = row.split_at_mut(place + 1);
                            add_scaled(seen, 1.0, &reach[length - 1 - place..]);
                            let (_, sum) = exponentials(seen, f32::NEG_INFINITY);
                            seen.iter_mut().for_each(|share| *share /= sum);
                            unseen.fill(0.0);
                        }
                    },
                );
                let taken = taken.as_mut().submatrix_mut(start, head * width, *count, width);
                multiply(taken, rows(own, *count), part(2));
            }
            start += count;
        }
        (out, shares)
    }

    /// What the last place of one sequence takes.
    pub(super) fn last(&self, asked: &[f32]) -> Vec<f32> {
        let (size, width, length) = (self.size, self.width(), self.length());
        let count = asked.len() / (3 * size);
        let mut out = vec![0.0; size];
        widest(
            #[inline(always)]
            || {
                for head in 0..self.heads {
                    let part = |place: usize, which: usize| {
                        let start = (place * 3 + which) * size + head * width;
                        &asked[start..start + width]
                    };
                    let reach = &self.reach[(head + 1) * length - count..(head + 1) * length];
                    let question = part(count - 1, 0);
                    let score = |(place, reach): (usize, &f32)| dot(question, part(place, 1)) * self.scale() + reach;
                    let mut shares: Vec<f32> = reach.iter().enumerate().map(score).collect();
                    let (_, sum) = exponentials(&mut shares, f32::NEG_INFINITY);
                    let taken = &mut out[head * width..(head + 1) * width];
                    shares.iter().enumerate().for_each(|(place, share)| add_scaled(taken, share / sum, part(place, 2)));
                }
            },
        );
        out
    }

    /// The slope of what was asked, from that of what was taken; adds that of `reach` to `reach_slope`.
    pub(super) fn back(
        &self,
        (asked, shares): (&[f32], &[f32]),
        lengths: &[usize],
        out_slope: &[f32],
        reach_slope: &mut [f32],
    ) -> Vec<f32> {
        let (width, length) = (self.width(), self.length());
        let mut slope = vec![0.0; asked.len()];
        let (matrix, taken) = (rows(asked, 3 * self.size), rows(out_slope, self.size));
        let mut slopes = rows_mut(&mut slope, 3 * self.size);
        let (mut start, mut rest) = (0, shares);
        for count in lengths {
            let mut own_slope = vec![0.0; count * count];
            for head in 0..self.heads {
                let column = |which: usize| which * self.size + head * width;
                let part = |which: usize| matrix.submatrix(start, column(which), *count, width);
                let (own, after) = rest.split_at(count * count);
                rest = after;
                let taken = taken.submatrix(start, head * width, *count, width);
                let mut put = |which: usize, left: MatRef<'_, f32>, right: MatRef<'_, f32>, scale: f32| {
                    let out = slopes.as_mut().submatrix_mut(start, column(which), *count, width);
                    faer::linalg::matmul::matmul(out, Accum::Replace, left, right, scale, Par::Seq);
                };
                put(2, rows(own, *count).transpose(), taken, 1.0);
                multiply(rows_mut(&mut own_slope, *count), taken, part(2).transpose());
                let reach = &mut reach_slope[head * length..(head + 1) * length];
                widest(
                    #[inline(always)]
                    || {
                        for (place, (slope, own)) in own_slope.chunks_exact_mut(*count).zip(own.chunks_exact(*count)).enumerate()
                        {
                            let mean = dot(&slope[..=place], &own[..=place]);
                            for (slope, own) in slope.iter_mut().zip(own) {
                                *slope = own * (*slope - mean);
                            }
                            add_scaled(&mut reach[length - 1 - place..], 1.0, &slope[..=place]);
                        }
                    },
                );
                put(0, rows(&own_slope, *count), part(1), self.scale());
                put(1, rows(&own_slope, *count).transpose(), part(0), self.scale());
            }
            start += count;
        }
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for step in -860..=860 {
            let value = step as f32 * 0.1;
            let (got, wanted) = (
                widest(
                    #[inline(always)]
                    || exp(value),
                ),
                value.exp(),
            );
            assert!((got - wanted).abs() <= wanted * 2e-5, "{value}: {got} {wanted}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }
}
