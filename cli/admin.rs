//! `marquee admin`: operating accounts from the shell.

use crate::{args::AdminAction, settings};
use marquee_backends::{open, private_postgres};
use std::process::ExitCode;

/// Runs one administrative action.
///
/// # Errors
/// When the database does not answer, or there is no such account or role.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) async fn run(action: AdminAction) -> anyhow::Result<ExitCode> {
    let AdminAction::Grant { email, role, data, config } = action;
    let config = settings::load(config.as_deref())?;
    let url = match config.database.url {
        Some(url) => url,
        None => private_postgres::running_url(&data.join("postgres"))?,
    };
    open::database(&url, config.start.patience()).await?.set_role(&email, role.parse()?).await?;
    println!("{email} is now {role}.");
    Ok(ExitCode::SUCCESS)
}
