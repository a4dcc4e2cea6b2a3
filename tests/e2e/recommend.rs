//! What viewers may like next: from events that players report to the row that a page shows, and models on anybody's data.

use super::browser::script;
use crate::support::{
    client::{Client, text},
    clip::SHORT,
    eventually,
    node::Node,
};
use marquee_core::{Clock, OsRandom, SystemClock, id::VideoId};
use marquee_recommender::data::generated::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fmt::Write,
    fs,
    process::{Command, Output},
    time::Duration,
};
use time::format_description::well_known::Rfc3339;

/// How long a new model may take to answer: trainings and looks for them have pauses.
const TRAINED_MAX: Duration = Duration::from_secs(90);
/// Password of every account but the administrator's.
const PASSWORD: &str = "correct horse battery";

/// A viewer and the path of what is recommended to it.
struct Viewer {
    client: Client,
    profile: String,
    email: String,
}

impl Viewer {
    async fn new(node: &Node, name: &str) -> Self {
        let email = format!("{name}@example.org");
        let client = Client::sign_up(&node.api, &email).await;
        let me = client.get("/v1/users/me", 200).await;
        let profile = text(&me["profiles"][0], "id").to_owned();
        Self { client, profile, email }
    }

    async fn watch(&self, video: &str) {
        let happened_at = SystemClock.now().format(&Rfc3339).expect("a time");
        // Any new id will do.
        let id = VideoId::new(&SystemClock, &OsRandom).0;
        let event = json!({ "id": id, "video_id": video, "kind": "finish", "position_ms": 4000, "happened_at": happened_at });
        let report = json!({ "profile_id": self.profile, "events": [event] });
        self.client.post("/v1/events", &report, 202).await;
    }

    async fn top(&self) -> Value {
        self.client.get(&format!("/v1/recommendations/{}?count=4", self.profile), 200).await
    }
}

/// What operators see of a gauge, once it is there.
async fn gauge(client: &Client, name: &str) -> Option<f64> {
    let metrics = client.request(Method::GET, "/metrics").send().await.ok()?.text().await.ok()?;
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[tokio::test]
async fn what_viewers_watch_trains_a_model_that_changes_the_row_on_the_page() {
    let every_second =
        ["MARQUEE_RECOMMENDER_TRAIN_EVERY_SECONDS", "MARQUEE_RECOMMENDER_REFRESH_EVERY_SECONDS"].map(|name| (name, "1"));
    let node = Node::start_with(&every_second).await;
    let admin = node.admin().await;
    let mut videos = Vec::new();
    for title in ["Western one", "Western two", "Musical one", "Musical two"] {
        videos.push(admin.upload_form(title, &SHORT.file()).await);
    }
    for video in &videos {
        admin.wait_until_ready(video).await;
    }
    let viewer = Viewer::new(&node, "viewer").await;
    eventually("all titles are recommended", TRAINED_MAX, || async {
        (viewer.top().await["items"].as_array().map(Vec::len) == Some(4)).then_some(())
    })
    .await;
    // Some watch both westerns, as many both musicals; the viewer one of the first. The newest title would come first without them.
    for number in 0..6 {
        let other = Viewer::new(&node, &format!("other-{number}")).await;
        for video in &videos[(number % 2) * 2..][..2] {
            other.watch(video).await;
        }
    }
    viewer.watch(&videos[0]).await;
    let answer = eventually("the other western comes first", TRAINED_MAX, || async {
        let answer = viewer.top().await;
        let is_first = answer["items"][0]["id"] == json!(videos[1]) && !answer["model_id"].is_null();
        is_first.then_some(answer)
    })
    .await;
    assert_eq!(answer["items"][0]["reason"]["video_id"], json!(videos[0]), "{answer}");
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(3), "what was watched is not recommended: {answer}");
    script("recommended.mjs", &[node.api.as_ref(), viewer.email.as_ref(), PASSWORD.as_ref(), videos[1].as_ref()]);
    eventually("more is known than when the model was trained", TRAINED_MAX, || async {
        let lag = gauge(&viewer.client, "marquee_recommender_freshness_lag_seconds").await?;
        (lag < gauge(&viewer.client, "marquee_recommender_model_age_seconds").await?).then_some(())
    })
    .await;
    node.stop().await;
}

fn evaluate(arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_marquee")).args(["recommend", "evaluate"]).args(arguments).output();
    program.expect("the binary runs")
}

#[test]
fn models_are_judged_on_anybodys_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World { sequel_share: 0.3, ..World::small(3) };
    let (mut train, mut test) = ("user,item,timestamp\n".to_owned(), "user,item,timestamp\n".to_owned());
    let watches = world.watches();
    for profile in 0..watches.profiles() {
        let count = watches.rows().row_len(profile);
        for (place, one) in watches.of(profile).enumerate() {
            let table = if place + 1 == count { &mut test } else { &mut train };
            writeln!(table, "u{},film {},{}", one.profile, one.title, one.at).expect("written");
        }
    }
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path.to_string_lossy().into_owned()
    };
    let (train, test) = (file("train.csv", &train), file("test.csv", &test));
    for protocol in ["full", "leave-last-out", "sampled99"] {
        let output = evaluate(&["--train", &train, "--test", &test, "--k", "5,10", "--protocol", protocol, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let models = report["models"].as_array().expect("models");
        let ndcg = |name: &str| {
            let model = models.iter().find(|model| model["model"] == name).unwrap_or_else(|| panic!("{name} in {report}"));
            model["metrics"]["ndcg@10"]["mean"].as_f64().expect("a number")
        };
        assert!(ndcg("blend") > 1.3 * ndcg("popularity") && ndcg("blend") > ndcg("bm25_knn"), "{protocol}: {report}");
        assert!(models[0]["latency_ms"]["p99"].as_f64() > Some(0.0) && models[0]["coverage"]["coverage@5"].as_f64() > Some(0.0));
    }
    for (table, said) in [("user;item\n1;2\n", "line 1"), ("user,item\n1,2\n3\n", "line 3"), ("user,item\n", "no rows")] {
        let output = evaluate(&["--train", &file("bad.csv", table), "--test", &test]);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && complaint.contains(said), "{complaint}");
    }
}
