//! What is learned between trainings, against trainings from scratch.

use super::*;
use crate::{
    data::{Interaction, Interactions},
    model::{Catalog, HISTORY_TITLES_MAX, Neighbours, Popularity, ridge, ridge::RidgeKnobs},
};
use marquee_core::id::{ProfileId, VideoId};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

const NOW: i64 = 1_700_000_000;
const DAY: i64 = 86_400;

fn video(number: u32) -> VideoId {
    VideoId(Uuid::from_u128(u128::from(number) + 1))
}

fn taste(profile: u32, title: u32, weight: f32, at: i64) -> Taste {
    Taste { profile: ProfileId(Uuid::from_u128(u128::from(profile) + 1)), video: video(title), weight, at }
}

fn catalog(titles: u32) -> Catalog {
    Catalog::new((0..titles).map(video))
}

/// What a training would read of these tastes, the newest of each pair.
fn interactions(titles: u32, tastes: &[Taste]) -> Interactions {
    let mut newest: BTreeMap<_, Taste> = BTreeMap::new();
    newest.extend(tastes.iter().map(|one| ((one.profile, one.video), *one)));
    let mut rows = HashMap::new();
    let given: Vec<Interaction> = newest
        .values()
        .map(|one| {
            let next = rows.len() as u32;
            let profile = *rows.entry(one.profile).or_insert(next);
            Interaction { profile, title: one.video.0.as_u128() as u32 - 1, at: one.at, weight: one.weight }
        })
        .collect();
    Interactions::new((rows.len(), titles as usize), given, |_, title| title, HISTORY_TITLES_MAX)
}

/// Two tastes of `titles / 2` titles each, and some noise: some is liked a little, some disliked.
fn random(titles: u32, count: usize, seed: u64) -> Vec<Taste> {
    let mut random = StdRng::seed_from_u64(seed);
    let one = |_| {
        let profile = random.random_range(0..120_u32);
        let own = random.random_range(0..titles / 2) * 2 + profile % 2;
        let title = if random.random::<f32>() < 0.8 { own } else { random.random_range(0..titles) };
        let weight = [1.0, 1.0, 0.3, 0.65, 0.0, -1.0][random.random_range(0..6_usize)];
        taste(profile, title, weight, NOW - random.random_range(0..60 * DAY))
    };
    (0..count).map(one).collect()
}

/// Takes all of these. Answers how many are new.
fn take(live: &mut Live, tastes: impl IntoIterator<Item = Taste>) -> usize {
    tastes.into_iter().filter(|one| live.take(*one)).count()
}

fn is_near(left: f32, right: f32) -> bool {
    (left - right).abs() < 1e-3
}

/// A model of these tastes, and what is kept beside it.
fn deployed(titles: u32, tastes: &[Taste]) -> (Live, Popularity, Neighbours) {
    let watches = interactions(titles, tastes);
    let popularity = Popularity::train(&watches, NOW);
    let ridge = ridge::train(&watches.liked(), RidgeKnobs::default());
    let mut live = Live::new(catalog(titles), &popularity, RidgeKnobs::default());
    take(&mut live, tastes.iter().copied());
    (live, popularity, ridge)
}

#[test]
fn counts_are_those_from_scratch_after_any_changes() {
    for seed in 0..4 {
        let tastes = random(30, 1500, seed);
        let mut watches = Watches::new(catalog(30));
        for (nth, one) in tastes.iter().enumerate() {
            watches.take(*one);
            assert!(!watches.take(*one), "a taste that is taken twice changes nothing");
            if nth % 500 == 499 {
                let scratch = interactions(30, &tastes[..=nth]);
                let (mine, theirs) = (watches.liked(), scratch.liked());
                assert_eq!((mine.len(), watches.len()), (theirs.len(), scratch.len()));
                let popularity = |watches: &mut dyn Iterator<Item = Interaction>| Popularity::counted(30, watches, NOW, true);
                let (left, right) = (popularity(&mut watches.iter()), popularity(&mut scratch.iter()));
                let counts = left.counts().iter().flatten().zip(right.counts().iter().flatten());
                assert!(counts.into_iter().all(|(left, right)| is_near(*left, *right)));
                let titles: Vec<u32> = (0..30).collect();
                let columns = |liked| ridge::columns(liked, &titles, RidgeKnobs::default());
                for (left, right) in columns(&mine).iter().flatten().zip(columns(&theirs).iter().flatten()) {
                    assert!(left.0 == right.0 && is_near(left.1, right.1), "{left:?} {right:?}");
                }
            }
        }
    }
}

