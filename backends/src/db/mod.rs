//! Postgres. One concrete type, its functions grouped by aggregate, one file each; every statement is checked at compile time.

pub mod changes;
pub mod deltas;
pub mod direct;
pub mod encodes;
mod error;
pub mod events;
pub mod facts;
#[cfg(any(test, feature = "testing"))]
mod fixtures;
pub mod idempotency;
pub mod impressions;
pub mod jobs;
pub mod keys;
pub mod ledger;
mod listen;
pub mod models;
mod outbox;
pub mod profiles;
mod queue;
mod state;
pub mod subtitles;
mod sums;
pub(crate) mod sweep;
pub mod taste;
pub mod thumbnails;
pub mod tokens;
pub(crate) mod upkeep;
pub mod uploads;
pub mod users;
pub mod videos;
pub mod workers;

pub(crate) use error::error;
pub use listen::{Notice, Notices, VIDEO};
pub(crate) use listen::{OUTBOX, QUEUE};

use marquee_core::{Clock, Error, Result};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, migrate::Migrator};
use std::time::Duration;
use url::Url;

/// Connections that one process holds at most, listeners included.
const CONNECTIONS_MAX: u32 = 20;
/// How long a caller waits for a connection before it is told that the database does not answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after its last use a connection is taken to be whole.
const FRESH_MAX: Duration = Duration::from_secs(1);
/// Server-side bounds of every session, in milliseconds: no statement, lock wait or forgotten transaction lasts longer.
const SESSION: [(&str, &str); 3] =
    [("statement_timeout", "30000"), ("lock_timeout", "10000"), ("idle_in_transaction_session_timeout", "60000")];

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// The database. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    /// Where [`Self::replica`] reads.
    reader: Option<PgPool>,
}

impl Db {
    /// Connects to `url` (`postgres:`).
    ///
    /// # Errors
    /// `Invalid` if the URL cannot be right, `Unavailable` if nobody answers.
    pub async fn connect(url: &Url) -> Result<Self> {
        Ok(Self { pool: pool(url, "database.url").await?, reader: None })
    }

    /// The same with a replica at `url`.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn with_replica(self, url: &Url) -> Result<Self> {
        Ok(Self { reader: Some(pool(url, "database.read_url").await?), ..self })
    }

    /// The replica, which lags behind and can only be read; `None` if there is none.
    #[must_use]
    pub fn replica(&self) -> Option<Self> {
        self.reader.clone().map(|pool| Self { pool, reader: None })
    }

    /// Brings the schema up to what this binary needs. Several processes may do so at once.
    ///
    /// # Errors
    /// `Unavailable`, or `Internal` if the database was changed by a newer version or by hand.
    pub async fn migrate(&self) -> Result<()> {
        use sqlx::migrate::MigrateError;
        MIGRATIONS.run(&self.pool).await.map_err(|cause| match cause {
            MigrateError::Execute(cause) => error(cause),
            MigrateError::VersionMissing(version) => Error::conflict(
                "newer_database",
                format!("the database has migration {version}, which this version of marquee does not know: use the newer one"),
            ),
            other => Error::internal(other),
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `Unavailable` if not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query!("select 1 as one").fetch_one(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// How far `clock` is ahead of the database's.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn clock_ahead(&self, clock: &dyn Clock) -> Result<time::Duration> {
        let before = clock.now();
        let told = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&self.pool).await.map_err(error)?;
        // The answer was made somewhere between the two.
        let after = clock.now();
        Ok(before + (after - before) / 2 - told)
    }

    /// Closes every connection; running statements finish first.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

async fn pool(url: &Url, key: &str) -> Result<PgPool> {
    let options = PgConnectOptions::from_url(url)
        .map_err(|cause| Error::invalid("invalid_config", format!("{key}: {cause}")))?
        .application_name("marquee")
        .options(SESSION);
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    // Under load a ping before each use would be a third of all there is to answer.
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move {
                if used.idle_for > FRESH_MAX {
                    connection.ping().await?;
                }
                Ok(true)
            })
        });
    pool.connect_with(options).await.map_err(|cause| error::at_connect(cause, key, &place))
}
