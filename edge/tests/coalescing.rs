//! One fetch however many ask, whoever leaves, and never a part for the whole.

use crate::harness::{Edge, drain, noise};
use futures::{StreamExt, future::join_all};
use reqwest::Client;

/// Clients that share connections: a thousand sockets are more than some machines allow a process.
fn multiplexed() -> Vec<Client> {
    (0..20).map(|_| Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_viewers_of_a_cold_object_are_one_read() {
    let edge = Edge::start().await;
    let bytes = noise(200_000);
    edge.store("v/540p/000001.m4s", bytes.clone()).await;
    let gate = edge.origin.close_gate();
    let url = edge.media("v/540p/000001.m4s");
    let clients = multiplexed();
    let asking = (0..1000).map(|number| clients[number % clients.len()].get(&url).send());
    // Everyone has an answer before the first byte of the body has left the origin.
    let answers = join_all(asking).await;
    assert_eq!(edge.origin.reads(), 1);
    gate.add_permits(1);
    let bodies = answers.into_iter().map(|answer| {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 200);
        async {
            let mut body = answer.bytes_stream();
            let first = body.next().await.expect("the first piece arrives while the rest is held back").expect("intact");
            (first, body)
        }
    });
    let begun = join_all(bodies).await;
    gate.add_permits(1000);
    for whole in
        join_all(begun.into_iter().map(async |(first, body)| [first.to_vec(), drain(body).await.expect("intact")].concat())).await
    {
        assert_eq!(whole, bytes);
    }
    assert_eq!(edge.origin.reads(), 1);
}

#[tokio::test]
async fn the_fetch_survives_the_viewer_who_began_it() {
    for leave_after in [0, 1, 3] {
        let edge = Edge::start().await;
        edge.store("v/540p/000001.m4s", noise(10_000)).await;
        let gate = edge.origin.close_gate();
        let url = edge.media("v/540p/000001.m4s");
        let mut leader = edge.get(&url).await.bytes_stream();
        let follower = edge.get(&url).await;
        gate.add_permits(leave_after);
        for _ in 0..leave_after.min(1) {
            leader.next().await.expect("a piece").expect("intact");
        }
        drop(leader);
        gate.add_permits(100);
        assert_eq!(follower.bytes().await.expect("whole"), noise(10_000));
        assert_eq!(edge.get(&url).await.bytes().await.expect("whole"), noise(10_000));
        assert_eq!(edge.origin.reads(), 1);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_taken_for_the_whole() {
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(10_000)).await;
    edge.store("v/540p/playlist.m3u8", "#EXTM3U\n".repeat(1000)).await;
    *edge.origin.cut.lock().expect("no panic") = Some(4000);
    let url = edge.media("v/540p/000001.m4s");
    let [multiplexed, ..] = &multiplexed()[..] else { unreachable!("twenty") };
    for client in [&edge.client, multiplexed] {
        // The answer may already be refused, if the body broke before anyone could begin; it is never a short success.
        let answer = client.get(&url).send().await.expect("an answer");
        if answer.status() == 200 {
            assert!(drain(answer.bytes_stream()).await.is_err());
        } else {
            assert_eq!(answer.status(), 503);
        }
    }
    assert_eq!(edge.get(&edge.media("v/540p/playlist.m3u8")).await.status(), 503);
    *edge.origin.cut.lock().expect("no panic") = None;
    assert_eq!(edge.get(&url).await.bytes().await.expect("whole"), noise(10_000));
    assert_eq!(edge.get(&edge.media("v/540p/playlist.m3u8")).await.bytes().await.expect("whole").len(), 8000);
}

#[tokio::test]
async fn viewers_in_the_middle_of_a_body_that_breaks_off_are_cut_off() {
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(10_000)).await;
    *edge.origin.cut.lock().expect("no panic") = Some(4000);
    let gate = edge.origin.close_gate();
    let viewers = join_all((0..50).map(|_| async { edge.get(&edge.media("v/540p/000001.m4s")).await })).await;
    assert!(viewers.iter().all(|viewer| viewer.status() == 200));
    gate.add_permits(100);
    for viewer in viewers {
        assert!(drain(viewer.bytes_stream()).await.is_err());
    }
    assert_eq!(edge.origin.reads(), 1);
}
