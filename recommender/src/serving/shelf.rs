//! A model, the titles that there are now, and what is known of them.

use crate::{
    model::{Catalog, Ranker, TitleIndex, content},
    pipeline::features,
    repository::Packed,
};
use marquee_backends::db::{facts::TitleFacts, taste::ProfileRules};
use marquee_core::id::{ModelId, VideoId};
use std::collections::HashMap;
use time::OffsetDateTime;

/// Titles in service. Those that the model knows have its indices, newer ones follow: they are judged by what is known of them.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    model: Option<ModelId>,
    catalog: Catalog,
    ranker: Ranker,
    /// By title; `None` of what can no longer be played.
    facts: Vec<Option<Facts>>,
    /// The newest first.
    newest: Vec<TitleIndex>,
    /// What changes with the titles.
    titles: String,
    /// Counts what was in service before, so that no answer outlives what it was made of; 0: nothing was built yet.
    generation: u64,
}

/// What is known of a title.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Lower case.
    pub(super) genres: Vec<String>,
    language: Option<String>,
    maturity_age: Option<i16>,
    territories: Option<Vec<String>>,
    available_from: Option<OffsetDateTime>,
    available_until: Option<OffsetDateTime>,
}

impl Shelf {
    /// With `packed`, or the model that was there, and the titles of `facts`, the newest first.
    pub(super) fn next(&self, packed: Option<Packed>, facts: &[TitleFacts], titles: String, dial: f32) -> Self {
        let (model, catalog, ranker) = match packed {
            Some(packed) => (Some(packed.card.id), packed.catalog, packed.ranker),
            None => (self.model, self.catalog.clone(), self.ranker.clone()),
        };
        let by_id: HashMap<VideoId, &TitleFacts> = facts.iter().map(|facts| (facts.id, facts)).collect();
        let all = catalog.titles().iter().copied().chain(facts.iter().map(|facts| facts.id));
        let catalog = Catalog::new(all);
        let known = |video: &VideoId| by_id.get(video).copied();
        let mut ranker = Ranker { dial, ..ranker };
        ranker.terms.popularity = ranker.terms.popularity.extended(catalog.len());
        let features: Vec<_> = catalog.titles().iter().map(|video| known(video).map(features).unwrap_or_default()).collect();
        ranker.terms.content = content::train(&features);
        Self {
            model,
            ranker,
            newest: facts.iter().filter_map(|facts| catalog.index(facts.id)).collect(),
            facts: catalog.titles().iter().map(|video| known(video).map(Facts::new)).collect(),
            catalog,
            titles,
            generation: self.generation + 1,
        }
    }

    pub(super) fn is_built(&self) -> bool {
        self.generation > 0
    }

    /// Whether it was built of titles that are as they were.
    pub(super) fn shows(&self, titles: &str) -> bool {
        self.is_built() && self.titles == titles
    }

    pub(super) fn model(&self) -> Option<ModelId> {
        self.model
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(super) fn ranker(&self) -> &Ranker {
        &self.ranker
    }

    pub(super) fn newest(&self) -> &[TitleIndex] {
        &self.newest
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What is known of a title that can be played.
    pub(super) fn facts(&self, title: TitleIndex) -> Option<&Facts> {
        self.facts.get(title as usize)?.as_ref()
    }
}

impl Facts {
    fn new(facts: &TitleFacts) -> Self {
        Self {
            genres: facts.genres.iter().map(|genre| genre.to_lowercase()).collect(),
            language: facts.language.as_deref().map(str::to_lowercase),
            maturity_age: facts.maturity_age,
            territories: facts.territories.clone(),
            available_from: facts.available_from,
            available_until: facts.available_until,
        }
    }

    /// Whether the rules of a profile, in lower case, let it see this title at `now`.
    pub(super) fn fits(&self, rules: &ProfileRules, now: OffsetDateTime) -> bool {
        let old_enough = rules.maturity_age_max.is_none_or(|most| self.maturity_age.is_some_and(|age| age <= most));
        let hidden = rules.genres_hidden.iter().any(|genre| self.has_genre(genre));
        let is_out = self.available_from.is_none_or(|from| from <= now) && self.available_until.is_none_or(|until| now < until);
        old_enough && !hidden && is_out
    }

    /// Whether it has `genre`, in lower case.
    pub(super) fn has_genre(&self, genre: &str) -> bool {
        self.genres.iter().any(|known| *known == genre)
    }

    /// Whether it is in `language`, in lower case; `en` is any English.
    pub(super) fn is_in(&self, language: &str) -> bool {
        let rest = self.language.as_deref().and_then(|known| known.strip_prefix(language));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    pub(super) fn may_be_shown_in(&self, territory: &str) -> bool {
        self.territories.as_ref().is_none_or(|known| known.iter().any(|known| known.eq_ignore_ascii_case(territory)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn facts() -> Facts {
        Facts {
            genres: vec!["horror".to_owned()],
            language: Some("en-gb".to_owned()),
            maturity_age: Some(12),
            territories: Some(vec!["AT".to_owned()]),
            available_from: None,
            available_until: None,
        }
    }

    #[test]
    fn rules_hold_and_what_is_not_rated_is_not_for_kids() {
        let kids = |most| ProfileRules { maturity_age_max: Some(most), genres_hidden: Vec::new() };
        assert!(facts().fits(&kids(12), NOW) && !facts().fits(&kids(11), NOW));
        assert!(!Facts { maturity_age: None, ..facts() }.fits(&kids(18), NOW));
        assert!(Facts { maturity_age: None, ..facts() }.fits(&ProfileRules::default(), NOW));
        let hidden = ProfileRules { maturity_age_max: None, genres_hidden: vec!["horror".to_owned()] };
        assert!(!facts().fits(&hidden, NOW));
    }

    #[test]
    fn windows_languages_and_territories() {
        let rules = ProfileRules::default();
        assert!(!Facts { available_from: Some(NOW + Duration::SECOND), ..facts() }.fits(&rules, NOW));
        assert!(Facts { available_from: Some(NOW), ..facts() }.fits(&rules, NOW));
        assert!(!Facts { available_until: Some(NOW), ..facts() }.fits(&rules, NOW));
        assert!(facts().is_in("en") && facts().is_in("en-gb") && !facts().is_in("e") && !facts().is_in("de"));
        assert!(facts().may_be_shown_in("at") && !facts().may_be_shown_in("DE"));
        assert!(Facts { territories: None, ..facts() }.may_be_shown_in("DE"));
    }
}
