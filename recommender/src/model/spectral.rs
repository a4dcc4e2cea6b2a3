//! The smooth part of what profiles watch: a low-pass filter on the graph of profiles and titles.
//!
//! Y. Shen et al., "How Powerful is Graph Convolution for Recommendation?" (GF-CF), CIKM 2021: the largest singular vectors of the
//! matrix, each of whose entries is divided by the roots of its row's and its column's count.

use super::{
    TitleIndex, Watched,
    vector::{add_scaled, widest},
    vectors::Vectors,
};
use crate::data::{Array, Sparse};
use faer::{Mat, MatMut, MatRef};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::ops::Range;

/// Vectors that are carried along to make the wanted ones exact.
const SPARE: usize = 32;
/// Times that the vectors go through the matrix. Singular values fall slowly here, and each time squares them.
const PASSES: usize = 4;
/// Titles for each vector at least: a filter of as many vectors as titles lets everything through as it is, and says nothing.
const TITLES_PER_VECTOR: usize = 2;
/// Vectors that go through the matrix at a time.
const VECTORS: usize = 64;

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
    vectors: Vectors,
    /// The root of each title's count.
    roots: Array<f32>,
}

impl Spectral {
    /// Trains on what profiles liked.
    #[must_use]
    pub fn train(liked: &Sparse, knobs: SpectralKnobs) -> Self {
        let titles = liked.width();
        let roots: Vec<f32> = liked.column_lens().iter().map(|count| (*count as f32).sqrt()).collect();
        let smooth = liked.map(|profile, title, _| 1.0 / ((liked.row_len(profile) as f32).sqrt() * roots[title as usize]));
        let by_title = smooth.transposed();
        let wide = (knobs.size + SPARE).min(titles).min(liked.height());
        let size = knobs.size.min(wide).min(titles / TITLES_PER_VECTOR);
        if wide == 0 {
            return Self { vectors: Vectors::default(), roots: roots.into() };
        }
        let mut random = StdRng::seed_from_u64(knobs.seed);
        // Titles by vectors, row by row.
        let mut basis: Vec<f32> = (0..titles * wide).map(|_| random.random::<f32>() - 0.5).collect();
        for _ in 0..PASSES {
            orthogonal(&mut basis, titles, wide);
            basis = there_and_back(&smooth, &by_title, &basis, wide);
        }
        orthogonal(&mut basis, titles, wide);
        let image = there_and_back(&smooth, &by_title, &basis, wide);
        let vectors = rotated(&image, &basis, titles, wide, size);
        Self::new(size, vectors.into(), roots.into())
    }

    fn new(size: usize, vectors: Array<f32>, roots: Array<f32>) -> Self {
        Self { vectors: Vectors::new(size, vectors, |title| roots[title]), roots }
    }

    /// Of parts that were written before; `None` if there is not one vector for each root.
    #[must_use]
    pub fn from_parts(size: usize, vectors: Array<f32>, roots: Array<f32>) -> Option<Self> {
        (vectors.len() == size * roots.len()).then(|| Self::new(size, vectors, roots))
    }

    /// Number of titles that have a vector.
    #[must_use]
    pub fn titles(&self) -> usize {
        self.vectors.count()
    }

    /// Its parts, to be written: numbers in a vector, the vectors one after the other, and the root of each title's count.
    #[must_use]
    pub fn parts(&self) -> (usize, &Array<f32>, &Array<f32>) {
        (self.vectors.size(), self.vectors.exact(), &self.roots)
    }

    /// Where a profile with this history lies among the vectors.
    #[must_use]
    pub fn profile(&self, history: &[Watched]) -> Vec<f32> {
        let size = self.vectors.size();
        let mut place = vec![0.0; size];
        let known = history.iter().filter(|watched| self.roots.get(watched.title as usize).is_some_and(|root| *root > 0.0));
        let vectors = self.vectors.of(known.clone().map(|watched| watched.title));
        // Vectors come times their roots.
        let root = |watched: &Watched| self.roots[watched.title as usize];
        let shares: Vec<f32> = known.map(|watched| watched.weight / (root(watched) * root(watched))).collect();
        widest(
            #[inline(always)]
            || {
                for (share, vector) in shares.iter().zip(vectors.chunks_exact(size.max(1))) {
                    add_scaled(&mut place, *share, vector);
                }
            },
        );
        place
    }

    /// What lies there of each of `titles`; 0 of what is new.
    #[must_use]
    pub fn says(&self, profile: &[f32], titles: &[TitleIndex]) -> Vec<f32> {
        self.vectors.says(profile, titles)
    }
}

/// What becomes of `wide` vectors of titles on their way to profiles and back; some vectors at a time, since there may be many more
/// profiles than titles.
fn there_and_back(by_profile: &Sparse, by_title: &Sparse, vectors: &[f32], wide: usize) -> Vec<f32> {
    let mut out = vec![0.0; vectors.len()];
    for first in (0..wide).step_by(VECTORS) {
        let some = first..(first + VECTORS).min(wide);
        let mut profiles = vec![0.0; by_profile.height() * some.len()];
        times(by_profile, (vectors, wide, some.clone()), (&mut profiles, some.len(), 0..some.len()));
        times(by_title, (&profiles, some.len(), 0..some.len()), (&mut out, wide, some));
    }
    out
}

/// Some columns of `matrix` times `dense`. A dense matrix has so many numbers in a row, of which the range is looked at.
fn times(matrix: &Sparse, dense: (&[f32], usize, Range<usize>), out: (&mut [f32], usize, Range<usize>)) {
    let ((dense, wide, from), (out, out_wide, to)) = (dense, out);
    out.par_chunks_mut(out_wide).enumerate().for_each(|(row, out)| {
        let out = &mut out[to.clone()];
        widest(
            #[inline(always)]
            || {
                for (column, value) in matrix.entries(row) {
                    let start = column as usize * wide;
                    add_scaled(out, value, &dense[start + from.start..start + from.end]);
                }
            },
        );
    });
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
        let Ok(factor) = products.llt(faer::Side::Lower) else {
            tracing::warn!(wide, "a basis cannot be made orthogonal: the spectral term says less");
            return;
        };
        let lower = Mat::from_fn(wide, wide, |row, column| factor.L()[(row, column)] as f32);
        // Each row times the inverse of the upper root: solves with the lower one from the left.
        let transposed = MatMut::from_column_major_slice_mut(basis, wide, rows);
        faer::linalg::triangular_solve::solve_lower_triangular_in_place(lower.as_ref(), transposed, par);
    }
}

/// The `size` best right singular vectors within the space of `basis`, of which `image` is what the matrix and its transposed make.
fn rotated(image: &[f32], basis: &[f32], titles: usize, wide: usize, size: usize) -> Vec<f32> {
    let basis = MatRef::from_row_major_slice(basis, titles, wide);
    let image = MatRef::from_row_major_slice(image, titles, wide);
    let mut products: Mat<f32> = Mat::zeros(wide, wide);
    let par = faer::get_global_parallelism();
    faer::linalg::matmul::matmul(products.as_mut(), faer::Accum::Replace, basis.transpose(), image, 1.0, par);
    let Ok(eigen) = products.self_adjoint_eigen(faer::Side::Lower) else { return vec![0.0; titles * size] };
    // Eigenvalues rise.
    let best = eigen.U().subcols(wide - size, size);
    let mut out = vec![0.0; titles * size];
    let rows = MatMut::from_row_major_slice_mut(&mut out, titles, size);
    faer::linalg::matmul::matmul(rows, faer::Accum::Replace, basis, best, 1.0, par);
    out
}
