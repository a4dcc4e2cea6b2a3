//! Each title by itself: the exact solution among those titles that are watched with it most.

use super::{
    RidgeKnobs,
    gram::{Gram, companions},
};
use crate::{
    data::{Counter, Sparse},
    model::{Neighbours, neighbours::largest},
};
use faer::{
    MatMut, Par,
    dyn_stack::{MemBuffer, MemStack},
    linalg::cholesky::llt,
    reborrow::ReborrowMut,
};

pub(super) fn train(liked: &Sparse, knobs: RidgeKnobs) -> Neighbours {
    let titles = liked.width();
    let by_title = liked.transposed();
    let gram = Gram::new(liked, &by_title);
    let column = |solver: &mut Solver, title: usize| solver.column(title as u32, &gram, liked, &by_title);
    Neighbours::new(Sparse::computed((titles, titles), || Solver::new(titles, knobs), column).transposed())
}

/// The row of a place that has none.
const NO_SLOT: u32 = u32::MAX;

/// What one thread solves with, again and again.
struct Solver {
    knobs: RidgeKnobs,
    counter: Counter,
    /// By place, its row in the matrix.
    slots: Vec<u32>,
    matrix: Vec<f32>,
    side: Vec<f32>,
    memory: MemBuffer,
}

impl Solver {
    fn new(titles: usize, knobs: RidgeKnobs) -> Self {
        let most = knobs.neighbours;
        let factor = llt::factor::cholesky_in_place_scratch::<f32>(most, Par::Seq, faer::prelude::default());
        let solve = llt::solve::solve_in_place_scratch::<f32>(most, 1, Par::Seq);
        let memory = MemBuffer::new(factor.or(solve));
        Self {
            knobs,
            counter: Counter::new(titles),
            slots: vec![NO_SLOT; titles],
            matrix: vec![0.0; most * most],
            side: vec![0.0; most],
            memory,
        }
    }

    /// Titles that speak for `title`, with their weights, in the order of titles.
    fn column(&mut self, title: u32, gram: &Gram, liked: &Sparse, by_title: &Sparse) -> Vec<(u32, f32)> {
        let companions = companions(&mut self.counter, title, &gram.rank, liked, by_title);
        // Those whose count is large beside how often they are watched at all, or the popular ones would be everybody's neighbours.
        let close = companions.iter().map(|(place, count)| (*place, count / gram.own(*place).sqrt()));
        let chosen: Vec<u32> = largest(close.collect(), self.knobs.neighbours).into_iter().map(|(place, _)| place).collect();
        let size = chosen.len();
        self.fill(&chosen, gram);
        for (place, count) in companions {
            if let Some(row) = self.slot(place) {
                self.side[row] = count;
            }
        }
        chosen.iter().for_each(|place| self.slots[*place as usize] = NO_SLOT);
        if !self.solve(size) {
            return Vec::new();
        }
        let mut column: Vec<(u32, f32)> =
            chosen.iter().zip(&self.side).map(|(place, weight)| (gram.title[*place as usize], *weight)).collect();
        column.sort_unstable_by_key(|(title, _)| *title);
        column
    }

    /// Fills the lower half of the matrix with the counts of each two of `chosen`, which rise; each has a slot from then on.
    fn fill(&mut self, chosen: &[u32], gram: &Gram) {
        let size = chosen.len();
        self.matrix[..size * size].fill(0.0);
        for (row, place) in chosen.iter().enumerate() {
            // Those before it have slots already, others none: looking through its pairs is quicker than looking for each of them.
            for (other, count) in gram.pairs_before(*place) {
                if let Some(column) = self.slot(other) {
                    self.matrix[column * size + row] = count;
                }
            }
            self.matrix[row * size + row] = gram.own(*place) * (1.0 + self.knobs.dropout) + self.knobs.penalty;
            self.slots[*place as usize] = row as u32;
        }
    }

    fn slot(&self, place: u32) -> Option<usize> {
        Some(self.slots[place as usize]).filter(|slot| *slot != NO_SLOT).map(|slot| slot as usize)
    }

    /// Puts the solution in the place of the right side; false if there is none.
    fn solve(&mut self, size: usize) -> bool {
        let stack = MemStack::new(&mut self.memory);
        let mut matrix = MatMut::from_column_major_slice_mut(&mut self.matrix[..size * size], size, size);
        let params = faer::prelude::default();
        let factored = llt::factor::cholesky_in_place(matrix.rb_mut(), faer::prelude::default(), Par::Seq, stack, params);
        if factored.is_err() {
            return false;
        }
        let side = MatMut::from_column_major_slice_mut(&mut self.side[..size], size, 1);
        llt::solve::solve_in_place(matrix.as_ref(), side, Par::Seq, stack);
        true
    }
}
