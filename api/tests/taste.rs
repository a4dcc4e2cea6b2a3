//! What recommendations are made from: facts of titles, rules of profiles, opinions, lists, impressions.

use crate::{
    app::{Client, TestApp, body, problem, text},
    worker,
};
use marquee_backends::db::impressions::Impression;
use marquee_core::{Clock, Role};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::slice;
use time::{Duration, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A title that everybody may see.
async fn ready(app: &TestApp, editor: &Client) -> String {
    let title = worker::encoding(app, editor).await;
    title.finish(app, 0).await;
    title.publish(app).await;
    title.video.to_string()
}

/// A report about `video` with what `rest` adds to it.
fn event(app: &TestApp, video: &str, kind: &str, seconds_ago: i64, rest: Value) -> Value {
    let happened_at = (app.clock.now() - Duration::seconds(seconds_ago)).format(&Rfc3339).unwrap();
    let mut event = json!({ "id": Uuid::new_v4(), "video_id": video, "kind": kind, "happened_at": happened_at });
    let Value::Object(rest) = rest else { panic!("{rest} is not an object") };
    event.as_object_mut().unwrap().extend(rest);
    event
}

async fn report(client: &Client, events: &[Value]) -> Response {
    client.post("/v1/events", &json!({ "profile_id": client.profile, "events": events })).await
}

async fn patch(client: &Client, video: &str, edit: &Value) -> Response {
    client.request(Method::PATCH, &format!("/v1/videos/{video}")).json(edit).send().await.unwrap()
}

fn of_profile(client: &Client, rest: &str) -> String {
    format!("/v1/users/{}/profiles/{}{rest}", client.user, client.profile)
}

#[tokio::test]
async fn each_kind_of_opinion_has_its_effect() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let video = ready(&app, &editor).await;
    let taste = async |client: &Client| body(client.get(&of_profile(client, &format!("/titles/{video}"))).await, 200).await;
    let nothing = json!({ "liked": 0, "rating": null, "listed": false, "position_ms": null, "finished": false });
    assert_eq!(taste(&viewer).await, nothing);
    for (kind, rest, field, expected) in [
        ("like", json!({}), "liked", json!(1)),
        ("dislike", json!({}), "liked", json!(-1)),
        ("unlike", json!({}), "liked", json!(0)),
        ("rate", json!({ "value": 0.5 }), "rating", json!(0.5)),
        ("list", json!({}), "listed", json!(true)),
        ("unlist", json!({}), "listed", json!(false)),
        ("abandon", json!({ "position_ms": 9000 }), "position_ms", json!(9000)),
        ("finish", json!({ "position_ms": 35_000 }), "finished", json!(true)),
    ] {
        app.pass(1);
        let event = event(&app, &video, kind, 0, rest);
        assert_eq!(body(report(&viewer, slice::from_ref(&event)).await, 202).await["accepted"], 1);
        assert_eq!(taste(&viewer).await[field], expected, "{kind}");
        assert_eq!(body(report(&viewer, &[event]).await, 202).await["accepted"], 0, "{kind} counts once");
    }
    // What happened before is told after.
    assert_eq!(body(report(&viewer, &[event(&app, &video, "like", 60, json!({}))]).await, 202).await["accepted"], 1);
    assert_eq!(taste(&viewer).await["liked"], 0);
    assert_eq!(taste(&editor).await, nothing);
    let path = of_profile(&viewer, &format!("/titles/{video}"));
    problem(editor.get(&path).await, 404).await;
    problem(viewer.get(&of_profile(&viewer, "/titles/vid_00000000000000000000000000000000")).await, 404).await;
    problem(app.nobody().get(&path).await, 401).await;
}

