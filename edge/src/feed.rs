//! The control channel: server-sent events from the API. It brings the keys that sign tokens, all of them each time, so that an
//! event that was missed does no harm.

use crate::{meter, origin::Api, token::Keys};
use futures::{StreamExt, TryStreamExt};
use marquee_core::{Error, Random, Result, token::SigningKey};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio_util::{
    codec::{FramedRead, LinesCodec},
    io::StreamReader,
    sync::CancellationToken,
};

/// Longest line of the feed.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Silence after which the connection is taken for dead. The API sends a comment more often.
const SILENCE: Duration = Duration::from_secs(45);
/// First pause before a reconnection; doubled up to the largest, and spread so that edges do not come back in step.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The state that the API wants edges to be in.
#[derive(Deserialize)]
struct Sync {
    sequence: u64,
    keys: Vec<SigningKey>,
}

/// Follows the feed until `stop`, reconnecting as often as it takes. Keys stay as they are while the API is away.
pub(crate) async fn follow(api: Api, keys: Arc<Keys>, random: Arc<dyn Random>, stop: CancellationToken) {
    let mut pause = PAUSE_MIN;
    let follow = async {
        loop {
            let mut synced = false;
            let error = match read(&api, &keys, &mut synced).await {
                Err(error) => error.detail(),
                Ok(()) => "the API closed it".to_owned(),
            };
            meter::feed_up().set(0.0);
            tracing::warn!(error, "the feed broke off, connecting again");
            pause = if synced { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            tokio::time::sleep(pause.mul_f64(0.5 + random.unit())).await;
        }
    };
    let _stopped: Option<()> = stop.run_until_cancelled(follow).await;
}

/// One connection, until it ends.
async fn read(api: &Api, keys: &Keys, synced: &mut bool) -> Result<()> {
    let body = api.feed().await?.bytes_stream().map_err(|error| std::io::Error::other(error.without_url()));
    let mut lines = FramedRead::new(StreamReader::new(body), LinesCodec::new_with_max_length(LINE_BYTES_MAX));
    let mut event = Event::default();
    loop {
        let line = tokio::time::timeout(SILENCE, lines.next()).await;
        let line = line.map_err(|_| Error::unavailable("the API").caused_by("the feed fell silent"))?;
        let Some(line) = line.transpose().map_err(|error| Error::unavailable("the API").caused_by(error))? else { return Ok(()) };
        let Some(complete) = event.take(&line) else { continue };
        if complete.name == "sync" {
            let sync: Sync = serde_json::from_str(&complete.data)
                .map_err(|error| Error::internal(error).caused_by("the feed sent something that is no sync"))?;
            tracing::info!(feed.sequence = sync.sequence, feed.keys = sync.keys.len(), "in step with the API");
            keys.replace(sync.keys);
            *synced = true;
            meter::feed_up().set(1.0);
        }
    }
}

/// An event, line by line: HTML living standard, section 9.2.6. Ids and retry hints are not used.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

impl Event {
    /// Takes in one line; a blank one completes the event, unless it has no data.
    fn take(&mut self, line: &str) -> Option<Self> {
        if line.is_empty() {
            let complete = std::mem::take(self);
            return (!complete.data.is_empty()).then_some(complete);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.len() + value.len() <= LINE_BYTES_MAX => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<Event> {
        let mut event = Event::default();
        text.lines().filter_map(|line| event.take(line)).collect()
    }

    #[test]
    fn events_are_put_together_from_lines() {
        let text = ": hello\n\nevent: sync\ndata: {\"a\":\ndata:1}\nid: 7\n\nevent: empty\n\ndata\ndata: x\n\n";
        let expected = [("sync", "{\"a\":\n1}"), ("", "x")];
        let expected = expected.map(|(name, data)| Event { name: name.into(), data: data.into() });
        assert_eq!(events(text), expected);
        assert!(events("data: never completed\n").is_empty());
    }

    #[test]
    fn an_event_is_bounded() {
        let text = "data: 0123456789\n".repeat(LINE_BYTES_MAX / 5) + "\n";
        assert!(events(&text).first().is_some_and(|event| event.data.len() <= 2 * LINE_BYTES_MAX));
    }
}