#[test]
fn a_profile_keeps_as_many_titles_as_a_training_looks_at() {
    let titles = HISTORY_TITLES_MAX as u32 + 20;
    let mut watches = Watches::new(catalog(titles));
    let mut tastes: Vec<Taste> = (0..titles).map(|title| taste(1, title, 1.0, NOW + i64::from(title * 7 % titles))).collect();
    let new = tastes.iter().filter(|one| watches.take(**one)).count();
    assert!(new >= HISTORY_TITLES_MAX);
    let scratch = interactions(titles, &tastes);
    let kept = |all: Vec<Interaction>| {
        let mut titles: Vec<u32> = all.iter().map(|one| one.title).collect();
        titles.sort_unstable();
        titles
    };
    assert_eq!(kept(watches.iter().collect()), kept(scratch.iter().collect()));
    tastes.push(taste(1, 0, 1.0, 5));
    assert!(!watches.take(tastes[tastes.len() - 1]), "older than all that are kept");
    assert!(!watches.take(taste(1, 9999, 1.0, NOW)), "not counted");
    assert!(!watches.take(taste(2, 1, f32::NAN, NOW)) && watches.len() == HISTORY_TITLES_MAX);
}

#[test]
fn a_delta_says_what_a_training_from_scratch_would() {
    let mut tastes = random(30, 1500, 9);
    let (mut live, popularity, ridge) = deployed(30, &tastes);
    assert!(live.refresh(NOW).is_none(), "the model knows all of it");
    // A new title, and a known one that many want to see now; somebody takes something back.
    live.know(video(30));
    assert!(live.knows(video(30)) && !live.knows(video(31)));
    for profile in 0..60 {
        tastes.extend([taste(2 * profile, 30, 1.0, NOW), taste(2 * profile, 3, 1.0, NOW)]);
    }
    tastes.push(taste(0, 5, -1.0, NOW));
    assert_eq!(take(&mut live, tastes[1500..].iter().copied()), 121);
    let Refreshed { delta, solved, waiting } = live.refresh(NOW).expect("there is something to know");
    assert!(waiting == 0 && solved == delta.columns.len() && solved < 30, "{solved}");
    assert!(delta.columns.contains_key(&30) && delta.columns.contains_key(&3));
    let watches = interactions(31, &tastes);
    let (expected, whole) = (Popularity::train(&watches, NOW), ridge::train(&watches.liked(), RidgeKnobs::default()));
    // Whoever answers put another new title before this one, and does not know a third.
    let shelf = Catalog::new((0..30).map(video).chain([video(77), video(30)]));
    let counted = delta.counted(popularity.extended(32), &shelf);
    let together = delta.solved(&ridge, &shelf);
    let place = |title: u32| if title == 30 { 31 } else { title };
    assert!(counted.trending(31) > 0.0 && counted.ever(30) == 0.0);
    for title in 0..=30 {
        assert!(
            is_near(counted.ever(place(title)), expected.ever(title))
                && is_near(counted.trending(place(title)), expected.trending(title))
        );
        let is_solved = delta.columns.contains_key(&title);
        for other in 0..=30 {
            let (mine, theirs) = (together.weight(place(other), place(title)), whole.weight(other, title));
            if is_solved {
                assert!((mine - theirs).abs() < 0.01, "{other} {title}: {mine} {theirs}");
            } else {
                assert_eq!(mine, ridge.weight(other, title), "what hardly changed stays");
            }
        }
    }
    assert!(live.refresh(NOW).is_none(), "all is said");
}

#[test]
fn who_goes_on_for_another_says_the_same() {
    let tastes = random(30, 1500, 3);
    let (mut first, popularity, _) = deployed(30, &tastes[..900]);
    take(&mut first, tastes[900..1200].iter().copied());
    let known = first.refresh(NOW).expect("more").delta;
    let mut second = Live::new(catalog(30), &popularity, RidgeKnobs::default());
    second.adopt(&known);
    take(&mut second, tastes[..1200].iter().copied());
    assert!(second.refresh(NOW).is_none(), "that was made known already");
    for live in [&mut first, &mut second] {
        take(live, tastes[1200..].iter().copied());
    }
    let (left, right) = (first.refresh(NOW).expect("more").delta, second.refresh(NOW).expect("more").delta);
    assert_eq!((left.counts, left.columns), (right.counts, right.columns));
    assert!(known.columns.keys().all(|title| left.catalog.title(*title).is_some()));
}

#[test]
fn most_changed_come_first_and_the_rest_has_to_wait() {
    let titles = 250;
    let tastes: Vec<Taste> = (0..titles).flat_map(|title| (0..3).map(move |profile| taste(profile, title, 1.0, NOW))).collect();
    let (mut live, ..) = deployed(titles, &tastes);
    for title in 0..titles {
        take(&mut live, (10..11 + title / 10).map(|profile| taste(profile, title, 1.0, NOW)));
    }
    let first = live.refresh(NOW).expect("more");
    assert_eq!((first.solved, first.waiting), (200, 50));
    assert!((60..titles).all(|title| first.delta.columns.contains_key(&title)));
    let second = live.refresh(NOW).expect("the rest");
    assert_eq!((second.solved, second.waiting, second.delta.columns.len()), (50, 0, 250));
    // One more watch among a hundred is none that a column would show.
    take(&mut live, (100..200).map(|profile| taste(profile, 0, 1.0, NOW)));
    assert_eq!(live.refresh(NOW).expect("more").solved, 1);
    live.take(taste(300, 0, 1.0, NOW));
    assert_eq!(live.refresh(NOW).expect("popularity").solved, 0);
}
