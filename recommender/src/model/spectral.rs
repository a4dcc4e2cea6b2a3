//! The smooth part of what profiles watch: a low-pass filter on the graph of profiles and titles.
//!
//! Y. Shen et al., "How Powerful is Graph Convolution for Recommendation?" (GF-CF), CIKM 2021: the largest singular vectors of the
//! matrix, each of whose entries is divided by the roots of its row's and its column's count.

use super::{
    Watched,
    vector::{add_scaled, dot, widest},
};
use crate::data::Sparse;
use faer::{Mat, MatMut, MatRef};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rayon::prelude::*;

/// Vectors that are carried along to make the wanted ones exact.
const SPARE: usize = 32;
/// Times that the vectors go through the matrix. Singular values fall slowly here, and each time squares them.
const PASSES: usize = 4;

/// Choices of a filter.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SpectralKnobs {
    /// Singular vectors that are kept.
    pub size: usize,
    /// Where the search for them begins.
    pub seed: u64,
}

impl Default for SpectralKnobs {
    fn default() -> Self {
        Self { size: 128, seed: 1 }
    }
}

/// Singular vectors, with what titles have to be multiplied by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectral {
    size: usize,
    /// One vector after the other for each title.
    vectors: Vec<f32>,
    /// The root of each title's count.
    roots: Vec<f32>,
}

impl Spectral {
    /// Trains on what profiles liked.
    #[must_use]
    pub fn train(liked: &Sparse, knobs: SpectralKnobs) -> Self {
        let titles = liked.width();
        let by_title = liked.transposed();
        let roots: Vec<f32> = (0..titles).map(|title| (by_title.row_len(title) as f32).sqrt()).collect();
        let smooth =
            liked.clone().map(|profile, title, _| 1.0 / ((liked.row_len(profile) as f32).sqrt() * roots[title as usize]));
        let by_title = smooth.transposed();
        let wide = (knobs.size + SPARE).min(titles).min(liked.height());
        let size = knobs.size.min(wide);
        if wide == 0 {
            return Self { size: 0, vectors: Vec::new(), roots };
        }
        let mut random = StdRng::seed_from_u64(knobs.seed);
        // Titles by vectors, row by row.
        let mut basis: Vec<f32> = (0..titles * wide).map(|_| random.random::<f32>() - 0.5).collect();
        for _ in 0..PASSES {
            orthogonal(&mut basis, titles, wide);
            let profiles = times(&smooth, &basis, wide);
            basis = times(&by_title, &profiles, wide);
        }
        orthogonal(&mut basis, titles, wide);
        let vectors = rotated(&times(&smooth, &basis, wide), &basis, titles, wide, size);
        Self { size, vectors, roots }
    }

    /// Of parts that were written before; `None` if there is not one vector for each root.
    #[must_use]
    pub fn from_parts(size: usize, vectors: Vec<f32>, roots: Vec<f32>) -> Option<Self> {
        (vectors.len() == size * roots.len()).then_some(Self { size, vectors, roots })
    }

    /// Its parts, to be written: numbers in a vector, the vectors one after the other, and the root of each title's count.
    #[must_use]
    pub fn parts(&self) -> (usize, &[f32], &[f32]) {
        (self.size, &self.vectors, &self.roots)
    }

    /// Where a profile with this history lies among the vectors.
    #[must_use]
    pub fn profile(&self, history: &[Watched]) -> Vec<f32> {
        let mut place = vec![0.0; self.size];
        for watched in history {
            let title = watched.title as usize;
            let root = self.roots.get(title).copied().unwrap_or(0.0);
            if root > 0.0 {
                add_scaled(&mut place, watched.weight / root, &self.vectors[title * self.size..(title + 1) * self.size]);
            }
        }
        place
    }

    /// What lies there of `title`.
    #[must_use]
    pub fn says(&self, profile: &[f32], title: u32) -> f32 {
        let start = title as usize * self.size;
        let vector = self.vectors.get(start..start + self.size);
        vector.zip(self.roots.get(title as usize)).map_or(0.0, |(vector, root)| root * dot(profile, vector))
    }

    /// Adds to `out` what lies there.
    pub fn add_to(&self, profile: &[f32], out: &mut [f32]) {
        if self.size > 0 {
            widest(|| {
                for ((out, vector), root) in out.iter_mut().zip(self.vectors.chunks_exact(self.size)).zip(&self.roots) {
                    *out += root * dot(profile, vector);
                }
            });
        }
    }
}

/// `matrix` times `dense`, which has `wide` numbers for each of its columns.
fn times(matrix: &Sparse, dense: &[f32], wide: usize) -> Vec<f32> {
    let mut out = vec![0.0; matrix.height() * wide];
    out.par_chunks_mut(wide).enumerate().for_each(|(row, out)| {
        widest(|| {
            for (column, value) in matrix.entries(row) {
                add_scaled(out, value, &dense[column as usize * wide..(column as usize + 1) * wide]);
            }
        });
    });
    out
}

/// Makes the columns of a matrix that lies row by row orthogonal: twice by the root of their products, which is quick and, after two
/// times, exact.
fn orthogonal(basis: &mut [f32], rows: usize, wide: usize) {
    for _ in 0..2 {
        let matrix = MatRef::from_row_major_slice(basis, rows, wide);
        let mut products: Mat<f64> = Mat::zeros(wide, wide);
        let mut single: Mat<f32> = Mat::zeros(wide, wide);
        let par = faer::get_global_parallelism();
        faer::linalg::matmul::matmul(single.as_mut(), faer::Accum::Replace, matrix.transpose(), matrix, 1.0, par);
        let trace: f64 = (0..wide).map(|at| f64::from(single[(at, at)])).sum::<f64>().max(f64::MIN_POSITIVE);
        for row in 0..wide {
            for column in 0..wide {
                products[(row, column)] = f64::from(single[(row, column)]);
            }
            products[(row, row)] += trace * 1e-7;
        }
        let Ok(factor) = products.llt(faer::Side::Lower) else { return };
        let lower = Mat::from_fn(wide, wide, |row, column| factor.L()[(row, column)] as f32);
        // Each row times the inverse of the upper root: solves with the lower one from the left.
        let transposed = MatMut::from_column_major_slice_mut(basis, wide, rows);
        faer::linalg::triangular_solve::solve_lower_triangular_in_place(lower.as_ref(), transposed, par);
    }
}

/// The `size` best right singular vectors within the space of `basis`, of which `image` is what the matrix makes.
fn rotated(image: &[f32], basis: &[f32], titles: usize, wide: usize, size: usize) -> Vec<f32> {
    if wide == 0 {
        return Vec::new();
    }
    let image = MatRef::from_row_major_slice(image, image.len() / wide, wide);
    let mut products: Mat<f32> = Mat::zeros(wide, wide);
    let par = faer::get_global_parallelism();
    faer::linalg::matmul::matmul(products.as_mut(), faer::Accum::Replace, image.transpose(), image, 1.0, par);
    let Ok(eigen) = products.self_adjoint_eigen(faer::Side::Lower) else { return vec![0.0; titles * size] };
    // Eigenvalues rise.
    let best = eigen.U().subcols(wide - size, size);
    let mut out = vec![0.0; titles * size];
    let rows = MatMut::from_row_major_slice_mut(&mut out, titles, size);
    faer::linalg::matmul::matmul(rows, faer::Accum::Replace, MatRef::from_row_major_slice(basis, titles, wide), best, 1.0, par);
    out
}
