//! `marquee up`: everything on this machine. Embedded mode is the normal node with a configuration filled in.

use crate::{admin, args::Role, args::Up, lifecycle, node::Node, settings};
use anyhow::Context;
use marquee_api::auth;
use marquee_backends::{open, private_postgres::PrivatePostgres};
use marquee_core::{Shutdown, config::Config};
use std::path::{Path, PathBuf};
use url::Url;

/// E-mail of the first administrator when none is given.
const ADMIN_EMAIL: &str = "admin@marquee.local";

/// Runs until a signal. Answers whether it ended because somebody asked.
///
/// # Errors
/// When something cannot be started; what had been started is stopped again.
pub(crate) async fn run(options: Up) -> anyhow::Result<bool> {
    let mut config = settings::load(options.config.as_deref())?;
    config.api.listen = options.listen.unwrap_or(config.api.listen);
    config.edge.listen = options.edge_listen.unwrap_or(config.edge.listen);
    let data = prepare_folder(&options.data)?;
    let postgres = match config.database.url {
        Some(_) => None,
        None => Some(PrivatePostgres::start(&data.join("postgres")).await?),
    };
    fill_in(&mut config, &data, postgres.as_ref().map(PrivatePostgres::url))?;
    let shutdown = Shutdown::new();
    let outcome = tokio::select! {
        outcome = serve(&config, &data, &shutdown) => outcome,
        () = ended(postgres.as_ref()) => Err(anyhow::anyhow!("the private database ended by itself, see {}", data.join("postgres").display())),
    };
    if outcome.is_err() {
        shutdown.stop();
        shutdown.finished().await;
    }
    if let Some(postgres) = postgres {
        postgres.stop().await?;
    }
    outcome
}

/// Resolves when a private server ends by itself; never, if there is none.
async fn ended(postgres: Option<&PrivatePostgres>) {
    match postgres {
        Some(postgres) => postgres.ended().await,
        None => std::future::pending().await,
    }
}

async fn serve(config: &Config, data: &Path, shutdown: &Shutdown) -> anyhow::Result<bool> {
    let roles = [Role::Api, Role::Worker, Role::Edge, Role::Scheduler];
    #[cfg(not(feature = "media"))]
    let roles = roles.into_iter().filter(|role| *role != Role::Worker).collect::<Vec<_>>();
    let node = Node::start(config, &roles, shutdown).await?;
    let admin = first_administrator(config).await?;
    announce(&node, data, admin);
    Ok(lifecycle::run_until_stopped(shutdown).await?)
}

/// The four URLs that were not configured.
fn fill_in(config: &mut Config, data: &Path, database: Option<&Url>) -> anyhow::Result<()> {
    let blobs = Url::from_directory_path(data.join("blobs")).ok().context("the data directory has no absolute path")?;
    config.blobs.url.get_or_insert(blobs);
    config.queue.url.get_or_insert(Url::parse("postgres:")?);
    config.cache.url.get_or_insert(Url::parse("memory:")?);
    if let Some(url) = database {
        config.database.url = Some(url.clone());
    }
    Ok(())
}

fn prepare_folder(data: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make the data directory {}", data.display()))?;
    Ok(data.canonicalize()?)
}

/// Makes the first administrator: the one that the environment names, else a generated one. Answers what has to be shown.
async fn first_administrator(config: &Config) -> anyhow::Result<Option<(String, String)>> {
    let url = config.database.url.as_ref().context("database.url was filled in")?;
    let db = open::database(url, config.start.patience()).await?;
    if settings::variable("MARQUEE_ADMIN_PASSWORD").is_none() && auth::has_admin(&db).await? {
        return Ok(None);
    }
    let email = settings::variable("MARQUEE_ADMIN_EMAIL").unwrap_or_else(|| ADMIN_EMAIL.to_owned());
    Ok(admin::create(&db, &email).await?.map(|password| (email, password)))
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn announce(node: &Node, data: &Path, admin: Option<(String, String)>) {
    println!("\nMarquee is running. Press Ctrl-C to stop.\n");
    if let Some(url) = &node.api_url {
        println!("  Pages and API  {}", url.as_str().trim_end_matches('/'));
    }
    if let Some(url) = &node.edge_url {
        println!("  Edge           {}", url.as_str().trim_end_matches('/'));
    }
    println!("  Data           {}", data.display());
    if let Some((email, password)) = admin {
        println!("\n  First administrator, shown once:\n  E-mail         {email}\n  Password       {password}");
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_engines_are_kept() {
        let mut config = Config::default();
        config.blobs.url = Url::parse("file:///films").ok();
        fill_in(&mut config, Path::new("/data"), None).expect("fills in");
        assert_eq!(config.blobs.url.as_ref().map(Url::as_str), Some("file:///films"));
        assert_eq!(config.queue.url.as_ref().map(Url::as_str), Some("postgres:"));
    }
}
