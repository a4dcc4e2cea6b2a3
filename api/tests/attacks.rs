//! The attack list, as far as it concerns what is here: every answer is a problem with the right status, nothing leaks.

use crate::app::{Client, PASSWORD, TestApp, body, problem};
use marquee_core::{ErrorKind, Role};
use reqwest::{Method, header};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes as they are and answers the status and everything.
async fn raw(app: &TestApp, request: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server leaves the connection hanging");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

fn json_request(client: &Client, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    client.request(Method::POST, "/v1/users/login").header(header::CONTENT_TYPE, "application/json").body(body)
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (text, status) in [
        ("", 400),
        ("{", 400),
        ("{\"email\":", 400),
        ("{\"email\":\"\\ud800\",\"password\":\"x\"}", 400),
        ("nul", 400),
        ("\u{0}", 400),
        (deep.as_str(), 400),
        ("{\"email\":1,\"password\":2}", 422),
        ("{\"email\":null,\"password\":null}", 422),
        ("{}", 422),
    ] {
        let answer = json_request(&nobody, text.to_owned()).send().await.unwrap();
        // Depth and types are both found by the reader; either says that it cannot be.
        let found = answer.status().as_u16();
        assert!(found == status || (text == deep && found == 422), "{found} {}", &text[..text.len().min(40)]);
        problem(answer, found).await;
    }
    let invalid = json_request(&nobody, &b"{\"email\":\"\xff\",\"password\":\"x\"}"[..]).send().await.unwrap();
    problem(invalid, 400).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_early() {
    let app = TestApp::start().await;
    let large = json!({ "email": "x".repeat(300 << 10), "password": "x" });
    assert_eq!(problem(app.nobody().post("/v1/users/login", &large).await, 413).await, "too_large");
    let (status, _) = raw(&app, b"POST /v1/users/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\nConnection: close\r\n\r\n{").await;
    assert_eq!(status, 413);
    let head = |extra: String| format!("GET {extra}\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes();
    let (status, _) = raw(&app, &head(format!("/{} HTTP/1.1", "a".repeat(10_000)))).await;
    assert_eq!(status, 414);
    let (status, _) = raw(&app, &head(format!("/{} HTTP/1.1", "a".repeat(70_000)))).await;
    assert_eq!(status, 414);
    let (status, _) = raw(&app, &head(format!("/ HTTP/1.1\r\nX-Large: {}", "a".repeat(40_000)))).await;
    assert_eq!(status, 431);
    let (status, _) = raw(&app, &head(format!("/ HTTP/1.1\r\nX-Large: {}", "a".repeat(1 << 20)))).await;
    assert_eq!(status, 431);
}

#[tokio::test]
async fn other_types_and_encodings_are_refused() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let good = json!({ "email": "a@b.c", "password": PASSWORD }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""] {
        let request = nobody.request(Method::POST, "/v1/users/login").header(header::CONTENT_TYPE, kind).body(good.clone());
        assert_eq!(problem(request.send().await.unwrap(), 415).await, "unsupported_media_type", "{kind}");
    }
    let zipped = json_request(&nobody, good).header(header::CONTENT_ENCODING, "gzip");
    assert_eq!(problem(zipped.send().await.unwrap(), 415).await, "unsupported_encoding");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_what_is_there_says_what_it_takes() {
    let app = TestApp::start().await;
    let admin = app.somebody(Role::Admin).await;
    for path in
        ["/v1", "/v1/", "/v1/nothing", "/v1//videos", "/v1/videos/", "/v1/videos/x", "/nothing.js", "/%00.html", "/v1/videos/%ff"]
    {
        let answer = admin.get(path).await;
        let status = answer.status().as_u16();
        assert!(matches!(status, 400 | 404), "{path} {status}");
        problem(answer, status).await;
    }
    // The client library would tidy these up.
    for path in ["/v1/videos/../users/me", "/v1/videos/%2e%2e/users/me", "/v1/../v1/videos"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n", admin.token);
        assert_eq!(raw(&app, request.as_bytes()).await.0, 404, "{path}");
    }
    for (method, path, allow) in [
        (Method::PATCH, "/v1/videos", "GET,HEAD,POST"),
        (Method::GET, "/v1/users/login", "POST"),
        (Method::PUT, "/v1/uploads", "OPTIONS,POST"),
        (Method::POST, "/healthz", "GET,HEAD"),
    ] {
        let answer = admin.request(method, path).send().await.unwrap();
        let mut allowed: Vec<_> = answer.headers()[header::ALLOW].to_str().unwrap().split(',').map(str::to_owned).collect();
        allowed.sort();
        assert_eq!(allowed.join(","), allow, "{path}");
        assert_eq!(problem(answer, 405).await, "method_not_allowed");
    }
    assert_eq!(problem(admin.request(Method::POST, "/anything").send().await.unwrap(), 404).await, "not_found");
}

#[tokio::test]
async fn every_route_wants_a_token_and_takes_no_other() {
    let app = TestApp::start().await;
    let mut nobody = app.nobody();
    let id = "00000000000000000000000000000000";
    let routes = [
        (Method::GET, "/v1/users/me".to_owned()),
        (Method::PUT, format!("/v1/users/usr_{id}/role")),
        (Method::GET, format!("/v1/users/usr_{id}/profiles")),
        (Method::GET, format!("/v1/users/usr_{id}/profiles/prf_{id}")),
        (Method::DELETE, format!("/v1/users/usr_{id}/profiles/prf_{id}")),
        (Method::GET, "/v1/videos".to_owned()),
        (Method::POST, "/v1/videos".to_owned()),
        (Method::GET, format!("/v1/videos/vid_{id}")),
        (Method::DELETE, format!("/v1/videos/vid_{id}")),
        (Method::GET, format!("/v1/videos/vid_{id}/events")),
        (Method::GET, format!("/v1/videos/vid_{id}/jobs")),
        (Method::POST, format!("/v1/videos/vid_{id}/playback")),
        (Method::GET, format!("/v1/videos/vid_{id}/stream")),
        (Method::POST, format!("/v1/jobs/job_{id}/retry")),
        (Method::POST, "/v1/events".to_owned()),
        (Method::GET, format!("/v1/recommendations/prf_{id}")),
    ];
    for (method, path) in &routes {
        let answer = nobody.request(method.clone(), path).send().await.unwrap();
        assert_eq!(problem(answer, 401).await, "no_token", "{method} {path}");
    }
    let ada = app.somebody(Role::Viewer).await;
    let mut last = ada.token.clone();
    last.replace_range(last.len() - 5.., "AAAAA");
    for token in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", last.as_str(), &"x".repeat(5000), crate::app::EDGE_KEY] {
        nobody.token = token.to_owned();
        assert_eq!(problem(nobody.get("/v1/users/me").await, 401).await, "invalid_token", "{token:.20}");
    }
    let basic = app.nobody().request(Method::GET, "/v1/users/me").basic_auth(&ada.email, Some(PASSWORD));
    assert_eq!(problem(basic.send().await.unwrap(), 401).await, "no_token");
}

#[tokio::test]
async fn nothing_of_somebody_else_is_there() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.somebody(Role::Editor).await, app.somebody(Role::Editor).await);
    let video = ada.video("secret").await;
    let profile = format!("/v1/users/{}/profiles/{}", ada.user, ada.profile);
    for (method, path, body) in [
        (Method::GET, format!("/v1/videos/{video}"), Value::Null),
        (Method::DELETE, format!("/v1/videos/{video}"), Value::Null),
        (Method::GET, format!("/v1/videos/{video}/events"), Value::Null),
        (Method::GET, format!("/v1/videos/{video}/jobs"), Value::Null),
        (Method::POST, format!("/v1/videos/{video}/playback"), json!({})),
        (Method::GET, format!("/v1/videos/{video}/stream"), Value::Null),
        (Method::GET, format!("/v1/users/{}/profiles", ada.user), Value::Null),
        (Method::POST, format!("/v1/users/{}/profiles", ada.user), json!({ "name": "x" })),
        (Method::GET, profile.clone(), Value::Null),
        (Method::PUT, profile.clone(), json!({ "name": "x" })),
        (Method::DELETE, profile, Value::Null),
        (Method::GET, format!("/v1/recommendations/{}", ada.profile), Value::Null),
        (Method::POST, format!("/v1/videos/{video}/playback"), json!({ "profile_id": ada.profile })),
    ] {
        let answer = eve.request(method.clone(), &path).json(&body).send().await.unwrap();
        assert_eq!(problem(answer, 404).await, "not_found", "{method} {path}");
    }
    assert_eq!(ada.show(&video).await["title"], "secret");
}

