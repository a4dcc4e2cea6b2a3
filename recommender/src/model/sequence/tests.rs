//! Slopes against finite differences, and what is learned of planted order.

use super::{
    loss::{self, Candidates},
    network::{Dropout, Network},
    *,
};
use crate::{
    data::{Cut, Holdout, Sparse, generated::World},
    evaluate::judge,
    model::{
        factors::normal,
        next::{self, NextKnobs, NextTitles},
    },
    train::history,
};
use rand::{SeedableRng, rngs::StdRng};

const SHAPE: Shape = Shape { size: 8, heads: 2, layers: 2, length: 5 };
const LENGTHS: [usize; 3] = [5, 1, 3];

fn some(count: usize, spread: f32, seed: u64) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..count).map(|_| spread * normal(&mut random)).collect()
}

/// Slopes of `value` at each place of `at`, by going a little up, and a little down: a bend may lie on one of the ways.
fn slopes(at: &[f32], value: impl Fn(&[f32]) -> f64) -> Vec<[f64; 2]> {
    const STEP: f32 = 2e-3;
    let here = value(at);
    let moved = |place: usize, by: f32| {
        let mut at = at.to_vec();
        at[place] += by;
        (value(&at) - here) / f64::from(by)
    };
    (0..at.len()).map(|place| [moved(place, STEP), moved(place, -STEP)]).collect()
}

fn assert_close(got: &[f32], wanted: &[[f64; 2]]) {
    assert_eq!(got.len(), wanted.len());
    for (place, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let is_near = |wanted: &f64| (f64::from(*got) - wanted).abs() < 0.02 * wanted.abs() + 0.02;
        assert!(wanted.iter().any(is_near), "{place}: {got} beside {wanted:?}");
    }
}

#[test]
fn a_network_goes_back_as_finite_differences_say() {
    let mut random = StdRng::seed_from_u64(3);
    let mut numbers = SHAPE.begin(&mut random);
    // Gains and reaches that differ, too.
    numbers.iter_mut().zip(some(SHAPE.len(), 0.1, 4)).for_each(|(number, other)| *number += other);
    let count = LENGTHS.iter().sum::<usize>() * SHAPE.size;
    let (x, pull) = (some(count, 1.0, 5), some(count, 1.0, 6));
    let value = |numbers: &[f32], x: &[f32]| {
        let (out, _) = Network { shape: SHAPE, numbers }.forward(x.to_vec(), &LENGTHS, &mut Dropout::none());
        out.iter().zip(&pull).map(|(out, pull)| f64::from(out * pull)).sum::<f64>()
    };
    let network = Network { shape: SHAPE, numbers: &numbers };
    let (_, trace) = network.forward(x.clone(), &LENGTHS, &mut Dropout::none());
    let mut found = vec![0.0; numbers.len()];
    let x_found = network.back(&trace, &LENGTHS, &pull, &mut found);
    assert_close(&x_found, &slopes(&x, |x| value(&numbers, x)));
    assert_close(&found, &slopes(&numbers, |numbers| value(numbers, &x)));
}

#[test]
fn a_cost_goes_back_as_finite_differences_say() {
    let (size, titles) = (8, 12);
    let (guesses, vectors) = (some(70 * size, 1.0, 1), some(titles * size, 1.0, 2));
    let came: Vec<u32> = (0..70).map(|place| place * 5 % titles as u32).collect();
    let of = |vectors: &[f32], title: u32| vectors[title as usize * size..(title as usize + 1) * size].to_vec();
    // All titles but the last two are candidates.
    let places: Vec<u32> = (0..titles as u32).map(|title| if title < 10 { title } else { u32::MAX }).collect();
    let cost = |guesses: &[f32], vectors: &[f32]| {
        let came_vectors: Vec<f32> = came.iter().flat_map(|title| of(vectors, *title)).collect();
        let candidates = Candidates { vectors: &vectors[..10 * size], places: &places, stand_for: 0.2 };
        loss::cost(guesses, (&came, &came_vectors), &candidates, size, 1.0)
    };
    let found = cost(&guesses, &vectors);
    assert_close(&found.guesses, &slopes(&guesses, |guesses| cost(guesses, &vectors).cost));
    let mut of_titles = found.candidates.clone();
    of_titles.resize(titles * size, 0.0);
    for (title, slope) in came.iter().zip(found.came.chunks_exact(size)) {
        let place = *title as usize * size;
        of_titles[place..place + size].iter_mut().zip(slope).for_each(|(sum, slope)| *sum += slope);
    }
    assert_close(&of_titles, &slopes(&vectors, |vectors| cost(&guesses, vectors).cost));
}

