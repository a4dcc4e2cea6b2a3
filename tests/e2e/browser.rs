//! A viewer's browser: the pages upload a clip and play it. The script asserts; see `tests/browser`.

use crate::support::{
    clip::FILM,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD, Node, show},
};
use std::process::Command;

#[tokio::test]
async fn the_pages_upload_a_film_and_a_browser_plays_it() {
    let node = Node::start().await;
    let output = Command::new("node")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tests/browser/main-job.mjs", &node.api, ADMIN_EMAIL, ADMIN_PASSWORD])
        .arg(FILM.file())
        .output()
        .expect("node is installed");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    show(&said);
    assert!(output.status.success(), "{said}\n{complained}");
    node.stop().await;
}
