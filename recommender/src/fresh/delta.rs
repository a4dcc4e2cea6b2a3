//! What is known beyond a model.

use crate::model::{Catalog, Column, Neighbours, Popularity, TitleIndex};
use marquee_core::id::VideoId;
use std::collections::BTreeMap;

/// What was learned since a model was trained, all of it: the newest one is enough. The model's titles have its places, newer ones follow.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// Its titles.
    pub catalog: Catalog,
    /// Watches of each of them by window.
    pub counts: Vec<[f32; 3]>,
    /// Columns of the ridge that were solved anew.
    pub columns: BTreeMap<TitleIndex, Solved>,
}

/// A column, and what it was solved with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solved {
    /// What speaks for the title.
    pub column: Column,
    /// Its watches at that time: of a few more it would say the same.
    pub watches: f32,
}

impl Delta {
    /// `popularity` of a catalogue that may have other titles behind those of the model, with the counts of this one.
    #[must_use]
    pub fn counted(&self, popularity: Popularity, catalog: &Catalog) -> Popularity {
        let places = self.places(catalog);
        popularity.recounted(places.into_iter().zip(&self.counts).filter_map(|(place, counts)| Some((place?, *counts))))
    }

    /// `ridge` as it was trained, with the columns of this one in such a catalogue.
    #[must_use]
    pub fn solved(&self, ridge: &Neighbours, catalog: &Catalog) -> Neighbours {
        let places = self.places(catalog);
        let place = |title: TitleIndex| places.get(title as usize).copied().flatten();
        let columns = self.columns.iter().filter_map(|(title, solved)| {
            let known = solved.column.iter().filter_map(|(other, weight)| Some((place(*other)?, *weight)));
            let mut column: Column = known.collect();
            column.sort_unstable_by_key(|(other, _)| *other);
            Some((place(*title)?, column))
        });
        ridge.as_trained().refreshed(catalog.len(), columns)
    }

    /// By title, its place in `catalog`.
    fn places(&self, catalog: &Catalog) -> Vec<Option<TitleIndex>> {
        self.catalog.titles().iter().map(|video: &VideoId| catalog.index(*video)).collect()
    }
}