#[tokio::test]
async fn a_list_shows_what_came_last_first_and_only_what_one_may_know() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let (first, second, hidden) = (ready(&app, &editor).await, ready(&app, &editor).await, editor.video("Not yet").await);
    let events = [
        event(&app, &first, "list", 9, json!({})),
        event(&app, &second, "list", 5, json!({})),
        event(&app, &hidden, "list", 1, json!({})),
    ];
    assert_eq!(body(report(&viewer, &events).await, 202).await["accepted"], 3);
    let list = async |client: &Client| {
        let items = body(client.get(&of_profile(client, "/list")).await, 200).await["items"].clone();
        items.as_array().unwrap().iter().map(|item| text(&item["id"])).collect::<Vec<_>>()
    };
    assert_eq!(list(&viewer).await, [second.as_str(), &first]);
    assert_eq!(list(&editor).await, [""; 0]);
    let item = body(viewer.get(&of_profile(&viewer, "/list")).await, 200).await["items"][0].clone();
    assert_eq!((&item["title"], &item["duration_ms"]), (&json!("Sintel"), &json!(35_000)));
    body(report(&viewer, &[event(&app, &second, "unlist", 0, json!({}))]).await, 202).await;
    assert_eq!(list(&viewer).await, [first]);
    problem(editor.get(&of_profile(&viewer, "/list")).await, 404).await;
}

#[tokio::test]
async fn impressions_and_clicks_keep_where_and_why_a_title_was_shown() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let video = ready(&app, &editor).await;
    let model = Uuid::new_v4();
    let placement = json!({
        "row": "because_you_watched", "place": 0, "model_id": model, "propensity": 0.25, "experiment": "blend", "variant": "b",
    });
    let events = [
        event(&app, &video, "impression", 3, placement.clone()),
        event(&app, &video, "impression", 3, json!({ "row": "new", "place": 1000 })),
        event(&app, &video, "click", 2, placement),
        event(&app, &video, "search_click", 1, json!({})),
    ];
    assert_eq!(body(report(&viewer, &events).await, 202).await["accepted"], 4);
    let seen = app.db.impressions_since(app.clock.now() - Duration::DAY, 10).await.unwrap();
    assert_eq!(seen.len(), 2);
    let tell = |seen: &Impression| (seen.row.clone(), seen.place, seen.model_id, seen.propensity, seen.variant.clone());
    let expected = [
        (Some("because_you_watched".to_owned()), Some(0), Some(model), Some(0.25), Some("b".to_owned())),
        (Some("new".to_owned()), Some(1000), None, None, None),
    ];
    assert!(expected.iter().all(|expected| seen.iter().any(|seen| tell(seen) == *expected)), "{seen:?}");
}

#[tokio::test]
async fn what_an_answer_says_of_its_experiment_comes_back_with_what_became_of_it() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let video = ready(&app, &editor).await;
    let path = format!("/v1/recommendations/{}", viewer.profile);
    let (row, home) = (body(viewer.get(&path).await, 200).await, body(viewer.get(&format!("{path}/rows")).await, 200).await);
    for answer in [&row, &home] {
        assert_eq!(answer["experiment"], "house", "{answer}");
        assert!(["control", "varied"].map(|name| json!(name)).contains(&answer["variant"]), "{answer}");
    }
    assert_eq!(row["variant"], home["variant"]);
    let item = &row["items"][0];
    let chosen = json!({
        "row": row["row"], "place": 0, "propensity": item["propensity"], "experiment": row["experiment"], "variant": row["variant"],
    });
    let events = [event(&app, &video, "impression", 3, chosen.clone()), event(&app, &video, "click", 2, chosen)];
    assert_eq!(body(report(&viewer, &events).await, 202).await["accepted"], 2);
    let since = app.clock.now() - Duration::DAY;
    let seen = app.db.outcomes(since, Duration::HOUR, Some("house"), 10).await.unwrap();
    assert_eq!(seen.len(), 1);
    let (impression, told) = (&seen[0].impression, row["variant"].as_str());
    assert_eq!((impression.experiment.as_deref(), impression.variant.as_deref()), (Some("house"), told));
}

