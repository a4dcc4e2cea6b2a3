//! What a request costs over HTTP: Marquee in one process with its own PostgreSQL, asked by a client on the same machine at fixed times,
//! whether it is done with what was asked before or not.

use super::{
    results::tell,
    support::{eventually, node::Node},
};
use marquee_backends::private_postgres;
use marquee_core::{Clock, OsRandom, SystemClock, id::VideoId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

/// Requests a second, and how many are sent: each profile is asked for once, so that nothing is answered from a cache.
const REQUESTS_PER_S: u32 = 500;
const REQUESTS: u32 = 8_000;
/// Requests before those that count, of other profiles.
const WARM: u32 = 1_000;
/// Requests for each report of a watch, which are sent besides.
const REQUESTS_PER_WATCH: u32 = 10;
/// Longest that all but a hundredth may take, in ms.
const P99_MS_MAX: f64 = 5.0;
/// Least share of the wanted rate.
const RATE_SHARE_MIN: f64 = 0.99;
/// Titles of a row.
const COUNT: usize = 20;
/// How long the first model may take to answer.
const PATIENCE: Duration = Duration::from_secs(1800);
/// How long after a training what others watched since is known.
const SETTLED_SECONDS: f64 = 120.0;

/// What was sent, and how long after its time it was answered.
struct Answered {
    is_watch: bool,
    took: Duration,
}

/// Times rows of twenty titles for profiles who watched sixty.
pub(super) async fn requests() -> bool {
    let node = Node::start().await;
    let profiles = audience(&node.data()).await;
    let client = node.admin().await;
    let (first, rest) = profiles.split_at(WARM as usize);
    // The node trains by itself, and then looks at everything once more: only after that it has nothing else to do.
    eventually("the first model answers, and what was watched is looked at", PATIENCE, || async {
        let metrics = client.request(Method::GET, "/metrics").send().await.ok()?.text().await.ok()?;
        let gauge = |name| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let age_seconds = gauge("marquee_recommender_model_age_seconds")?;
        let lag_seconds = gauge("marquee_recommender_freshness_lag_seconds")?;
        (age_seconds > SETTLED_SECONDS && lag_seconds < SETTLED_SECONDS).then_some(())
    })
    .await;
    let token = node.admin().await.token().to_owned();
    let api = Api { http: reqwest::Client::new(), url: node.api.clone(), token };
    sent(&api, first).await;
    let begun = Instant::now();
    let answered = sent(&api, &rest[..REQUESTS as usize]).await;
    let rate = f64::from(REQUESTS) / begun.elapsed().as_secs_f64();
    node.stop().await;
    let share = rate / f64::from(REQUESTS_PER_S);
    told("a row over HTTP", &answered, false)
        & told("a report of a watch meanwhile", &answered, true)
        & tell(&format!("{rate:.0} requests a second, of {REQUESTS_PER_S} wanted"), share >= RATE_SHARE_MIN)
}

fn told(what: &str, answered: &[Answered], is_watch: bool) -> bool {
    let of_kind = answered.iter().filter(|one| one.is_watch == is_watch);
    let mut times_ms: Vec<f64> = of_kind.map(|one| one.took.as_secs_f64() * 1000.0).collect();
    times_ms.sort_unstable_by(f64::total_cmp);
    let (p50, p99) = (times_ms[times_ms.len() / 2], times_ms[times_ms.len() * 99 / 100]);
    tell(&format!("{what}: {p50:.2} ms (p50), {p99:.2} ms (p99), at most {P99_MS_MAX}"), p99 <= P99_MS_MAX)
}

/// Fills the database; its profiles.
async fn audience(data: &Path) -> Vec<String> {
    let url = private_postgres::running_url(&data.join("postgres")).expect("the database runs");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/recommend/audience.sql");
    let psql = |arguments: &[&str]| {
        let mut psql = Command::new("psql");
        psql.args(["-q", "-v", "ON_ERROR_STOP=1", "-At", url.as_str()]).args(arguments);
        let output = psql.output().expect("psql is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    psql(&["-1", "-f", script.to_str().expect("a path")]);
    let ids = psql(&["-c", "select 'prf_' || replace(id::text, '-', '') from profiles where not is_default order by id"]);
    ids.lines().map(str::to_owned).collect()
}

#[derive(Clone)]
struct Api {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// A row of a profile; the first title of it.
    async fn row(&self, profile: &str) -> String {
        let answer = self.request(Method::GET, &format!("/v1/recommendations/{profile}?count={COUNT}")).send().await;
        let answer: Value = answer.expect("an answer").error_for_status().expect("success").json().await.expect("JSON");
        assert_eq!(answer["items"].as_array().map(Vec::len), Some(COUNT), "{answer}");
        answer["items"][0]["id"].as_str().expect("a title").to_owned()
    }

    async fn watch(&self, profile: &str, video: &str) {
        let happened_at = SystemClock.now().format(&Rfc3339).expect("a time");
        // Any new id will do.
        let id = VideoId::new(&SystemClock, &OsRandom).0;
        let event =
            json!({ "id": id, "video_id": video, "kind": "finish", "position_ms": 5_000_000, "happened_at": happened_at });
        let report = json!({ "profile_id": profile, "events": [event] });
        let answer = self.request(Method::POST, "/v1/events").json(&report).send().await.expect("an answer");
        answer.error_for_status().expect("success");
    }
}

/// Asks for each of `profiles` at its time, and reports watches of some in between.
async fn sent(api: &Api, profiles: &[String]) -> Vec<Answered> {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let (runtime, api, profiles) = (tokio::runtime::Handle::current(), api.clone(), profiles.to_vec());
    let any = api.row(&profiles[0]).await;
    // A thread of its own: timers of the runtime are too coarse.
    let clock = std::thread::spawn(move || {
        let begun = Instant::now();
        for (nth, profile) in (0..).zip(profiles) {
            let due = begun + Duration::from_secs(1) * nth / REQUESTS_PER_S;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let send = |is_watch: bool| {
                let (api, answers, profile, any) = (api.clone(), answers.clone(), profile.clone(), any.clone());
                runtime.spawn(async move {
                    if is_watch {
                        api.watch(&profile, &any).await;
                    } else {
                        drop(api.row(&profile).await);
                    }
                    // Whoever listened is gone only if the bench is.
                    drop(answers.send(Answered { is_watch, took: due.elapsed() }));
                });
            };
            send(false);
            if nth % REQUESTS_PER_WATCH == 0 {
                send(true);
            }
        }
    });
    let mut all = Vec::new();
    while let Some(one) = answered.recv().await {
        all.push(one);
    }
    clock.join().expect("all was sent");
    all
}
