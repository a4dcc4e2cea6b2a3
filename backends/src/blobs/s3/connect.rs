//! From a URL to a client with its bounds.

use super::{Encryption, S3Blobs};
use aws_config::BehaviorVersion;
use aws_sdk_s3::{
    Client,
    config::{Builder, Credentials, Region, RequestChecksumCalculation, retry::RetryConfig, timeout::TimeoutConfig},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use marquee_core::{Error, Result};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an answer may be awaited.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one try may take, the sending of a large part included.
const TRY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a store may take to put the parts of a large object together: "several minutes", Amazon S3 API reference,
/// "CompleteMultipartUpload".
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(900);
/// Tries of a call that met an error of the store, with a random, growing pause between them.
const TRIES_MAX: u32 = 4;
/// What stores that have no regions take.
const REGION: &str = "us-east-1";
const EXPECTED: &str = "blobs.url must be s3://bucket/prefix?endpoint=…&public_endpoint=…&region=…&style=path|host\
                        &encryption=AES256|aws:kms&encryption_key=…";

pub(super) async fn connect(url: &Url) -> Result<S3Blobs> {
    let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("the bucket is missing"))?;
    let mut query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let (endpoint, public_endpoint) = (query.remove("endpoint"), query.remove("public_endpoint"));
    let is_path_style = match query.remove("style").as_deref() {
        Some("path") => true,
        Some("host") => false,
        Some(_) => return Err(bad("style is path or host")),
        None => endpoint.is_some(),
    };
    let encryption = query
        .remove("encryption")
        .map(|method| Encryption { method: method.as_str().into(), key: query.remove("encryption_key") });
    let region = query.remove("region");
    if let Some(unknown) = query.keys().next() {
        return Err(bad(&format!("{unknown} is not known")));
    }
    let mut config = base(url, region, endpoint.is_some()).await?.force_path_style(is_path_style);
    config.set_endpoint_url(endpoint);
    let prefix = match url.path().trim_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    };
    let client = Client::from_conf(config.clone().build());
    // Whoever signs does not have the bytes to sum them.
    config.set_request_checksum_calculation(Some(RequestChecksumCalculation::WhenRequired));
    if let Some(public) = public_endpoint {
        Url::parse(&public).ok().filter(Url::has_host).ok_or_else(|| bad("public_endpoint is not a URL"))?;
        config.set_endpoint_url(Some(public));
    }
    let signer = Client::from_conf(config.build());
    Ok(S3Blobs { client, signer, bucket: bucket.to_owned(), prefix, encryption, is_conditional: false })
}

/// Who we are, where, and how long we wait.
async fn base(url: &Url, region: Option<String>, has_endpoint: bool) -> Result<Builder> {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let own = match (url.username(), url.password()) {
        ("", _) => None,
        (user, secret) => Some(Credentials::new(decoded(user)?, decoded(secret.unwrap_or_default())?, None, None, "blobs.url")),
    };
    let region = region.or_else(|| has_endpoint.then(|| REGION.to_owned())).map(Region::new);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX))
        .timeout_config(timeouts(ANSWER_TIMEOUT, TRY_TIMEOUT));
    if let Some(region) = region {
        loader = loader.region(region);
    }
    if let Some(own) = own {
        loader = loader.credentials_provider(own);
    }
    Ok(Builder::from(&loader.load().await))
}

fn timeouts(answer: Duration, one_try: Duration) -> TimeoutConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
    timeouts.read_timeout(answer).operation_attempt_timeout(one_try).build()
}

/// What a call differs in that puts a large object together.
pub(super) fn patient() -> Builder {
    aws_sdk_s3::Config::builder().timeout_config(timeouts(COMPLETE_TIMEOUT, COMPLETE_TIMEOUT))
}

fn decoded(text: &str) -> Result<String> {
    let pairs = format!("v={}", text.replace('+', "%2B"));
    let value = url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned());
    value.ok_or_else(|| bad("the access key cannot be read"))
}

fn bad(what: &str) -> Error {
    Error::invalid("invalid_config", format!("{what}: {EXPECTED}"))
}
