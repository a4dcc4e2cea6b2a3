//! Who gets in: nobody without a token that fits, and no spelling of a path that means another.

use crate::harness::{Edge, NOW, SCOPE, header_of, noise, signing_key};
use marquee_core::token::sign;
use marquee_core::{Random, SeededRandom};
use std::sync::{Arc, Mutex};
use time::Duration;
use tracing_subscriber::fmt::MakeWriter;

#[tokio::test]
async fn no_changed_token_opens_anything() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let token = edge.token();
    let random = SeededRandom::new(3);
    let random: &dyn Random = &random;
    let draw = |end: usize| (random.unit() * end as f64) as usize;
    let alphabet: Vec<char> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~".chars().collect();
    let mut tried = 0;
    while tried < 5000 {
        let mut characters: Vec<char> = token.chars().collect();
        match draw(4) {
            0 => characters.truncate(1 + draw(characters.len() - 1)),
            1 => characters.insert(draw(characters.len()), alphabet[draw(alphabet.len())]),
            2 => _ = characters.remove(draw(characters.len())),
            _ => {
                let place = draw(characters.len());
                characters[place] = alphabet[draw(alphabet.len())];
            }
        }
        let changed: String = characters.into_iter().collect();
        if changed == token || changed.is_empty() || changed.chars().all(|character| character == '.') {
            continue;
        }
        tried += 1;
        let answer = edge.get(&edge.url(&format!("/{changed}/media/{SCOPE}/master.m3u8"))).await;
        assert_eq!(answer.status(), 403, "{changed}");
    }
    assert_eq!(edge.origin.reads(), 0);
    assert_eq!(edge.get(&edge.media("master.m3u8")).await.status(), 200);
}

#[tokio::test]
async fn a_token_opens_its_own_encode_until_it_expires() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let status = async |token: &str, scope: &str| edge.raw_status(&format!("/{token}/media/{scope}/master.m3u8")).await;
    let token = edge.token();
    assert_eq!(status(&token, SCOPE).await, 200);
    assert_eq!(status(&token, "vid_1/enc_2").await, 403);
    assert_eq!(status(&token, "vid_2/enc_1").await, 403);
    assert_eq!(status(&sign(&signing_key("k9"), SCOPE, NOW + Duration::HOUR), SCOPE).await, 403);
    assert_eq!(status(&sign(&signing_key("k1"), "vid_1", NOW + Duration::HOUR), SCOPE).await, 403);
    edge.clock.advance(Duration::hours(2));
    let expired = edge.get(&edge.url(&format!("/{token}/media/{SCOPE}/master.m3u8"))).await;
    assert_eq!((expired.status().as_u16(), header_of(&expired, "cache-control")), (410, "no-store"));
    assert!(expired.text().await.expect("whole").contains("expired_token"));
    // Forged and expired is forged.
    assert_eq!(status(&token, "vid_1/enc_2").await, 403);
}

#[tokio::test]
async fn a_token_for_pictures_opens_pictures_and_nothing_of_the_film() {
    let edge = Edge::start().await;
    for path in ["master.m3u8", "thumbs/poster-5.jpg", "thumbs/index.vtt"] {
        edge.store(path, "bytes").await;
    }
    let token = sign(&signing_key("k1"), &format!("{SCOPE}/thumbs"), NOW + Duration::HOUR);
    let status = async |token: &str, path: &str| edge.raw_status(&format!("/{token}/media/{SCOPE}/{path}")).await;
    assert_eq!(status(&token, "thumbs/poster-5.jpg").await, 200);
    assert_eq!(status(&token, "thumbs/index.vtt").await, 200);
    assert_eq!(status(&token, "master.m3u8").await, 403);
    assert_eq!(edge.raw_status(&format!("/{token}/media/vid_1/enc_2/thumbs/poster-5.jpg")).await, 403);
    assert_eq!(status(&edge.token(), "thumbs/poster-5.jpg").await, 200, "who may see the film may see its pictures");
    let whole = edge.token();
    edge.clock.advance(Duration::hours(2));
    for expired in [&token, &whole] {
        assert_eq!(status(expired, "thumbs/poster-5.jpg").await, 410);
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_climbs() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let token = edge.token();
    for path in [
        "/{t}/media/vid_1/enc_1/../enc_2/master.m3u8",
        "/{t}/media/vid_1/enc_1/../../vid_2/enc_2/master.m3u8",
        "/{t}/media/vid_1/enc_1/%2e%2e/enc_2/master.m3u8",
        "/{t}/media/vid_1%2fenc_1/master.m3u8",
        "/{t}/media/vid_1/enc_1%2fmaster.m3u8",
        "/{t}/media/vid_1/enc_1/%252e%252e/master.m3u8",
        "/{t}/media/vid_1/enc_1/master%2em3u8",
        "/{t}/media//vid_1/enc_1/master.m3u8",
        "/{t}/media/vid_1/enc_1/./master.m3u8",
        "/{t}/media/vid_1/enc_1/",
        "/{t}/media/vid_1/enc_1",
        "/{t}/sources/vid_1/enc_1",
        "/{t}/../{t}/media/vid_1/enc_1/master.m3u8",
        "//{t}/media/vid_1/enc_1/master.m3u8",
        "/media/vid_1/enc_1/master.m3u8",
        "/%7B/media/vid_1/enc_1/master.m3u8",
        "/%2e%2e",
    ] {
        assert_eq!(edge.raw_status(&path.replace("{t}", &token)).await, 403, "{path}");
    }
    assert_eq!(edge.origin.reads(), 0);
    // The whole URL in the request line means its path, whatever host it names.
    assert_eq!(edge.raw_status(&format!("http://elsewhere/{token}/media/{SCOPE}/master.m3u8")).await, 200);
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_line_has_a_token() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(lines.clone()).finish();
    // For the whole process: what one thread alone listens to, other threads may have switched off.
    tracing::subscriber::set_global_default(subscriber).expect("no other test listens");
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(3000)).await;
    edge.get(&edge.media("v/540p/000001.m4s")).await;
    edge.get(&edge.media("v/540p/000002.m4s")).await;
    edge.get(&edge.live("master.m3u8")).await;
    *edge.origin.cut.lock().expect("no panic") = Some(1000);
    edge.store("v/540p/000003.m4s", noise(3000)).await;
    edge.get(&edge.media("v/540p/000003.m4s")).await;
    for path in ["/{t}/media/x/../y", "//{t}/media/x", "/a/{t}/b", "/{t}%20/media/x"] {
        edge.raw_status(&path.replace("{t}", &edge.token())).await;
    }
    let token = edge.token();
    let answer = edge.get(&edge.url(&format!("/{token}"))).await;
    assert_eq!(answer.status(), 404);
    let log = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
    // reqwest, the client of this test, is not the edge.
    let edge_log: String =
        log.lines().filter(|line| !line.contains("reqwest::") && !line.contains("hyper_util::client")).collect();
    assert!(edge_log.contains("media/vid_1/enc_1/v/540p/000001.m4s"), "{log}");
    let mac = token.rsplit('.').next().expect("a mac");
    assert!(!edge_log.contains(mac), "{log}");
}
