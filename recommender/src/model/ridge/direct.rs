//! Counts straight from who liked what, for few columns: what most of a Gram matrix would say nobody asks then.

use super::local::{Counts, Slots};
use crate::{data::Sparse, model::TitleIndex};

/// Counts that are made when they are asked for. Places are the titles themselves.
pub(super) struct Direct<'a> {
    liked: &'a Sparse,
    /// By title, what it counts with itself.
    own: Vec<f32>,
}

impl<'a> Direct<'a> {
    pub(super) fn new(liked: &'a Sparse) -> Self {
        let mut own = vec![0.0; liked.width()];
        for profile in 0..liked.height() {
            liked.entries(profile).for_each(|(title, weight)| own[title as usize] += weight * weight);
        }
        Self { liked, own }
    }
}

impl Counts for Direct<'_> {
    fn place(&self, title: TitleIndex) -> u32 {
        title
    }

    fn title(&self, place: u32) -> TitleIndex {
        place
    }

    fn own(&self, place: u32) -> f32 {
        self.own[place as usize]
    }

    fn fill(&self, chosen: &[u32], slots: &Slots, matrix: &mut [f32]) {
        let mut there: Vec<(usize, f32)> = Vec::new();
        for profile in 0..self.liked.height() {
            there.clear();
            let rows = self.liked.entries(profile).filter_map(|(title, weight)| slots.row(title).map(|row| (row, weight)));
            there.extend(rows);
            for (at, (left, weight)) in there.iter().enumerate() {
                for (right, theirs) in &there[..at] {
                    matrix[left.min(right) * chosen.len() + left.max(right)] += weight * theirs;
                }
            }
        }
    }
}
