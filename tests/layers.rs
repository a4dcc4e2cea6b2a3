//! The house rules that no compiler knows: which crate may use which, who may name an SDK or read the environment, how long a file may be.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What each crate may use of ours. The root package wires everything and is the only one without a row.
const ARROWS: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("packager", &["core"]),
    ("backends", &["core"]),
    ("recommender", &["core", "backends"]),
    ("transcoder", &["core", "backends", "packager"]),
    ("api", &["core", "backends", "packager", "recommender"]),
    ("edge", &["core", "backends"]),
];

/// Crates that only one folder may name: SDKs and the like.
const OWNED: [(&str, &str); 8] = [
    ("sqlx", "backends"),
    ("aws-sdk-s3", "backends"),
    ("lapin", "backends"),
    ("redis", "backends"),
    ("tokio-postgres", "backends"),
    ("ffmpeg-next", "transcoder"),
    ("ffmpeg-sys-next", "transcoder"),
    ("clap", "."),
];

/// Longest file.
const LINES_MAX: usize = 450;
/// Folders that hold nothing written by hand.
const NOT_OURS: [&str; 6] = ["target", "node_modules", "dist", ".git", ".sqlx", "data"];
/// Endings of the files that people write.
const WRITTEN: [&str; 12] = ["rs", "ts", "tsx", "mjs", "css", "html", "sql", "sh", "toml", "md", "json", "yml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The manifest of the crate in `folder`; `.` is the root package.
fn manifest(folder: &str) -> Table {
    read(&root().join(folder).join("Cargo.toml")).parse().expect("cargo reads it too")
}

/// Everything that a manifest names in any of its dependency tables.
fn dependencies(manifest: &Table) -> Vec<(String, Value)> {
    let for_targets =
        manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(for_targets)
        .flat_map(|manifest| ["dependencies", "dev-dependencies", "build-dependencies"].map(|table| manifest.get(table)))
        .filter_map(|table| table?.as_table())
        .flat_map(|table| table.iter().map(|(name, value)| (name.clone(), value.clone())))
        .collect()
}

/// Every file under `folder` that people wrote.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !NOT_OURS.contains(&name) {
                found.extend(files(&path));
            }
        } else if path.extension().is_none_or(|ending| WRITTEN.iter().any(|written| ending == *written)) {
            found.push(path);
        }
    }
    found
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(&root().join(folder)).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// Whether a file holds nothing but tests: `tests.rs`, a folder `tests`, or `judge.rs`, where the ffmpeg program is asked.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| ["tests", "tests.rs", "judge.rs"].iter().any(|name| part.as_os_str() == *name))
}

/// Lines of the Rust code in `folder` that contain one of `words`, comments aside.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    rust_files(folder).iter().flat_map(|path| lines_in(path, &read(path), words)).collect()
}

fn lines_in(path: &Path, text: &str, words: &[&str]) -> Vec<String> {
    let hits = text.lines().enumerate().filter(|(_, line)| {
        let code = line.split("//").next().unwrap_or_default();
        words.iter().any(|word| code.contains(word))
    });
    hits.map(|(number, line)| format!("{}:{}: {}", path.display(), number + 1, line.trim())).collect()
}

#[test]
fn arrows_go_down_only() {
    for (folder, allowed) in ARROWS {
        for (name, _) in dependencies(&manifest(folder)) {
            if let Some(other) = name.strip_prefix("marquee-") {
                assert!(other == folder || allowed.contains(&other), "{folder} must not use {other}");
            }
        }
    }
}

#[test]
fn every_member_has_a_row() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().expect("a list of members");
    let members: BTreeSet<_> = members.iter().filter_map(Value::as_str).collect();
    assert_eq!(members, ARROWS.iter().map(|(folder, _)| *folder).collect());
}

#[test]
fn sdks_have_one_owner() {
    for folder in ARROWS.iter().map(|(folder, _)| *folder).chain(["."]) {
        for (name, _) in dependencies(&manifest(folder)) {
            let owner = OWNED.iter().find(|(owned, _)| *owned == name);
            assert!(owner.is_none_or(|(_, owner)| *owner == folder), "{folder} must not name {name}");
        }
    }
}

