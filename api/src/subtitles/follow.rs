//! Videos that got subtitles while something else was on its way, or whose order was lost with a process, get them once they can.

use super::ops;
use crate::app::App;
use std::time::Duration;

/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(5);
/// Videos that are looked at in one go.
const BATCH_MAX: i64 = 100;

/// Orders what is due, until the process closes.
pub(crate) async fn follow(app: App) {
    let closing = app.closing.clone();
    while closing.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        match app.deps.db.videos_of_due_subtitles(BATCH_MAX).await {
            Ok(videos) => {
                for video in videos {
                    ops::order(&app, video).await;
                }
            }
            Err(error) => tracing::warn!(error = error.detail(), "could not look for subtitles that are due"),
        }
    }
}
