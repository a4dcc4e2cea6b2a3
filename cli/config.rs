//! `marquee config` and `marquee migrate`.

use crate::{
    args::{ConfigAction, ConfigFile},
    settings,
};
use anyhow::Context;
use marquee_backends::open;
use marquee_core::config::Config;
use std::process::ExitCode;
use url::Url;

/// What stands where a secret would.
const HIDDEN: &str = "(hidden)";

/// Checks or shows the configuration.
///
/// # Errors
/// When it is wrong; the message names the key and the fix.
pub(crate) fn run(action: ConfigAction) -> anyhow::Result<ExitCode> {
    match action {
        ConfigAction::Check(file) => {
            settings::load(file.config.as_deref())?;
            say!("The configuration is valid.");
        }
        ConfigAction::Show(file) => {
            let config = without_secrets(settings::load(file.config.as_deref())?);
            say!("{}", toml::to_string_pretty(&config)?.trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings the database's schema up to date.
///
/// # Errors
/// When the database is not configured, does not answer, or refuses.
pub(crate) async fn migrate(file: ConfigFile) -> anyhow::Result<ExitCode> {
    let config = settings::load(file.config.as_deref())?;
    let url =
        config.database.url.context("database.url is not set: put it in the configuration file or in MARQUEE_DATABASE_URL")?;
    open::database(&url, config.start.patience()).await?.migrate().await?;
    say!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

fn without_secrets(mut config: Config) -> Config {
    let database = &mut config.database;
    let protection = &mut config.protection;
    // The rest of a key server's address can hold anything, a token for one.
    if let Some(url) = &mut protection.key_server_url {
        url.set_path("");
        url.set_query(None);
    }
    let urls = [&mut database.url, &mut database.read_url, &mut config.blobs.url, &mut config.queue.url, &mut config.cache.url];
    urls.into_iter().flatten().for_each(hide_password);
    let keys = config.edge.key.iter_mut().chain(&mut protection.master_key);
    let lists = protection.former_master_keys.iter_mut().chain(&mut protection.key_server_headers);
    keys.chain(lists).for_each(|key| HIDDEN.clone_into(key));
    config
}

/// Hides the password, which a URL without a host can only have as a parameter.
fn hide_password(url: &mut Url) {
    if url.password().is_some() {
        // A URL that carries a password can carry another one.
        let _ = url.set_password(Some("hidden"));
    }
    if url.query_pairs().any(|(key, _)| key == "password") {
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let shown = pairs.iter().map(|(key, value)| (key, if key == "password" { "hidden" } else { value }));
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_configuration_has_no_secrets() {
        let mut config = Config::default();
        config.database.url = Url::parse("postgres://me:canary@db/marquee").ok();
        config.database.read_url = Url::parse("postgres:///marquee?host=/run/postgres&password=canary").ok();
        config.edge.key = Some("canary".into());
        config.protection.master_key = Some("canary".into());
        config.protection.former_master_keys = vec!["canary".into()];
        config.protection.key_server_url = Url::parse("https://keys.example/canary?token=canary").ok();
        config.protection.key_server_headers = vec!["authorization: canary".into()];
        let shown = toml::to_string_pretty(&without_secrets(config)).expect("serialises");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("me:hidden@db"));
    }
}
