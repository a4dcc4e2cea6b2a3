//! A model, the titles that there are now, and what is known of them.

use super::{answer::Ask, genres::Genres};
use crate::{
    model::{Catalog, Ranker, TitleIndex, content},
    pipeline::features,
    repository::{Packed, PackedDelta},
};
use fixedbitset::FixedBitSet;
use marquee_backends::db::{facts::TitleFacts, taste::ProfileRules};
use marquee_core::id::{DeltaId, ModelId, VideoId};
use moka::sync::Cache;
use std::{collections::HashMap, sync::Arc};
use time::OffsetDateTime;

/// Rules and wishes of which it is kept what they let through.
const FILTERS_MAX: u64 = 256;
/// Titles for each one that changed, below which likeness is found anew for all.
const MUCH: usize = 20;
/// Watches below which little is known of a title.
const LITTLE_KNOWN: f32 = 20.0;

/// Titles in service. Those that the model knows have its indices, newer ones follow: they are judged by what is known of them.
#[derive(Clone, Debug)]
pub struct Shelf {
    model: Option<ModelId>,
    /// What was learned since that was trained.
    learned: Option<(DeltaId, Arc<PackedDelta>)>,
    catalog: Catalog,
    ranker: Ranker,
    /// By title; `None` of what can no longer be played.
    facts: Arc<[Option<Facts>]>,
    genres: Arc<Genres>,
    /// The newest first.
    newest: Vec<TitleIndex>,
    /// Titles that were hardly watched yet.
    little_known: FixedBitSet,
    /// What changes with the titles.
    titles: String,
    /// Counts what was in service before, so that no answer outlives what it was made of; 0: nothing was built yet.
    generation: u64,
    allowed: Cache<Filter, Arc<Allowed>>,
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

/// What is looked at to know whether a title may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Filter {
    rules: ProfileRules,
    genre: Option<String>,
    language: Option<String>,
    territory: Option<String>,
}

/// Titles that a filter lets through.
#[derive(Debug)]
pub(super) struct Allowed {
    titles: FixedBitSet,
    /// From when on that is so, and until when: then a title comes or goes.
    from: OffsetDateTime,
    until: Option<OffsetDateTime>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            model: None,
            learned: None,
            catalog: Catalog::default(),
            ranker: Ranker::default(),
            facts: Arc::default(),
            genres: Arc::default(),
            newest: Vec::new(),
            little_known: FixedBitSet::new(),
            titles: String::new(),
            generation: 0,
            allowed: Cache::new(FILTERS_MAX),
        }
    }
}

impl Shelf {
    /// With `packed`, or the model that was there, and the titles of `facts`, the newest first.
    #[must_use]
    pub fn next(&self, packed: Option<Packed>, facts: &[TitleFacts], titles: String) -> Self {
        let (model, learned, catalog, mut ranker) = match packed {
            Some(packed) => (Some(packed.card.id), None, packed.catalog, packed.ranker),
            None => (self.model, self.learned.clone(), self.catalog.clone(), self.ranker.clone()),
        };
        let by_id: HashMap<VideoId, &TitleFacts> = facts.iter().map(|facts| (facts.id, facts)).collect();
        let all = catalog.titles().iter().copied().chain(facts.iter().map(|facts| facts.id));
        let catalog = Catalog::new(all);
        let known = |video: &VideoId| by_id.get(video).copied();
        ranker.terms.popularity = ranker.terms.popularity.extended(catalog.len());
        let features: Vec<_> = catalog.titles().iter().map(|video| known(video).map(features).unwrap_or_default()).collect();
        let prints: Vec<u64> = features.iter().map(content::Features::print).collect();
        // What nobody knew yet, or is known to be otherwise now; what is gone is not looked at.
        let changed = |title: &TitleIndex| {
            let at = *title as usize;
            by_id.contains_key(&catalog.titles()[at]) && ranker.terms.prints.get(at) != Some(&prints[at])
        };
        let changed: Vec<TitleIndex> = (0..catalog.len() as TitleIndex).filter(changed).collect();
        if !changed.is_empty() {
            let is_little = changed.len() * MUCH <= catalog.len();
            let content = &mut ranker.terms.content;
            *content = if is_little { content::refresh(content, &features, &changed) } else { content::train(&features) };
            ranker.terms.prints = prints.into();
        }
        let newest = facts.iter().filter_map(|facts| catalog.index(facts.id)).collect();
        let facts: Arc<[Option<Facts>]> = catalog.titles().iter().map(|video| known(video).map(Facts::new)).collect();
        let of_titles = facts.iter().map(|facts| facts.as_ref().map_or(&[][..], |facts| &facts.genres));
        let genres = Genres::new(of_titles, |title| ranker.terms.popularity.ever(title));
        let next = Self {
            model,
            learned,
            little_known: little_known(&ranker),
            ranker,
            newest,
            genres: Arc::new(genres),
            facts,
            catalog,
            titles,
            generation: self.generation + 1,
            allowed: Cache::new(FILTERS_MAX),
        };
        // Titles may have come of which something was learned already.
        match next.learned.clone() {
            Some((id, learned)) => next.with(id, learned),
            None => next,
        }
    }

