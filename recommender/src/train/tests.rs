//! Choices on worlds whose structure is known.

use super::*;
use crate::{
    data::{Holdout, Interaction, generated::World},
    evaluate::{Contender, Protocol, Task, assess},
    model::{LENGTHS, Recency, Term, place, sequence::Shape},
};

fn effort(cut: Cut) -> Effort {
    Effort { judges_max: 300, cases_max: 300, trials_max: 6, ..Effort::standard(cut, 10, 1) }
}

fn chosen(world: World, cut: Cut) -> (Choices, Holdout) {
    let held = Holdout::new(&world.watches(), cut, 9);
    let material = Material { watches: &held.train, features: &[], now: 100 };
    (choose(&material, &effort(cut), Choices::default()), held)
}

/// What the chosen model is worth on the rest, and what is the best of those that it has to beat.
fn worth(choices: &Choices, held: &Holdout) -> (f64, f64) {
    let test: Vec<_> = held.test.iter().collect();
    let task = Task::new(held.train.clone(), &test, Protocol::Full, 1);
    let material = Material { watches: &held.train, features: &[], now: 100 };
    let ndcg = |contender: Contender| assess(&task, "", &contender, &[10], 1).metrics["ndcg@10"].mean;
    let others = [Contender::bm25(&held.train, 100), Contender::popular(&held.train, 100)].map(ndcg);
    (ndcg(Contender::Blend(Box::new(train(&material, choices)))), others[0].max(others[1]))
}

#[test]
fn tastes_are_learned_and_beat_neighbours_and_popularity() {
    let (choices, held) = chosen(World::small(11), Cut::Random { share: 0.2 });
    let (ours, theirs) = worth(&choices, &held);
    assert!(ours > theirs * 1.05, "{ours} beside {theirs}");
}

#[test]
fn a_taste_that_drifts_is_followed() {
    let world = World { drift_share: 1.0, sequel_share: 0.3, watches: 24, ..World::small(12) };
    let (choices, held) = chosen(world, Cut::Newest { titles: 1 });
    assert!(choices.knobs.recency.titles > 0.0, "the newest titles say most: {:?}", choices.knobs.recency);
    let (ours, theirs) = worth(&choices, &held);
    assert!(ours > theirs * 1.3, "{ours} beside {theirs}");
}

#[test]
fn order_that_lies_far_back_is_worth_a_network_and_no_order_is_not() {
    let far =
        World { profiles: 2_500, titles: 100, watches: 24, tastes: 4, sequel_share: 0.6, sequel_gap: 5, ..World::small(15) };
    let mut known = Choices::default();
    known.knobs.sequence.shape = Shape { size: 16, heads: 2, layers: 1, length: 12 };
    known.knobs.sequence.step = 0.005;
    known.knobs.sequence.guesses_max = 500_000;
    let watches = far.watches();
    let (profiles, titles) = (watches.profiles(), watches.titles());
    let orderless = Interactions::new((profiles, titles), watches.iter().map(|one| Interaction { at: 0, ..one }), |_, _| 0, 99);
    let effort = |cut| Effort { trials_max: 1, ..effort(cut) };
    let chosen = |watches: &Interactions, cut| {
        choose(&Material { watches, features: &[], now: 100 }, &effort(cut), known.clone()).knobs.sequence.passes
    };
    assert!(chosen(&watches, Cut::Newest { titles: 1 }) > 0);
    assert_eq!(chosen(&orderless, Cut::Random { share: 0.1 }), 0);
}

#[test]
fn the_same_data_give_the_same_choices() {
    let once = chosen(World::small(13), Cut::Newest { titles: 1 }).0;
    assert_eq!(chosen(World::small(13), Cut::Newest { titles: 1 }).0, once);
}

#[test]
fn nobody_to_judge_by_leaves_what_is_known() {
    let known = Choices { knobs: Knobs { recency: Recency { titles: 7.0 }, ..Knobs::default() }, ..Choices::default() };
    for watches in [Interactions::default(), Interactions::new((3, 4), [], |_, _| 0, 9)] {
        let material = Material { watches: &watches, features: &[], now: 0 };
        assert_eq!(choose(&material, &effort(Cut::Newest { titles: 1 }), known.clone()), known);
    }
}

#[test]
fn popularity_fades_as_a_history_grows() {
    let (choices, _) = chosen(World::small(14), Cut::Random { share: 0.2 });
    let popular = |row: usize| choices.blend.rows[row][place(Term::Popular)];
    assert!(popular(1) > popular(LENGTHS.len() - 1), "{:?}", choices.blend);
}
