//! The faults: F1 to F12 of what a release has to survive. Each is made, held for a while and taken back.

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
    /// Attempts that it may cost beyond those of a run without faults.
    pub(crate) attempts_max: u64,
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

/// Makes one fault, chosen by `random`, and takes it back.
pub(crate) async fn strike(cast: &mut Cast, random: &dyn Random) -> Option<Fault> {
    let below = |end: usize| (random.unit() * end as f64) as usize;
    let worker = WORKERS[below(2)];
    let seconds = |least: u64, most: u64| Duration::from_secs(least + below((most - least) as usize + 1) as u64);
    let (number, what, attempts_max) = match below(16) {
        0 | 1 => {
            cast.restart(worker).await;
            ("F1", format!("kill -9 {worker}"), 2)
        }
        2 => {
            let children = cast.children();
            children.iter().for_each(|child| child.signal(Signal::SIGKILL));
            if children.is_empty() {
                return None;
            }
            ("F1", format!("kill -9 of {} children", children.len()), children.len() as u64)
        }
        3 => {
            cast.signal(worker, Signal::SIGSTOP);
            tokio::time::sleep(BEYOND_LEASE).await;
            cast.signal(worker, Signal::SIGCONT);
            ("F2", format!("{worker} stopped beyond its lease"), 2)
        }
        4 => {
            cast.rabbit.restart().await;
            ("F3", "kill -9 RabbitMQ".into(), 2)
        }
        5 => {
            cast.postgres.restart().await;
            ("F5", "kill -9 PostgreSQL".into(), 2)
        }
        6 => {
            cast.s3.refuse(3);
            tokio::time::sleep(seconds(3, 8)).await;
            cast.s3.refuse(0);
            ("F7", "the store refuses every third request".into(), 4)
        }
        7 => {
            let line = if below(2) == 0 { Line::Narrow(50_000) } else { Line::Silent };
            hold(cast, worker, Engine::Blobs, line, seconds(5, 14)).await;
            ("F8", format!("{worker} to the store: {line:?}"), 2)
        }
        8 | 9 => {
            let after = 200 + below(60_000) as u64;
            let line = if below(2) == 0 { Line::Truncating(after) } else { Line::Flipping(after) };
            let name = [worker, "edge", APIS[below(2)]][below(3)];
            hold(cast, name, Engine::Blobs, line, seconds(2, 5)).await;
            ("F9", format!("{name} to the store: {line:?}"), 4)
        }
        10 => {
            for _ in 0..3 {
                cast.db.ring_for_all().await.ok()?;
            }
            ("F10", "every message three times".into(), 0)
        }
        11 => {
            let running = cast.db.expire_leases().await.ok()?;
            cast.db.ring_for_all().await.ok()?;
            ("F11", format!("{running} leases taken from those who work"), running)
        }
        12 => {
            let api = APIS[below(2)];
            cast.restart(api).await;
            ("F12", format!("kill -9 {api} while uploads run"), 0)
        }
        13 => {
            let (name, engine) = (STATEFUL[below(5)], Engine::ALL[below(4)]);
            let line = if below(3) == 0 { Line::Slow(Duration::from_millis(200)) } else { Line::Cut };
            hold(cast, name, engine, line, seconds(2, 12)).await;
            ("F18", format!("{name} to the {engine:?}: {line:?}"), 2)
        }
        14 => {
            let name = ["edge", "scheduler"][below(2)];
            cast.restart(name).await;
            ("F20", format!("kill -9 {name}"), 0)
        }
        _ => {
            let name = STATEFUL[below(5)];
            if below(2) == 0 {
                cast.redis.restart().await;
                ("F21", "kill -9 Redis".into(), 0)
            } else {
                cast.replace(name).await;
                ("F20", format!("{name} replaced in good order"), 1)
            }
        }
    };
    let fault = Fault { number, what, attempts_max };
    show(&fault.to_string());
    tokio::time::sleep(seconds(0, 2)).await;
    Some(fault)
}

async fn hold(cast: &Cast, name: &'static str, engine: Engine, line: Line, time: Duration) {
    cast.set_line(name, engine, line);
    tokio::time::sleep(time).await;
    cast.set_line(name, engine, Line::Good);
}
