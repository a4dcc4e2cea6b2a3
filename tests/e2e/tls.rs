//! TLS to engines, to key servers and to what is verified, with certificates of a company's own authority: trusted if
//! `SSL_CERT_FILE` names it, refused otherwise.

use super::start::{Fault, are_refused};
use crate::support::{
    clip::SHORT,
    cluster::{Urls, run_nginx},
    node::Node,
    solo::Solo,
};
use marquee_backends::testing::{Authority, Kept, RabbitServer, RedisServer, S3Server, SpekeServer, database_url, free_port};
use marquee_core::{
    SeededRandom,
    protection::{Choice, Protected, System},
};
use marquee_packager::protect::cpix;
use reqwest::Method;
use std::path::Path;

/// An S3 store behind an nginx that takes TLS, and its URL there.
fn secure_s3(s3: &S3Server, authority: &Authority) -> (Kept, String) {
    let endpoint = s3.url().query_pairs().find(|(key, _)| key == "endpoint").expect("an endpoint").1.into_owned();
    let (nginx, secure) = behind_tls(&endpoint, authority);
    (nginx, s3.url().as_str().replace(&endpoint, &secure))
}

/// An nginx that takes TLS before `endpoint`, and its URL.
fn behind_tls(endpoint: &str, authority: &Authority) -> (Kept, String) {
    let port = free_port();
    let nginx = run_nginx(&format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; client_max_body_size 0;\n\
         location / {{ proxy_pass {endpoint}; proxy_http_version 1.1; proxy_set_header Host $http_host; }} }}\n",
        authority.certificate().display(),
        authority.key().display(),
    ));
    (nginx, format!("https://127.0.0.1:{port}"))
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

#[tokio::test]
async fn keys_of_a_title_come_over_tls_and_so_does_what_is_verified() {
    let systems = vec![System::Widevine { licence_url: None }];
    let (protected, keys) = Protected::generate(Choice::default(), systems, &SeededRandom::new(1));
    let document = cpix::export("film", &protected, &keys, 1);
    let server = SpekeServer::start(move |_| Ok(document.clone())).await;
    let authority = Authority::new();
    let (_nginx, address) = behind_tls(server.url().origin().ascii_serialization().as_str(), &authority);
    let node = Node::start_with(&[
        ("SSL_CERT_FILE", &authority.trusted().display().to_string()),
        ("MARQUEE_PROTECTION_KEY_SERVER_URL", &format!("{address}/speke/v2.0?tenant=1")),
        ("MARQUEE_PROTECTION_KEY_SERVER_HEADERS", "authorization: Basic bWU6c2VjcmV0"),
        ("MARQUEE_PROTECTION_CLEAR_KEY", "false"),
        ("MARQUEE_PROTECTION_WIDEVINE", "true"),
    ])
    .await;
    let admin = node.admin().await;
    let id = admin.upload_protected("With their keys", &SHORT.file(), "cbcs").await;
    admin.wait_until_ready(&id).await;
    let asked = server.asked();
    let [request] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(request.headers()["authorization"], "Basic bWU6c2VjcmV0");
    assert_eq!(request.uri().to_string(), "/speke/v2.0?tenant=1");
    let response = admin.request(Method::GET, &format!("/v1/videos/{id}/cpix")).send().await.expect("an answer");
    let document = response.text().await.expect("text");
    assert!(keys.0.iter().all(|(_, key)| document.contains(&key.id.to_string())), "{document}");
    let (_nginx, secure) = behind_tls(node.edge.trim_end_matches('/'), &authority);
    let master = admin.hls(&id).await.replacen(node.edge.trim_end_matches('/'), &secure, 1);
    for (trusted, expected) in [(authority.trusted(), Some(0)), (Authority::new().trusted(), Some(2))] {
        let mut verify = tokio::process::Command::new(env!("CARGO_BIN_EXE_marquee"));
        let ended = verify.args(["verify", &master]).env("SSL_CERT_FILE", trusted).output().await.expect("marquee runs");
        assert_eq!(
            ended.status.code(),
            expected,
            "{}{}",
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
        assert!(!String::from_utf8_lossy(&ended.stdout).contains("HLS-AUTH 12.1"), "it came over TLS");
    }
    node.stop().await;
}
