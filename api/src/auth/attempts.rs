//! Limits on guessing. Counted in the cache before a password is looked at, so that parallel guesses count too; when the cache
//! does not answer, nobody signs in.

use crate::app::App;
use marquee_core::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::{net::IpAddr, time::Duration};

/// Attempts are counted in windows of this length.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Attempts of one address over all accounts, as a multiple of what one account takes: an office shares an address.
const ADDRESS_FACTOR: u64 = 30;

/// Counts one attempt to sign in as `email` from `address`.
pub(crate) async fn count(app: &App, email: &str, address: IpAddr) -> Result<()> {
    count_address(app, address).await?;
    let attempts = app.deps.cache.increment(&account_key(email, address), WINDOW).await?;
    within(attempts, u64::from(app.deps.auth.login_attempts_per_minute))
}

/// Counts one costly request of somebody who has not signed in.
pub(crate) async fn count_address(app: &App, address: IpAddr) -> Result<()> {
    let attempts = app.deps.cache.increment(&format!("attempts:address:{address}"), WINDOW).await?;
    within(attempts, u64::from(app.deps.auth.login_attempts_per_minute) * ADDRESS_FACTOR)
}

/// Forgets the attempts of an account after it signed in.
pub(crate) async fn forget(app: &App, email: &str, address: IpAddr) -> Result<()> {
    app.deps.cache.remove(&account_key(email, address)).await
}

fn within(attempts: u64, limit: u64) -> Result<()> {
    if attempts <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::RateLimited, "too_many_attempts", "too many attempts: wait a minute and try again"))
}

/// Keys of the cache are short, an e-mail may not be.
fn account_key(email: &str, address: IpAddr) -> String {
    let account = Sha256::digest(email.to_ascii_lowercase());
    format!("attempts:account:{}:{address}", hex::encode(&account[..16]))
}
