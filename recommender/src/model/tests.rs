//! The whole model on generated profiles whose tastes are known.

use super::*;
use marquee_core::id::ProfileId;
use marquee_core::{Random, SeededRandom};
use std::collections::HashSet;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);
const TASTES: usize = 8;
const TITLES: usize = 240;

fn video(number: usize) -> VideoId {
    VideoId(Uuid::from_u128(number as u128))
}

/// A catalogue of eight tastes with thirty titles each, and profiles that watch mostly their own taste, popular titles first.
struct World {
    random: SeededRandom,
    watches: Vec<Watch>,
    /// Per profile: its taste, and the title that was kept from the training.
    kept: Vec<(ProfileId, usize)>,
}

impl World {
    fn new(seed: u64, profiles: usize) -> Self {
        let mut world = Self { random: SeededRandom::new(seed), watches: Vec::new(), kept: Vec::new() };
        for number in 0..profiles {
            let profile = ProfileId(Uuid::from_u128(number as u128));
            let taste = number % TASTES;
            let mut seen = HashSet::new();
            while seen.len() < 13 {
                // One watch in five is of any taste: noise, and a reason why popularity is not worthless.
                let own = world.draw(5) > 0;
                let taste = if own { taste } else { world.draw(TASTES) };
                let title = taste * (TITLES / TASTES) + world.draw(TITLES / TASTES).min(world.draw(TITLES / TASTES));
                if !seen.insert(title) {
                    continue;
                }
                let at = NOW - Duration::hours(i64::try_from(world.draw(24 * 60)).expect("small"));
                world.watches.push(Watch { profile, video: video(title), weight: 1.0, at });
            }
            let kept = world.watches.pop().expect("13 watches");
            let title = (0..TITLES).find(|title| video(*title) == kept.video).expect("in the catalogue");
            world.kept.push((profile, title));
        }
        world
    }

    fn draw(&self, end: usize) -> usize {
        let random: &dyn Random = &self.random;
        (random.unit() * end as f64) as usize
    }

    fn catalog() -> Catalog {
        Catalog::new((0..TITLES).map(video))
    }

    fn history(&self, catalog: &Catalog, profile: ProfileId) -> History {
        let mut own: Vec<_> = self.watches.iter().filter(|watch| watch.profile == profile).collect();
        own.sort_by_key(|watch| std::cmp::Reverse(watch.at));
        History::new(catalog, own.iter().map(|watch| (watch.video, watch.weight)))
    }

    /// Share of profiles whose kept title is among the first ten.
    fn hit_rate(&self, model: &Model) -> f64 {
        let hits = self.kept.iter().filter(|(profile, title)| {
            let history = self.history(model.catalog(), *profile);
            model.recommend(&history, 10, |_| true).iter().any(|pick| pick.video == video(*title))
        });
        hits.count() as f64 / self.kept.len() as f64
    }
}

#[test]
fn item_to_item_finds_tastes_that_popularity_cannot() {
    let world = World::new(7, 800);
    let model = Model::train(World::catalog(), &world.watches, NOW);
    let popularity = Popularity::train(&World::catalog(), &world.watches, NOW);
    let baseline = Model::new(World::catalog(), vec![(Blend::Constant(1.0), Box::new(popularity))]);
    let (model, baseline) = (world.hit_rate(&model), world.hit_rate(&baseline));
    assert!(baseline > 0.02 && model > 0.3, "model {model}, popularity {baseline}");
    assert!(model > 4.0 * baseline, "model {model}, popularity {baseline}");
}

#[test]
fn the_latest_click_changes_the_list_and_its_reason() {
    let world = World::new(8, 400);
    let model = Model::train(World::catalog(), &world.watches, NOW);
    let catalog = model.catalog();
    let list = |watched: &[usize]| {
        let history = History::new(catalog, watched.iter().map(|title| (video(*title), 1.0)));
        model.recommend(&history, 10, |_| true)
    };
    let own_taste = |picks: &[Pick], taste: usize| {
        let size = TITLES / TASTES;
        picks.iter().filter(|pick| (taste * size..(taste + 1) * size).any(|title| video(title) == pick.video)).count()
    };
    let before = list(&[1, 4, 9]);
    let after = list(&[95, 1, 4, 9]);
    assert_ne!(before, after);
    assert!(own_taste(&before, 0) >= 8, "{before:?}");
    assert!(own_taste(&after, 3) > own_taste(&before, 3), "{after:?}");
    assert!(after.iter().any(|pick| pick.reason == Reason::BecauseYouWatched { video: video(95) }), "{after:?}");
}

#[test]
fn without_a_history_the_list_is_what_is_popular() {
    let world = World::new(9, 200);
    let model = Model::train(World::catalog(), &world.watches, NOW);
    let picks = model.recommend(&History::default(), 5, |_| true);
    assert_eq!(picks.len(), 5);
    assert!(picks.iter().all(|pick| matches!(pick.reason, Reason::Popular { .. })), "{picks:?}");
}

