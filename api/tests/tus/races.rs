//! Requests at the same time: one appends, the others are told so.

use super::{arrived, bytes, editor_with_video, offset, opened, patch, send, tus};
use crate::app::{TestApp, empty, problem};
use marquee_backends::testing::eventually;
use marquee_core::id::UploadId;
use reqwest::Method;
use std::{io, sync::Arc};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

#[tokio::test]
async fn two_requests_never_append_at_a_time() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    let (feed, pieces) = mpsc::channel::<io::Result<&'static str>>(1);
    let slow = patch(&editor, &path, 0).body(reqwest::Body::wrap_stream(ReceiverStream::new(pieces)));
    let slow = tokio::spawn(async move { slow.send().await.unwrap() });
    feed.send(Ok("0123")).await.unwrap();
    eventually("the first bytes are kept", async || offset(&editor, &path).await.0 == 4).await;
    let second = send(&editor, &path, 4, b"xxxx").await;
    assert_eq!(second.headers()["retry-after"], "6");
    assert_eq!(problem(second, 423).await, "upload_locked");
    let delete = tus(&editor, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(problem(delete, 423).await, "upload_locked");
    feed.send(Ok("4567")).await.unwrap();
    drop(feed);
    empty(slow.await.unwrap(), 204).await;
    arrived(&app, &editor, &video, &path, b"01234567").await;
}

#[tokio::test]
async fn nobody_takes_over_while_the_store_finishes_a_film() {
    let finishes = Arc::new(Semaphore::new(0));
    let app = TestApp::start_finishing(finishes.clone()).await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 4).await;
    let id: UploadId = path.rsplit('/').next().unwrap().parse().unwrap();
    let last = tokio::spawn(patch(&editor, &path, 0).body("film").send());
    eventually("the film is whole", async || app.db.upload(id).await.unwrap().offset_bytes == 4).await;
    let first_end = app.db.upload_locked_until(id).await;
    eventually("the lock is kept", async || app.db.upload_locked_until(id).await > first_end).await;
    assert_eq!(problem(send(&editor, &path, 4, b"").await, 423).await, "upload_locked");
    finishes.add_permits(1);
    empty(last.await.unwrap().unwrap(), 204).await;
    arrived(&app, &editor, &video, &path, b"film").await;
}

#[tokio::test]
async fn of_many_equal_requests_one_appends() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let film = bytes(500_000);
    let path = opened(&editor, &video, film.len()).await;
    let answers = futures::future::join_all((0..8).map(|_| send(&editor, &path, 0, &film))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 204 | 409 | 423)), "{statuses:?}");
    arrived(&app, &editor, &video, &path, &film).await;
}

#[tokio::test]
async fn the_first_upload_that_is_whole_becomes_the_source() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let (first, second) = (opened(&editor, &video, 4).await, opened(&editor, &video, 4).await);
    empty(send(&editor, &first, 0, b"fi").await, 204).await;
    empty(send(&editor, &second, 0, b"film").await, 204).await;
    assert_eq!(problem(send(&editor, &first, 2, b"lm").await, 410).await, "upload_expired");
    arrived(&app, &editor, &video, &second, b"film").await;
}
