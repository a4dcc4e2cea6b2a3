//! Signing up, in and out; roles; profiles.

use crate::app::{PASSWORD, TestApp, body, empty, problem, text};
use marquee_api::auth::{ensure_admin, has_admin};
use marquee_core::{OsRandom, Role, SystemClock, config};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_account_is_made_signed_in_and_knows_itself() {
    let app = TestApp::start().await;
    let mut ada = app.somebody(Role::Viewer).await;
    let me = body(ada.get("/v1/users/me").await, 200).await;
    assert_eq!((&me["id"], &me["email"], &me["role"]), (&json!(ada.user), &json!(ada.email), &json!("viewer")));
    let profile = json!({ "id": ada.profile, "name": "Ada", "default": true, "maturity_age_max": null, "genres_hidden": [] });
    assert_eq!(me["profiles"], json!([profile]));
    let login = json!({ "email": ada.email.to_uppercase(), "password": PASSWORD });
    let session = body(app.nobody().post("/v1/users/login", &login).await, 200).await;
    assert_eq!(session["id"], ada.user);
    ada.take(&session);
    body(ada.get("/v1/users/me").await, 200).await;
}

#[tokio::test]
async fn accounts_that_cannot_be_are_refused() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    let nobody = app.nobody();
    let account = |email: &str, password: &str, name: &str| json!({ "email": email, "password": password, "name": name });
    for (new, status, code) in [
        (account("nonsense", PASSWORD, "A"), 400, "invalid_email"),
        (account("a\u{0}@b.c", PASSWORD, "A"), 400, "invalid_email"),
        (account("a@b.c", "short", "A"), 400, "invalid_password"),
        (account("a@b.c", &"x".repeat(2000), "A"), 400, "invalid_password"),
        (account("a@b.c", PASSWORD, " "), 400, "invalid_name"),
        (account("a@b.c", PASSWORD, "a\u{0}b"), 400, "invalid_name"),
        (account(&ada.email.to_uppercase(), PASSWORD, "A"), 409, "email_taken"),
        (json!({ "email": "a@b.c", "password": PASSWORD, "name": "A", "role": "admin" }), 422, "invalid_json"),
        (json!({ "email": "a@b.c" }), 422, "invalid_json"),
        (json!([]), 422, "invalid_json"),
    ] {
        assert_eq!(problem(nobody.post("/v1/users", &new).await, status).await, code, "{new}");
    }
}

#[tokio::test]
async fn signing_up_can_be_closed() {
    let app = TestApp::start_with(config::Auth { sign_up: false, ..config::Auth::default() }, config::Uploads::default()).await;
    let account = json!({ "email": "a@b.c", "password": PASSWORD, "name": "A" });
    assert_eq!(problem(app.nobody().post("/v1/users", &account).await, 403).await, "sign_up_closed");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_thief_ends_the_session() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    let refresh = async |token: &str| app.nobody().post("/v1/users/refresh", &json!({ "refresh_token": token })).await;
    let second = body(refresh(&ada.refresh_token).await, 200).await;
    assert_eq!(second["id"], ada.user);
    app.pass(5);
    // Another tab of the same browser, within the grace.
    let other_tab = body(refresh(&ada.refresh_token).await, 200).await;
    app.pass(20);
    assert_eq!(problem(refresh(&ada.refresh_token).await, 401).await, "invalid_refresh_token");
    for token in [&second["refresh_token"], &other_tab["refresh_token"]] {
        assert_eq!(problem(refresh(&text(token)).await, 401).await, "invalid_refresh_token", "the whole family is revoked");
    }
    assert_eq!(problem(refresh(&ada.token).await, 401).await, "invalid_refresh_token", "an access token is no refresh token");
    let wrong = app.nobody().request(Method::GET, "/v1/users/me").bearer_auth(&ada.refresh_token).send().await.unwrap();
    assert_eq!(problem(wrong, 401).await, "invalid_token", "a refresh token is no access token");
}

#[tokio::test]
async fn sessions_end_by_logout_and_by_time() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    let token = json!({ "refresh_token": ada.refresh_token });
    empty(ada.post("/v1/users/logout", &token).await, 204).await;
    empty(ada.post("/v1/users/logout", &token).await, 204).await;
    problem(ada.post("/v1/users/refresh", &token).await, 401).await;
    app.pass(601 + 30);
    assert_eq!(problem(ada.get("/v1/users/me").await, 401).await, "token_expired");
    let bob = app.somebody(Role::Viewer).await;
    app.pass(31 * 24 * 3600);
    let token = json!({ "refresh_token": bob.refresh_token });
    problem(bob.post("/v1/users/refresh", &token).await, 401).await;
}

