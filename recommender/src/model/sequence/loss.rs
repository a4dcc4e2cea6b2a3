//! What a guess of the next title costs: cross-entropy among the candidates.

use super::maths::{exponentials, multiply, multiply_add, rows, rows_mut};
use crate::model::vector::{add_scaled, dot, widest};

/// Rows that are judged together: their scores fit into a cache.
const BLOCK_ROWS: usize = 64;

/// Titles that each title that came is judged among.
pub(super) struct Candidates<'a> {
    /// Their vectors.
    pub(super) vectors: &'a [f32],
    /// Where each title of the catalogue is among them; `u32::MAX` where it is not.
    pub(super) places: &'a [u32],
    /// What is added to their scores, as they stand for all titles.
    pub(super) stand_for: f32,
}

/// What guesses cost, and the slopes of that.
pub(super) struct Cost {
    /// Sum over all guesses.
    pub(super) cost: f64,
    /// Of the guesses.
    pub(super) guesses: Vec<f32>,
    /// Of the vectors of what came, for each guess.
    pub(super) came: Vec<f32>,
    /// Of the vectors of the candidates.
    pub(super) candidates: Vec<f32>,
}

/// The cross-entropy of `guesses`, rows of `size` numbers, for the titles that came, whose vectors are `came_vectors`; `scale` times its
/// slopes. Of a sample of candidates each stands for as many titles as there are for one of them (Y. Bengio, J.-S. Senécal 2003).
pub(super) fn cost(
    guesses: &[f32],
    (came, came_vectors): (&[u32], &[f32]),
    candidates: &Candidates<'_>,
    size: usize,
    scale: f32,
) -> Cost {
    let count = candidates.vectors.len() / size;
    let mut out = Cost {
        cost: 0.0,
        guesses: vec![0.0; guesses.len()],
        came: vec![0.0; guesses.len()],
        candidates: vec![0.0; candidates.vectors.len()],
    };
    let mut scores = vec![0.0; BLOCK_ROWS * count];
    for (block, came_block) in came.chunks(BLOCK_ROWS).enumerate() {
        let range = block * BLOCK_ROWS * size..(block * BLOCK_ROWS + came_block.len()) * size;
        let guesses = &guesses[range.clone()];
        let scores = &mut scores[..came_block.len() * count];
        multiply(rows_mut(scores, count), rows(guesses, size), rows(candidates.vectors, size).transpose());
        let vectors = &came_vectors[range.clone()];
        let slopes = (&mut out.guesses[range.clone()], &mut out.came[range]);
        for (row, title) in came_block.iter().enumerate() {
            let place = row * size..(row + 1) * size;
            let (guess, vector) = (&guesses[place.clone()], &vectors[place.clone()]);
            let scores = &mut scores[row * count..(row + 1) * count];
            let itself = candidates.places[*title as usize] as usize;
            let (cost, slope) = widest(
                #[inline(always)]
                || one(guess, vector, scores, (itself, candidates.stand_for), scale),
            );
            out.cost += f64::from(cost);
            add_scaled(&mut slopes.0[place.clone()], slope, vector);
            add_scaled(&mut slopes.1[place], slope, guess);
        }
        multiply_add(rows_mut(slopes.0, size), rows(scores, count), rows(candidates.vectors, size));
        multiply_add(rows_mut(&mut out.candidates, size), rows(scores, count).transpose(), rows(guesses, size));
    }
    out
}

/// One guess: what it costs, and the slope of the score of what came. `scores` become their slopes; what came is not judged against itself.
#[inline(always)]
fn one(guess: &[f32], vector: &[f32], scores: &mut [f32], (itself, stand_for): (usize, f32), scale: f32) -> (f32, f32) {
    let own = dot(guess, vector);
    if let Some(score) = scores.get_mut(itself) {
        *score = f32::NEG_INFINITY;
    }
    // What stands for others is lifted by taking the one that came down.
    let (top, sum) = exponentials(scores, own - stand_for);
    let mine = (own - stand_for - top).exp();
    let all = sum + mine;
    let by = scale / all;
    scores.iter_mut().for_each(|score| *score *= by);
    ((all.ln() - (mine.max(f32::MIN_POSITIVE)).ln()), (mine / all - 1.0) * scale)
}