#[test]
fn only_the_feature_media_brings_the_transcoder() {
    let root = manifest(".");
    assert_eq!(root["dependencies"]["marquee-transcoder"]["optional"].as_bool(), Some(true));
    let features = root["features"].as_table().expect("a table");
    for (feature, brings) in features {
        let transcoder =
            brings.as_array().is_some_and(|brings| brings.iter().any(|item| item.as_str() == Some("dep:marquee-transcoder")));
        assert_eq!(transcoder, feature == "media", "feature {feature}");
    }
}

#[test]
fn versions_and_features_stand_in_the_root() {
    for folder in ARROWS.iter().map(|(folder, _)| *folder).chain(["."]) {
        let manifest = manifest(folder);
        for (name, value) in dependencies(&manifest) {
            assert_eq!(value.get("workspace").and_then(Value::as_bool), Some(true), "{folder}: {name} has a version of its own");
        }
        // Features that only tests need may be named where they are needed, so that they do not reach what ships.
        for (name, value) in manifest["dependencies"].as_table().expect("a table") {
            assert!(value.get("features").is_none(), "{folder}: {name} has features of its own");
        }
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder} does not use the shared lints");
    }
}

/// [`lines_with`] in what ships: without tests, beside the code or in files of their own.
fn shipped_lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in rust_files(folder).into_iter().filter(|path| !is_test(path.strip_prefix(root()).unwrap_or(path))) {
        let text = read(&path);
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        found.extend(lines_in(&path, shipped, words));
    }
    found
}

#[test]
fn only_cli_reads_the_environment() {
    let words = ["env::var", "env::vars", "env::args", "env::set_var", "env::current_exe", "env::current_dir"];
    for folder in ARROWS.iter().map(|(folder, _)| *folder) {
        assert_eq!(shipped_lines_with(folder, &words), Vec::<String>::new());
    }
}

#[test]
fn pure_crates_never_see_a_socket_or_a_file() {
    let words =
        ["std::net::Tcp", "std::net::Udp", "tokio::net", "std::fs", "tokio::fs", "std::process", "tokio::process", "reqwest"];
    for folder in ["core/src", "packager/src"] {
        assert_eq!(shipped_lines_with(folder, &words), Vec::<String>::new());
    }
}

/// A test that only another test may run, in a process of its own, is not switched off.
#[test]
fn no_test_is_switched_off() {
    for folder in ARROWS.iter().map(|(folder, _)| *folder).chain(["cli", "tests"]) {
        let mut lines = lines_with(folder, &[concat!("#[", "ignore")]);
        lines.retain(|line| !line.contains("= \"run by another test"));
        assert_eq!(lines, Vec::<String>::new());
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for folder in ARROWS.iter().map(|(folder, _)| format!("{folder}/src")).chain(["cli".to_owned()]) {
        let path = root().join(&folder).join("lib.rs");
        assert!(read(&path).starts_with("//! "), "{} has no head comment", path.display());
    }
}

#[test]
fn files_stay_short() {
    let long: Vec<_> = files(root())
        .into_iter()
        .filter(|path| path.extension().is_none_or(|ending| ending != "json" && ending != "md"))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).ok()?.lines().count();
            (lines > LINES_MAX && !path.ends_with("Cargo.lock")).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert_eq!(long, Vec::<String>::new(), "split them by what they are about");
}

/// Paths that only the machine of whoever wrote them has.
#[test]
fn no_path_of_somebodys_machine() {
    let homes = ["root", "work", "farm", "Users"].map(|folder| format!("/{folder}/"));
    for path in files(root()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for home in &homes {
            for (position, _) in text.match_indices(home.as_str()) {
                let before = text[..position].chars().next_back().unwrap_or(' ');
                assert!(before.is_alphanumeric() || "-_.}".contains(before), "{} names {home}", path.display());
            }
        }
    }
}
