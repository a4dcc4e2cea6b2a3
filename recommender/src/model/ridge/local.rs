//! Each title by itself: the exact solution among those titles that are watched with it most.

use super::{
    RidgeKnobs,
    direct::Direct,
    gram::{Gram, companions},
};
use crate::{
    data::{Counter, Sparse},
    model::{Column, Neighbours, TitleIndex, neighbours::largest},
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

/// The columns of `titles` alone, one after the other on this thread.
pub(super) fn columns(liked: &Sparse, titles: &[TitleIndex], knobs: RidgeKnobs) -> Vec<Column> {
    let by_title = liked.transposed();
    let direct = Direct::new(liked);
    let mut solver = Solver::new(liked.width(), knobs);
    titles.iter().map(|title| solver.column(*title, &direct, liked, &by_title)).collect()
}

/// Counts that neighbourhoods are solved from. Titles have places in an order of its own.
pub(super) trait Counts {
    /// The place of `title`.
    fn place(&self, title: TitleIndex) -> u32;

    /// The title at `place`.
    fn title(&self, place: u32) -> TitleIndex;

    /// What `place` counts with itself.
    fn own(&self, place: u32) -> f32;

    /// Adds to the lower half of `matrix` what each two of `chosen` count together, whose rows rise with their places.
    fn fill(&self, chosen: &[u32], slots: &Slots, matrix: &mut [f32]);
}

/// By place, its row in a matrix.
pub(super) struct Slots(Vec<u32>);

impl Slots {
    /// The row of a place that has none.
    const NONE: u32 = u32::MAX;

    /// The row of `place`, if it was chosen.
    pub(super) fn row(&self, place: u32) -> Option<usize> {
        Some(self.0[place as usize]).filter(|row| *row != Self::NONE).map(|row| row as usize)
    }

    fn set(&mut self, chosen: &[u32]) {
        (0..).zip(chosen).for_each(|(row, place)| self.0[*place as usize] = row);
    }

    fn clear(&mut self, chosen: &[u32]) {
        chosen.iter().for_each(|place| self.0[*place as usize] = Self::NONE);
    }
}

/// What one thread solves with, again and again.
struct Solver {
    knobs: RidgeKnobs,
    counter: Counter,
    slots: Slots,
    matrix: Vec<f32>,
    side: Vec<f32>,
    memory: MemBuffer,
}

impl Solver {
    fn new(titles: usize, knobs: RidgeKnobs) -> Self {
        let most = knobs.neighbours.min(titles);
        let factor = llt::factor::cholesky_in_place_scratch::<f32>(most, Par::Seq, faer::prelude::default());
        let solve = llt::solve::solve_in_place_scratch::<f32>(most, 1, Par::Seq);
        let memory = MemBuffer::new(factor.or(solve));
        Self {
            knobs,
            counter: Counter::new(titles),
            slots: Slots(vec![Slots::NONE; titles]),
            matrix: vec![0.0; most * most],
            side: vec![0.0; most],
            memory,
        }
    }

    /// Titles that speak for `title`, with their weights, in the order of titles.
    fn column(&mut self, title: u32, counts: &impl Counts, liked: &Sparse, by_title: &Sparse) -> Column {
        let companions = companions(&mut self.counter, title, |title| counts.place(title), liked, by_title);
        // Those whose count is large beside how often they are watched at all, or the popular ones would be everybody's neighbours.
        let close = companions.iter().map(|(place, count)| (*place, count / counts.own(*place).sqrt()));
        let chosen: Vec<u32> = largest(close.collect(), self.knobs.neighbours).into_iter().map(|(place, _)| place).collect();
        let size = chosen.len();
        self.slots.set(&chosen);
        self.fill(&chosen, counts);
        for (place, count) in companions {
            if let Some(row) = self.slots.row(place) {
                self.side[row] = count;
            }
        }
        self.slots.clear(&chosen);
        if !self.solve(size) {
            return Vec::new();
        }
        let mut column: Column = chosen.iter().zip(&self.side).map(|(place, weight)| (counts.title(*place), *weight)).collect();
        column.sort_unstable_by_key(|(title, _)| *title);
        column
    }

    /// Fills the lower half of the matrix with the counts of each two of `chosen`, and its diagonal.
    fn fill(&mut self, chosen: &[u32], counts: &impl Counts) {
        let size = chosen.len();
        let matrix = &mut self.matrix[..size * size];
        matrix.fill(0.0);
        counts.fill(chosen, &self.slots, matrix);
        for (row, place) in chosen.iter().enumerate() {
            matrix[row * size + row] = counts.own(*place) * (1.0 + self.knobs.dropout) + self.knobs.penalty;
        }
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
