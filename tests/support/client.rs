//! A client of the HTTP interface whose calls say which answer they expect.

use super::{eventually, node::show};
use reqwest::{
    Method, RequestBuilder, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    multipart,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Longest that a film of these tests may take to be encoded on a busy machine.
const ENCODE_MAX: Duration = Duration::from_secs(600);

/// A video as the API shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Video {
    pub(crate) status: String,
    pub(crate) playable: bool,
    pub(crate) progress: f64,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) failure: Option<Reason>,
    #[serde(default)]
    pub(crate) notes: Vec<Reason>,
    #[serde(default)]
    pub(crate) chapters: Vec<Chapter>,
}

/// A chapter as the API shows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Chapter {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) title: String,
}

/// Why something failed, or what was decided.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A client, signed in or not.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    api: String,
    authorization: Option<String>,
}

impl Client {
    /// A client that is not signed in.
    pub(crate) fn anonymous(api: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        // Tests block for long while the ffmpeg program works; a connection that idled through that may be closed.
        let http = http.pool_max_idle_per_host(0).build().expect("a client");
        Self { http, api: api.to_owned(), authorization: None }
    }

    /// A client signed in with an existing account.
    pub(crate) async fn sign_in(api: &str, email: &str, password: &str) -> Self {
        let anonymous = Self::anonymous(api);
        let answer = anonymous.post("/v1/users/login", &json!({ "email": email, "password": password }), 200).await;
        anonymous.with_token(text(&answer, "access_token"))
    }

    /// The same, unless the server cannot let anybody in now.
    pub(crate) async fn try_sign_in(api: &str, email: &str, password: &str) -> Option<Self> {
        let anonymous = Self::anonymous(api);
        let request = anonymous.request(Method::POST, "/v1/users/login").json(&json!({ "email": email, "password": password }));
        let answer: Value = request.send().await.ok().filter(|answer| answer.status() == 200)?.json().await.ok()?;
        Some(anonymous.with_token(text(&answer, "access_token")))
    }

    /// A client signed in with a new account.
    pub(crate) async fn sign_up(api: &str, email: &str) -> Self {
        let anonymous = Self::anonymous(api);
        let account = json!({ "email": email, "password": "correct horse battery", "name": "Somebody" });
        let answer = anonymous.post("/v1/users", &account, 201).await;
        anonymous.with_token(text(&answer, "access_token"))
    }

    /// The same client with another access token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self.clone() }
    }

    /// The access token.
    pub(crate) fn token(&self) -> &str {
        self.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer ")).expect("somebody is signed in")
    }

    /// A request that the caller finishes. `path` is a path of the API or a whole URL.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.api) };
        let request = self.http.request(method, url);
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str, status: u16) -> Value {
        answer(self.request(Method::GET, path), status).await
    }

    /// POST of JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value, status: u16) -> Value {
        answer(self.request(Method::POST, path).json(body), status).await
    }

    /// Names a video, without a file.
    pub(crate) async fn create_video(&self, title: &str) -> String {
        text(&self.post("/v1/videos", &json!({ "title": title }), 201).await, "id").to_owned()
    }

    /// Names a video and uploads its file in one request.
    pub(crate) async fn upload_form(&self, title: &str, file: &Path) -> String {
        self.upload_protected(title, file, "none").await
    }

    /// The same of a title that is to be protected by that scheme.
    pub(crate) async fn upload_protected(&self, title: &str, file: &Path, scheme: &'static str) -> String {
        let bytes = std::fs::read(file).expect("the film is readable");
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let texts = multipart::Form::new().text("title", title.to_owned()).text("protection", scheme);
        let form = texts.part("file", multipart::Part::bytes(bytes).file_name(name));
        text(&answer(self.request(Method::POST, "/v1/videos").multipart(form), 201).await, "id").to_owned()
    }

    /// A video.
    pub(crate) async fn video(&self, id: &str) -> Video {
        let json = self.get(&format!("/v1/videos/{id}"), 200).await;
        serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error} in {json}"))
    }

    /// A video, unless the server asks to come again later, as it does while the database or the machine is too busy.
    async fn video_unless_busy(&self, id: &str) -> Option<Video> {
        let response = self.request(Method::GET, &format!("/v1/videos/{id}")).send().await.expect("the server answers");
        if response.status() == 503 {
            assert!(response.headers().contains_key(RETRY_AFTER), "{response:?} does not say when to come again");
            return None;
        }
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        Some(response.json().await.expect("a video"))
    }

    /// Waits until `condition` holds; a video that fails on the way ends the wait with its reason.
    pub(crate) async fn wait_for(&self, id: &str, what: &str, condition: impl Fn(&Video) -> bool) -> Video {
        eventually(&format!("{id} is {what}"), ENCODE_MAX, || async {
            let video = self.video_unless_busy(id).await?;
            let done = condition(&video);
            assert!(done || video.status != "failed", "{id} should become {what} but failed: {:?}", video.failure);
            done.then_some(video)
        })
        .await
    }

    /// Waits until the video is live.
    pub(crate) async fn wait_until_ready(&self, id: &str) -> Video {
        self.wait_for(id, "ready", |video| video.status == "ready").await
    }

    /// Waits until the video is live or has failed, whichever comes.
    pub(crate) async fn wait_until_settled(&self, id: &str) -> Video {
        self.wait_for(id, "settled", |video| ["ready", "failed"].contains(&video.status.as_str())).await
    }

    /// The address of the video's HLS master playlist on an edge.
    pub(crate) async fn hls(&self, id: &str) -> String {
        text(&self.post(&format!("/v1/videos/{id}/playback"), &json!({}), 200).await, "hls").to_owned()
    }
}

/// The request with one header replaced.
pub(crate) fn with_header(request: RequestBuilder, name: &'static str, value: &str) -> RequestBuilder {
    let value = HeaderValue::from_str(value).expect("a header's value");
    request.headers([(HeaderName::from_static(name), value)].into_iter().collect())
}

/// Sends `request` and expects `status`; answers the JSON, or null if there is none.
pub(crate) async fn answer(request: RequestBuilder, status: u16) -> Value {
    let response = request.send().await.expect("the server answers");
    let url = response.url().clone();
    let got = response.status().as_u16();
    let body = response.text().await.expect("a whole answer");
    assert_eq!(got, status, "{url}: {body}");
    serde_json::from_str(&body).unwrap_or(Value::Null)
}

/// Sends `request` and expects it refused with `status`, in the form that every refusal has; answers its code.
pub(crate) async fn refused(request: RequestBuilder, status: u16) -> String {
    let response = request.send().await.expect("the server answers");
    refusal(response, status).await
}

/// Reads a refusal: problem+json with a stable code and words that help.
pub(crate) async fn refusal(response: Response, status: u16) -> String {
    let url = response.url().clone();
    let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default().to_owned());
    let got = response.status().as_u16();
    let body = response.text().await.expect("a whole answer");
    assert_eq!(got, status, "{url}: {body}");
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "{url}: {body}");
    let problem: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{url}: {error}: {body}"));
    assert_eq!(problem["status"], status, "{url}: {body}");
    let words = text(&problem, "detail");
    assert!(words.len() > 10, "{url} does not say what is wrong: {body}");
    show(&format!("{status} {}: {words}", text(&problem, "code")));
    text(&problem, "code").to_owned()
}

/// The text at `key`.
pub(crate) fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("no text at {key}: {json}"))
}
