//! TLS to engines, with certificates of a company's own authority: trusted if `SSL_CERT_FILE` names it, refused otherwise.

use super::start::{Fault, are_refused};
use crate::support::{
    cluster::{Urls, run_nginx},
    solo::Solo,
};
use marquee_backends::testing::{Authority, Kept, RabbitServer, RedisServer, S3Server, database_url, free_port};
use std::path::Path;

/// An S3 store behind an nginx that takes TLS, and its URL there.
fn secure_s3(s3: &S3Server, authority: &Authority) -> (Kept, String) {
    let endpoint = s3.url().query_pairs().find(|(key, _)| key == "endpoint").expect("an endpoint").1.into_owned();
    let port = free_port();
    let nginx = run_nginx(&format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; client_max_body_size 0;\n\
         location / {{ proxy_pass {endpoint}; proxy_http_version 1.1; proxy_set_header Host $http_host; }} }}\n",
        authority.certificate().display(),
        authority.key().display(),
    ));
    (nginx, s3.url().as_str().replace(&endpoint, &format!("https://127.0.0.1:{port}")))
}

fn trust(file: &Path) -> [(String, String); 1] {
    [("SSL_CERT_FILE".to_owned(), file.display().to_string())]
}

#[tokio::test]
async fn engines_with_a_private_authority_are_used_if_it_is_trusted_and_refused_otherwise() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (rabbit, redis) = tokio::join!(RabbitServer::start_secure(&authority), RedisServer::start_secure(&authority));
    let s3 = S3Server::start().await;
    let (_nginx, blobs) = secure_s3(&s3, &authority);
    let urls = Urls { database: database_url().await.into(), queue: rabbit.url().into(), blobs, cache: redis.url().to_string() };

    let faults = [("queue", &urls.queue), ("cache", &urls.cache)];
    let faults = faults.map(|(section, url)| Fault { section, url: url.clone(), says: "SSL_CERT_FILE" });
    are_refused(&faults, &trust(&stranger.trusted())).await;

    let solo = Solo::start(&urls, &trust(&authority.trusted())).await;
    let admin = solo.admin().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let note = folder.path().join("note.mp4");
    std::fs::write(&note, "This is not a film.\n".repeat(10)).expect("written");
    let id = admin.upload_form("A note", &note).await;
    let video = admin.wait_until_settled(&id).await;
    assert_eq!(video.failure.map(|failure| failure.code).as_deref(), Some("not_a_video"), "{}", solo.log());
}
