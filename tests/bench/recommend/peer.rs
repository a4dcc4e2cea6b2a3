//! Marquee beside the `implicit` package, on the same data: how good their lists are, and how long they take to train.

use super::results::{ROUNDS, median, tell};
use anyhow::{Context, Result, ensure};
use marquee_recommender::{
    data::{Cut, Holdout, Interaction, Interactions, generated::World, table},
    evaluate::{Contender, Interval, Protocol, Task, judge},
    model::{Material, Scratch},
    train::{Choices, Effort, choose, history, train},
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

/// Length of the lists that are judged.
const K: usize = 20;
const SEED: u64 = 1;

/// Judges both on the tables of `paths`, to be trained on and to be found, or on a made world.
pub(super) fn beside(world: &World, paths: Option<[&Path; 2]>) -> Result<bool> {
    let task = match paths {
        Some([train, test]) => read(train, test)?,
        None => made(world),
    };
    let folder = tempfile::tempdir()?;
    let mut peer = Peer::start(&task.train, folder.path())?;
    let now = task.train.newest_at().unwrap_or(0);
    let material = Material { watches: &task.train, features: &[], now };
    let begun = Instant::now();
    let choices = choose(&material, &Effort::standard(task.cut, K, SEED), Choices::default());
    let chosen = [begun.elapsed().as_secs_f64(), peer.order("choose")?];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut contender = None;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        contender = Some(Contender::Blend(Box::new(train(&material, &choices))));
        ours.push(begun.elapsed().as_secs_f64());
        theirs.push(peer.order("als")?);
    }
    let als = gains(&task, &peer.lists()?);
    let bm25_seconds = peer.order("bm25")?;
    let bm25 = gains(&task, &peer.lists()?);
    let contender = contender.context("there are rounds")?;
    let mut scratch = Scratch::default();
    let lists: Vec<Vec<u32>> =
        (0..task.train.profiles()).map(|profile| contender.best(&history(&task.train, profile), K, &mut scratch)).collect();
    let blend = gains(&task, &lists);
    let (ours, theirs) = (median(ours), median(theirs));
    tell(&format!("{} watches, {} profiles judged", task.train.len(), blend.len()), true);
    tell(&format!("choosing took {:.1} s, implicit's {:.1} s", chosen[0], chosen[1]), true);
    tell(&format!("implicit's BM25: NDCG@{K} {}, trained in {bm25_seconds:.2} s", said(&bm25)), true);
    let good = tell(&format!("NDCG@{K} {}, implicit's ALS {}", said(&blend), said(&als)), mean(&blend) > mean(&als))
        & tell(&format!("training {ours:.2} s, implicit's ALS {theirs:.2} s: {:.2} of it", ours / theirs), ours <= theirs * 1.03);
    Ok(good)
}

fn mean(gains: &[f64]) -> f64 {
    gains.iter().sum::<f64>() / gains.len().max(1) as f64
}

fn said(gains: &[f64]) -> String {
    let Interval { mean, low, high } = Interval::of(gains, SEED);
    format!("{mean:.4} [{low:.4}, {high:.4}]")
}

fn gains(task: &Task, lists: &[Vec<u32>]) -> Vec<f64> {
    let gain = |profile: usize| {
        let relevant = &task.relevant[profile];
        judge(&lists[profile], K, relevant.len(), |title| relevant.binary_search(&title).is_ok()).ndcg
    };
    task.profiles().into_iter().filter(|profile| *profile < lists.len()).map(gain).collect()
}

fn made(world: &World) -> Task {
    let held = Holdout::new(&world.watches(), Cut::Random { share: 0.2 }, SEED);
    let test: Vec<Interaction> = held.test.iter().collect();
    Task::new(held.train, &test, Protocol::Full, SEED)
}

fn read(train: &Path, test: &Path) -> Result<Task> {
    let mut index = table::Index::default();
    let mut read = |path: &Path| -> Result<Vec<Interaction>> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        table::read(file, &mut index).with_context(|| format!("in {}", path.display()))
    };
    let (train, test) = (read(train)?, read(test)?);
    let size = (index.profiles.len(), index.titles.len());
    let train = Interactions::new(size, train, |profile, title| index.tie(profile, title), usize::MAX);
    Ok(Task::new(train, &test, Protocol::Full, SEED))
}

/// The other one, in a process of its own.
struct Peer {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    lists: std::path::PathBuf,
}

impl Peer {
    fn start(watches: &Interactions, folder: &Path) -> Result<Self> {
        let (train, lists) = (folder.join("train"), folder.join("lists"));
        let pairs = watches.iter().filter(|one| one.weight > 0.0);
        std::fs::write(&train, pairs.flat_map(|one| [one.profile, one.title]).flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/recommend/peer.py");
        let mut process = Command::new("python3")
            .args([script.as_os_str(), train.as_os_str(), lists.as_os_str()])
            .arg(K.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("python3 does not start")?;
        let orders = process.stdin.take().context("it is to be ordered")?;
        let answers = BufReader::new(process.stdout.take().context("it is to answer")?);
        Ok(Self { process, orders, answers, lists })
    }

    /// Seconds that it took.
    fn order(&mut self, order: &str) -> Result<f64> {
        writeln!(self.orders, "{order}")?;
        let mut answer = String::new();
        ensure!(self.answers.read_line(&mut answer)? > 0, "implicit ended early: what it said is above");
        Ok(answer.trim().parse()?)
    }

    /// The best titles of each profile.
    fn lists(&mut self) -> Result<Vec<Vec<u32>>> {
        self.order("lists")?;
        let numbers = std::fs::read(&self.lists)?;
        let titles: Vec<u32> = numbers.as_chunks::<4>().0.iter().map(|title| u32::from_le_bytes(*title)).collect();
        Ok(titles.chunks(K).map(<[u32]>::to_vec).collect())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
