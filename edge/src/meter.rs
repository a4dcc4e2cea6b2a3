//! What this edge counts.

use metrics::{Counter, Gauge, counter, gauge};

/// How an answer came about: one word in `Cache-Status` (RFC 9211) and one counter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It was here.
    Hit,
    /// It was fetched, or is being fetched.
    Miss,
    /// It was here, too old, and the origin does not answer.
    Stale,
    /// It is too large to be kept.
    Passed,
}

impl Source {
    /// The value of `Cache-Status`.
    pub(crate) fn cache_status(self) -> &'static str {
        match self {
            Self::Hit => "marquee; hit",
            Self::Miss => "marquee; fwd=miss",
            Self::Stale => "marquee; hit; detail=stale",
            Self::Passed => "marquee; fwd=bypass",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Passed => "passed",
        }
    }
}

/// Counts an answer that was given to a viewer.
pub(crate) fn answered(status: u16, source: Option<Source>) {
    let source = source.map_or("none", Source::label);
    counter!("marquee_edge_answers_total", "status" => status.to_string(), "source" => source).increment(1);
}

/// Fetches of whole objects or ranges from the object store or the API.
pub(crate) fn origin_fetches(origin: &'static str) -> Counter {
    counter!("marquee_edge_origin_fetches_total", "origin" => origin)
}

/// Fetches that failed, `NotFound` not counted.
pub(crate) fn origin_failures(origin: &'static str) -> Counter {
    counter!("marquee_edge_origin_failures_total", "origin" => origin)
}

/// Bytes of objects in memory.
pub(crate) fn stored_bytes() -> Gauge {
    gauge!("marquee_edge_stored_bytes")
}

/// Open connections.
pub(crate) fn connections() -> Gauge {
    gauge!("marquee_edge_connections")
}

/// 1 while the feed is connected and in step, 0 otherwise.
pub(crate) fn feed_up() -> Gauge {
    gauge!("marquee_edge_feed_up")
}
