//! Jobs that do nothing: from a row in the outbox through RabbitMQ to a worker that claims and completes them, beside a bare
//! loop that publishes and waits for each confirm.

use crate::{ROUNDS, median, tell};
use async_trait::async_trait;
use marquee_backends::{
    db::{Db, jobs::Claim},
    dispatch::{self, Handler, Runner, Work},
    queue::RabbitQueue,
    testing::{PostgresServer, RabbitServer, ring_for},
};
use marquee_core::{
    OsRandom, Shutdown, SystemClock, config,
    id::WorkerId,
    job::{Class, Failure, Kind},
    queue::Queue,
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Jobs of a round.
const JOBS: u32 = 10_000;
/// Publishes of the bare loop in a round.
const BARE: u32 = 2_000;
/// Jobs that the worker works on at a time.
const SLOTS: u16 = 32;
/// Least jobs a second.
const JOBS_PER_S_MIN: f64 = 1000.0;
/// Least share of the bare loop's rate.
const RATIO_MIN: f64 = 0.5;

struct Nothing(Db);

#[async_trait]
impl Handler for Nothing {
    async fn run(&self, claim: &Claim, _: &Work) -> Result<(), Failure> {
        Ok(self.0.complete_fixture_job(claim).await?)
    }
}

/// Whether both goals are reached.
pub(crate) async fn bench() -> bool {
    let (postgres, rabbit) = (PostgresServer::start().await, RabbitServer::start().await);
    let db = Db::connect(postgres.url()).await.expect("the database answers");
    db.migrate().await.expect("the schema is laid");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let queue: Arc<dyn Queue> = Arc::new(RabbitQueue::connect(&rabbit.url()).await.expect("connected"));
        bare.push(publish(queue.as_ref()).await);
        let queue: Arc<dyn Queue> = Arc::new(RabbitQueue::connect(&rabbit.url()).await.expect("connected"));
        ours.push(dispatch(&db, queue).await);
        tell(
            &format!("round {round}: {:.0} jobs a second, {:.0} bare publishes a second", ours[round - 1], bare[round - 1]),
            true,
        );
    }
    let ratio = median(ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect());
    let rate = median(ours);
    tell(&format!("dispatch: {rate:.0} jobs a second end to end, at least {JOBS_PER_S_MIN:.0}"), rate >= JOBS_PER_S_MIN)
        & tell(&format!("dispatch: {ratio:.2} of a bare loop of confirmed publishes, at least {RATIO_MIN}"), ratio >= RATIO_MIN)
}

/// Confirmed publishes a second, one after the other.
async fn publish(queue: &dyn Queue) -> f64 {
    let begun = Instant::now();
    for _ in 0..BARE {
        queue.publish(&[ring_for(Kind::Encode, Class::Normal)]).await.expect("published");
    }
    f64::from(BARE) / begun.elapsed().as_secs_f64()
}

/// Jobs a second, from the insertion of the first to the completion of the last.
async fn dispatch(db: &Db, queue: Arc<dyn Queue>) -> f64 {
    let shutdown = Shutdown::new();
    let worker = config::Worker { slots: SLOTS, ..config::Worker::default() };
    let id = WorkerId::new(&SystemClock, &OsRandom);
    let runner = Runner::new(db.clone(), queue.clone(), Arc::new(Nothing(db.clone())), &worker, id);
    let running = tokio::spawn(runner.run(shutdown.clone()));
    let relay = tokio::spawn(dispatch::relay(db.clone(), queue, shutdown.clone()));
    let begun = Instant::now();
    db.insert_fixture_jobs(JOBS).await.expect("inserted");
    while db.has_open_jobs().await.expect("the database answers") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = begun.elapsed();
    shutdown.drain();
    running.await.expect("it does not panic").expect("it ends well");
    relay.await.expect("it does not panic").expect("it ends well");
    f64::from(JOBS) / took.as_secs_f64()
}
