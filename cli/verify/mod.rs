//! `marquee verify`: holds a package, wherever it lies, to the public rules for HLS and CMAF.

mod address;
mod folder;

use crate::args::Verify;
use marquee_core::{Error, Result};
use marquee_packager::verify::{Verdict, verify};
use std::{path::Path, process::ExitCode};
use url::Url;

/// Exit code for what cannot be read at all.
const UNREADABLE: u8 = 2;
/// The playlist to begin with where a folder is named.
const MASTER: &str = marquee_core::object::MASTER;

/// Judges the package. Exit codes: 0 no rule is broken that must be kept, 1 there is one, 2 the package cannot be read.
///
/// # Errors
/// When the verdict cannot be printed.
pub(crate) async fn run(options: Verify) -> anyhow::Result<ExitCode> {
    let judged = tokio::select! {
        judged = judge(&options) => judged,
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::FAILURE),
    };
    match judged {
        Ok(verdict) => show(&verdict, options.json),
        Err(error) => Ok(refuse(&error, &options)),
    }
}

async fn judge(options: &Verify) -> Result<Verdict> {
    if let Some(url) = url(&options.package) {
        let (files, master) = address::Address::new(&url)?;
        return verify(&files, &master, options.deep).await;
    }
    let path = Path::new(&options.package);
    let (folder, master) = match path.file_name().and_then(|name| name.to_str()) {
        Some(name) if path.is_file() => (path.parent().filter(|folder| *folder != Path::new("")), name),
        _ => (Some(path), MASTER),
    };
    let files = folder::Folder::open(folder.unwrap_or(Path::new(".")))?;
    verify(&files, master, options.deep).await
}

/// What is an address and no path.
fn url(package: &str) -> Option<Url> {
    let url = Url::parse(package).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

fn show(verdict: &Verdict, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        say!("{}", serde_json::to_string_pretty(verdict)?);
    } else {
        say!("{}", verdict.to_string().trim_end());
    }
    Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stderr, reason = "this is what the command is for")]
fn refuse(error: &Error, options: &Verify) -> ExitCode {
    if options.json {
        say!("{}", serde_json::json!({ "code": error.code(), "message": error.to_string() }));
    } else {
        eprintln!("marquee: {} cannot be read: {error} ({})", options.package, error.code());
    }
    ExitCode::from(UNREADABLE)
}