#[tokio::test]
async fn guessing_is_limited_even_in_parallel() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    let wrong = json!({ "email": ada.email, "password": "wrong password" });
    let nobody = app.nobody();
    let guesses = futures::future::join_all((0..30).map(|_| nobody.post("/v1/users/login", &wrong))).await;
    let mut refused = 0;
    for guess in guesses {
        let status = guess.status().as_u16();
        let code = problem(guess, status).await;
        match status {
            401 => assert_eq!(code, "wrong_credentials"),
            429 => refused += 1,
            other => panic!("{other} {code}"),
        }
    }
    assert_eq!(refused, 20);
    let right = json!({ "email": ada.email, "password": PASSWORD });
    problem(nobody.post("/v1/users/login", &right).await, 429).await;
    let long = json!({ "email": ada.email, "password": "x".repeat(4096) });
    assert_eq!(problem(nobody.post("/v1/users/login", &long).await, 400).await, "too_long");
    let unknown = json!({ "email": "nobody@example.org", "password": PASSWORD });
    assert_eq!(problem(nobody.post("/v1/users/login", &unknown).await, 401).await, "wrong_credentials");
}

#[tokio::test]
async fn only_administrators_give_roles() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.somebody(Role::Operator).await, app.somebody(Role::Viewer).await);
    let admin = app.somebody(Role::Admin).await;
    let path = format!("/v1/users/{}/role", bob.user);
    assert_eq!(problem(ada.put(&path, &json!({ "role": "editor" })).await, 403).await, "role_too_weak");
    assert_eq!(problem(admin.put(&path, &json!({ "role": "emperor" })).await, 422).await, "invalid_json");
    empty(admin.put(&path, &json!({ "role": "editor" })).await, 204).await;
    // The token is older than the role.
    assert_eq!(body(bob.get("/v1/users/me").await, 200).await["role"], "editor");
    let ghost = "/v1/users/usr_00000000000000000000000000000000/role";
    problem(admin.put(ghost, &json!({ "role": "editor" })).await, 404).await;
}

#[tokio::test]
async fn the_first_administrator_is_made_once_and_follows_the_configuration() {
    let app = TestApp::start().await;
    let ensure = async |password: &str| ensure_admin(&app.db, &SystemClock, &OsRandom, "Root@example.org", password).await;
    assert!(!has_admin(&app.db).await.unwrap());
    assert!(ensure("first password").await.unwrap());
    assert!(!ensure("first password").await.unwrap());
    assert!(has_admin(&app.db).await.unwrap());
    let login = async |password: &str| {
        app.nobody().post("/v1/users/login", &json!({ "email": "root@example.org", "password": password })).await
    };
    body(login("first password").await, 200).await;
    assert!(!ensure("second password").await.unwrap());
    problem(login("first password").await, 401).await;
    body(login("second password").await, 200).await;
    assert_eq!(ensure("short").await.unwrap_err().code(), "invalid_password");
}

#[tokio::test]
async fn profiles_are_made_renamed_and_removed() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    let path = format!("/v1/users/{}/profiles", ada.user);
    let kids = body(ada.post(&path, &json!({ "name": "Kids" })).await, 201).await;
    let one = format!("{path}/{}", text(&kids["id"]));
    assert_eq!(body(ada.put(&one, &json!({ "name": "Children" })).await, 200).await["name"], "Children");
    assert_eq!(body(ada.get(&one).await, 200).await["name"], "Children");
    assert_eq!(body(ada.get(&path).await, 200).await["items"].as_array().unwrap().len(), 2);
    empty(ada.delete(&one).await, 204).await;
    problem(ada.get(&one).await, 404).await;
    let default = format!("{path}/{}", ada.profile);
    assert_eq!(problem(ada.delete(&default).await, 409).await, "default_profile");
    for number in 0..9 {
        body(ada.post(&path, &json!({ "name": format!("p{number}") })).await, 201).await;
    }
    assert_eq!(problem(ada.post(&path, &json!({ "name": "one too many" })).await, 409).await, "too_many_profiles");
    let bob = app.somebody(Role::Publisher).await;
    for response in [
        bob.get(&path).await,
        bob.post(&path, &json!({ "name": "x" })).await,
        bob.get(&default).await,
        bob.delete(&default).await,
    ] {
        problem(response, 404).await;
    }
}

#[tokio::test]
async fn one_key_makes_one_profile() {
    let app = TestApp::start().await;
    let ada = app.somebody(Role::Viewer).await;
    let path = format!("/v1/users/{}/profiles", ada.user);
    let create = async |key: &str, name: &str| {
        let request = ada.request(Method::POST, &path).header("Idempotency-Key", key).json(&json!({ "name": name }));
        request.send().await.unwrap()
    };
    let (first, second) = tokio::join!(create("k1", "Kids"), create("k1", "Kids"));
    assert_eq!(body(first, 201).await, body(second, 201).await);
    assert_eq!(problem(create("k1", "Other").await, 400).await, "idempotency_key_reused");
    assert_eq!(body(create("k2", "Kids").await, 201).await["name"], "Kids");
    assert_eq!(problem(create(&"k".repeat(201), "Kids").await, 400).await, "invalid_idempotency_key");
}