#[test]
fn without_any_watch_the_list_is_what_is_new() {
    let model = Model::train(World::catalog(), &[], NOW);
    let picks = model.recommend(&History::default(), 3, |_| true);
    let expected: Vec<_> = (0..3).map(|title| Pick { video: video(title), reason: Reason::New }).collect();
    assert_eq!(picks, expected);
    assert!(Model::train(Catalog::default(), &world_of_strangers(), NOW).recommend(&History::default(), 3, |_| true).is_empty());
}

/// Watches of titles that no catalogue knows.
fn world_of_strangers() -> Vec<Watch> {
    let profile = ProfileId(Uuid::from_u128(1));
    (5_000..5_010).map(|title| Watch { profile, video: video(title), weight: 1.0, at: NOW }).collect()
}

#[test]
fn filters_hold_for_any_input_and_cost_no_place() {
    let world = World::new(10, 60);
    let model = Model::train(World::catalog(), &world.watches, NOW);
    for round in 0..300 {
        let watched: Vec<usize> = (0..world.draw(40)).map(|_| world.draw(TITLES + 20)).collect();
        let weights = [1.0, 0.3, 0.0, f32::NAN, f32::NEG_INFINITY];
        let pairs = watched.iter().map(|title| (video(*title), weights[world.draw(weights.len())]));
        let history = History::new(model.catalog(), pairs);
        let denied: HashSet<VideoId> = (0..world.draw(TITLES * 2)).map(|_| video(world.draw(TITLES))).collect();
        let count = world.draw(30);
        let picks = model.recommend(&history, count, |video| !denied.contains(&video));
        let left = (0..TITLES).filter(|title| !watched.contains(title) && !denied.contains(&video(*title))).count();
        assert_eq!(picks.len(), count.min(left), "round {round}");
        let distinct: HashSet<_> = picks.iter().map(|pick| pick.video).collect();
        assert_eq!(distinct.len(), picks.len(), "round {round}");
        for pick in &picks {
            assert!(!denied.contains(&pick.video) && watched.iter().all(|title| video(*title) != pick.video), "round {round}");
            if let Reason::BecauseYouWatched { video: because } = pick.reason {
                assert!(watched.iter().any(|title| video(*title) == because), "round {round}");
            }
        }
    }
}

#[test]
fn the_same_watches_in_any_order_give_the_same_lists() {
    let world = World::new(11, 120);
    let mut shuffled = world.watches.clone();
    for place in (1..shuffled.len()).rev() {
        shuffled.swap(place, world.draw(place + 1));
    }
    let (model, again) = (Model::train(World::catalog(), &world.watches, NOW), Model::train(World::catalog(), &shuffled, NOW));
    for (profile, _) in &world.kept {
        let history = world.history(model.catalog(), *profile);
        let videos = |model: &Model| model.recommend(&history, 20, |_| true).iter().map(|pick| pick.video).collect::<Vec<_>>();
        assert_eq!(videos(&model), videos(&again));
    }
}

/// A term that says whatever it is told.
struct Told(Vec<f32>);

impl Term for Told {
    fn scores(&self, _history: &History, out: &mut [f32]) {
        out.copy_from_slice(&self.0);
    }

    fn reason(&self, _history: &History, _title: TitleIndex) -> Option<Cause> {
        Some(Cause::Popular(Window::Ever))
    }
}

#[test]
fn a_term_or_a_weight_that_is_no_number_cannot_spoil_the_others() {
    let catalog = Catalog::new((0..3).map(video));
    let nonsense = Told(vec![f32::NAN, f32::INFINITY, -5.0]);
    let good = Told(vec![1.0, 2.0, 3.0]);
    let terms: Vec<(Blend, Box<dyn Term>)> = vec![
        (Blend::Constant(9.0), Box::new(nonsense)),
        (Blend::Constant(f32::NAN), Box::new(Told(vec![3.0, 2.0, 1.0]))),
        (Blend::Fading(0.3), Box::new(good)),
    ];
    let picks = Model::new(catalog, terms).recommend(&History::default(), 3, |_| true);
    assert_eq!(picks.iter().map(|pick| pick.video).collect::<Vec<_>>(), [video(2), video(1), video(0)]);
}

#[test]
fn a_prior_fades_with_the_root_of_the_history() {
    assert_eq!(Blend::Fading(0.3).weight(0), 0.3);
    assert_eq!(Blend::Fading(0.3).weight(9), 0.1);
    assert_eq!(Blend::Constant(0.5).weight(9), 0.5);
    assert_eq!(Blend::Constant(-1.0).weight(0), 0.0);
    assert_eq!(Blend::Fading(f32::NAN).weight(4), 0.0);
}

#[test]
fn reasons_have_a_stable_wire_form() {
    let json = |reason| serde_json::to_string(&reason).expect("serialisable");
    assert_eq!(json(Reason::Popular { window: Window::Week }), r#"{"kind":"popular","window":"week"}"#);
    assert_eq!(json(Reason::New), r#"{"kind":"new"}"#);
    let because = json(Reason::BecauseYouWatched { video: video(1) });
    assert_eq!(because, r#"{"kind":"because_you_watched","video":"vid_00000000000000000000000000000001"}"#);
}
