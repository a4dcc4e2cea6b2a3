//! What a model is worth, in numbers.

use super::{Contender, Interval, Protocol, Task, judge};
use crate::{model::Scratch, train::history};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Instant};

/// Lengths of histories that are reported apart: up to so many titles.
const HISTORIES: [usize; 5] = [5, 20, 50, 100, usize::MAX];
/// Parts of the catalogue by popularity that are reported apart.
const DECILES: usize = 10;

/// What one model is worth.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judgement {
    /// Its name.
    pub model: String,
    /// Means over profiles with their intervals, by metric and length of the list: `ndcg@20`.
    pub metrics: BTreeMap<String, Interval>,
    /// Share of the catalogue that is in anybody's list, by its length.
    pub coverage: BTreeMap<String, f64>,
    /// Mean of `-log2` of the share of profiles who watched what is shown, in the longest list: how little is known already.
    pub novelty_bits: f64,
    /// How unevenly titles are shown in the longest list: 0 all alike, 1 one alone (Gini).
    pub exposure_gini: f64,
    /// Gain by length of the history: how many profiles, and their mean.
    pub by_history: BTreeMap<String, (usize, f64)>,
    /// Share of what is relevant that is found, by popularity, the most popular tenth of all watches first.
    pub recall_by_popularity: Vec<f64>,
    /// Seconds of training, choices of knobs and weights apart.
    pub train_seconds: f64,
    /// Most memory that the process held until then, in bytes, where the system tells.
    pub memory_peak_bytes: Option<u64>,
    /// Time for a list, on one thread.
    pub latency_ms: Latency,
}

/// Time for a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of all lists are quicker.
    pub p50: f64,
    /// All but a hundredth are.
    pub p99: f64,
}

/// One profile's list.
struct Shown {
    profile: usize,
    list: Vec<u32>,
    ms: f64,
}

/// Judges lists of each length of `ks`; the longest says how long they are.
#[must_use]
pub fn assess(task: &Task, name: &str, contender: &Contender, ks: &[usize], seed: u64) -> Judgement {
    let longest = ks.iter().copied().max().unwrap_or(20);
    let shown: Vec<Shown> = task
        .profiles()
        .into_par_iter()
        .map_init(Scratch::default, |scratch, profile| show(task, contender, profile, longest, scratch))
        .collect();
    let mut judgement = Judgement {
        model: name.to_owned(),
        metrics: metrics(task, &shown, ks, seed),
        coverage: ks.iter().map(|k| (format!("coverage@{k}"), coverage(task, &shown, *k))).collect(),
        novelty_bits: novelty(task, &shown),
        exposure_gini: gini(task, &shown),
        by_history: by_history(task, &shown, longest),
        recall_by_popularity: recall_by_popularity(task, &shown),
        train_seconds: 0.0,
        memory_peak_bytes: None,
        latency_ms: Latency::default(),
    };
    let mut times: Vec<f64> = shown.iter().map(|shown| shown.ms).collect();
    times.sort_unstable_by(f64::total_cmp);
    if let Some(last) = times.len().checked_sub(1) {
        judgement.latency_ms = Latency { p50: times[last / 2], p99: times[last * 99 / 100] };
    }
    judgement
}

fn show(task: &Task, contender: &Contender, profile: usize, longest: usize, scratch: &mut Scratch) -> Shown {
    let history = history(task.known(profile), profile);
    let begun = Instant::now();
    let list = match &task.protocol {
        Protocol::Full | Protocol::LeaveLastOut => contender.best(&history, longest, scratch),
        Protocol::Sampled(negatives) => {
            let mut titles = task.relevant[profile].clone();
            titles.extend(negatives.get(&(profile as u32)).into_iter().flatten());
            titles.sort_unstable();
            titles.dedup();
            let mut list = contender.sorted(&history, &titles, scratch);
            list.truncate(longest);
            list
        }
    };
    Shown { profile, list, ms: begun.elapsed().as_secs_f64() * 1000.0 }
}