#[tokio::test]
async fn events_that_cannot_be_are_refused() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let video = ready(&app, &editor).await;
    for (kind, rest, code) in [
        ("rate", json!({}), "invalid_events"),
        ("rate", json!({ "value": 1.01 }), "invalid_events"),
        ("rate", json!({ "value": -0.01 }), "invalid_events"),
        ("rate", json!({ "value": "good" }), "invalid_json"),
        ("like", json!({ "value": 1 }), "invalid_events"),
        ("like", json!({ "row": "new" }), "invalid_events"),
        ("start", json!({}), "invalid_events"),
        ("abandon", json!({}), "invalid_events"),
        ("list", json!({ "position_ms": u64::MAX }), "invalid_events"),
        ("impression", json!({ "place": 1001 }), "invalid_events"),
        ("impression", json!({ "place": -1 }), "invalid_json"),
        ("impression", json!({ "propensity": 0 }), "invalid_events"),
        ("impression", json!({ "propensity": 1.5 }), "invalid_events"),
        ("impression", json!({ "row": "" }), "invalid_events"),
        ("impression", json!({ "row": "x".repeat(51) }), "invalid_events"),
        ("impression", json!({ "experiment": "a\u{0}" }), "invalid_events"),
        ("click", json!({ "variant": "x".repeat(51) }), "invalid_events"),
        ("click", json!({ "model_id": "x" }), "invalid_json"),
        ("click", json!({ "colour": "red" }), "invalid_json"),
    ] {
        let refused = report(&viewer, &[event(&app, &video, kind, 0, rest.clone())]).await;
        assert_eq!(problem(refused, 422).await, code, "{kind} {rest}");
    }
}

#[tokio::test]
async fn facts_are_given_with_a_video_and_changed_field_by_field() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let new = json!({ "title": "M", "facts": { "genres": [" Crime ", "Crime", "Drama"], "year": 1931, "maturity_age": 12 } });
    let made = body(editor.post("/v1/videos", &new).await, 201).await;
    let expected = json!({
        "genres": ["Crime", "Drama"], "people": [], "year": 1931, "language": null, "maturity_age": 12, "territories": null,
        "description": null, "available_from": null, "available_until": null,
    });
    let id = text(&made["id"]);
    assert_eq!((&made["facts"], &editor.show(&id).await["facts"]), (&expected, &expected));
    let listed = body(editor.get("/v1/videos").await, 200).await["items"][0].clone();
    assert_eq!(listed["facts"], expected);
    let edit = json!({ "facts": {
        "people": ["Peter Lorre"], "year": null, "language": "de", "territories": ["DE", "AT"], "description": "A city looks.",
        "available_from": "2026-01-01T00:00:00Z",
    } });
    let edited = body(patch(&editor, &id, &edit).await, 200).await;
    let facts = &edited["facts"];
    assert_eq!((&edited["title"], &facts["genres"], &facts["year"]), (&json!("M"), &expected["genres"], &Value::Null));
    assert_eq!((&facts["people"], &facts["territories"]), (&json!(["Peter Lorre"]), &json!(["DE", "AT"])));
    assert_eq!((&facts["available_from"], &facts["language"]), (&json!("2026-01-01T00:00:00Z"), &json!("de")));
    let renamed = body(patch(&editor, &id, &json!({ "title": " M – Eine Stadt sucht einen Mörder " })).await, 200).await;
    assert_eq!((&renamed["title"], &renamed["facts"]), (&json!("M – Eine Stadt sucht einen Mörder"), facts));
    assert_eq!(renamed, editor.show(&id).await);
}

