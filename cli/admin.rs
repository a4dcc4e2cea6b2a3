//! `marquee admin`: operating accounts from the shell.

use crate::{args::AdminAction, settings};
use marquee_api::auth;
use marquee_backends::{db::Db, open, private_postgres};
use marquee_core::{OsRandom, Random, SystemClock};
use std::{path::Path, process::ExitCode};

/// Runs one administrative action.
///
/// # Errors
/// When the database does not answer, or there is no such account or role.
pub(crate) async fn run(action: AdminAction) -> anyhow::Result<ExitCode> {
    match action {
        AdminAction::Create { email, data, config } => {
            let db = database(config.as_deref(), &data).await?;
            db.migrate().await?;
            match create(&db, &email).await? {
                Some(password) => say!("{email} is an administrator. Password, shown once: {password}"),
                None => say!("{email} is an administrator."),
            }
        }
        AdminAction::Grant { email, role, data, config } => {
            database(config.as_deref(), &data).await?.set_role(&email, role.parse()?).await?;
            say!("{email} is now {role}.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn database(config: Option<&Path>, data: &Path) -> anyhow::Result<Db> {
    let config = settings::load(config)?;
    let url = match config.database.url {
        Some(url) => url,
        None => private_postgres::running_url(&data.join("postgres"))?,
    };
    Ok(open::database(&url, config.start.patience()).await?)
}

/// Makes `email` an administrator whose password the environment names. Answers the password if it had to be made up.
pub(crate) async fn create(db: &Db, email: &str) -> anyhow::Result<Option<String>> {
    let given = settings::variable("MARQUEE_ADMIN_PASSWORD");
    let password = given.clone().unwrap_or_else(|| new_password(&OsRandom));
    auth::ensure_admin(db, &SystemClock, &OsRandom, email, &password).await?;
    Ok(given.is_none().then_some(password))
}

/// 16 characters of an alphabet without look-alikes: 80 bits.
fn new_password(random: &dyn Random) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::SeededRandom;

    #[test]
    fn generated_passwords_are_long_and_differ() {
        let random = SeededRandom::new(1);
        let (first, second) = (new_password(&random), new_password(&random));
        assert_eq!(first.len(), 16);
        assert_ne!(first, second);
    }
}
