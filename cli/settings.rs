//! The configuration as this process sees it: file, then environment. Nothing outside `cli` reads the environment.

use anyhow::Context;
use marquee_core::config::Config;
use std::path::Path;

/// Reads `file`, if one is named, and lays the environment over it.
///
/// # Errors
/// When the file cannot be read or a key is wrong; the message names it.
pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    let toml = match file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => String::new(),
    };
    let source = file.map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
    Config::load(&toml, environment()).with_context(|| format!("in {source}"))
}

/// The value of one variable, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    environment().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
