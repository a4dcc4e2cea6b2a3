//! From what is known of a viewer to rows of titles.

use super::{
    answer::{Ask, GENRE_CHARS_MAX, Judgment, Recommendation, Row, RowKind},
    dial,
    shelf::Shelf,
};
use crate::experiment::Settings;
use crate::model::{History, Judged, Reason, Scratch, TERMS, Term, TitleIndex, Wanted, Watched, Window, place};
use marquee_backends::db::taste::{ProfileRules, TitleTaste};
use marquee_core::id::VideoId;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

/// Rows of a home page that begin with a title that was watched, and rows of genres.
const BECAUSE_ROWS: usize = 2;
const GENRE_ROWS: usize = 3;
/// Titles that a row of a home page has at least: fewer are no row.
const ROW_TITLES_MIN: usize = 2;
/// Titles among which a list is made varied, as a multiple of its length.
const VARIED_FACTOR: usize = 3;
/// New titles that are judged for their row.
const NEW_MAX: usize = 200;
/// Watches below which little is known of a title.
const LITTLE_KNOWN: f32 = 20.0;
/// Share of a finished title's taste from which on it may be liked again.
const AGAIN_WEIGHT: f32 = 0.7;

/// Whom rows are for.
pub(super) struct Viewer {
    pub(super) history: History,
    /// The newest first.
    pub(super) tastes: Vec<TitleTaste>,
    pub(super) rules: ProfileRules,
    pub(super) now: OffsetDateTime,
    /// Titles that turned out to be gone.
    pub(super) gone: HashSet<VideoId>,
    /// Where chance begins: the same until the viewer does something.
    pub(super) chance: u64,
    /// How lists are made for it.
    pub(super) settings: Settings,
}

/// Rows as they are asked for: one, or those of a home page.
pub(super) fn rows(shelf: &Shelf, viewer: &Viewer, ask: &Ask, scratch: &mut Scratch) -> Vec<Row> {
    let maker = Maker::new(shelf, viewer, ask);
    let Some(kind) = &ask.row else { return maker.home(scratch) };
    vec![Row { kind: kind.clone(), items: maker.row(kind, scratch) }]
}

struct Maker<'a> {
    shelf: &'a Shelf,
    viewer: &'a Viewer,
    ask: &'a Ask,
    /// By title, whether it may be shown, seen or not: all rows ask, some of them for every title.
    allowed: Vec<bool>,
}

impl<'a> Maker<'a> {
    fn new(shelf: &'a Shelf, viewer: &'a Viewer, ask: &'a Ask) -> Self {
        let fits = |title: usize| {
            let Some(facts) = shelf.facts(title as TitleIndex) else { return false };
            facts.fits(&viewer.rules, viewer.now)
                && ask.genre.as_deref().is_none_or(|genre| facts.has_genre(genre))
                && ask.language.as_deref().is_none_or(|language| facts.is_in(language))
                && ask.territory.as_deref().is_none_or(|territory| facts.may_be_shown_in(territory))
        };
        let mut allowed: Vec<bool> = (0..shelf.catalog().len()).map(fits).collect();
        for gone in viewer.gone.iter().filter_map(|video| shelf.catalog().index(*video)) {
            allowed[gone as usize] = false;
        }
        Self { shelf, viewer, ask, allowed }
    }

    fn home(&self, scratch: &mut Scratch) -> Vec<Row> {
        let mut kinds = vec![RowKind::Top];
        kinds.extend(self.begun_with().into_iter().map(RowKind::BecauseYouWatched));
        kinds.extend([RowKind::Trending, RowKind::New, RowKind::WatchAgain]);
        kinds.extend(self.genres().into_iter().map(RowKind::Genre));
        let rows = kinds.into_iter().map(|kind| Row { items: self.row(&kind, scratch), kind });
        rows.filter(|row| row.kind == RowKind::Top || row.items.len() >= ROW_TITLES_MIN).collect()
    }

