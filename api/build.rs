//! Sees to it that there are pages to embed: without a bundle of `web/`, one page that says how to make it.

use std::{fs, path::Path};

const PLACEHOLDER: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Marquee</title>\
<h1>Marquee is running</h1><p>The pages are not part of this build. Run <code>./dev build</code> to bundle them.</p>\
<p>The interface is described at <a href=/docs>/docs</a>.</p></html>\n";

fn main() -> std::io::Result<()> {
    let dist = Path::new("../web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(dist)?;
        fs::write(index, PLACEHOLDER)?;
    }
    Ok(())
}