#[test]
fn a_guess_is_the_last_of_all() {
    let numbers = SHAPE.begin(&mut StdRng::seed_from_u64(3));
    let network = Network { shape: SHAPE, numbers: &numbers };
    for count in 1..=SHAPE.length {
        let x = some(count * SHAPE.size, 1.0, 5);
        let (all, _) = network.forward(x.clone(), &[count], &mut Dropout::none());
        let last = network.guess(x);
        assert!(last.iter().zip(&all[(count - 1) * SHAPE.size..]).all(|(last, all)| (last - all).abs() < 1e-4));
    }
}

/// A world where a sequel comes some titles after what it follows, and knobs to learn it quickly.
fn far_sequels() -> (Holdout, AttentionKnobs) {
    let world = World { titles: 100, sequel_share: 0.7, sequel_gap: 4, watches: 24, tastes: 4, ..World::small(5) };
    let shape = Shape { size: 16, heads: 2, layers: 1, length: 12 };
    let knobs = AttentionKnobs { shape, step: 0.005, dropout: 0.1, passes: 15, ..AttentionKnobs::default() };
    (Holdout::new(&world.watches(), Cut::Newest { titles: 1 }, 1), knobs)
}

/// Mean gain of what `model` says comes next.
fn gain(held: &Holdout, model: &dyn Sequence) -> f64 {
    let titles: Vec<TitleIndex> = (0..held.train.titles() as TitleIndex).collect();
    let profiles: Vec<usize> = (0..held.test.profiles()).filter(|profile| held.test.rows().row_len(*profile) > 0).collect();
    let one = |profile: &usize| {
        let (history, relevant) = (history(&held.train, *profile), held.test.rows().row(*profile).0);
        let said = model.says(history.newest(), &titles);
        let mut best: Vec<TitleIndex> = titles.iter().copied().filter(|title| !history.has_seen(*title)).collect();
        best.sort_by(|left, right| said[*right as usize].total_cmp(&said[*left as usize]));
        judge(&best, 5, relevant.len(), |title| relevant.contains(&title)).ndcg
    };
    profiles.iter().map(one).sum::<f64>() / profiles.len() as f64
}

#[test]
fn order_is_learned_further_back_than_a_matrix_of_pairs_sees() {
    let (held, knobs) = far_sequels();
    let liked = held.train.liked();
    let matrix = next::train(&liked, NextKnobs::default());
    let (ours, theirs) = (gain(&held, &Attention::train(&liked, knobs)), gain(&held, &NextTitles(&matrix)));
    assert!(ours > theirs * 2.0, "{ours} beside {theirs}");
}

#[test]
fn the_same_histories_give_the_same_network_with_any_number_of_threads() {
    let (held, knobs) = far_sequels();
    let liked = held.train.liked();
    let knobs = AttentionKnobs { passes: 1, ..knobs };
    let trained = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| Attention::train(&liked, knobs))
    };
    assert_eq!(trained(1), trained(3));
    assert_ne!(trained(1), Attention::train(&liked, AttentionKnobs { seed: 2, ..knobs }));
}

#[test]
fn a_network_of_nothing_says_nothing() {
    let nothing = Sparse::from_rows(3, [vec![], vec![(1, 1.0)]]);
    let (_, knobs) = far_sequels();
    for model in [Attention::default(), Attention::train(&nothing, knobs)] {
        assert!(model.says(&[], &[0, 2]).iter().all(|said| *said == 0.0));
        let unknown = [Watched { title: 99, weight: 1.0 }, Watched { title: 1, weight: -1.0 }];
        assert!(model.says(&unknown, &[0, 2]).iter().all(|said| *said == 0.0));
        let (shape, numbers, titles) = model.parts();
        assert_eq!(Attention::from_parts(shape, numbers.to_vec(), titles.to_vec()).as_ref(), Some(&model));
    }
    assert!(Attention::from_parts(Shape { size: 4, heads: 3, ..SHAPE }, vec![0.0; 9], vec![]).is_none());
    let huge = Shape { size: usize::MAX, heads: 1, layers: usize::MAX, length: 9 };
    assert!(Attention::from_parts(huge, vec![0.0; 9], vec![]).is_none());
}
