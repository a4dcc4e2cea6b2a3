//! The faults: a part of the list that a release has to survive. Each is made, held for a while and taken back.

use super::cast::{Cast, Engine};
use crate::support::{node::show, proxy::Line};
use marquee_core::Random;
use nix::sys::signal::Signal;
use std::{fmt, time::Duration};

/// Longer than a lease lives.
const BEYOND_LEASE: Duration = Duration::from_secs(34);

/// A fault that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Which of the list.
    pub(crate) number: &'static str,
    what: String,
    cost: Cost,
}

/// Attempts that a fault may cost beyond those of a run without faults: those that run when it comes, and those that find it
/// still there after their slot has rested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// So many.
    Attempts(u64),
    /// So many in each slot of a worker.
    OneWorker(u64),
    /// So many in each slot of all workers.
    AllWorkers(u64),
}

impl Fault {
    /// Attempts that it may have cost, when every worker has so many slots.
    pub(crate) fn attempts_max(&self, slots: u64) -> u64 {
        match self.cost {
            Cost::Attempts(count) => count,
            Cost::OneWorker(count) => count * slots,
            Cost::AllWorkers(count) => count * slots * WORKERS.len() as u64,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.what)
    }
}

/// Roles that a line of any kind leads from.
const STATEFUL: [&str; 5] = ["api-1", "api-2", "worker-1", "worker-2", "scheduler"];
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];
const APIS: [&str; 2] = ["api-1", "api-2"];

/// Chooses.
struct Dice<'a>(&'a dyn Random);

impl Dice<'_> {
    fn below(&self, end: usize) -> usize {
        (self.0.unit() * end as f64) as usize
    }

    fn seconds(&self, least: u64, most: u64) -> Duration {
        Duration::from_secs(least + self.below((most - least) as usize + 1) as u64)
    }

    fn one<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Number on the list, what was done, and what it may cost.
type Made = Option<(&'static str, String, Cost)>;

/// Makes one fault, chosen by `random`, and takes it back.
pub(crate) async fn strike(cast: &mut Cast, random: &dyn Random) -> Option<Fault> {
    let dice = Dice(random);
    let made = match dice.below(16) {
        0..=4 => role(cast, &dice).await,
        5..=8 => engine(cast, &dice).await,
        9..=13 => line(cast, &dice).await,
        _ => work(cast, &dice).await,
    };
    let (number, what, cost) = made?;
    let fault = Fault { number, what, cost };
    show(&fault.to_string());
    tokio::time::sleep(dice.seconds(0, 2)).await;
    Some(fault)
}

/// A process of ours dies, stands still, or is replaced.
async fn role(cast: &mut Cast, dice: &Dice<'_>) -> Made {
    let (worker, api) = (dice.one(&WORKERS), dice.one(&APIS));
    Some(match dice.below(7) {
        0 | 1 => {
            cast.restart(worker).await;
            ("F1", format!("kill -9 {worker}"), Cost::OneWorker(1))
        }
        2 => {
            let children = cast.children();
            children.iter().for_each(|child| child.signal(Signal::SIGKILL));
            let count = Some(children.len()).filter(|count| *count > 0)?;
            ("F1", format!("kill -9 of {count} children"), Cost::Attempts(count as u64))
        }
        3 => {
            cast.signal(worker, Signal::SIGSTOP);
            tokio::time::sleep(BEYOND_LEASE).await;
            cast.signal(worker, Signal::SIGCONT);
            ("F2", format!("{worker} stopped beyond its lease"), Cost::OneWorker(1))
        }
        4 => {
            cast.restart(api).await;
            ("F12", format!("kill -9 {api} while uploads run"), Cost::Attempts(0))
        }
        5 => {
            let name = dice.one(&["edge", "scheduler"]);
            cast.restart(name).await;
            ("F20", format!("kill -9 {name}"), Cost::Attempts(0))
        }
        _ => {
            let name = dice.one(&STATEFUL);
            cast.replace(name).await;
            ("F20", format!("{name} replaced in good order"), Cost::OneWorker(1))
        }
    })
}

/// An engine dies, or refuses.
async fn engine(cast: &mut Cast, dice: &Dice<'_>) -> Made {
    Some(match dice.below(4) {
        0 => {
            cast.rabbit.restart().await;
            ("F3", "kill -9 RabbitMQ".into(), Cost::AllWorkers(1))
        }
        1 => {
            cast.postgres.restart().await;
            ("F5", "kill -9 PostgreSQL".into(), Cost::AllWorkers(2))
        }
        2 => {
            cast.s3.refuse(3);
            tokio::time::sleep(dice.seconds(3, 8)).await;
            cast.s3.refuse(0);
            ("F7", "the store refuses every third request".into(), Cost::AllWorkers(3))
        }
        _ => {
            cast.redis.restart().await;
            ("F21", "kill -9 Redis".into(), Cost::Attempts(0))
        }
    })
}

/// A line between the two is bad for a while.
async fn line(cast: &mut Cast, dice: &Dice<'_>) -> Made {
    let after = 200 + dice.below(60_000) as u64;
    // Nobody can tell what a bit means that turned over before the first body.
    let within = 20_000 + dice.below(60_000) as u64;
    let bad = [Line::Narrow(50_000), Line::Silent];
    let broken = [Line::Slow(Duration::from_millis(200)), Line::Cut, Line::Cut];
    let readers = ["worker-1", "worker-2", "edge", "api-1", "api-2"];
    let (number, name, engine, line) = match dice.below(6) {
        0 | 1 => ("F8", dice.one(&WORKERS), Engine::Blobs, dice.one(&bad)),
        2 => ("F9", dice.one(&readers), Engine::Blobs, Line::Truncating(after)),
        3 => ("F9", dice.one(&readers), Engine::Blobs, Line::Flipping(within)),
        _ => ("F18", dice.one(&STATEFUL), dice.one(&Engine::ALL), dice.one(&broken)),
    };
    cast.set_line(name, engine, line);
    tokio::time::sleep(if number == "F9" { dice.seconds(2, 5) } else { dice.seconds(3, 14) }).await;
    cast.set_line(name, engine, Line::Good);
    let cost = if WORKERS.contains(&name) { Cost::OneWorker(4) } else { Cost::Attempts(0) };
    Some((number, format!("{name} to the {engine:?}: {line:?}"), cost))
}

/// Messages come too often, and two workers have the same job.
async fn work(cast: &mut Cast, dice: &Dice<'_>) -> Made {
    if dice.below(2) == 0 {
        for _ in 0..3 {
            cast.db.ring_for_all().await.ok()?;
        }
        return Some(("F10", "every message three times".into(), Cost::Attempts(0)));
    }
    let running = cast.db.expire_leases().await.ok()?;
    cast.db.ring_for_all().await.ok()?;
    Some(("F11", format!("{running} leases taken from those who work"), Cost::Attempts(running)))
}
