//! From what is known of a viewer to rows of titles.

use super::{
    answer::{Ask, GENRE_CHARS_MAX, Judgment, Recommendation, Row, RowKind},
    genres::{GenreSet, Genres},
    shelf::Shelf,
};
use crate::{
    experiment::Settings,
    model::{History, Judged, Reason, Scratch, TERMS, Term, TitleIndex, Wanted, Watched, Window, place},
};
use fixedbitset::FixedBitSet;
use marquee_backends::db::taste::{ProfileRules, TitleTaste};
use marquee_core::id::VideoId;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::index};
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

/// Rows of a home page that begin with a title that was watched, and rows of genres.
const BECAUSE_ROWS: usize = 2;
const GENRE_ROWS: usize = 3;
/// Titles that a row of a home page has at least: fewer are no row.
const ROW_TITLES_MIN: usize = 2;
/// Titles with which a row need not show any that is shown above it; where so few are left, the catalogue is too small for that.
const FRESH_TITLES_MIN: usize = 6;
/// Titles whose worth of a genre is taken to be watched as everybody does, so that a few say little.
const GENRE_PRIOR_TITLES: f32 = 3.0;
/// Titles among which a list is made varied, as a multiple of its length.
const VARIED_FACTOR: usize = 3;
/// New titles that are judged for their row.
const NEW_MAX: usize = 200;
/// Places for each one that can be drawn, above which they are listed first.
const SPARSE: usize = 16;
/// Share of a finished title's taste from which on it may be liked again.
const AGAIN_WEIGHT: f32 = 0.7;

/// Whom rows are for.
pub struct Viewer {
    /// What it watched.
    pub history: History,
    /// What it thinks of titles, the newest first.
    pub tastes: Vec<TitleTaste>,
    /// What it may not be shown, in lower case.
    pub rules: ProfileRules,
    /// As of when.
    pub now: OffsetDateTime,
    /// Titles that turned out to be gone.
    pub gone: HashSet<VideoId>,
    /// Where chance begins: the same until the viewer does something.
    pub chance: u64,
    /// How lists are made for it.
    pub settings: Settings,
}

/// Rows as they are asked for: one, or those of a home page.
#[must_use]
pub fn rows(shelf: &Shelf, viewer: &Viewer, ask: &Ask, scratch: &mut Scratch) -> Vec<Row> {
    let maker = Maker::new(shelf, viewer, ask);
    let Some(kind) = &ask.row else { return maker.home(scratch) };
    vec![Row { kind: kind.clone(), items: maker.row(kind, &maker.unseen, scratch) }]
}

struct Maker<'a> {
    shelf: &'a Shelf,
    viewer: &'a Viewer,
    ask: &'a Ask,
    /// Titles that may be shown, seen or not.
    allowed: FixedBitSet,
    /// Those of them that were not seen.
    unseen: FixedBitSet,
}

impl<'a> Maker<'a> {
    fn new(shelf: &'a Shelf, viewer: &'a Viewer, ask: &'a Ask) -> Self {
        let mut allowed = shelf.allowed(&viewer.rules, ask, viewer.now).titles().clone();
        remove(&mut allowed, viewer.gone.iter().filter_map(|video| shelf.catalog().index(*video)));
        let mut unseen = allowed.clone();
        remove(&mut unseen, viewer.history.seen().iter().copied());
        Self { shelf, viewer, ask, allowed, unseen }
    }

    fn home(&self, scratch: &mut Scratch) -> Vec<Row> {
        let mut kinds = vec![RowKind::Top];
        kinds.extend(self.begun_with().into_iter().map(RowKind::BecauseYouWatched));
        kinds.extend([RowKind::Trending, RowKind::New, RowKind::WatchAgain]);
        kinds.extend(self.genres().into_iter().map(RowKind::Genre));
        let mut left = self.unseen.clone();
        let rows = kinds.into_iter().map(|kind| Row { items: self.row_of_left(&kind, &mut left, scratch), kind });
        rows.filter(|row| row.kind == RowKind::Top || row.items.len() >= ROW_TITLES_MIN).collect()
    }

