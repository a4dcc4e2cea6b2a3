//! What an answer costs in process: everything of a request but the database.

use super::results::tell;
use marquee_backends::db::{facts::TitleFacts, taste::ProfileRules};
use marquee_core::{
    Random, SeededRandom,
    config::Recommender as Config,
    id::{ModelId, VideoId},
};
use marquee_recommender::{
    data::Interactions,
    experiment::Settings,
    model::{Catalog, History, Ranker, Scratch, Terms, Watched},
    repository::{Card, Packed},
    serving::{Ask, RowKind, Shelf, Viewer, rows},
    train::Choices,
};
use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// Titles of a history that is asked for.
const HISTORY_TITLES: usize = 100;
/// Requests that are timed.
const REQUESTS: usize = 5_000;
/// Titles of a row.
const COUNT: usize = 20;
const GENRES: [&str; 12] = [
    "drama",
    "comedy",
    "documentary",
    "thriller",
    "crime",
    "animation",
    "family",
    "adventure",
    "romance",
    "music",
    "history",
    "war",
];

/// Times lists of twenty for histories of a hundred titles: with rules, a territory, variety, draws of what is hardly known, and a reason
/// for each title.
pub(super) fn answers(watches: &Interactions, terms: Terms) -> bool {
    let shelf = shelf(watches, terms);
    let mut scratch = Scratch::default();
    let ask = Ask { count: COUNT, row: Some(RowKind::Top), territory: Some("AT".to_owned()), ..Ask::default() };
    let mut list = |viewer: &Viewer| {
        let begun = Instant::now();
        let rows = rows(&shelf, viewer, &ask, &mut scratch);
        (rows, begun.elapsed().as_secs_f64() * 1000.0)
    };
    let (mut first, mut next, mut changed) = (Vec::new(), Vec::new(), 0);
    for request in 0..REQUESTS {
        let titles = history(watches, request);
        let before = list(&viewer(&titles[1..], request));
        assert_eq!(before.0[0].items.len(), COUNT, "a whole row");
        first.push(before.1);
        // The next title was watched: nothing is trained, and the list is another one.
        let after = list(&viewer(&titles, request));
        next.push(after.1);
        changed += usize::from(before.0[0].items != after.0[0].items);
    }
    let share = changed as f64 / REQUESTS as f64;
    told("a list", first, [0.3, 1.0])
        & told("the next list after a watch", next, [5.0, 5.0])
        & tell(&format!("which is another one in {share:.3} of all cases, at least 0.95"), share >= 0.95)
}

fn told(what: &str, mut times_ms: Vec<f64>, [p50_max, p99_max]: [f64; 2]) -> bool {
    times_ms.sort_unstable_by(f64::total_cmp);
    let (p50, p99) = (times_ms[times_ms.len() / 2], times_ms[times_ms.len() * 99 / 100]);
    tell(
        &format!("{what}: {p50:.3} ms (p50), at most {p50_max}; {p99:.3} ms (p99), at most {p99_max}"),
        p50 <= p50_max && p99 <= p99_max,
    )
}

/// The newest first. Several profiles of one taste together have a history that is long enough.
fn history(watches: &Interactions, request: usize) -> Vec<u32> {
    let profiles = (0..30).map(|number| request % 400 + 400 * number);
    profiles.flat_map(|profile| watches.rows().row(profile).0.to_vec()).take(HISTORY_TITLES + 1).collect()
}

fn viewer(titles: &[u32], request: usize) -> Viewer {
    Viewer {
        history: History::new(titles.iter().map(|title| Watched { title: *title, weight: 1.0 })),
        tastes: Vec::new(),
        rules: ProfileRules { maturity_age_max: Some(12), genres_hidden: vec!["war".to_owned()] },
        now: OffsetDateTime::UNIX_EPOCH,
        gone: HashSet::new(),
        chance: request as u64,
        settings: Settings::of(&Config::default()),
    }
}

fn shelf(watches: &Interactions, terms: Terms) -> Shelf {
    let random = SeededRandom::new(7);
    let random: &dyn Random = &random;
    let facts: Vec<TitleFacts> = (0..watches.titles()).map(|title| facts(title, random)).collect();
    let catalog = Catalog::new(facts.iter().map(|facts| facts.id));
    let card = Card {
        id: ModelId(Uuid::nil()),
        trained_at: String::new(),
        profiles: watches.profiles(),
        titles: watches.titles(),
        watches: watches.len(),
        choices: Choices::default(),
        metrics: BTreeMap::new(),
        verdict: String::new(),
    };
    let packed = Packed { card, catalog, ranker: Ranker { terms, ..Ranker::default() } };
    Shelf::default().next(Some(packed), &facts, String::new())
}

/// One to three genres, an age for most, some titles for some countries alone.
fn facts(title: usize, random: &dyn Random) -> TitleFacts {
    let any = |count: usize| ((random.unit() * count as f64) as usize).min(count - 1);
    let genres: HashSet<&str> = (0..1 + any(3)).map(|_| GENRES[any(GENRES.len())]).collect();
    TitleFacts {
        id: VideoId(Uuid::from_u128(title as u128)),
        title: format!("Title {title}"),
        genres: genres.into_iter().map(str::to_owned).collect(),
        people: vec![format!("Person {}", any(40_000))],
        year: Some(1950 + any(75) as i32),
        language: None,
        maturity_age: [None, Some(0), Some(6), Some(12), Some(16)][any(5)],
        territories: (any(10) == 0).then(|| vec!["AT".to_owned(), "DE".to_owned()]),
        description: None,
        available_from: None,
        available_until: None,
        created_at: OffsetDateTime::UNIX_EPOCH,
        ready_at: None,
    }
}
