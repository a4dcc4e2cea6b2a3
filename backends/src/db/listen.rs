//! `LISTEN`: being told at once. Notifications are a convenience; whoever listens also looks by itself now and then.

use super::Db;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::{sync::mpsc, task::AbortHandle};

/// A video has changed; the payload is its id as a UUID.
pub const VIDEO: &str = "video";
/// The outbox has a new row.
pub(crate) const OUTBOX: &str = "outbox";
/// The `postgres:` queue has a new message.
pub(crate) const QUEUE: &str = "queue";

/// Notices that wait to be read; further ones are merged into one [`Notice::Missed`].
const BACKLOG_MAX: usize = 256;
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody notified the channel, with this payload.
    Payload(String),
    /// The line was down or the listener slow: any number of notices may have been missed. Also the first one heard.
    Missed,
}

/// A listener on one channel that reconnects by itself. Dropping it hangs up.
#[derive(Debug)]
pub struct Notices {
    heard: mpsc::Receiver<Notice>,
    task: AbortHandle,
}

impl Notices {
    /// The next notice. Cancel-safe, never fails.
    pub async fn next(&mut self) -> Notice {
        self.heard.recv().await.unwrap_or(Notice::Missed)
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Db {
    /// Listens on `channel` ([`VIDEO`], …) with a connection of its own.
    #[must_use]
    pub fn listen(&self, channel: &'static str) -> Notices {
        let (tell, heard) = mpsc::channel(BACKLOG_MAX);
        let db = self.clone();
        let task = tokio::spawn(async move {
            while !tell.is_closed() && !db.pool.is_closed() {
                if let Err(cause) = relay(&db, channel, &tell).await {
                    tracing::warn!(channel, error = %cause, "lost the line to the database, listening again shortly");
                }
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
            // Keeps the line silent instead of closed, so that nobody spins on a database that is being closed.
            tell.closed().await;
        });
        Notices { heard, task: task.abort_handle() }
    }
}

async fn relay(db: &Db, channel: &str, tell: &mpsc::Sender<Notice>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&db.pool).await?;
    listener.listen(channel).await?;
    let mut missed = true;
    loop {
        if missed && tell.send(Notice::Missed).await.is_err() {
            return Ok(());
        }
        missed = match listener.try_recv().await? {
            Some(notice) => tell.try_send(Notice::Payload(notice.payload().to_owned())).is_err(),
            None => true,
        };
    }
}