    /// The same with what was learned since its model was trained.
    #[must_use]
    pub fn with(&self, id: DeltaId, learned: Arc<PackedDelta>) -> Self {
        let mut next = self.clone();
        let terms = &mut next.ranker.terms;
        terms.popularity = learned.delta.counted(std::mem::take(&mut terms.popularity), &next.catalog);
        terms.ridge = learned.delta.solved(&terms.ridge, &next.catalog);
        next.little_known = little_known(&next.ranker);
        next.learned = Some((id, learned));
        next.generation += 1;
        next
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

    /// What was learned since its model was trained.
    pub(super) fn learned(&self) -> Option<DeltaId> {
        self.learned.as_ref().map(|(id, _)| *id)
    }

    /// What was watched by then it knows; `None`: what its model was trained on.
    pub(super) fn known_at(&self) -> Option<OffsetDateTime> {
        self.learned.as_ref().map(|(_, learned)| learned.known_at)
    }

    /// Its titles.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(super) fn ranker(&self) -> &Ranker {
        &self.ranker
    }

    pub(super) fn genres(&self) -> &Genres {
        &self.genres
    }

    pub(super) fn newest(&self) -> &[TitleIndex] {
        &self.newest
    }

    pub(super) fn little_known(&self) -> &FixedBitSet {
        &self.little_known
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// What is known of a title that can be played.
    pub(super) fn facts(&self, title: TitleIndex) -> Option<&Facts> {
        self.facts.get(title as usize)?.as_ref()
    }

    /// Titles that `rules`, in lower case, and the wishes of `ask` let through at `now`: looked for once, since every row asks for all
    /// of them, and many profiles have the same rules.
    pub(super) fn allowed(&self, rules: &ProfileRules, ask: &Ask, now: OffsetDateTime) -> Arc<Allowed> {
        let filter = Filter {
            rules: rules.clone(),
            genre: ask.genre.clone(),
            language: ask.language.clone(),
            territory: ask.territory.clone(),
        };
        if let Some(allowed) = self.allowed.get(&filter).filter(|allowed| allowed.holds_at(now)) {
            return allowed;
        }
        let allowed = Arc::new(Allowed::new(&self.facts, &filter, now));
        self.allowed.insert(filter, allowed.clone());
        allowed
    }
}

/// Titles that were hardly watched yet.
fn little_known(ranker: &Ranker) -> FixedBitSet {
    let popularity = &ranker.terms.popularity;
    (0..ranker.terms.titles()).filter(|title| popularity.ever(*title as TitleIndex) < LITTLE_KNOWN).collect()
}

impl Allowed {
    fn new(facts: &[Option<Facts>], filter: &Filter, now: OffsetDateTime) -> Self {
        let mut titles = FixedBitSet::with_capacity(facts.len());
        let mut until: Option<OffsetDateTime> = None;
        for (title, facts) in facts.iter().enumerate() {
            let Some(facts) = facts.as_ref().filter(|facts| filter.wants(facts)) else { continue };
            titles.set(title, facts.is_out(now));
            let next = facts.changes_after(now);
            until = until.into_iter().chain(next).min();
        }
        Self { titles, from: now, until }
    }