    /// A row of what is `left` by those above it, where that is enough; what many watch, what is new and what to watch again are what
    /// they are.
    fn row_of_left(&self, kind: &RowKind, left: &mut FixedBitSet, scratch: &mut Scratch) -> Vec<Recommendation> {
        let mut items = self.row(kind, left, scratch);
        if matches!(kind, RowKind::Trending | RowKind::New | RowKind::WatchAgain) {
            return items;
        }
        if items.len() < FRESH_TITLES_MIN.min(self.ask.count) && *left != self.unseen {
            items = self.row(kind, &self.unseen, scratch);
        }
        remove(left, items.iter().filter_map(|item| self.shelf.catalog().index(item.video)));
        items
    }

    /// A row; what is chosen by taste is chosen of `left`.
    fn row(&self, kind: &RowKind, left: &FixedBitSet, scratch: &mut Scratch) -> Vec<Recommendation> {
        match kind {
            RowKind::Top => {
                let items = self.best(left, scratch);
                self.with_little_known(items)
            }
            RowKind::BecauseYouWatched(video) if self.has_watched(*video) => {
                self.like(*video, Reason::BecauseYouWatched { video: *video }, left, scratch)
            }
            RowKind::BecauseYouWatched(_) => Vec::new(),
            RowKind::MoreLikeThis(video) => self.like(*video, Reason::Like { video: *video }, left, scratch),
            RowKind::Trending => self.trending(),
            RowKind::New => self.new_ones(scratch),
            RowKind::WatchAgain => self.again(),
            RowKind::Genre(genre) => self.best(&self.shelf.genres().having(genre, left), scratch),
        }
    }

    /// Whether `video` was watched, and not to the viewer's dislike.
    fn has_watched(&self, video: VideoId) -> bool {
        let history = &self.viewer.history;
        let liked = |title: TitleIndex| history.newest().iter().any(|watched| watched.title == title && watched.weight > 0.0);
        self.shelf.catalog().index(video).is_some_and(|title| history.has_seen(title) && liked(title))
    }

    /// Whether `title` may be shown, seen or not.
    fn may(&self, title: TitleIndex) -> bool {
        self.allowed.contains(title as usize)
    }

    fn is_new_to_viewer(&self, title: TitleIndex) -> bool {
        self.unseen.contains(title as usize)
    }

    fn shown(&self, title: TitleIndex, reason: Reason) -> Option<Recommendation> {
        self.shelf.catalog().title(title).map(|video| Recommendation { video, reason, propensity: 1.0 })
    }

