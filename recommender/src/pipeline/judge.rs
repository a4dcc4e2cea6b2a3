//! Whether a new model may answer.

use crate::{
    data::{Cut, Holdout, Interactions},
    evaluate::{Contender, Genres, Interval, is_above, judge as judge_list},
    model::{Blend, Material, Scratch},
    repository::Card,
    train::{self, Choices, Effort, history},
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
/// Standard errors by which one has to be better than another to be called so.
const ERRORS_MIN: f64 = 2.0;
/// Share of new watches that makes a model know more.
const MORE_SHARE: f64 = 0.01;
/// Where chance begins.
const SEED: u64 = 1;

/// What came of it.
pub(super) struct Judged {
    pub(super) choices: Choices,
    pub(super) is_better: bool,
    pub(super) verdict: String,
    pub(super) metrics: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Chooses on a part of the watches, and compares what comes of it with the choices of the deployed model, trained on the same part (the
/// model itself knows what is to be found), with BM25 and with popularity, on the newest title of each profile: as viewers will. After a
/// model was taken back none is deployed but by hand: what was found out about that no measure here tells.
pub(super) fn judge(material: &Material<'_>, deployed: Option<&Card>, is_rolled_back: bool) -> Judged {
    let judged = compare(material, deployed);
    if !judged.is_better || !is_rolled_back {
        return judged;
    }
    let verdict =
        format!("not deployed: the one before was taken back, so the next is deployed by hand; else {}", judged.verdict);
    Judged { is_better: false, verdict, ..judged }
}

fn compare(material: &Material<'_>, deployed: Option<&Card>) -> Judged {
    let held = Holdout::new(material.watches, Cut::Newest { titles: 1 }, SEED);
    let inner = Material { watches: &held.train, ..*material };
    let effort = Effort { trials_max: TRIALS_MAX, ..Effort::standard(Cut::Newest { titles: 1 }, K, SEED) };
    let known = deployed.map_or_else(Choices::default, |card| card.choices.clone());
    let choices = train::choose(&inner, &effort, known.clone());
    let judges = judges(&held.test);
    if judges.len() < JUDGES_MIN {
        let verdict = format!("deployed: {} profiles are too few to judge by, and it knows what is newest", judges.len());
        return Judged { choices, is_better: true, verdict, metrics: BTreeMap::new() };
    }
    let genres = Genres::new(material.features);
    let lists = |contender: &Contender| lists(contender, &held, &judges, &genres);
    let blend = |choices: &Choices| lists(&Contender::Blend(Box::new(train::train(&inner, choices))));
    let mut found = BTreeMap::from([
        ("new", blend(&choices)),
        ("bm25_knn", lists(&Contender::bm25(&held.train, material.now))),
        ("popularity", lists(&Contender::popular(&held.train, material.now))),
    ]);
    if deployed.is_some() {
        found.insert("deployed", blend(&known));
    }
    let metrics = found.iter().map(|(name, lists)| ((*name).to_owned(), metrics(lists))).collect();
    let all: BTreeMap<&str, Vec<f64>> = found.into_iter().map(|(name, lists)| (name, lists.gains)).collect();
    // Other choices have to be better beyond chance; otherwise the known ones are trained on what is newest.
    let is_gain = all.get("deployed").is_none_or(|theirs| is_above(&all["new"], theirs, ERRORS_MIN));
    let (choices, gains) = if is_gain { (choices, &all["new"]) } else { (known, &all["deployed"]) };
    if mean(gains) < mean(&all["popularity"]) {
        let choices = Choices { blend: Blend::popular(), ..choices };
        let (is_better, verdict) = popular_verdict(&all);
        return Judged { choices, is_better, verdict, metrics };
    }
    let (is_better, verdict) = verdict(gains, &all, is_gain, knows_more(material, deployed));
    Judged { choices, is_better, verdict, metrics }
}

/// Whether there is clearly more to be trained on than there was.
fn knows_more(material: &Material<'_>, deployed: Option<&Card>) -> bool {
    let more = |card: &Card| {
        material.watches.len() as f64 > card.watches as f64 * (1.0 + MORE_SHARE) || material.watches.titles() > card.titles
    };
    deployed.is_none_or(more)
}

fn judges(test: &Interactions) -> Vec<usize> {
    let there: Vec<usize> = (0..test.profiles()).filter(|profile| test.rows().row_len(*profile) > 0).collect();
    let every = there.len().div_ceil(JUDGES_MAX).max(1);
    there.into_iter().step_by(every).collect()
}

/// What the lists of one model are worth.
struct Lists {
    /// Gain of each.
    gains: Vec<f64>,
    /// How far the genres of each are from those of its history, where these are known.
    divergences: Vec<f64>,
}

fn metrics(lists: &Lists) -> BTreeMap<String, f64> {
    let interval = Interval::of(&lists.gains, SEED);
    let named = [("mean", interval.mean), ("low", interval.low), ("high", interval.high)];
    let mut metrics: BTreeMap<_, _> = named.into_iter().map(|(name, value)| (format!("ndcg@{K}_{name}"), value)).collect();
    if !lists.divergences.is_empty() {
        let sum: f64 = lists.divergences.iter().sum();
        metrics.insert(format!("genre_divergence@{K}"), sum / lists.divergences.len() as f64);
    }
    metrics
}

fn lists(contender: &Contender, held: &Holdout, judges: &[usize], genres: &Genres) -> Lists {
    let mut scratch = Scratch::default();
    let mut lists = Lists { gains: Vec::new(), divergences: Vec::new() };
    for profile in judges {
        let history = history(&held.train, *profile);
        let list = contender.best(&history, K, &mut scratch);
        let relevant = held.test.rows().row(*profile).0;
        lists.gains.push(judge_list(&list, K, relevant.len(), |title| relevant.contains(&title)).ndcg);
        lists.divergences.extend(genres.divergence(history.newest(), &list));
    }
    lists
}

fn mean(gains: &[f64]) -> f64 {
    gains.iter().sum::<f64>() / gains.len().max(1) as f64
}

/// What all of them were found to be worth.
fn worth(all: &BTreeMap<&str, Vec<f64>>) -> String {
    let named: Vec<String> = all.iter().map(|(name, gains)| format!("{name} {:.4}", mean(gains))).collect();
    format!("NDCG@{K}: {}", named.join(", "))
}

/// Where tastes tell less than what many watch, that answers alone, unless what answers is better.
fn popular_verdict(all: &BTreeMap<&str, Vec<f64>>) -> (bool, String) {
    let said = worth(all);
    if all.get("deployed").is_some_and(|deployed| mean(deployed) >= mean(&all["popularity"])) {
        return (false, format!("not deployed: worse than popularity; {said}"));
    }
    (true, format!("deployed: what many watch alone, which is better than any blend; {said}"))
}

/// A model answers if its choices are better than those of the deployed one, or if it knows more. That BM25 would be better, which answers
/// nowhere, is only said: an operator may wonder why.
fn verdict(gains: &[f64], all: &BTreeMap<&str, Vec<f64>>, is_gain: bool, knows_more: bool) -> (bool, String) {
    let said = worth(all);
    let said =
        if is_above(&all["bm25_knn"], gains, ERRORS_MIN) { format!("{said}, of which BM25 is clearly better") } else { said };
    match (is_gain, knows_more) {
        (true, _) => (true, format!("deployed: better than the one before; {said}")),
        (false, true) => (true, format!("deployed: as good as the one before, and knows more; {said}")),
        (false, false) => (false, format!("not deployed: not better than the one before; {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularity_answers_where_no_blend_is_better() {
        let gains = |deployed: Option<f64>| {
            let deployed = deployed.map(|gain| ("deployed", vec![gain; 40]));
            BTreeMap::from_iter([("new", vec![0.1; 40]), ("popularity", vec![0.2; 40])].into_iter().chain(deployed))
        };
        for (deployed, expected) in [(None, true), (Some(0.1), true), (Some(0.2), false), (Some(0.3), false)] {
            assert_eq!(popular_verdict(&gains(deployed)).0, expected, "{deployed:?}");
        }
    }
}
