//! The description of the interface is kept as a file: a change of the interface is a change that somebody reads.

use crate::app::{TestApp, body};
use std::path::Path;

const UPDATE: &str = "MARQUEE_UPDATE_OPENAPI";

#[tokio::test]
async fn the_description_is_the_one_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = format!("{}\n", marquee_api::openapi().to_pretty_json().unwrap());
    #[expect(clippy::disallowed_methods, reason = "the switch of a test")]
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "the interface has changed: run the tests with {UPDATE}=1 and commit api/openapi.json");
    let app = TestApp::start().await;
    let served = body(app.nobody().get("/v1/openapi.json").await, 200).await;
    assert_eq!(served, serde_json::from_str::<serde_json::Value>(&kept).unwrap());
}
