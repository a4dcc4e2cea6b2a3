//! Implicit matrix factorisation: titles as vectors, profiles solved from their histories whenever they are asked about.
//!
//! The loss is that of Y. Hu, Y. Koren, C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, with the
//! penalty that grows with the number of watches of S. Rendle et al., "Revisiting the Performance of iALS", RecSys 2022.

use super::{
    TitleIndex, Watched,
    vector::{add_scaled, dot, widest},
    vectors::Vectors,
};
use crate::data::{Array, Sparse};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

/// Steps towards the solution for each vector in each pass: it begins at the last pass's, so few do.
const STEPS_TRAINING: usize = 3;
/// Steps for a profile that is solved from nothing.
const STEPS_SERVING: usize = 12;
/// Share of the error that is as good as none.
const ENOUGH: f32 = 1e-6;
/// Length of the vectors to begin with.
const BEGIN: f32 = 0.1;
/// Rows that a thread solves at a time.
const BLOCK_ROWS: usize = 64;

/// Choices of a factorisation.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FactorKnobs {
    /// Numbers in a vector.
    pub size: usize,
    /// What a vector's length costs.
    pub penalty: f32,
    /// How much a title that was not watched speaks against itself; one that was watched counts 1.
    pub unwatched: f32,
    /// Passes over the data.
    pub passes: usize,
    /// Where the vectors begin.
    pub seed: u64,
}

impl Default for FactorKnobs {
    fn default() -> Self {
        Self { size: 64, penalty: 0.003, unwatched: 0.3, passes: 15, seed: 1 }
    }
}

/// Vectors of titles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors {
    penalty: f32,
    unwatched: f32,
    vectors: Vectors,
    /// `unwatched` times the products of all vectors with each other.
    gram: Vec<f32>,
}

impl Factors {
    /// Trains on what profiles liked.
    #[must_use]
    pub fn train(liked: &Sparse, knobs: FactorKnobs) -> Self {
        let by_title = liked.transposed();
        let mut random = StdRng::seed_from_u64(knobs.seed);
        let spread = BEGIN / (knobs.size as f32).sqrt();
        let mut titles: Vec<f32> = (0..liked.width() * knobs.size).map(|_| normal(&mut random) * spread).collect();
        let mut profiles = vec![0.0; liked.height() * knobs.size];
        for _ in 0..knobs.passes {
            solve_side(liked, &titles, &mut profiles, knobs);
            solve_side(&by_title, &profiles, &mut titles, knobs);
        }
        Self::new(knobs.size, knobs.penalty, knobs.unwatched, titles.into())
    }

    /// Of vectors that were trained before.
    #[must_use]
    pub fn new(size: usize, penalty: f32, unwatched: f32, vectors: Array<f32>) -> Self {
        let gram = gram(&vectors, size, unwatched);
        Self { penalty, unwatched, vectors: Vectors::new(size, vectors, |_| 1.0), gram }
    }

    /// Number of titles that have a vector.
    #[must_use]
    pub fn titles(&self) -> usize {
        self.vectors.count()
    }

    /// Its parts, to be written: numbers in a vector, penalty, weight of what is not watched, and the vectors one after the other.
    #[must_use]
    pub fn parts(&self) -> (usize, f32, f32, &Array<f32>) {
        (self.vectors.size(), self.penalty, self.unwatched, self.vectors.exact())
    }

    /// The vector of a profile with this history, whose titles count as much as their weights say.
    #[must_use]
    pub fn profile(&self, history: &[Watched]) -> Vec<f32> {
        let titles = self.vectors.count();
        let mut vector = vec![0.0; self.vectors.size()];
        let known = history.iter().filter(|watched| (watched.title as usize) < titles);
        let weights: Vec<f32> = known.clone().map(|watched| watched.weight).collect();
        let vectors = self.vectors.of(known.map(|watched| watched.title));
        let penalty = penalty(self.penalty, self.unwatched, weights.len(), titles);
        let watched = (0..).zip(weights.iter().copied());
        widest(
            #[inline(always)]
            || solve(&self.gram, &vectors, &watched, penalty, &mut vector, STEPS_SERVING),
        );
        vector
    }

