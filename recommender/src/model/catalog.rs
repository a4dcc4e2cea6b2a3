//! Which titles a model knows, and their places in its vectors.

use super::TitleIndex;
use marquee_core::id::VideoId;
use std::collections::HashMap;

/// The titles of one model. A title's index is its rank by age: 0 is the newest, so that equal scores favour what is new.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    titles: Vec<VideoId>,
    indices: HashMap<VideoId, TitleIndex>,
}

impl Catalog {
    /// The catalogue of `titles`, newest first. A title that is named twice keeps its first place.
    #[must_use]
    pub fn new(titles: impl IntoIterator<Item = VideoId>) -> Self {
        let mut catalog = Self::default();
        titles.into_iter().map_while(|title| catalog.add(title)).for_each(drop);
        catalog
    }

    /// The place of `title`, which is put behind the others if it is not there yet; `None` if no more titles can be told apart.
    pub fn add(&mut self, title: VideoId) -> Option<TitleIndex> {
        if let Some(known) = self.index(title) {
            return Some(known);
        }
        let next = TitleIndex::try_from(self.titles.len()).ok()?;
        self.indices.insert(title, next);
        self.titles.push(title);
        Some(next)
    }

    /// Number of titles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.titles.len()
    }

    /// Whether there is no title at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.titles.is_empty()
    }

    /// All titles, in order.
    #[must_use]
    pub fn titles(&self) -> &[VideoId] {
        &self.titles
    }

    /// The place of `title`, if the model knows it.
    #[must_use]
    pub fn index(&self, title: VideoId) -> Option<TitleIndex> {
        self.indices.get(&title).copied()
    }

    /// The title at `index`.
    #[must_use]
    pub fn title(&self, index: TitleIndex) -> Option<VideoId> {
        self.titles.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn titles_and_places_are_one_to_one() {
        let title = |number: u128| VideoId(Uuid::from_u128(number));
        let catalog = Catalog::new([title(5), title(3), title(5), title(9)]);
        assert_eq!(catalog.len(), 3);
        assert_eq!([5, 3, 9, 4].map(|number| catalog.index(title(number))), [Some(0), Some(1), Some(2), None]);
        assert_eq!(catalog.title(2), Some(title(9)));
        assert_eq!(catalog.title(3), None);
    }
}
