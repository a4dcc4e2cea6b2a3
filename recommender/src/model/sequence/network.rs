//! The network between titles and what comes next: layers of self-attention, forwards and backwards.
//!
//! A layer adds to each place of a sequence what it takes of the places up to it, and what a step of its own makes of the sum; both see
//! the sum normed (the order of A. Vaswani et al. 2017 with norms moved as by R. Xiong et al. 2020). How far back a place lies is a number
//! for each head and distance that is learned with the rest (as C. Raffel et al. 2020), so that a short history is to the network
//! what the beginning of a long one is.

use super::maths::{Look, multiply, multiply_add, norm, norm_back, rows, rows_mut};
use crate::model::factors::normal;
use rand::{Rng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How large a network is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Numbers in a title's vector: a multiple of `heads`.
    pub size: usize,
    /// Heads of attention in a layer.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// The longest sequence.
    pub length: usize,
}

/// Where the numbers of one layer lie.
struct Layer {
    look_norm: Range<usize>,
    asks: Range<usize>,
    reach: Range<usize>,
    takes: Range<usize>,
    step_norm: Range<usize>,
    widens: Range<usize>,
    narrows: Range<usize>,
}

impl Shape {
    /// Numbers inside of a layer's own step.
    fn wide(&self) -> usize {
        self.size * 2
    }

    fn layer_len(&self) -> usize {
        2 * self.size + 4 * self.size * self.size + self.heads * self.length + 2 * self.size * self.wide()
    }

    /// Number of all numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers * self.layer_len() + self.size
    }

    /// Whether there is no network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn layer(&self, number: usize) -> Layer {
        let (size, mut end) = (self.size, number * self.layer_len());
        let mut next = |count: usize| {
            end += count;
            end - count..end
        };
        Layer {
            look_norm: next(size),
            asks: next(size * 3 * size),
            reach: next(self.heads * self.length),
            takes: next(size * size),
            step_norm: next(size),
            widens: next(size * self.wide()),
            narrows: next(self.wide() * size),
        }
    }

    fn last_norm(&self) -> Range<usize> {
        self.len() - self.size..self.len()
    }

    /// Numbers before any training.
    #[must_use]
    pub(super) fn begin(&self, random: &mut StdRng) -> Vec<f32> {
        let mut numbers = vec![0.0; self.len()];
        for number in 0..self.layers {
            let layer = self.layer(number);
            for (place, inputs) in
                [(layer.asks, self.size), (layer.takes, self.size), (layer.widens, self.size), (layer.narrows, self.wide())]
            {
                let spread = (1.0 / inputs as f32).sqrt();
                numbers[place].iter_mut().for_each(|number| *number = spread * normal(random));
            }
            numbers[layer.look_norm].fill(1.0);
            numbers[layer.step_norm].fill(1.0);
        }
        numbers[self.last_norm()].fill(1.0);
        numbers
    }
}

/// Numbers that are left out by chance while training, so that none is relied on alone (N. Srivastava et al. 2014).
pub(super) struct Dropout {
    pub(super) share: f32,
    pub(super) random: Option<StdRng>,
}

impl Dropout {
    /// Nothing is left out.
    pub(super) fn none() -> Self {
        Self { share: 0.0, random: None }
    }

    /// What each of `count` numbers is multiplied by; nothing where none is left out.
    pub(super) fn mask(&mut self, count: usize) -> Vec<f32> {
        let Some(random) = self.random.as_mut().filter(|_| self.share > 0.0) else { return Vec::new() };
        let mut bytes = vec![0_u8; count];
        random.fill_bytes(&mut bytes);
        let below = (self.share * 256.0) as u8;
        let kept = 256.0 / (256.0 - f32::from(below));
        bytes.into_iter().map(|byte| if byte < below { 0.0 } else { kept }).collect()
    }
}

/// Multiplies by a mask, if there is one.
pub(super) fn masked(numbers: &mut [f32], mask: &[f32]) {
    numbers.iter_mut().zip(mask).for_each(|(number, mask)| *number *= mask);
}