    /// What the vector of a profile says of each of `titles`; 0 of what is new.
    #[must_use]
    pub fn says(&self, profile: &[f32], titles: &[TitleIndex]) -> Vec<f32> {
        self.vectors.says(profile, titles)
    }
}

/// A draw of the normal distribution (G. Box, M. Muller 1958).
pub(super) fn normal(random: &mut StdRng) -> f32 {
    let (radius, turn): (f64, f64) = (random.random(), random.random());
    ((-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * turn).cos()) as f32
}

fn penalty(penalty: f32, unwatched: f32, watched: usize, others: usize) -> f32 {
    penalty * (watched as f32 + unwatched * others as f32)
}

/// Solves the vectors of all rows of `rows` with those of its columns.
fn solve_side(rows: &Sparse, fixed: &[f32], solved: &mut [f32], knobs: FactorKnobs) {
    let size = knobs.size;
    let gram = gram(fixed, size, knobs.unwatched);
    solved.par_chunks_mut(size * BLOCK_ROWS).enumerate().for_each(|(block, chunk)| {
        widest(
            #[inline(always)]
            || {
                for (row, vector) in chunk.chunks_exact_mut(size).enumerate() {
                    let row = block * BLOCK_ROWS + row;
                    let penalty = penalty(knobs.penalty, knobs.unwatched, rows.row_len(row), rows.width());
                    solve(&gram, fixed, &rows.entries(row), penalty, vector, STEPS_TRAINING);
                }
            },
        );
    });
}

/// `scale` times the products of all vectors with each other.
fn gram(vectors: &[f32], size: usize, scale: f32) -> Vec<f32> {
    let mut gram = vec![0.0; size * size];
    let count = vectors.len() / size.max(1);
    let vectors = faer::MatRef::from_column_major_slice(&vectors[..count * size], size, count);
    let out = faer::MatMut::from_column_major_slice_mut(&mut gram, size, size);
    let par = faer::get_global_parallelism();
    faer::linalg::matmul::matmul(out, faer::Accum::Replace, vectors, vectors.transpose(), scale, par);
    gram
}

#[inline(always)]
fn row(vectors: &[f32], size: usize, title: u32) -> &[f32] {
    &vectors[title as usize * size..(title as usize + 1) * size]
}

/// What the left side of the least squares of one row makes of `by`. A function, since a closure is not always inlined.
#[inline(always)]
fn multiply(
    gram: &[f32],
    fixed: &[f32],
    watched: &(impl Iterator<Item = (u32, f32)> + Clone),
    penalty: f32,
    by: &[f32],
    out: &mut [f32],
) {
    let size = by.len();
    out.fill(0.0);
    for (at, factor) in by.iter().enumerate() {
        add_scaled(out, *factor, &gram[at * size..(at + 1) * size]);
    }
    add_scaled(out, penalty, by);
    for (title, weight) in watched.clone() {
        let other = row(fixed, size, title);
        add_scaled(out, weight * dot(other, by), other);
    }
}

/// Conjugate gradients from `vector` on for the least squares of one row: a watched title should give 1, all others 0.
#[inline(always)]
fn solve(
    gram: &[f32],
    fixed: &[f32],
    watched: &(impl Iterator<Item = (u32, f32)> + Clone),
    penalty: f32,
    vector: &mut [f32],
    steps: usize,
) {
    let size = vector.len();
    let mut product = vec![0.0; size];
    multiply(gram, fixed, watched, penalty, vector, &mut product);
    let mut residual: Vec<f32> = product.iter().map(|product| -product).collect();
    for (title, weight) in watched.clone() {
        add_scaled(&mut residual, weight, row(fixed, size, title));
    }
    let mut direction = residual.clone();
    let mut error = dot(&residual, &residual);
    let enough = error * ENOUGH;
    for _ in 0..steps {
        if error <= enough {
            break;
        }
        multiply(gram, fixed, watched, penalty, &direction, &mut product);
        let along = dot(&direction, &product);
        if along <= 0.0 {
            break;
        }
        let step = error / along;
        add_scaled(vector, step, &direction);
        add_scaled(&mut residual, -step, &product);
        let next = dot(&residual, &residual);
        let turn = next / error;
        for (direction, residual) in direction.iter_mut().zip(&residual) {
            *direction = residual + turn * *direction;
        }
        error = next;
    }
}