#[tokio::test]
async fn hostile_text_is_kept_as_it_is_and_reaches_no_header() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    for title in ["\"><script>alert(1)</script>", "'; drop table videos; --", "\u{202e}gnp.exe", "%00%ff", "{{7*7}}"] {
        let id = editor.video(title).await;
        let answer = editor.get(&format!("/v1/videos/{id}")).await;
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(body(answer, 200).await["title"], title);
    }
}

#[tokio::test]
async fn answers_make_browsers_careful() {
    let app = TestApp::start().await;
    let page = app.nobody().get("/").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    for part in [
        "default-src 'self'",
        "media-src 'self' blob: data: http://edge.test:8081",
        "connect-src 'self' http://edge.test:8081 http://other-edge.test:8081 http://api.example http://steer.test;",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(page.headers()["cache-control"], "no-cache");
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(!page.headers().contains_key("access-control-allow-origin"));
    let view = app.nobody().get("/titles/some-view").await;
    assert_eq!(view.status(), 200);
    let session = app.somebody(Role::Viewer).await;
    assert_eq!(session.get("/v1/users/me").await.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn a_database_that_is_gone_is_a_503_without_a_word_about_it() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    app.db.close().await;
    for answer in [ada.get("/v1/users/me").await, app.nobody().get("/readyz").await] {
        let text = answer.text().await.unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&found["status"], &found["code"]), (&json!(503), &json!("unavailable")));
        for secret in ["sql", "postgres", "pool", "select", "/tmp", ".rs"] {
            assert!(!text.to_lowercase().contains(secret), "{text}");
        }
    }
    assert_eq!(app.nobody().get("/healthz").await.status(), 200);
    assert_eq!(app.db.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
}