/// What one layer has seen, to go back through it.
struct Seen {
    x: Vec<f32>,
    look_scales: Vec<f32>,
    looked: Vec<f32>,
    asked: Vec<f32>,
    shares: Vec<f32>,
    taken: Vec<f32>,
    taken_mask: Vec<f32>,
    middle: Vec<f32>,
    step_scales: Vec<f32>,
    stepped: Vec<f32>,
    wide: Vec<f32>,
    step_mask: Vec<f32>,
}

/// What a network has seen, to go back through it.
pub(super) struct Trace {
    layers: Vec<Seen>,
    x: Vec<f32>,
    scales: Vec<f32>,
}

/// `numbers` as a network.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub(super) shape: Shape,
    pub(super) numbers: &'a [f32],
}

impl Network<'_> {
    fn look(&self, layer: &Layer) -> Look<'_> {
        Look { heads: self.shape.heads, size: self.shape.size, reach: &self.numbers[layer.reach.clone()] }
    }

    /// What follows each place of these sequences, one after the other, whose vectors are in `x`; no sequence is longer than the shape's.
    pub(super) fn forward(&self, mut x: Vec<f32>, lengths: &[usize], dropout: &mut Dropout) -> (Vec<f32>, Trace) {
        let mut layers = Vec::with_capacity(self.shape.layers);
        for number in 0..self.shape.layers {
            let seen = self.layer_forward(&self.shape.layer(number), &mut x, lengths, dropout);
            layers.push(seen);
        }
        let (out, scales) = norm(&x, &self.numbers[self.shape.last_norm()]);
        (out, Trace { layers, x, scales })
    }

    fn layer_forward(&self, layer: &Layer, x: &mut Vec<f32>, lengths: &[usize], dropout: &mut Dropout) -> Seen {
        let (looked, look_scales) = norm(x, &self.numbers[layer.look_norm.clone()]);
        let asked = self.times(&looked, &layer.asks, self.shape.size);
        let (taken, shares) = self.look(layer).forward(&asked, lengths);
        let (middle, taken_mask) = self.added(x, &taken, &layer.takes, dropout);
        let (stepped, step_scales) = norm(&middle, &self.numbers[layer.step_norm.clone()]);
        let wide = self.widened(&stepped, layer);
        let (out, step_mask) = self.added(&middle, &wide, &layer.narrows, dropout);
        let x = std::mem::replace(x, out);
        Seen { x, look_scales, looked, asked, shares, taken, taken_mask, middle, step_scales, stepped, wide, step_mask }
    }

    /// What follows the last place of one sequence: of the last layer only that place is worked out.
    pub(super) fn guess(&self, mut x: Vec<f32>) -> Vec<f32> {
        let count = x.len() / self.shape.size;
        for number in 0..self.shape.layers {
            let layer = self.shape.layer(number);
            if number + 1 == self.shape.layers {
                x = self.last_place(&layer, &x);
            } else {
                self.layer_forward(&layer, &mut x, &[count], &mut Dropout::none());
            }
        }
        norm(&x[x.len() - self.shape.size..], &self.numbers[self.shape.last_norm()]).0
    }

    fn last_place(&self, layer: &Layer, x: &[f32]) -> Vec<f32> {
        let size = self.shape.size;
        let (looked, _) = norm(x, &self.numbers[layer.look_norm.clone()]);
        let taken = self.look(layer).last(&self.times(&looked, &layer.asks, size));
        let mut none = Dropout::none();
        let (middle, _) = self.added(&x[x.len() - size..], &taken, &layer.takes, &mut none);
        let (stepped, _) = norm(&middle, &self.numbers[layer.step_norm.clone()]);
        self.added(&middle, &self.widened(&stepped, layer), &layer.narrows, &mut none).0
    }

    /// Rows of `height` numbers times the matrix at `place`.
    fn times(&self, x: &[f32], place: &Range<usize>, height: usize) -> Vec<f32> {
        let width = place.len() / height;
        let mut out = vec![0.0; x.len() / height * width];
        multiply(rows_mut(&mut out, width), rows(x, height), rows(&self.numbers[place.clone()], width));
        out
    }

    /// `x` and what the matrix at `place` makes of `other`, some of it left out; and what was.
    fn added(&self, x: &[f32], other: &[f32], place: &Range<usize>, dropout: &mut Dropout) -> (Vec<f32>, Vec<f32>) {
        let mut out = self.times(other, place, place.len() / self.shape.size);
        let mask = dropout.mask(out.len());
        masked(&mut out, &mask);
        out.iter_mut().zip(x).for_each(|(out, x)| *out += x);
        (out, mask)
    }

    fn widened(&self, stepped: &[f32], layer: &Layer) -> Vec<f32> {
        let mut wide = self.times(stepped, &layer.widens, self.shape.size);
        wide.iter_mut().for_each(|number| *number = number.max(0.0));
        wide
    }

    /// The slope of the vectors that went in, from that of what came out; adds those of the network's numbers to `slopes`.
    pub(super) fn back(&self, trace: &Trace, lengths: &[usize], out_slope: &[f32], slopes: &mut [f32]) -> Vec<f32> {
        let last = self.shape.last_norm();
        let mut slope = vec![0.0; out_slope.len()];
        norm_back((&trace.x, &self.numbers[last.clone()], &trace.scales), out_slope, &mut slope, &mut slopes[last]);
        for (number, seen) in trace.layers.iter().enumerate().rev() {
            self.layer_back(&self.shape.layer(number), seen, lengths, &mut slope, slopes);
        }
        slope
    }

    /// From the slope of what came out of a layer to that of what went in.
    fn layer_back(&self, layer: &Layer, seen: &Seen, lengths: &[usize], slope: &mut [f32], slopes: &mut [f32]) {
        let (size, wide, count) = (self.shape.size, self.shape.wide(), slope.len() / self.shape.size);
        let matrix = |place: &Range<usize>, width: usize| rows(&self.numbers[place.clone()], width);
        let mut add = |place: &Range<usize>, width: usize, left: &[f32], right: &[f32], height: usize| {
            multiply_add(rows_mut(&mut slopes[place.clone()], width), rows(left, height).transpose(), rows(right, width));
        };
        let mut out = slope.to_vec();
        masked(&mut out, &seen.step_mask);
        add(&layer.narrows, size, &seen.wide, &out, wide);
        let mut widened = vec![0.0; count * wide];
        multiply(rows_mut(&mut widened, wide), rows(&out, size), matrix(&layer.narrows, size).transpose());
        widened.iter_mut().zip(&seen.wide).filter(|(_, wide)| **wide <= 0.0).for_each(|(slope, _)| *slope = 0.0);
        add(&layer.widens, wide, &seen.stepped, &widened, size);
        let mut stepped = out;
        multiply(rows_mut(&mut stepped, size), rows(&widened, wide), matrix(&layer.widens, wide).transpose());
        let gain = &self.numbers[layer.step_norm.clone()];
        norm_back((&seen.middle, gain, &seen.step_scales), &stepped, slope, &mut slopes[layer.step_norm.clone()]);

        let mut add = |place: &Range<usize>, width: usize, left: &[f32], right: &[f32]| {
            multiply_add(rows_mut(&mut slopes[place.clone()], width), rows(left, size).transpose(), rows(right, width));
        };
        let mut out = slope.to_vec();
        masked(&mut out, &seen.taken_mask);
        add(&layer.takes, size, &seen.taken, &out);
        let mut taken = vec![0.0; count * size];
        multiply(rows_mut(&mut taken, size), rows(&out, size), matrix(&layer.takes, size).transpose());
        let mut reach = vec![0.0; layer.reach.len()];
        let asked = self.look(layer).back((&seen.asked, &seen.shares), lengths, &taken, &mut reach);
        add(&layer.asks, 3 * size, &seen.looked, &asked);
        slopes[layer.reach.clone()].iter_mut().zip(&reach).for_each(|(slope, reach)| *slope += reach);
        let mut looked = out;
        multiply(rows_mut(&mut looked, size), rows(&asked, 3 * size), matrix(&layer.asks, 3 * size).transpose());
        let gain = &self.numbers[layer.look_norm.clone()];
        norm_back((&seen.x, gain, &seen.look_scales), &looked, slope, &mut slopes[layer.look_norm.clone()]);
    }
}
