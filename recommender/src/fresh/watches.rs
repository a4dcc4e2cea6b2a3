//! Who likes what, as it is now.

use crate::{
    data::{Interaction, Sparse},
    model::{Catalog, HISTORY_TITLES_MAX, TitleIndex},
};
use marquee_core::id::{ProfileId, VideoId};
use std::collections::HashMap;

/// What a profile thinks of a title.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taste {
    /// Who.
    pub profile: ProfileId,
    /// What.
    pub video: VideoId,
    /// How much it says, below 0 of what is disliked.
    pub weight: f32,
    /// When the newest of what happened, in seconds since 1970.
    pub at: i64,
}

/// One title of a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Watch {
    title: TitleIndex,
    weight: f32,
    at: i64,
}

/// The newest titles of each profile, as many as a training looks at. Whatever is counted is counted from these, so that no error adds up.
#[derive(Debug, Default)]
pub struct Watches {
    catalog: Catalog,
    profiles: HashMap<ProfileId, u32>,
    rows: Vec<Vec<Watch>>,
    /// Titles in all rows.
    len: usize,
}

impl Watches {
    /// None yet of these titles.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog, ..Self::default() }
    }

    /// The titles that are counted.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Counts a title from now on.
    pub fn know(&mut self, video: VideoId) {
        self.catalog.add(video);
    }

    /// Pairs of profile and title.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts `taste` in the place of what the profile thought of the title before. False if nothing changed, or the title is not counted.
    pub fn take(&mut self, taste: Taste) -> bool {
        let Some(title) = self.catalog.index(taste.video).filter(|_| taste.weight.is_finite()) else { return false };
        let watch = Watch { title, weight: taste.weight, at: taste.at };
        let next = self.rows.len() as u32;
        let place = *self.profiles.entry(taste.profile).or_insert(next);
        if place == next {
            self.rows.push(Vec::new());
        }
        let row = &mut self.rows[place as usize];
        if let Some(known) = row.iter_mut().find(|known| known.title == title) {
            let is_new = *known != watch;
            *known = watch;
            return is_new;
        }
        if row.len() < HISTORY_TITLES_MAX {
            row.push(watch);
            self.len += 1;
            return true;
        }
        // The oldest goes, which may be the one that comes.
        let oldest = row.iter_mut().min_by_key(|known| known.at).filter(|oldest| oldest.at <= watch.at);
        let is_newer = oldest.is_some();
        oldest.into_iter().for_each(|oldest| *oldest = watch);
        is_newer
    }

    /// What was liked, by profile.
    #[must_use]
    pub fn liked(&self) -> Sparse {
        let row = |row: &Vec<Watch>| {
            row.iter().filter(|watch| watch.weight > 0.0).map(|watch| (watch.title, watch.weight)).collect::<Vec<_>>()
        };
        Sparse::from_rows(self.catalog.len(), self.rows.iter().map(row))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Interaction> + '_ {
        let of = |(profile, row): (u32, &'_ Vec<Watch>)| {
            let one = move |watch: &Watch| Interaction { profile, title: watch.title, at: watch.at, weight: watch.weight };
            row.iter().map(one).collect::<Vec<_>>()
        };
        (0..).zip(&self.rows).flat_map(of)
    }
}
