//! The engines of a cluster: the same main job with RabbitMQ, an S3 store and Redis instead of what is built in.

use crate::support::{bytes_below, clip::FILM, hls, judge, node::Node, tus::Upload};
use marquee_backends::testing::{RabbitServer, RedisServer, S3Server};

#[tokio::test]
async fn a_film_goes_through_rabbitmq_s3_and_redis_while_the_broker_is_killed() {
    let (mut rabbit, redis, s3) = (RabbitServer::start().await, RedisServer::start().await, S3Server::start().await);
    let (queue, blobs, cache) = (rabbit.url().to_string(), s3.url().to_string(), redis.url().to_string());
    let settings = [("MARQUEE_QUEUE_URL", &*queue), ("MARQUEE_BLOBS_URL", &*blobs), ("MARQUEE_CACHE_URL", &*cache)];
    let node = Node::start_with(&settings).await;
    let admin = node.admin().await;

    let film = std::fs::read(FILM.file()).expect("the film is readable");
    let id = admin.create_video("A film on other engines").await;
    let upload = Upload::open(&admin, &id, film.len() as u64).await;
    // Both smaller and larger than a part of a multipart upload.
    let offset = upload.append(0, film[..1_000_000].to_vec()).await;
    upload.append(offset, film[1_000_000..].to_vec()).await;
    admin.wait_for(&id, "in the middle of its encode", |video| video.playable).await;
    rabbit.restart().await;
    admin.wait_until_ready(&id).await;

    for rendition in hls::renditions(&admin.hls(&id).await).await.video {
        assert_eq!(judge::numbers(&rendition), (0..FILM.frames()).collect::<Vec<_>>(), "{rendition}");
    }
    let stored = s3.folder().join("some/prefix");
    assert!(stored.join("media").is_dir() && !node.data().join("blobs").exists(), "everything is in the bucket");
    assert_eq!(bytes_below(&stored.join(".tails")), 0, "what was kept between requests is gone");
    node.stop().await;
}
