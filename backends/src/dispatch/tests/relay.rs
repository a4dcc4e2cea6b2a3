use crate::db::jobs::tests::queued;
use crate::dispatch::relay::relay_batch;
use crate::queue::PostgresQueue;
use crate::testing::{database, eventually, video};
use marquee_core::{Shutdown, queue::Queue, video::Status};
use std::sync::Arc;

#[tokio::test]
async fn a_crash_before_publishing_loses_nothing() {
    let (db, _guard) = database().await;
    let queue = PostgresQueue::new(db.clone());
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    drop(db.outbox_batch(10).await.expect("read"));
    assert!(db.drain_queue().await.is_empty());
    assert_eq!(relay_batch(&db, &queue, 100).await.expect("relayed"), 1);
    assert_eq!(db.drain_queue().await, [job]);
    assert_eq!(relay_batch(&db, &queue, 100).await.expect("relayed"), 0);
}

#[tokio::test]
async fn a_crash_after_publishing_publishes_again() {
    let (db, _guard) = database().await;
    let queue = PostgresQueue::new(db.clone());
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    let batch = db.outbox_batch(10).await.expect("read");
    queue.publish(&batch.rings).await.expect("published");
    drop(batch);
    assert_eq!(db.drain_queue().await, [job]);
    assert_eq!(relay_batch(&db, &queue, 100).await.expect("relayed"), 1);
    assert_eq!(db.drain_queue().await, [job]);
    assert!(db.outbox_jobs().await.is_empty());
}

#[tokio::test]
async fn a_queue_that_is_down_keeps_the_outbox() {
    let (db, guard) = database().await;
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    let gone = crate::db::Db::connect(guard.url()).await.expect("connected");
    gone.close().await;
    assert!(relay_batch(&db, &PostgresQueue::new(gone), 100).await.is_err());
    assert_eq!(db.outbox_jobs().await, [job]);
    assert_eq!(relay_batch(&db, &PostgresQueue::new(db.clone()), 100).await.expect("relayed"), 1);
}

#[tokio::test]
async fn several_relays_share_the_outbox() {
    let (db, _guard) = database().await;
    let queue = PostgresQueue::new(db.clone());
    let film = video(&db, Status::Uploaded).await;
    let mut jobs = Vec::new();
    for _ in 0..230 {
        jobs.push(queued(&db, film).await);
    }
    let (one, two) = tokio::join!(relay_batch(&db, &queue, 100), relay_batch(&db, &queue, 100));
    assert_eq!(one.expect("relayed") + two.expect("relayed"), 200, "a full batch each");
    assert_eq!(relay_batch(&db, &queue, 100).await.expect("relayed"), 30);
    let mut published = db.drain_queue().await;
    published.sort();
    jobs.sort();
    assert_eq!(published, jobs);
}

#[tokio::test]
async fn it_is_woken_and_stops_when_the_process_drains() {
    let (db, _guard) = database().await;
    let queue = Arc::new(PostgresQueue::new(db.clone()));
    let shutdown = Shutdown::new();
    let task = tokio::spawn(crate::dispatch::relay(db.clone(), queue.clone(), shutdown.clone()));
    let film = video(&db, Status::Uploaded).await;
    for _ in 0..3 {
        let job = queued(&db, film).await;
        eventually("the ring is published", async || db.outbox_jobs().await.is_empty()).await;
        assert_eq!(db.drain_queue().await, [job]);
    }
    shutdown.drain();
    task.await.expect("no panic").expect("it ended well");
}
