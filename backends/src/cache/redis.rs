//! `redis:` and `rediss:`: one Redis, or with `?cluster=true` a cluster of which the URL names any node.
//!
//! Every call is bounded in time: a cache that does not answer must not hold up those who could do without it. A call whose
//! connection is gone, as after Redis was started again, is made once more on a new one.

use super::check;
use async_trait::async_trait;
use bytes::Bytes;
use marquee_core::{Error, Result, cache::Cache};
use redis::{
    Client, ErrorKind, ExistenceCheck, FromRedisValue, Pipeline, RedisError, SetExpiry, SetOptions,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// How long an answer is waited for.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call may take, with a new connection and a second try.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Tries of one call on a cluster, whose nodes may have changed places.
const CLUSTER_RETRIES: u32 = 2;
/// What all our keys begin with: values and counters apart, beside whatever else lives there.
const VALUE: &str = "marquee:v:";
const COUNTER: &str = "marquee:c:";

/// See the module. `C` is one server's connection or a cluster's; clones share it.
pub struct RedisCache<C> {
    connection: C,
}

/// Connects to the Redis or the cluster at `url`.
///
/// # Errors
/// `Invalid` for a URL that Redis' client does not take or credentials that are refused, `Unavailable` if nobody answers.
pub async fn connect(url: &Url) -> Result<Box<dyn Cache>> {
    let is_cluster = url.query_pairs().any(|(key, value)| key == "cluster" && value == "true");
    let mut node = url.clone();
    node.set_query(None);
    if is_cluster {
        let client = ClusterClient::builder([node.as_str()])
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(RESPONSE_TIMEOUT)
            .retries(CLUSTER_RETRIES)
            .build()
            .map_err(error)?;
        let connection = client.get_async_connection().await.map_err(error)?;
        return Ok(Box::new(RedisCache { connection }));
    }
    // Each call that finds no connection tries to make one: nobody waits for a pause to end.
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(0);
    let client = Client::open(node.as_str()).map_err(error)?;
    let connection = ConnectionManager::new_with_config(client, config).await.map_err(error)?;
    Ok(Box::new(RedisCache { connection }))
}

fn error(cause: RedisError) -> Error {
    match cause.kind() {
        ErrorKind::AuthenticationFailed => {
            Error::invalid("invalid_config", "cache.url: Redis refuses the user or password").caused_by(cause)
        }
        ErrorKind::InvalidClientConfig => Error::invalid("invalid_config", "cache.url is not a Redis URL").caused_by(cause),
        _ => Error::unavailable("the cache").caused_by(cause),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl<C: ConnectionLike + Clone> RedisCache<C> {
    /// Sends `commands`, and once more if the connection is found broken. None minds being run twice: a counter that counts one
    /// too many only makes a limit stricter.
    async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T> {
        let send = async || commands.query_async(&mut self.connection.clone()).await;
        let answer = async {
            match send().await {
                Err(cause) if cause.is_io_error() => send().await,
                answer => answer,
            }
        };
        let silent = |cause: Box<dyn std::error::Error + Send + Sync>| Error::unavailable("the cache").caused_by(cause);
        timeout(CALL_TIMEOUT, answer).await.map_err(|late| silent(late.into()))?.map_err(|cause| silent(cause.into()))
    }
}

#[async_trait]
impl<C: ConnectionLike + Clone + Send + Sync + 'static> Cache for RedisCache<C> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let (value,): (Option<Vec<u8>>,) = self.ask(redis::pipe().get(format!("{VALUE}{key}"))).await?;
        Ok(value.map(Bytes::from))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<()> {
        check(key)?;
        let options = SetOptions::default().with_expiration(SetExpiry::PX(milliseconds(ttl)));
        self.ask(redis::pipe().set_options(format!("{VALUE}{key}"), value.as_ref(), options)).await
    }

    async fn remove(&self, key: &str) -> Result<()> {
        // Two calls: in a cluster the two keys live on different nodes.
        self.ask::<()>(redis::pipe().del(format!("{VALUE}{key}"))).await?;
        self.ask(redis::pipe().del(format!("{COUNTER}{key}"))).await
    }

    async fn increment(&self, key: &str, window: Duration) -> Result<u64> {
        check(key)?;
        let key = format!("{COUNTER}{key}");
        // Together, so that no counter is ever without an end.
        let options =
            SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::PX(milliseconds(window)));
        let mut both = redis::pipe();
        both.atomic().set_options(&key, 0, options).ignore().incr(&key, 1);
        let (count,): (u64,) = self.ask(&both).await?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{RedisServer, cache_contract, eventually};
    use std::time::Instant;

    #[tokio::test]
    async fn keeps_the_contract() {
        let server = RedisServer::start().await;
        cache_contract(connect(server.url()).await.expect("connected").as_ref()).await;
    }

    #[tokio::test]
    async fn a_wrong_password_is_told_apart_from_silence() {
        let server = RedisServer::start().await;
        let mut wrong = server.url().clone();
        wrong.set_password(Some("not it")).expect("a URL with a host");
        let refused = connect(&wrong).await.err().expect("refused");
        assert_eq!((refused.kind(), refused.code()), (marquee_core::ErrorKind::Invalid, "invalid_config"), "{refused:?}");
        assert!(!refused.detail().contains("not it"), "{refused:?}");
        let nobody = Url::parse("redis://127.0.0.1:1").expect("a URL");
        assert_eq!(connect(&nobody).await.err().expect("no answer").kind(), marquee_core::ErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn a_server_that_hangs_or_dies_is_an_error_in_time_and_coming_back_is_noticed() {
        let mut server = RedisServer::start().await;
        let cache = connect(server.url()).await.expect("connected");
        cache.increment("hits", Duration::from_secs(60)).await.expect("counted");
        server.freeze();
        let asked = Instant::now();
        let silent = cache.increment("hits", Duration::from_secs(60)).await.expect_err("nobody answers");
        assert!(silent.kind().is_transient() && asked.elapsed() < Duration::from_secs(5), "{silent:?} {:?}", asked.elapsed());
        server.restart().await;
        eventually("the cache works again", async || cache.increment("hits", Duration::from_secs(60)).await.is_ok()).await;
    }

    #[tokio::test]
    async fn the_first_call_after_a_restart_succeeds() {
        let mut server = RedisServer::start().await;
        let cache = connect(server.url()).await.expect("connected");
        for is_missed_meanwhile in [false, true] {
            cache.increment("hits", Duration::from_secs(60)).await.expect("counted");
            server.stop();
            if is_missed_meanwhile {
                cache.increment("hits", Duration::from_secs(60)).await.expect_err("nobody is there");
            }
            server.restart().await;
            assert_eq!(cache.increment("hits", Duration::from_secs(60)).await.expect("counted"), 1, "the new one was empty");
        }
    }
}
