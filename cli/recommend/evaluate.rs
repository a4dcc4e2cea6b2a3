//! `marquee recommend evaluate`: models on anybody's data.

use super::memory::Memory;
use crate::args::{RecommendEvaluate, RecommendProtocol};
use anyhow::{Context, bail, ensure};
use marquee_recommender::{
    data::{Interaction, Interactions, table},
    evaluate::{Interval, Judgement, Protocol, Report, Task, run as evaluate},
    train::Effort,
};
use std::{collections::HashMap, fs::File, path::Path, process::ExitCode};

/// Longest list.
const K_MAX: usize = 1_000;
/// Titles of a profile that are trained on, the newest.
const PROFILE_TITLES_MAX: usize = 5_000;

/// Trains and judges, and prints what came of it.
///
/// # Errors
/// When a file cannot be read or meant: the message names the line, or the row.
pub(super) async fn run(options: RecommendEvaluate) -> anyhow::Result<ExitCode> {
    let json = options.json;
    let report = tokio::task::spawn_blocking(move || report(&options)).await??;
    show(&report, json)?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "people wait for minutes")]
fn report(options: &RecommendEvaluate) -> anyhow::Result<Report> {
    ensure!(!options.k.is_empty() && options.k.iter().all(|k| (1..=K_MAX).contains(k)), "--k is 1 to {K_MAX}");
    let is_sampled = matches!(options.protocol, RecommendProtocol::Sampled99);
    ensure!(options.negatives.is_none() || is_sampled, "--negatives are of --protocol sampled99, and of no other");
    let mut index = table::Index::default();
    let train = read(&options.train, &mut index)?;
    let (profiles, titles) = (index.profiles.len(), index.titles.len());
    ensure!(!train.is_empty(), "{} has no rows: there is nothing to train on", options.train.display());
    let given = options.given.as_deref().map(|path| read(path, &mut index)).transpose()?.unwrap_or_default();
    let test = read(&options.test, &mut index)?;
    ensure!(test.iter().any(|one| one.weight > 0.0), "{} has no rows: there is nothing to judge by", options.test.display());
    let protocol = match options.protocol {
        RecommendProtocol::Full => Protocol::Full,
        RecommendProtocol::LeaveLastOut => Protocol::LeaveLastOut,
        RecommendProtocol::Sampled99 => Protocol::Sampled(negatives(options.negatives.as_deref(), &test, &mut index)?),
    };
    let cleaned = |profiles, rows| {
        Interactions::new((profiles, titles), rows, |profile, title| index.tie(profile, title), PROFILE_TITLES_MAX)
    };
    let (train, given) = (cleaned(profiles, train), cleaned(index.profiles.len(), given));
    if let Some(both) = given.iter().find(|one| train.rows().row_len(one.profile as usize) > 0) {
        bail!("{} is trained on: what is given is of users that are not", index.profiles.name(both.profile));
    }
    let task = Task::of_unseen(train, given, &test, protocol, options.seed);
    let longest = options.k.iter().copied().max().unwrap_or(K_MAX);
    let effort = Effort::standard(task.cut, longest, options.seed);
    let progress = |step: &str| {
        if !options.json {
            eprintln!("{step} …");
        }
    };
    Ok(evaluate(&task, &options.k, &effort, &Memory, &progress))
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

fn read(path: &Path, index: &mut table::Index) -> anyhow::Result<Vec<Interaction>> {
    table::read(open(path)?, index).with_context(|| format!("in {}", path.display()))
}

/// What is relevant in `test` is ranked among. Where some is given, it is for all, and none of it is relevant.
fn negatives(path: Option<&Path>, test: &[Interaction], index: &mut table::Index) -> anyhow::Result<HashMap<u32, Vec<u32>>> {
    let Some(path) = path else { return Ok(HashMap::new()) };
    let negatives = table::read_negatives(open(path)?, index).with_context(|| format!("in {}", path.display()))?;
    for one in test.iter().filter(|one| one.weight > 0.0) {
        let (user, item) = (index.profiles.name(one.profile), index.titles.name(one.title));
        let Some(others) = negatives.get(&one.profile) else {
            bail!("{} has no items for the user {user}, who is in the test", path.display());
        };
        ensure!(!others.contains(&one.title), "{} has the item {item} for the user {user}: it is relevant", path.display());
    }
    Ok(negatives)
}

fn show(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        say!("{}", serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    say!(
        "{} profiles, {} titles, {} interactions; {} profiles judged. Choices on a holdout of the training took {:.1} s.\n",
        report.profiles,
        report.titles,
        report.interactions,
        report.judged,
        report.choose_seconds
    );
    for model in &report.models {
        show_model(model);
    }
    Ok(())
}

fn show_model(model: &Judgement) {
    say!("{}", model.model);
    for (name, Interval { mean, low, high }) in &model.metrics {
        say!("  {name:<12} {mean:.4}  [{low:.4}, {high:.4}]");
    }
    for (name, share) in &model.coverage {
        say!("  {name:<12} {share:.4}");
    }
    let memory = model.memory_peak_bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MB", bytes >> 20));
    let latency = model.latency_ms;
    say!(
        "  train {:.2} s, memory {memory}, a list {:.3} ms (p50), {:.3} ms (p99)\n",
        model.train_seconds,
        latency.p50,
        latency.p99
    );
}
