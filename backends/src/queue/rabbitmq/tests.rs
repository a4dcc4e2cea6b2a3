use super::*;
use crate::testing::{PATIENCE, RabbitServer, eventually, queue_contract, ring_for};
use lapin::options::QueueDeleteOptions;
use marquee_core::{
    ErrorKind,
    job::{Class, Kind},
    queue::RING_VERSION,
};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

fn everything(prefetch: u16) -> Subscription {
    Subscription { kinds: Kind::ALL.to_vec(), classes: Class::ALL.to_vec(), prefetch }
}

/// One broker for all that needs a whole one: it takes seconds to start.
#[tokio::test]
async fn rabbitmq() {
    let mut server = RabbitServer::start().await;
    queue_contract(&RabbitQueue::connect(&server.url()).await.expect("connected")).await;
    a_wrong_password_is_told_apart_from_silence(&server).await;
    what_cannot_be_read_is_set_aside(&server).await;
    a_deleted_queue_is_declared_anew(&server).await;
    kinds_of_a_class_take_turns(&server).await;
    a_killed_broker_has_lost_nothing_and_is_found_again(&mut server).await;
}

async fn a_wrong_password_is_told_apart_from_silence(server: &RabbitServer) {
    let mut wrong = server.url();
    wrong.set_password(Some("not it")).expect("a URL with a host");
    let mut elsewhere = server.url();
    elsewhere.set_path("/nowhere");
    for url in [wrong, elsewhere] {
        let refused = RabbitQueue::connect(&url).await.err().expect("refused");
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "invalid_config"), "{refused:?}");
        assert!(!refused.detail().contains("not it"), "{}", refused.detail());
    }
    let nobody = Url::parse("amqp://127.0.0.1:1").expect("a URL");
    assert_eq!(RabbitQueue::connect(&nobody).await.err().expect("no answer").kind(), ErrorKind::Unavailable);
}

async fn what_cannot_be_read_is_set_aside(server: &RabbitServer) {
    let url = server.url();
    let queue = RabbitQueue::connect(&url).await.expect("connected");
    let good = ring_for(Kind::Encode, Class::Urgent);
    let mut newer = serde_json::to_value(ring_for(Kind::Encode, Class::Urgent)).expect("json");
    newer["version"] = json!(RING_VERSION + 1);
    let garbage = [b"not json".to_vec(), vec![0xff; 100_000], newer.to_string().into_bytes()];
    for body in &garbage {
        bare_publish(&url, Kind::Encode, Class::Urgent, body).await;
    }
    queue.publish(std::slice::from_ref(&good)).await.expect("published");
    let consumer = queue.subscribe(everything(1)).await.expect("subscribed");
    let delivery = timeout(PATIENCE, consumer.next()).await.expect("in time").expect("delivered");
    assert_eq!(delivery.ring(), &good);
    delivery.ack().await.expect("acknowledged");
    for body in &garbage {
        eventually("a message is set aside", async || match take_set_aside(&url).await {
            Some(message) => {
                assert_eq!(&message, body);
                true
            }
            None => false,
        })
        .await;
    }
}

async fn a_deleted_queue_is_declared_anew(server: &RabbitServer) {
    let queue = RabbitQueue::connect(&server.url()).await.expect("connected");
    let line = Line::open(&queue.broker).await.expect("connected");
    let name = queue.broker.queue(Kind::Encode, Class::Normal);
    line.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.expect("deleted");
    let ring = ring_for(Kind::Encode, Class::Normal);
    let refused = queue.publish(std::slice::from_ref(&ring)).await.expect_err("nobody would get it");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    queue.publish(std::slice::from_ref(&ring)).await.expect("published on a line with all queues");
    let consumer = queue.subscribe(everything(1)).await.expect("subscribed");
    let delivery = timeout(PATIENCE, consumer.next()).await.expect("in time").expect("delivered");
    assert_eq!(delivery.ring(), &ring);
    delivery.ack().await.expect("acknowledged");
}

async fn kinds_of_a_class_take_turns(server: &RabbitServer) {
    let queue = RabbitQueue::connect(&server.url()).await.expect("connected");
    let rings: Vec<_> = [Kind::Inspect; 8].into_iter().chain([Kind::Publish]).map(|kind| ring_for(kind, Class::Normal)).collect();
    queue.publish(&rings).await.expect("published");
    let consumer = queue.subscribe(everything(1)).await.expect("subscribed");
    let mut before = 0;
    loop {
        let delivery = timeout(PATIENCE, consumer.next()).await.expect("in time").expect("delivered");
        let kind = delivery.ring().kind;
        delivery.ack().await.expect("acknowledged");
        if kind == Kind::Publish {
            break;
        }
        before += 1;
    }
    assert!(before < 4, "{before} jobs of one kind went before the one of another");
}

async fn a_killed_broker_has_lost_nothing_and_is_found_again(server: &mut RabbitServer) {
    let queue = RabbitQueue::connect(&server.url()).await.expect("connected");
    let consumer = queue.subscribe(everything(3)).await.expect("subscribed");
    assert!(timeout(Duration::from_millis(200), consumer.next()).await.is_err(), "nothing is there yet");
    let rings: Vec<_> = (0..20).map(|_| ring_for(Kind::Encode, Class::Normal)).collect();
    queue.publish(&rings[..10]).await.expect("published");
    let held = timeout(PATIENCE, consumer.next()).await.expect("in time").expect("delivered");
    server.restart().await;
    eventually("publishing works again", async || queue.publish(&rings[10..]).await.is_ok()).await;
    // What was fetched over the old line comes again.
    assert!(held.ack().await.is_err());
    let mut missing: std::collections::BTreeSet<_> = rings.iter().map(|ring| ring.job).collect();
    while !missing.is_empty() {
        let delivery = timeout(PATIENCE, consumer.next()).await.expect("in time").expect("delivered");
        missing.remove(&delivery.ring().job);
        delivery.ack().await.expect("acknowledged");
    }
}
