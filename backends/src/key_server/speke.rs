//! A key server of others, by SPEKE v2 (Secure Packager and Encoder Key Exchange, API specification v2.0): one POST of a CPIX document,
//! which another one answers. What is in them is none of its business.

use crate::https::{self, Client};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri,
    header::{CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use marquee_core::{Error, ErrorKind, Result};
use std::time::Duration;
use url::Url;

/// How long it may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer is awaited.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Bytes of a refusal that the log is told.
const REASON_BYTES_MAX: usize = 300;
/// The version that is spoken.
const VERSION: (HeaderName, HeaderValue) = (HeaderName::from_static("x-speke-version"), HeaderValue::from_static("2.0"));

/// A key server that is asked over HTTP.
pub struct Speke {
    client: Client,
    url: Uri,
    headers: HeaderMap,
    /// What must not be logged if it comes back: values of headers, with the word before a credential and without.
    secrets: Vec<String>,
}

impl Speke {
    /// The key server at `url`, which wants to see `headers`, each as `name: value`.
    ///
    /// # Errors
    /// `Invalid` for headers that are none.
    pub(super) fn new(url: &Url, headers: &[String]) -> Result<Self> {
        let mut all = HeaderMap::from_iter([
            VERSION,
            (CONTENT_TYPE, HeaderValue::from_static("application/xml")),
            (USER_AGENT, HeaderValue::from_static(concat!("marquee/", env!("CARGO_PKG_VERSION")))),
        ]);
        let mut secrets = Vec::new();
        for (name, value) in headers.iter().map(|header| parsed(header)).collect::<Option<Vec<_>>>().ok_or_else(no_header)? {
            let text = value.to_str().unwrap_or_default();
            secrets.extend([Some(text), text.split_once(' ').map(|(_, rest)| rest)].into_iter().flatten().map(str::to_owned));
            all.insert(name, value);
        }
        secrets.retain(|secret| !secret.trim().is_empty());
        let url =
            url.as_str().parse().map_err(|_| Error::invalid("invalid_config", "protection.key_server_url is no address"))?;
        Ok(Self { client: https::client(CONNECT)?, url, headers: all, secrets })
    }

    /// What it answers to a CPIX document.
    ///
    /// # Errors
    /// `Unavailable` if it does not answer now; `Invalid` with code `key_server_refused` if it refuses, and `key_server_answer` if it
    /// answers without end.
    pub async fn exchange(&self, document: String) -> Result<Bytes> {
        let answered = tokio::time::timeout(ANSWER, self.ask(document)).await;
        answered.map_err(|_| Error::unavailable("the key server").caused_by("its answer did not come in time"))?
    }

    async fn ask(&self, document: String) -> Result<Bytes> {
        let mut request = Request::post(self.url.clone()).body(Full::from(document)).map_err(Error::internal)?;
        request.headers_mut().extend(self.headers.clone());
        let response =
            self.client.request(request).await.map_err(|error| Error::unavailable("the key server").caused_by(error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map(Collected::to_bytes);
        if !status.is_success() {
            return Err(self.refusal(status, &body.unwrap_or_default()));
        }
        body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Error::invalid("key_server_answer", "what the key server answered is too long: look at its settings")
            } else {
                Error::unavailable("the key server").caused_by(error)
            }
        })
    }

    /// What a status other than success means. The log is told the server's reason, without what it may repeat of the request's headers.
    fn refusal(&self, status: StatusCode, body: &[u8]) -> Error {
        let said = String::from_utf8_lossy(body).into_owned();
        let mut reason = self.secrets.iter().fold(said, |said, secret| said.replace(secret, "(hidden)"));
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let refused = |error: Error| error.caused_by(format!("the key server answered {status}: {reason}"));
        if status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) {
            return refused(Error::unavailable("the key server"));
        }
        let settings = "look at protection.key_server_url and protection.key_server_headers, and at its own settings";
        let message = format!("the key server gives no keys, it answers {status}: {settings}");
        refused(Error::new(ErrorKind::Invalid, "key_server_refused", message))
    }
}

/// A header of `name: value`, whose value is not shown where headers are.
fn parsed(header: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = header.split_once(':')?;
    let mut value: HeaderValue = value.trim().parse().ok()?;
    value.set_sensitive(true);
    Some((name.trim().parse().ok()?, value))
}

fn no_header() -> Error {
    // Not repeated: it may hold a secret.
    Error::invalid("invalid_config", "protection.key_server_headers are of the form name: value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SpekeServer;

    fn client(url: &Url) -> Speke {
        Speke::new(url, &["X-Speke-Test:  a secret ".to_owned(), "authorization: Basic canary".to_owned()]).expect("a client")
    }

    async fn refused(status: u16) -> Error {
        let body = "Unsupported CPIX@version, canary, a secret ".repeat(100);
        let server = SpekeServer::start(move |_| Err((status, body.clone()))).await;
        let error = client(server.url()).exchange("<CPIX/>".to_owned()).await.expect_err("refused");
        assert!(error.detail().contains("Unsupported CPIX@version") && error.detail().len() < 700, "{}", error.detail());
        assert!(!error.message().contains("CPIX@version"), "{error}");
        assert!(!error.detail().contains("canary") && !error.detail().contains("secret"), "{}", error.detail());
        error
    }

    #[tokio::test]
    async fn a_document_is_exchanged_for_another_one() {
        let server = SpekeServer::start(|document| Ok(format!("answer to {document}"))).await;
        let answer = client(server.url()).exchange("<CPIX/>".to_owned()).await.expect("an answer");
        assert_eq!(answer, "answer to <CPIX/>");
        let asked = server.asked();
        let [request] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/speke/v2.0"));
        let header = |name: &str| request.headers()[name].to_str().expect("text");
        assert_eq!((header("x-speke-version"), header("content-type")), ("2.0", "application/xml"));
        assert_eq!(header("x-speke-test"), "a secret");
        assert!(header("user-agent").starts_with("marquee/"));
    }

    #[tokio::test]
    async fn what_will_not_get_better_is_told_from_what_may() {
        for status in [302, 400, 401, 403, 404, 422] {
            let error = refused(status).await;
            assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "key_server_refused"), "{status}");
            assert!(error.message().contains(&status.to_string()), "{error}");
        }
        for status in [408, 429, 500, 503] {
            assert_eq!(refused(status).await.kind(), ErrorKind::Unavailable, "{status}");
        }
        let nobody = Url::parse(&format!("http://127.0.0.1:{}/", crate::testing::free_port())).expect("a URL");
        let error = client(&nobody).exchange(String::new()).await.expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_waited_for() {
        let server = SpekeServer::start(|_| Ok(" ".repeat(ANSWER_BYTES_MAX + 1))).await;
        let error = client(server.url()).exchange(String::new()).await.expect_err("too long");
        assert_eq!(error.code(), "key_server_answer");
    }

    #[test]
    fn what_is_no_header_is_refused_without_repeating_it() {
        let url = Url::parse("https://keys.example/").expect("a URL");
        for wrong in ["canary", "can ary: x", "x: a\ncanary", ": canary"] {
            let error = Speke::new(&url, &[wrong.to_owned()]).err().expect("refused");
            assert!(error.code() == "invalid_config" && !error.detail().contains("canary"), "{error:?}");
        }
    }
}