#[tokio::test]
async fn facts_that_cannot_be_are_refused_by_name() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("M").await;
    for (field, value, status, code) in [
        ("genres", json!(vec!["x".to_owned(); 21]), 400, "invalid_facts"),
        ("genres", json!([""]), 400, "invalid_facts"),
        ("people", json!(["x".repeat(101)]), 400, "invalid_facts"),
        ("people", json!("Ada"), 422, "invalid_json"),
        ("year", json!(1849), 400, "invalid_facts"),
        ("year", json!("long ago"), 422, "invalid_json"),
        ("language", json!("German!"), 400, "invalid_facts"),
        ("maturity_age", json!(22), 400, "invalid_facts"),
        ("maturity_age", json!(-1), 400, "invalid_facts"),
        ("territories", json!([]), 400, "invalid_facts"),
        ("territories", json!(["de"]), 400, "invalid_facts"),
        ("description", json!("x".repeat(4001)), 400, "invalid_facts"),
        ("available_from", json!("tomorrow"), 422, "invalid_json"),
        ("genre", json!("Crime"), 422, "invalid_json"),
    ] {
        for answer in [
            patch(&editor, &id, &json!({ "title": "Other", "facts": { field: value } })).await,
            editor.post("/v1/videos", &json!({ "title": "Other", "facts": { field: value } })).await,
        ] {
            let refused = body(answer, status).await;
            assert_eq!(refused["code"], code, "{field}: {value}");
            assert!(text(&refused["detail"]).contains(field), "{refused}");
        }
    }
    let times = json!({ "available_from": "2026-02-01T00:00:00Z", "available_until": "2026-01-01T00:00:00Z" });
    assert_eq!(problem(patch(&editor, &id, &json!({ "facts": times })).await, 400).await, "invalid_facts");
    assert_eq!(problem(patch(&editor, &id, &json!({ "title": "" })).await, 400).await, "invalid_name");
    assert_eq!(problem(patch(&editor, &id, &json!({ "owner_id": "usr_1" })).await, 422).await, "invalid_json");
    assert_eq!(editor.show(&id).await["title"], "M");
    assert_eq!(body(editor.get("/v1/videos").await, 200).await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn facts_are_changed_by_whoever_may_change_the_video() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let (shown, hidden) = (ready(&app, &editor).await, editor.video("M").await);
    let edit = json!({ "facts": { "year": 1931 } });
    problem(patch(&viewer, &hidden, &edit).await, 404).await;
    assert_eq!(problem(patch(&viewer, &shown, &edit).await, 403).await, "role_too_weak");
    assert_eq!(problem(patch(&app.somebody(Role::Editor).await, &shown, &edit).await, 403).await, "not_yours");
    assert_eq!(problem(patch(&app.nobody(), &shown, &edit).await, 401).await, "no_token");
    body(patch(&app.somebody(Role::Publisher).await, &shown, &edit).await, 200).await;
    assert_eq!(viewer.show(&shown).await["facts"]["year"], 1931);
}

#[tokio::test]
async fn rules_of_a_profile_are_its_accounts_and_stay_when_it_is_renamed() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.somebody(Role::Viewer).await, app.somebody(Role::Publisher).await);
    let profiles = format!("/v1/users/{}/profiles", ada.user);
    let new = json!({ "name": "Kids", "maturity_age_max": 6, "genres_hidden": ["Horror"] });
    let kids = body(ada.post(&profiles, &new).await, 201).await;
    assert_eq!((&kids["maturity_age_max"], &kids["genres_hidden"]), (&json!(6), &json!(["Horror"])));
    let path = format!("{profiles}/{}", text(&kids["id"]));
    for (change, age, hidden) in [
        (json!({ "name": "Children" }), json!(6), json!(["Horror"])),
        (json!({ "name": "Children", "genres_hidden": [" Crime "] }), json!(6), json!(["Crime"])),
        (json!({ "name": "Children", "maturity_age_max": null }), Value::Null, json!(["Crime"])),
        (json!({ "name": "Children", "maturity_age_max": 0, "genres_hidden": [] }), json!(0), json!([])),
    ] {
        let changed = body(ada.put(&path, &change).await, 200).await;
        assert_eq!((&changed["maturity_age_max"], &changed["genres_hidden"]), (&age, &hidden), "{change}");
        assert_eq!(body(ada.get(&path).await, 200).await, changed);
        problem(bob.put(&path, &json!({ "name": "x", "maturity_age_max": null })).await, 404).await;
    }
    for (change, status, code) in [
        (json!({ "name": "x", "maturity_age_max": 22 }), 400, "invalid_rules"),
        (json!({ "name": "x", "maturity_age_max": -1 }), 400, "invalid_rules"),
        (json!({ "name": "x", "genres_hidden": vec!["x"; 21] }), 400, "invalid_rules"),
        (json!({ "name": "x", "genres_hidden": [""] }), 400, "invalid_rules"),
        (json!({ "name": "x", "maturity_age_max": "six" }), 422, "invalid_json"),
        (json!({ "maturity_age_max": 6 }), 422, "invalid_json"),
    ] {
        assert_eq!(problem(ada.put(&path, &change).await, status).await, code, "{change}");
        assert_eq!(problem(ada.post(&profiles, &change).await, status).await, code, "{change}");
    }
    let plain = body(ada.get(&profiles).await, 200).await["items"][0].clone();
    assert_eq!((&plain["maturity_age_max"], &plain["genres_hidden"]), (&Value::Null, &json!([])));
}