fn metrics(task: &Task, shown: &[Shown], ks: &[usize], seed: u64) -> BTreeMap<String, Interval> {
    let mut metrics = BTreeMap::new();
    for k in ks {
        let judged: Vec<_> = shown.iter().map(|shown| judged(task, shown, *k)).collect();
        let mut add = |name: &str, value: fn(&super::Metrics) -> f64| {
            let values: Vec<f64> = judged.iter().map(value).collect();
            metrics.insert(format!("{name}@{k}"), Interval::of(&values, seed));
        };
        add("ndcg", |metrics| metrics.ndcg);
        add("recall", |metrics| metrics.recall);
        add("recall_of_k", |metrics| metrics.recall_of_k);
        add("hr", |metrics| metrics.hit);
        add("mrr", |metrics| metrics.reciprocal_rank);
        add("map", |metrics| metrics.average_precision);
    }
    metrics
}

fn judged(task: &Task, shown: &Shown, k: usize) -> super::Metrics {
    let relevant = &task.relevant[shown.profile];
    judge(&shown.list, k, relevant.len(), |title| relevant.binary_search(&title).is_ok())
}

fn exposure(task: &Task, shown: &[Shown], k: usize) -> Vec<u32> {
    let mut times = vec![0; task.train.titles()];
    for title in shown.iter().flat_map(|shown| shown.list.iter().take(k)) {
        if let Some(times) = times.get_mut(*title as usize) {
            *times += 1;
        }
    }
    times
}

fn coverage(task: &Task, shown: &[Shown], k: usize) -> f64 {
    let there = exposure(task, shown, k).iter().filter(|times| **times > 0).count();
    there as f64 / task.train.titles().max(1) as f64
}

fn gini(task: &Task, shown: &[Shown]) -> f64 {
    let mut times = exposure(task, shown, usize::MAX);
    times.sort_unstable();
    let (count, sum) = (times.len() as f64, times.iter().map(|times| f64::from(*times)).sum::<f64>());
    if sum == 0.0 {
        return 0.0;
    }
    let weighted: f64 = (1..).zip(&times).map(|(rank, times)| f64::from(rank) * f64::from(*times)).sum();
    2.0 * weighted / (count * sum) - (count + 1.0) / count
}

fn watched_by(task: &Task) -> Vec<f64> {
    let mut watched = vec![0.0; task.train.titles()];
    task.train.iter().for_each(|one| watched[one.title as usize] += 1.0);
    watched
}

fn novelty(task: &Task, shown: &[Shown]) -> f64 {
    let watched = watched_by(task);
    let profiles = task.train.profiles().max(1) as f64;
    let bits: Vec<f64> = shown
        .iter()
        .flat_map(|shown| &shown.list)
        .filter_map(|title| watched.get(*title as usize))
        .map(|watched| -(watched.max(1.0) / profiles).log2())
        .collect();
    bits.iter().sum::<f64>() / bits.len().max(1) as f64
}

fn by_history(task: &Task, shown: &[Shown], k: usize) -> BTreeMap<String, (usize, f64)> {
    let mut sums: [(usize, f64); HISTORIES.len()] = Default::default();
    for shown in shown {
        let length = task.known(shown.profile).rows().row_len(shown.profile);
        let place = HISTORIES.partition_point(|most| *most < length).min(HISTORIES.len() - 1);
        sums[place].0 += 1;
        sums[place].1 += judged(task, shown, k).ndcg;
    }
    let name = |most: usize| if most == usize::MAX { "more".to_owned() } else { format!("to_{most}") };
    let mean = |(count, sum): (usize, f64)| (count, sum / count.max(1) as f64);
    HISTORIES.into_iter().zip(sums).map(|(most, sum)| (name(most), mean(sum))).collect()
}

fn recall_by_popularity(task: &Task, shown: &[Shown]) -> Vec<f64> {
    let watched = watched_by(task);
    let mut order: Vec<usize> = (0..watched.len()).collect();
    order.sort_by(|left, right| watched[*right].total_cmp(&watched[*left]));
    let (all, mut before) = (watched.iter().sum::<f64>().max(1.0), 0.0);
    let mut decile = vec![DECILES - 1; watched.len()];
    for title in order {
        decile[title] = ((before / all * DECILES as f64) as usize).min(DECILES - 1);
        before += watched[title];
    }
    let (mut found, mut relevant) = (vec![0.0; DECILES], vec![0.0; DECILES]);
    for shown in shown {
        for title in task.relevant[shown.profile].iter().filter(|title| (**title as usize) < decile.len()) {
            relevant[decile[*title as usize]] += 1.0;
            found[decile[*title as usize]] += f64::from(u8::from(shown.list.contains(title)));
        }
    }
    found.iter().zip(&relevant).map(|(found, relevant): (&f64, &f64)| found / relevant.max(1.0)).collect()
}
