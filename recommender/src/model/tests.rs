//! All terms and the ranker on worlds whose structure is known.

use super::{content::Features, factors::*, spectral::*, *};
use crate::{
    data::{Cut, Holdout, Interactions, Sparse, generated::World},
    evaluate::judge,
    train::history,
};
use fixedbitset::FixedBitSet;

fn material(watches: &Interactions) -> Material<'_> {
    Material { watches, features: &[], now: 100 }
}

fn ranker(watches: &Interactions) -> Ranker {
    let mut knobs = Knobs::default();
    knobs.factors.size = 16;
    knobs.spectral.size = 16;
    Ranker { terms: Terms::train(&material(watches), &knobs), ..Ranker::default() }
}

/// Mean gain of what `best` lists for profiles of whom one title was held out.
fn gain(held: &Holdout, mut best: impl FnMut(&History) -> Vec<u32>) -> f64 {
    let profiles: Vec<usize> = (0..held.test.profiles()).filter(|profile| held.test.rows().row_len(*profile) > 0).collect();
    let one = |profile: &usize| {
        let relevant = held.test.rows().row(*profile).0;
        judge(&best(&history(&held.train, *profile)), 10, relevant.len(), |title| relevant.contains(&title)).ndcg
    };
    profiles.iter().map(one).sum::<f64>() / profiles.len() as f64
}

fn alone(terms: &Terms, term: Term, history: &History) -> Vec<u32> {
    let scores = terms.alone(term, history.newest());
    let mut titles: Vec<u32> = (0..scores.len() as u32).filter(|title| !history.has_seen(*title)).collect();
    titles.sort_by(|left, right| scores[*right as usize].total_cmp(&scores[*left as usize]));
    titles
}

#[test]
fn every_personal_term_finds_tastes_that_popularity_does_not() {
    let held = Holdout::new(&World::small(1).watches(), Cut::Newest { titles: 1 }, 1);
    let ranker = ranker(&held.train);
    let gain_of = |term| gain(&held, |history| alone(&ranker.terms, term, history));
    let popular = gain_of(Term::Popular);
    for term in [Term::Ridge, Term::Factors, Term::Spectral] {
        assert!(gain_of(term) > popular * 1.8, "{term:?}: {} beside {popular}", gain_of(term));
    }
    let mut scratch = Scratch::default();
    let blend = gain(&held, |history| ranker.best(history, Wanted::any(10), &mut scratch).iter().map(|one| one.title).collect());
    assert!(blend > popular * 2.0, "{blend} beside {popular}");
}

#[test]
fn sequels_are_found_by_what_follows_what() {
    let world = World { sequel_share: 0.6, ..World::small(2) };
    let held = Holdout::new(&world.watches(), Cut::Newest { titles: 1 }, 1);
    let ranker = ranker(&held.train);
    let gain_of = |term| gain(&held, |history| alone(&ranker.terms, term, history));
    assert!(gain_of(Term::Next) > gain_of(Term::Ridge) * 1.3, "{} {}", gain_of(Term::Next), gain_of(Term::Ridge));
}

#[test]
fn what_is_disliked_speaks_against_its_like() {
    let world = World::small(3);
    let ranker = ranker(&world.watches());
    let mut scratch = Scratch::default();
    // Two titles of one taste liked; then one of another taste disliked, or not at all known.
    let liked = [0, 8].map(|title| Watched { title, weight: 1.0 });
    let place_of_taste = |history: &History, scratch: &mut Scratch| {
        let best = ranker.best(history, Wanted::any(200), scratch);
        best.iter().take(60).filter(|one| world.taste(one.title) == 1).count()
    };
    let without = place_of_taste(&History::new(liked), &mut scratch);
    let with = place_of_taste(
        &History::new(liked.into_iter().chain([1, 9, 17].map(|title| Watched { title, weight: -1.0 }))),
        &mut scratch,
    );
    assert!(with < without, "{with} beside {without}");
}

#[test]
fn filters_act_inside_the_selection() {
    let world = World::small(4);
    let ranker = ranker(&world.watches());
    let mut scratch = Scratch::default();
    let history = History::new((0..20).map(|title| Watched { title: title * 8, weight: 1.0 }));
    let allowed = |title: TitleIndex| title % 8 == 5 && title > 100;
    let bits = |allowed: &dyn Fn(TitleIndex) -> bool| {
        (0..world.titles).filter(|title| allowed(*title as TitleIndex)).collect::<FixedBitSet>()
    };
    let among = bits(&allowed);
    let wanted = Wanted { allowed: Some(&among), ..Wanted::any(15) };
    let best = ranker.best(&history, wanted, &mut scratch);
    assert_eq!(best.len(), 15, "a rule never makes a list short while titles are left");
    assert!(best.iter().all(|one| allowed(one.title) && !history.has_seen(one.title)));
    let among = bits(&|title| title == 5 || title == 8);
    let few = Wanted { allowed: Some(&among), ..Wanted::any(15) };
    assert_eq!(ranker.best(&history, few, &mut scratch).iter().map(|one| one.title).collect::<Vec<_>>(), [5], "8 was seen");
    assert!(ranker.best(&history, Wanted { allowed: Some(&FixedBitSet::new()), ..Wanted::any(5) }, &mut scratch).is_empty());
}