    fn row(&self, kind: &RowKind, scratch: &mut Scratch) -> Vec<Recommendation> {
        match kind {
            RowKind::Top => self.top(scratch),
            RowKind::BecauseYouWatched(video) => self.like(*video, Reason::BecauseYouWatched { video: *video }, scratch),
            RowKind::MoreLikeThis(video) => self.like(*video, Reason::Like { video: *video }, scratch),
            RowKind::Trending => self.trending(),
            RowKind::New => self.new_ones(scratch),
            RowKind::WatchAgain => self.again(),
            RowKind::Genre(genre) => self.best(&|title| self.has_genre(title, genre), scratch),
        }
    }

    /// Whether `title` may be shown, seen or not.
    fn may(&self, title: TitleIndex) -> bool {
        self.allowed.get(title as usize).copied().unwrap_or(false)
    }

    fn is_new_to_viewer(&self, title: TitleIndex) -> bool {
        !self.viewer.history.has_seen(title) && self.may(title)
    }

    fn has_genre(&self, title: TitleIndex, genre: &str) -> bool {
        self.shelf.facts(title).is_some_and(|facts| facts.has_genre(genre))
    }

    fn shown(&self, title: TitleIndex, reason: Reason) -> Option<Recommendation> {
        self.shelf.catalog().title(title).map(|video| Recommendation { video, reason, propensity: 1.0 })
    }

    fn top(&self, scratch: &mut Scratch) -> Vec<Recommendation> {
        let items = self.best(&|_| true, scratch);
        self.with_little_known(items)
    }

    /// The best of what `also` wants, varied.
    fn best(&self, also: &dyn Fn(TitleIndex) -> bool, scratch: &mut Scratch) -> Vec<Recommendation> {
        let allowed = |title: TitleIndex| self.is_new_to_viewer(title) && also(title);
        let wanted = Wanted { allowed: &allowed, ..Wanted::any(self.ask.count * VARIED_FACTOR) };
        let best = dial::best(self.shelf.ranker(), self.viewer.settings.popularity_dial, &self.viewer.history, wanted, scratch);
        let why = |one: &Judged| self.shown(one.title, self.reason(one));
        self.varied(best).iter().filter_map(why).collect()
    }

    /// The best `count`, each next one less good the more it is like one before (J. Carbonell, J. Goldstein, "The Use of MMR", 1998).
    fn varied(&self, mut pool: Vec<Judged>) -> Vec<Judged> {
        let best = pool.first().map_or(0.0, |one| one.score.abs());
        let mut costs = vec![0.0_f32; pool.len()];
        let mut chosen: Vec<Judged> = Vec::with_capacity(self.ask.count);
        while chosen.len() < self.ask.count && !pool.is_empty() {
            let worth = |place: usize| pool[place].score - best * self.viewer.settings.variety_cost * costs[place];
            let next = (0..pool.len()).reduce(|left, right| if worth(right) > worth(left) { right } else { left }).unwrap_or(0);
            let one = pool.remove(next);
            costs.remove(next);
            for (cost, other) in costs.iter_mut().zip(&pool) {
                *cost = cost.max(self.likeness(one.title, other.title));
            }
            chosen.push(one);
        }
        chosen
    }

    /// Share of genres that two titles have in common.
    fn likeness(&self, left: TitleIndex, right: TitleIndex) -> f32 {
        let (Some(left), Some(right)) = (self.shelf.facts(left), self.shelf.facts(right)) else { return 0.0 };
        let common = left.genres.iter().filter(|genre| right.genres.contains(genre)).count();
        let all = left.genres.len() + right.genres.len() - common;
        if all == 0 { 0.0 } else { common as f32 / all as f32 }
    }

