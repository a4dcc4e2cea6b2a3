//! Making a cluster: a complete one or none.

use super::{account::Account, programs::Programs, server::Tuning};
use marquee_core::{Error, Result};
use std::fs::{self, DirBuilder, File};
use std::io::{Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Superuser of the cluster, and name of its one database.
pub(super) const NAME: &str = "marquee";
/// Sorts and folds case by code point, the same on every machine; macOS lacks the name.
const LOCALE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };
/// How much of a program's complaints goes into an error.
const COMPLAINT_LENGTH_MAX: usize = 1500;

/// Major version of the cluster in `path`, if there is one.
///
/// # Errors
/// `Conflict` if there is something else.
pub(super) fn major(path: &Path) -> Result<Option<u32>> {
    match fs::read_to_string(path.join("PG_VERSION")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| not_a_cluster(path)),
        Err(_) if path.exists() => Err(not_a_cluster(path)),
        Err(_) => Ok(None),
    }
}

fn not_a_cluster(path: &Path) -> Error {
    Error::conflict("not_a_cluster", format!("{} is there but holds no PostgreSQL data: move it away", path.display()))
}

/// Makes the cluster `path`. It appears whole, whenever this is interrupted.
///
/// # Errors
/// What the programs complained of.
pub(super) fn create(programs: &Programs, path: &Path, account: Option<Account>, tuning: Tuning) -> Result<()> {
    let fresh = path.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    DirBuilder::new().mode(0o700).create(&fresh)?;
    if let Some(account) = account {
        account.own(&fresh)?;
    }
    let mut initdb = programs.command("initdb", None, &fresh, account)?;
    initdb.args(["-A", "trust", "-U", NAME, "-E", "UTF8", "--no-instructions"]).arg(format!("--locale={LOCALE}"));
    if tuning == Tuning::Scratch {
        initdb.arg("--no-sync");
    }
    run(initdb, "initdb")?;

    let mut statement = tempfile::tempfile()?;
    writeln!(statement, "create database {NAME};")?;
    statement.rewind()?;
    let mut single = programs.command("postgres", Some("--single"), &fresh, account)?;
    single.args(tuning.settings()).arg("template1").stdin(statement);
    run(single, "postgres --single")?;

    fs::rename(&fresh, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn run(mut command: Command, name: &str) -> Result<()> {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(broken(&format!("{name} ended with {}", output.status), &complaint))
}

/// The server does not come up; `log` says why.
pub(super) fn broken(what: &str, log: &str) -> Error {
    let from = log.char_indices().rev().nth(COMPLAINT_LENGTH_MAX).map_or(0, |(at, _)| at);
    Error::conflict("postgres_failed", format!("PostgreSQL does not start: {what}\n{}", log[from..].trim()))
}