    fn holds_at(&self, now: OffsetDateTime) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// All of them.
    pub(super) fn titles(&self) -> &FixedBitSet {
        &self.titles
    }
}

impl Filter {
    fn wants(&self, facts: &Facts) -> bool {
        facts.fits(&self.rules)
            && self.genre.as_deref().is_none_or(|genre| facts.has_genre(genre))
            && self.language.as_deref().is_none_or(|language| facts.is_in(language))
            && self.territory.as_deref().is_none_or(|territory| facts.may_be_shown_in(territory))
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

    /// Whether the rules of a profile, in lower case, let it see this title.
    fn fits(&self, rules: &ProfileRules) -> bool {
        let old_enough = rules.maturity_age_max.is_none_or(|most| self.maturity_age.is_some_and(|age| age <= most));
        old_enough && !rules.genres_hidden.iter().any(|genre| self.has_genre(genre))
    }

    /// Whether it may be shown at `now`, to whomever.
    fn is_out(&self, now: OffsetDateTime) -> bool {
        self.available_from.is_none_or(|from| from <= now) && self.available_until.is_none_or(|until| now < until)
    }

    /// When it comes or goes next.
    fn changes_after(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        [self.available_from, self.available_until].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Whether it has `genre`, in lower case.
    fn has_genre(&self, genre: &str) -> bool {
        self.genres.iter().any(|known| *known == genre)
    }

    /// Whether it is in `language`, in lower case; `en` is any English.
    fn is_in(&self, language: &str) -> bool {
        let rest = self.language.as_deref().and_then(|known| known.strip_prefix(language));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    fn may_be_shown_in(&self, territory: &str) -> bool {
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
        assert!(facts().fits(&kids(12)) && !facts().fits(&kids(11)));
        assert!(!Facts { maturity_age: None, ..facts() }.fits(&kids(18)));
        assert!(Facts { maturity_age: None, ..facts() }.fits(&ProfileRules::default()));
        let hidden = ProfileRules { maturity_age_max: None, genres_hidden: vec!["horror".to_owned()] };
        assert!(!facts().fits(&hidden));
    }

    #[test]
    fn windows_languages_and_territories() {
        assert!(!Facts { available_from: Some(NOW + Duration::SECOND), ..facts() }.is_out(NOW));
        assert!(Facts { available_from: Some(NOW), ..facts() }.is_out(NOW));
        assert!(!Facts { available_until: Some(NOW), ..facts() }.is_out(NOW));
        assert!(facts().is_in("en") && facts().is_in("en-gb") && !facts().is_in("e") && !facts().is_in("de"));
        assert!(facts().may_be_shown_in("at") && !facts().may_be_shown_in("DE"));
        assert!(Facts { territories: None, ..facts() }.may_be_shown_in("DE"));
    }

    #[test]
    fn what_is_kept_of_a_filter_holds_until_a_title_comes_or_goes() {
        let (soon, later) = (NOW + Duration::minutes(5), NOW + Duration::minutes(9));
        let coming = Facts { available_from: Some(soon), available_until: Some(later), ..facts() };
        let shelf = Shelf { facts: vec![Some(facts()), Some(coming), None].into(), ..Shelf::default() };
        let allowed = |now| shelf.allowed(&ProfileRules::default(), &Ask::default(), now);
        let titles = |now| allowed(now).titles().ones().collect::<Vec<_>>();
        assert_eq!(titles(NOW), [0]);
        assert!(Arc::ptr_eq(&allowed(NOW), &allowed(soon - Duration::SECOND)), "looked for once");
        assert_eq!((titles(soon), titles(later)), (vec![0, 1], vec![0]));
        assert_eq!(titles(NOW), [0], "a clock that goes back is believed");
        let in_english = Ask { language: Some("de".to_owned()), ..Ask::default() };
        assert_eq!(shelf.allowed(&ProfileRules::default(), &in_english, NOW).titles().count_ones(..), 0);
    }
}