    /// Gives some places of the lower half to titles of which little is known, drawn by lot.
    fn with_little_known(&self, mut items: Vec<Recommendation>) -> Vec<Recommendation> {
        let places = (items.len() as f32 * self.viewer.settings.exploration_share) as usize;
        let popularity = &self.shelf.ranker().terms.popularity;
        let listed: HashSet<VideoId> = items.iter().map(|item| item.video).collect();
        let little =
            self.shelf.newest().iter().filter(|title| popularity.ever(**title) < LITTLE_KNOWN && self.is_new_to_viewer(**title));
        let mut pool: Vec<VideoId> = match places {
            0 => Vec::new(),
            _ => little.filter_map(|title| self.shelf.catalog().title(*title)).filter(|video| !listed.contains(video)).collect(),
        };
        let mut random = StdRng::seed_from_u64(self.viewer.chance);
        let mut lower: Vec<usize> = (items.len() / 2..items.len()).collect();
        let drawn = places.min(pool.len()).min(lower.len());
        let propensity = drawn as f32 / pool.len().max(1) as f32;
        // What may have had to go was not sure of its place either.
        let stays = 1.0 - drawn as f32 / lower.len().max(1) as f32;
        lower.iter().for_each(|place| items[*place].propensity = stays);
        for _ in 0..drawn {
            let video = pool.swap_remove(random.random_range(0..pool.len()));
            let place = lower.swap_remove(random.random_range(0..lower.len()));
            items[place] = Recommendation { video, reason: Reason::New, propensity };
        }
        items
    }

    /// What goes with one title.
    fn like(&self, video: VideoId, reason: Reason, scratch: &mut Scratch) -> Vec<Recommendation> {
        // What may not be shown is not talked about either.
        let Some(title) = self.shelf.catalog().index(video).filter(|title| self.may(*title)) else { return Vec::new() };
        let one = History::new([Watched { title, weight: 1.0 }]);
        let allowed = |other: TitleIndex| other != title && self.is_new_to_viewer(other);
        let wanted = Wanted { allowed: &allowed, is_like: true, ..Wanted::any(self.ask.count * VARIED_FACTOR) };
        let best = dial::best(self.shelf.ranker(), self.viewer.settings.popularity_dial, &one, wanted, scratch);
        let best = self.varied(best);
        best.iter().filter_map(|one| self.shown(one.title, reason)).collect()
    }

    fn trending(&self) -> Vec<Recommendation> {
        let popularity = &self.shelf.ranker().terms.popularity;
        let titles = popularity.trending_order().iter().filter(|title| self.is_new_to_viewer(**title)).take(self.ask.count);
        titles
            .filter_map(|title| self.shown(*title, Reason::Popular { window: popularity.window(*title).unwrap_or(Window::Ever) }))
            .collect()
    }

    /// What came last, the most fitting first.
    fn new_ones(&self, scratch: &mut Scratch) -> Vec<Recommendation> {
        let newest: Vec<TitleIndex> = self
            .shelf
            .newest()
            .iter()
            .copied()
            .filter(|title| self.is_new_to_viewer(*title))
            .take(NEW_MAX.max(self.ask.count))
            .collect();
        let wanted = Wanted { allowed: &|_| false, also: &newest, ..Wanted::any(0) };
        let dial = self.viewer.settings.popularity_dial;
        let mut judged = dial::judged(self.shelf.ranker(), dial, &self.viewer.history, wanted, scratch);
        let ages: HashMap<TitleIndex, usize> = newest.iter().copied().zip(0..).collect();
        // What is not told apart by taste is by age.
        judged.sort_by(|left, right| right.score.total_cmp(&left.score).then(ages[&left.title].cmp(&ages[&right.title])));
        judged.iter().take(self.ask.count).filter_map(|one| self.shown(one.title, Reason::New)).collect()
    }

    /// What was liked, what was watched longest ago first.
    fn again(&self) -> Vec<Recommendation> {
        let mut liked: Vec<&TitleTaste> = self.viewer.tastes.iter().filter(|taste| taste.finished && taste.liked >= 0).collect();
        liked.retain(|taste| taste.rating.is_none_or(|rating| rating >= AGAIN_WEIGHT));
        liked.sort_by_key(|taste| (std::cmp::Reverse(taste.liked), taste.updated_at));
        let titles = liked.iter().filter_map(|taste| self.shelf.catalog().index(taste.video)).filter(|title| self.may(*title));
        titles.take(self.ask.count).filter_map(|title| self.shown(title, Reason::WatchedBefore)).collect()
    }

