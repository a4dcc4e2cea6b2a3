//! Where log lines go: to standard error, readable on a terminal, JSON elsewhere.

use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged when nothing was asked for: our own events, and warnings of libraries.
const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,tower_http=warn";

/// Begins to log. `filter` is the value of `MARQUEE_LOG`, in `tracing`'s filter syntax.
pub(crate) fn start(filter: Option<&str>) {
    let filter = EnvFilter::try_new(filter.unwrap_or(DEFAULT_FILTER)).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        lines.with_target(false).compact().init();
    } else {
        lines.json().flatten_event(true).init();
    }
}