#[test]
fn nobody_gets_an_empty_list_and_a_scratch_is_clean_again() {
    let ranker = ranker(&World::small(5).watches());
    let mut scratch = Scratch::default();
    let nobody = ranker.best(&History::default(), Wanted::any(240), &mut scratch);
    assert_eq!(nobody.len(), 240);
    let popular: Vec<u32> = nobody.iter().take(5).map(|one| one.title).collect();
    assert_eq!(popular, ranker.terms.popularity.order()[..5]);
    let somebody = History::new([Watched { title: 3, weight: 1.0 }]);
    let first = ranker.best(&somebody, Wanted::any(50), &mut scratch);
    assert_eq!(ranker.best(&somebody, Wanted::any(50), &mut scratch), first);
    assert_eq!(ranker.best(&somebody, Wanted::any(50), &mut Scratch::default()), first);
    assert_eq!(ranker.best(&History::default(), Wanted::any(240), &mut scratch), nobody);
}

#[test]
fn odd_catalogues_have_answers() {
    for (profiles, titles) in [(0, 0), (1, 1), (0, 5), (3, 2)] {
        let given = (0..profiles as u32).map(|profile| crate::data::Interaction { profile, title: 0, at: 1, weight: 1.0 });
        let watches = Interactions::new((profiles, titles), given, |_, _| 0, 10);
        let ranker = ranker(&watches);
        let history = History::new([Watched { title: 0, weight: 1.0 }]);
        let best = ranker.best(&history, Wanted::any(10), &mut Scratch::default());
        assert_eq!(best.len(), titles.saturating_sub(1), "{profiles} {titles}");
        assert!(best.iter().all(|one| one.score.is_finite()));
    }
}

#[test]
fn the_dial_shows_more_of_the_catalogue() {
    let watches = World { titles: 2_000, ..World::small(6) }.watches();
    let mut ranker = ranker(&watches);
    let mut covered = |dial: f32| {
        ranker.dial = dial;
        let mut scratch = Scratch::default();
        let shown: std::collections::HashSet<u32> = (0..watches.profiles())
            .flat_map(|profile| ranker.best(&history(&watches, profile), Wanted::any(20), &mut scratch))
            .map(|one| one.title)
            .collect();
        shown.len()
    };
    let (without, with) = (covered(0.0), covered(0.3));
    assert!(with as f64 > without as f64 * 1.1, "{with} beside {without}");
}

#[test]
fn what_is_like_a_title_is_brought_up_where_nothing_was_ever_watched() {
    let film = |title: usize| Features { people: vec![format!("Person {}", title / 20)], ..Features::default() };
    let features: Vec<Features> = (0..1_000).map(film).collect();
    let watches = Interactions::new((1, 1_000), [], |_, _| 0, 10);
    let terms = Terms::train(&Material { watches: &watches, features: &features, now: 0 }, &Knobs::default());
    let history = History::new([Watched { title: 707, weight: 1.0 }]);
    let best = Ranker { terms, ..Ranker::default() }.best(&history, Wanted::any(19), &mut Scratch::default());
    let mut titles: Vec<TitleIndex> = best.iter().map(|one| one.title).collect();
    titles.sort_unstable();
    assert_eq!(titles, (700..720).filter(|title| *title != 707).collect::<Vec<_>>());
}

#[test]
fn factors_of_a_clear_pattern_are_exact() {
    // Two groups that watch nothing of each other's: a profile of one wants all of its titles, and none of the other's.
    let liked = Sparse::from_rows(6, (0..40).map(|profile| (0..3).map(|title| (title + 3 * (profile % 2), 1.0)).collect()));
    let factors = Factors::train(&liked, FactorKnobs { size: 4, penalty: 0.02, unwatched: 0.1, passes: 20, seed: 1 });
    let profile = factors.profile(&[Watched { title: 0, weight: 1.0 }]);
    let says = factors.says(&profile, &[0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(says[6], 0.0, "of what is new nothing is said");
    let says = &says[..6];
    assert!(says[..3].iter().all(|says| *says > 0.6), "{says:?}");
    assert!(says[3..].iter().all(|says| says.abs() < 0.1), "{says:?}");
}

#[test]
fn spectra_are_those_of_a_dense_decomposition() {
    let liked = World { profiles: 60, titles: 40, watches: 10, tastes: 4, ..World::small(8) }.watches().liked();
    let by_title = liked.transposed();
    let root = |count: usize| (count as f64).sqrt();
    let dense = faer::Mat::<f64>::from_fn(60, 40, |profile, title| {
        let there = liked.row(profile).0.contains(&(title as u32));
        if there { 1.0 / (root(liked.row_len(profile)) * root(by_title.row_len(title))) } else { 0.0 }
    });
    let svd = dense.thin_svd().expect("converges");
    let size = 8;
    let spectral = Spectral::train(&liked, SpectralKnobs { size, seed: 3 });
    let (watched, asked) = (5_usize, 9_u32);
    let place = spectral.profile(&[Watched { title: watched as u32, weight: 1.0 }]);
    let filtered: f64 = (0..size).map(|of| svd.V()[(watched, of)] * svd.V()[(asked as usize, of)]).sum();
    let expected = filtered / root(by_title.row_len(watched)) * root(by_title.row_len(asked as usize));
    let said = spectral.says(&place, &[asked])[0];
    assert!((f64::from(said) - expected).abs() < 1e-3, "{said} {expected}");
}

#[test]
fn another_dial_ranks_as_a_ranker_with_that_dial_does() {
    let watches = World::small(7).watches();
    let ranker = ranker(&watches);
    let history = History::new((0..4).map(|title| Watched { title, weight: 1.0 }));
    let mut scratch = Scratch::default();
    let lists = [0.0, 0.1, 0.5].map(|dial| {
        let asked = ranker.best(&history, Wanted { dial: Some(dial), ..Wanted::any(20) }, &mut scratch);
        assert_eq!(asked, Ranker { dial, ..ranker.clone() }.best(&history, Wanted::any(20), &mut scratch));
        asked.into_iter().map(|one| one.title).collect::<Vec<_>>()
    });
    assert_ne!(lists[0], lists[2], "a dial that changes nothing shows nothing");
}