    /// The reason of the term that gave a title most.
    fn reason(&self, one: &Judged) -> Reason {
        let popular = || self.shelf.ranker().terms.popularity.window(one.title).map(|window| Reason::Popular { window });
        let because = || self.strongest(one.title).map(|video| Reason::BecauseYouWatched { video });
        let most = said(one).first().filter(|(_, said)| *said > 0.0).map(|(term, _)| *term);
        let reason = match most {
            Some(Term::Popular | Term::Trending) => popular(),
            _ => because().or_else(popular),
        };
        reason.unwrap_or(Reason::New)
    }

    /// That title which was watched and liked, and may be talked about, that speaks most for `title`.
    fn strongest(&self, title: TitleIndex) -> Option<VideoId> {
        let (terms, history) = (&self.shelf.ranker().terms, &self.viewer.history);
        let mut faded = terms.recency.faded(history.newest());
        faded.retain(|watched| watched.weight > 0.0 && history.has_seen(watched.title) && self.may(watched.title));
        let found = [&terms.ridge, &terms.next, &terms.content].into_iter().find_map(|of| of.strongest(&faded, title));
        found.and_then(|title| self.shelf.catalog().title(title))
    }

    /// The newest titles that were liked.
    fn begun_with(&self) -> Vec<VideoId> {
        let liked = self
            .viewer
            .history
            .newest()
            .iter()
            .filter(|watched| watched.weight >= 0.5 && self.viewer.history.has_seen(watched.title));
        let playable = liked.filter(|watched| self.may(watched.title));
        playable.filter_map(|watched| self.shelf.catalog().title(watched.title)).take(BECAUSE_ROWS).collect()
    }

    /// The genres that the history has most of.
    fn genres(&self) -> Vec<String> {
        let mut sums: HashMap<&str, f32> = HashMap::new();
        for watched in self.viewer.history.newest() {
            let genres = self.shelf.facts(watched.title).map_or(&[][..], |facts| &facts.genres);
            genres.iter().for_each(|genre| *sums.entry(genre).or_default() += watched.weight / genres.len() as f32);
        }
        let mut sums: Vec<(&str, f32)> = sums.into_iter().filter(|(_, sum)| *sum > 0.0).collect();
        sums.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(right.0)));
        let fit = sums.into_iter().filter(|(genre, _)| genre.chars().count() <= GENRE_CHARS_MAX);
        fit.take(GENRE_ROWS).map(|(genre, _)| genre.to_owned()).collect()
    }
}

/// What each term adds, the most first.
fn said(one: &Judged) -> Vec<(Term, f32)> {
    let mut said: Vec<(Term, f32)> = TERMS.iter().map(|term| (*term, one.said[place(*term)])).collect();
    said.sort_by(|left, right| right.1.total_cmp(&left.1));
    said
}

/// What every term says of `video`.
pub(super) fn explain(shelf: &Shelf, viewer: &Viewer, video: VideoId, scratch: &mut Scratch) -> Option<Judgment> {
    let title = shelf.catalog().index(video)?;
    let ask = Ask::default();
    let maker = Maker::new(shelf, viewer, &ask);
    let allowed = |title: TitleIndex| maker.may(title);
    let wanted = Wanted { allowed: &allowed, also: &[title], ..Wanted::any(0) };
    let mut judged = dial::judged(shelf.ranker(), viewer.settings.popularity_dial, &viewer.history, wanted, scratch);
    judged.sort_by(|left, right| right.score.total_cmp(&left.score));
    let place = judged.iter().position(|one| one.title == title)?;
    let one = judged[place];
    Some(Judgment {
        place: maker.is_new_to_viewer(title).then_some(place + 1),
        among: judged.len(),
        score: one.score,
        terms: said(&one),
        reason: maker.reason(&one),
    })
}