    fn wanted(&self, count: usize) -> Wanted<'a> {
        Wanted { dial: Some(self.viewer.settings.popularity_dial), ..Wanted::any(count) }
    }

    /// The best of `allowed`, varied.
    fn best(&self, allowed: &FixedBitSet, scratch: &mut Scratch) -> Vec<Recommendation> {
        let wanted = Wanted { allowed: Some(allowed), ..self.wanted(self.ask.count * VARIED_FACTOR) };
        let best = self.shelf.ranker().best(&self.viewer.history, wanted, scratch);
        let varied = self.varied(&best);
        varied.iter().zip(self.reasons(&varied)).filter_map(|(one, reason)| self.shown(one.title, reason)).collect()
    }

    /// The best `count`, each next one less good the more it is like one before (J. Carbonell, J. Goldstein, "The Use of MMR", 1998).
    fn varied(&self, pool: &[Judged]) -> Vec<Judged> {
        let genres: Vec<GenreSet> = pool.iter().map(|one| self.shelf.genres().of(one.title)).collect();
        let cost = self.viewer.settings.variety_cost * pool.first().map_or(0.0, |one| one.score.abs());
        let mut likeness = vec![0.0_f32; pool.len()];
        let mut left: Vec<usize> = (0..pool.len()).collect();
        let mut chosen = Vec::with_capacity(self.ask.count);
        while chosen.len() < self.ask.count {
            let worth = |place: usize| pool[left[place]].score - cost * likeness[left[place]];
            let best = (0..left.len()).reduce(|one, other| if worth(other) > worth(one) { other } else { one });
            let Some(next) = best.map(|place| left.remove(place)) else { break };
            left.iter().for_each(|place| likeness[*place] = likeness[*place].max(Genres::likeness(genres[next], genres[*place])));
            chosen.push(pool[next]);
        }
        chosen
    }

    /// Gives some places of the lower half to titles of which little is known, drawn by lot.
    fn with_little_known(&self, mut items: Vec<Recommendation>) -> Vec<Recommendation> {
        let places = (items.len() as f32 * self.viewer.settings.exploration_share) as usize;
        if places == 0 {
            return items;
        }
        let mut pool = self.shelf.little_known() & &self.unseen;
        remove(&mut pool, items.iter().filter_map(|item| self.shelf.catalog().index(item.video)));
        let size = pool.count_ones(..);
        let mut random = StdRng::seed_from_u64(self.viewer.chance);
        let mut lower: Vec<usize> = (items.len() / 2..items.len()).collect();
        let drawn = places.min(size).min(lower.len());
        let propensity = drawn as f32 / size.max(1) as f32;
        // What may have had to go was not sure of its place either.
        let stays = 1.0 - drawn as f32 / lower.len().max(1) as f32;
        lower.iter().for_each(|place| items[*place].propensity = stays);
        let drawn = drawn_from(&pool, drawn, &mut random);
        for video in drawn.into_iter().filter_map(|title| self.shelf.catalog().title(title)) {
            let place = lower.swap_remove(random.random_range(0..lower.len()));
            items[place] = Recommendation { video, reason: Reason::New, propensity };
        }
        items
    }

    /// What of `left` goes with one title.
    fn like(&self, video: VideoId, reason: Reason, left: &FixedBitSet, scratch: &mut Scratch) -> Vec<Recommendation> {
        // What may not be shown is not talked about either.
        let Some(title) = self.shelf.catalog().index(video).filter(|title| self.may(*title)) else { return Vec::new() };
        let one = History::new([Watched { title, weight: 1.0 }]);
        // What goes with it is not itself, which is all that this history has seen.
        let wanted = Wanted { allowed: Some(left), is_like: true, ..self.wanted(self.ask.count * VARIED_FACTOR) };
        let best = self.shelf.ranker().best(&one, wanted, scratch);
        let best = self.varied(&best);
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
        let nothing = FixedBitSet::new();
        let wanted = Wanted { allowed: Some(&nothing), also: &newest, ..self.wanted(0) };
        let mut judged = self.shelf.ranker().judged(&self.viewer.history, wanted, scratch);
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

    /// For each title the reason of the term that gave it most.
    fn reasons(&self, judged: &[Judged]) -> Vec<Reason> {
        let popularity = &self.shelf.ranker().terms.popularity;
        let because = self.strongest(judged);
        let reason = |(one, because): (&Judged, Option<VideoId>)| {
            let popular = popularity.window(one.title).map(|window| Reason::Popular { window });
            let because = because.map(|video| Reason::BecauseYouWatched { video });
            let most = said(one).first().filter(|(_, said)| *said > 0.0).map(|(term, _)| *term);
            let reason = match most {
                Some(Term::Popular | Term::Trending) => popular,
                _ => because.or(popular),
            };
            reason.unwrap_or(Reason::New)
        };
        judged.iter().zip(because).map(reason).collect()
    }

    /// For each title the one that was watched and liked, and may be talked about, that speaks most for it.
    fn strongest(&self, judged: &[Judged]) -> Vec<Option<VideoId>> {
        let (terms, history) = (&self.shelf.ranker().terms, &self.viewer.history);
        let mut faded = terms.recency.faded(history.newest());
        faded.retain(|watched| watched.weight > 0.0 && history.has_seen(watched.title) && self.may(watched.title));
        let titles: Vec<TitleIndex> = judged.iter().map(|one| one.title).collect();
        let mut found = vec![None; titles.len()];
        for neighbours in [&terms.ridge, &terms.next, &terms.content] {
            if found.iter().any(Option::is_none) {
                let said = neighbours.strongest(&faded, &titles);
                found.iter_mut().zip(said).for_each(|(found, said)| *found = found.or(said));
            }
        }
        found.into_iter().map(|by| by.and_then(|by| self.shelf.catalog().title(by))).collect()
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

    /// The genres that the history has more of than everybody watches, those first that tell it most from others.
    fn genres(&self) -> Vec<String> {
        let mut sums: HashMap<&str, f32> = HashMap::new();
        for watched in self.viewer.history.newest() {
            let genres = self.shelf.facts(watched.title).map_or(&[][..], |facts| &facts.genres);
            genres.iter().for_each(|genre| *sums.entry(genre).or_default() += watched.weight / genres.len() as f32);
        }
        sums.retain(|genre, sum| *sum > 0.0 && genre.chars().count() <= GENRE_CHARS_MAX);
        let all: f32 = sums.values().sum();
        let telling = |genre: &str, sum: f32| telling(sum, all * self.shelf.genres().share(genre));
        let mut genres: Vec<(&str, f32, f32)> = sums.into_iter().map(|(genre, sum)| (genre, telling(genre, sum), sum)).collect();
        genres
            .sort_by(|left, right| right.1.total_cmp(&left.1).then(right.2.total_cmp(&left.2)).then_with(|| left.0.cmp(right.0)));
        genres.into_iter().take(GENRE_ROWS).map(|(genre, ..)| genre.to_owned()).collect()
    }
}

/// What a genre that counts `sum` in a history, where everybody's would have `expected` of it, adds to the divergence of the two
/// (Kullback and Leibler; as between histories and lists in H. Steck, "Calibrated Recommendations", RecSys 2018); 0 if that is no
/// more. A few titles are no surprise.
fn telling(sum: f32, expected: f32) -> f32 {
    let lift = (sum + GENRE_PRIOR_TITLES) / (expected + GENRE_PRIOR_TITLES);
    (sum * lift.ln()).max(0.0)
}

fn remove(from: &mut FixedBitSet, titles: impl Iterator<Item = TitleIndex>) {
    for title in titles {
        if (title as usize) < from.len() {
            from.remove(title as usize);
        }
    }
}

/// `count` of `pool` by lot, each as likely as any other.
fn drawn_from(pool: &FixedBitSet, count: usize, random: &mut StdRng) -> Vec<TitleIndex> {
    let size = pool.count_ones(..);
    // Where there are many, any place soon hits one; where there are few, they are soon listed.
    if size < 2 * count || size * SPARSE < pool.len() {
        let all: Vec<TitleIndex> = pool.ones().map(|title| title as TitleIndex).collect();
        return index::sample(random, size, count.min(size)).iter().map(|lot| all[lot]).collect();
    }
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let title = random.random_range(0..pool.len());
        if pool.contains(title) && !drawn.contains(&(title as TitleIndex)) {
            drawn.push(title as TitleIndex);
        }
    }
    drawn
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
    let wanted = Wanted { allowed: Some(&maker.allowed), also: &[title], ..maker.wanted(0) };
    let mut judged = shelf.ranker().judged(&viewer.history, wanted, scratch);
    judged.sort_by(|left, right| right.score.total_cmp(&left.score));
    let place = judged.iter().position(|one| one.title == title)?;
    let one = judged[place];
    let reason = maker.reasons(&[one]).pop().unwrap_or(Reason::New);
    Some(Judgment {
        place: maker.is_new_to_viewer(title).then_some(place + 1),
        among: judged.len(),
        score: one.score,
        terms: said(&one),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genres_tell_by_what_is_more_than_expected() {
        assert!(telling(10.0, 5.0) > telling(6.0, 5.0) && telling(6.0, 5.0) > 0.0);
        assert_eq!((telling(5.0, 5.0), telling(3.0, 10.0)), (0.0, 0.0));
        assert!(telling(1.0, 0.01) < telling(10.0, 5.0), "one title of a rare genre is no taste");
    }

    #[test]
    fn each_one_is_as_likely_to_be_drawn_wherever_it_lies() {
        let mut random = StdRng::seed_from_u64(1);
        // Few among many, many among few, and all of them.
        for (every, length, count) in [(50, 1_000, 3), (2, 60, 3), (1, 5, 9)] {
            let pool: FixedBitSet = (0..length).filter(|title| title % every == 0).collect();
            let size = pool.count_ones(..);
            let mut times = vec![0_usize; length];
            for _ in 0..4_000 {
                let drawn = drawn_from(&pool, count, &mut random);
                assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), count.min(size), "none twice");
                drawn.iter().for_each(|title| times[*title as usize] += 1);
            }
            let mean = (4_000 * count.min(size) / size) as f64;
            let even = |title: usize| (times[title] as f64 - mean).abs() <= 5.0 * mean.sqrt();
            assert!((0..length).all(|title| if pool.contains(title) { even(title) } else { times[title] == 0 }), "{times:?}");
        }
    }
}
