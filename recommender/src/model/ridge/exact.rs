//! The whole matrix at once.

use super::RidgeKnobs;
use crate::{
    data::Sparse,
    model::{Neighbours, neighbours::largest, vector},
};
use faer::{MatMut, Side, linalg::solvers::DenseSolveCore};
use rayon::prelude::*;

/// Weights of the smallest catalogues are kept all, those of larger ones up to this many for each title.
const KEPT_MIN: usize = 1_000;

pub(super) fn train(liked: &Sparse, knobs: RidgeKnobs) -> Neighbours {
    let titles = liked.width();
    if titles == 0 {
        return Neighbours::default();
    }
    let mut gram = gram(liked);
    for title in 0..titles {
        let watches = gram[title * titles + title];
        gram[title * titles + title] = watches * (1.0 + knobs.dropout) + knobs.penalty;
    }
    let matrix = MatMut::from_column_major_slice_mut(&mut gram, titles, titles);
    let Ok(factored) = matrix.as_ref().llt(Side::Lower) else {
        tracing::warn!(titles, penalty = knobs.penalty, "counts of watches cannot be solved: the ridge says nothing");
        return Neighbours::new(Sparse::from_rows(titles, vec![vec![]; titles]));
    };
    drop(gram);
    let inverse = factored.inverse();
    let kept = knobs.neighbours.max(KEPT_MIN);
    let column = |(): &mut (), title: usize| {
        let column = inverse.col_as_slice(title);
        let scale = -1.0 / column[title];
        let others = (0_u32..).zip(column).filter(|(other, _)| *other as usize != title);
        largest(others.map(|(other, value)| (other, value * scale)).filter(|(_, weight)| *weight != 0.0).collect(), kept)
    };
    Neighbours::new(Sparse::computed((titles, titles), || (), column).transposed())
}

/// How often each two titles were liked by the same profile, column by column.
fn gram(liked: &Sparse) -> Vec<f32> {
    let titles = liked.width();
    let by_title = liked.transposed();
    let mut gram = vec![0.0_f32; titles * titles];
    gram.par_chunks_mut(titles).enumerate().for_each(|(title, column)| {
        vector::widest(
            #[inline(always)]
            || {
                for (profile, weight) in by_title.entries(title) {
                    for (other, theirs) in liked.entries(profile as usize) {
                        column[other as usize] += weight * theirs;
                    }
                }
            },
        );
    });
    gram
}
