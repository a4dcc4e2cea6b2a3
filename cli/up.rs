//! `marquee up`: everything on this machine. Embedded mode is the normal node with a configuration filled in.

use crate::{admin, args::Role, args::Up, lifecycle, node::Node, settings};
use anyhow::Context;
use marquee_api::auth;
use marquee_backends::{open, private_postgres::PrivatePostgres};
use marquee_core::{OsRandom, Random, Shutdown, config::Config};
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
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
    if config.protection.master_key.is_none() {
        config.protection.master_key = Some(master_key(&data, &OsRandom)?);
        config.validate()?;
    }
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

/// Those of the four URLs that were not configured.
fn fill_in(config: &mut Config, data: &Path, database: Option<&Url>) -> anyhow::Result<()> {
    config.blobs.url.get_or_insert(blobs_url(data)?);
    config.queue.url.get_or_insert(Url::parse("postgres:")?);
    config.cache.url.get_or_insert(Url::parse("memory:")?);
    if let Some(url) = database {
        config.database.url = Some(url.clone());
    }
    Ok(())
}

/// Where a data directory keeps its objects.
pub(crate) fn blobs_url(data: &Path) -> anyhow::Result<Url> {
    Url::from_directory_path(std::path::absolute(data)?.join("blobs")).ok().context("the data directory has no absolute path")
}

/// The master key of this machine, made if there is none yet. Only its owner reads it. It is there whole or not at all.
fn master_key(data: &Path, random: &dyn Random) -> anyhow::Result<String> {
    let (path, unfinished) = (data.join("master.key"), data.join("master.key.unfinished"));
    match std::fs::read_to_string(&path) {
        Ok(key) => return Ok(key.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let key = hex::encode(bytes);
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let written = made.and_then(|mut file| file.write_all(key.as_bytes()).and_then(|()| file.sync_all()));
    // A link, unlike a rename, takes no other key's place.
    let named = written.and_then(|()| std::fs::hard_link(&unfinished, &path)).and_then(|()| std::fs::remove_file(&unfinished));
    let kept = named.and_then(|()| std::fs::File::open(data)?.sync_all());
    kept.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(key)
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

fn announce(node: &Node, data: &Path, admin: Option<(String, String)>) {
    say!("\nMarquee is running. Press Ctrl-C to stop.\n");
    if let Some(url) = &node.api_url {
        say!("  Pages and API  {}", url.as_str().trim_end_matches('/'));
    }
    if let Some(url) = &node.edge_url {
        say!("  Edge           {}", url.as_str().trim_end_matches('/'));
    }
    say!("  Data           {}", data.display());
    if let Some((email, password)) = admin {
        say!("\n  First administrator, shown once:\n  E-mail         {email}\n  Password       {password}");
    }
    say!("");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_machine_keeps_its_master_key() {
        let data = tempfile::tempdir().expect("a folder");
        let made = master_key(data.path(), &OsRandom).expect("made");
        assert_eq!(made.len(), 64);
        assert_eq!(master_key(data.path(), &OsRandom).expect("found"), made);
        let mode = data.path().join("master.key").metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn configured_engines_are_kept() {
        let mut config = Config::default();
        config.blobs.url = Url::parse("file:///films").ok();
        fill_in(&mut config, Path::new("/data"), None).expect("fills in");
        assert_eq!(config.blobs.url.as_ref().map(Url::as_str), Some("file:///films"));
        assert_eq!(config.queue.url.as_ref().map(Url::as_str), Some("postgres:"));
    }
}
