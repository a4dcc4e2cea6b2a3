//! Whether a new model may answer.

use crate::{
    data::{Cut, Holdout, Interactions},
    evaluate::{Contender, Interval, judge as judge_list},
    model::{Catalog, History, Material, Popularity, Ranker, Scratch, Term, Terms, Wanted, Watched},
    repository::Packed,
    train::{self, Choices, DIAL_DEFAULT, Effort, history},
};
use std::collections::BTreeMap;

/// Length of the lists that are judged.
const K: usize = 20;
/// Profiles that judge, at most.
const JUDGES_MAX: usize = 5_000;
/// Profiles below which nothing can be said.
const JUDGES_MIN: usize = 30;
/// Trainings of each term, beginning at what is deployed.
const TRIALS_MAX: usize = 5;
/// How much worse than the deployed one a model may be that knows more, as a share.
const WORSE_MAX: f64 = 0.02;
/// Share of new watches that makes a model know more.
const MORE_SHARE: f64 = 0.02;
/// Where chance begins.
const SEED: u64 = 1;

/// What came of it.
pub(super) struct Judged {
    pub(super) choices: Choices,
    pub(super) is_better: bool,
    pub(super) verdict: String,
    pub(super) metrics: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Chooses on a part of the watches, and compares what comes of it with the deployed model, with BM25 and with popularity on the newest
/// title of each profile: as viewers will.
pub(super) fn judge(material: &Material<'_>, catalog: &Catalog, known: Choices, deployed: Option<&Packed>) -> Judged {
    let held = Holdout::new(material.watches, Cut::Newest { titles: 1 }, SEED);
    let inner = Material { watches: &held.train, ..*material };
    let effort = Effort { trials_max: TRIALS_MAX, ..Effort::standard(Cut::Newest { titles: 1 }, K, SEED) };
    let choices = train::choose(&inner, &effort, known);
    let judges = judges(&held.test);
    if judges.len() < JUDGES_MIN {
        let verdict = format!("deployed: {} profiles are too few to judge by, and it knows what is newest", judges.len());
        return Judged { choices, is_better: true, verdict, metrics: BTreeMap::new() };
    }
    let new = Contender::Blend(Box::new(train::train(&inner, &choices)));
    let popularity = Terms { popularity: Popularity::train(&held.train, material.now), ..Terms::default() };
    let mut gains = BTreeMap::from([
        ("new", gains(&new, &held, &judges)),
        ("bm25_knn", gains(&Contender::bm25(&held.train, material.now), &held, &judges)),
        ("popularity", gains(&Contender::Alone(Term::Popular, Box::new(popularity)), &held, &judges)),
    ]);
    if let Some(deployed) = deployed {
        gains.insert("deployed", gains_of_deployed(deployed, catalog, &held, &judges));
    }
    let (is_better, verdict) = verdict(&gains, material.watches, deployed);
    let metrics = gains.iter().map(|(name, gains)| ((*name).to_owned(), metrics(gains))).collect();
    Judged { choices, is_better, verdict, metrics }
}

fn judges(test: &Interactions) -> Vec<usize> {
    let there: Vec<usize> = (0..test.profiles()).filter(|profile| test.rows().row_len(*profile) > 0).collect();
    let every = there.len().div_ceil(JUDGES_MAX).max(1);
    there.into_iter().step_by(every).collect()
}

fn metrics(gains: &[f64]) -> BTreeMap<String, f64> {
    let interval = Interval::of(gains, SEED);
    let named = [("mean", interval.mean), ("low", interval.low), ("high", interval.high)];
    named.into_iter().map(|(name, value)| (format!("ndcg@{K}_{name}"), value)).collect()
}

fn gains(contender: &Contender, held: &Holdout, judges: &[usize]) -> Vec<f64> {
    let mut scratch = Scratch::default();
    let gain = |profile: &usize| {
        let list = contender.best(&history(&held.train, *profile), K, &mut scratch);
        let relevant = held.test.rows().row(*profile).0;
        judge_list(&list, K, relevant.len(), |title| relevant.contains(&title)).ndcg
    };
    judges.iter().map(gain).collect()
}

/// The deployed model knows the same titles by other numbers.
fn gains_of_deployed(deployed: &Packed, catalog: &Catalog, held: &Holdout, judges: &[usize]) -> Vec<f64> {
    let ranker = Ranker { dial: DIAL_DEFAULT, ..deployed.ranker.clone() };
    let mut scratch = Scratch::default();
    let theirs = |title: u32| catalog.title(title).and_then(|video| deployed.catalog.index(video));
    let gain = |profile: &usize| {
        let rows = held.train.rows().entries(*profile).rev();
        let known = rows.filter_map(|(title, weight)| theirs(title).map(|title| Watched { title, weight }));
        let list = ranker.best(&History::new(known), Wanted::any(K), &mut scratch);
        let relevant = held.test.rows().row(*profile).0;
        let ours = |title: u32| deployed.catalog.title(title).and_then(|video| catalog.index(video));
        judge_list(&list, K, relevant.len(), |one| ours(one.title).is_some_and(|title| relevant.contains(&title))).ndcg
    };
    judges.iter().map(gain).collect()
}

/// A model answers if it is better than the deployed one beyond chance; or if it knows more, and is not clearly worse. One that is worse
/// than popularity never does.
fn verdict(gains: &BTreeMap<&str, Vec<f64>>, watches: &Interactions, deployed: Option<&Packed>) -> (bool, String) {
    let mean = |name: &str| gains.get(name).map_or(0.0, |gains| gains.iter().sum::<f64>() / gains.len().max(1) as f64);
    let said = format!("NDCG@{K} {:.4}, popularity {:.4}", mean("new"), mean("popularity"));
    let (over_popularity, error) = difference(&gains["new"], &gains["popularity"]);
    if over_popularity < -error {
        return (false, format!("not deployed: worse than popularity; {said}"));
    }
    let Some((theirs, deployed)) = gains.get("deployed").zip(deployed) else {
        return (true, format!("deployed: the first one; {said}"));
    };
    let (gain, error) = difference(&gains["new"], theirs);
    let said = format!("{said}, deployed {:.4}", mean("deployed"));
    if gain > error {
        return (true, format!("deployed: better than the one before; {said}"));
    }
    let more =
        watches.len() as f64 > deployed.card.watches as f64 * (1.0 + MORE_SHARE) || watches.titles() > deployed.card.titles;
    if more && gain > -WORSE_MAX * mean("deployed") {
        return (true, format!("deployed: as good as the one before, and knows more; {said}"));
    }
    (false, format!("not deployed: not better than the one before; {said}"))
}

/// The mean difference, pair by pair, and its standard error.
fn difference(new: &[f64], old: &[f64]) -> (f64, f64) {
    let count = new.len().max(1) as f64;
    let mean = new.iter().zip(old).map(|(new, old)| new - old).sum::<f64>() / count;
    let spread = new.iter().zip(old).map(|(new, old)| (new - old - mean).powi(2)).sum::<f64>() / count;
    (mean, (spread / count).sqrt())
}
