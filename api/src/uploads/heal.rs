//! Uploads whose last byte was kept by a process that died before it handed the film over. Clients that ask again heal them;
//! this is for those that do not.

use super::ops;
use crate::app::App;
use std::time::Duration;

/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(15);
/// Uploads that are looked at in one go.
const BATCH_MAX: i64 = 100;

/// Hands over what is whole, until the process closes.
pub(crate) async fn heal(app: App) {
    let closing = app.closing.clone();
    while closing.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        match app.deps.db.whole_uploads(BATCH_MAX).await {
            Ok(uploads) => {
                for upload in uploads {
                    if let Err(problem) = ops::hand_over(&app, upload).await {
                        tracing::warn!(upload.id = %upload, ?problem, "could not hand over a film that is whole");
                    }
                }
            }
            Err(error) => tracing::warn!(error = error.detail(), "could not look for films that are whole"),
        }
    }
}
