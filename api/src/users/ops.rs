//! What happens to accounts.

use crate::{
    app::App,
    auth::{
        attempts,
        refresh::{self, Session},
    },
};
use marquee_backends::db::users::NewUser;
use marquee_core::{
    Error, ErrorKind, Result, Role,
    id::{ProfileId, UserId},
};
use std::net::IpAddr;

const EMAIL_LENGTH_MAX: usize = 254;
const NAME_LENGTH_MAX: usize = 200;
const PASSWORD_LENGTH_MIN: usize = 8;
/// Hashing time grows with the length; nobody's password is longer.
const PASSWORD_LENGTH_MAX: usize = 1024;

/// Makes an account that may watch, and signs it in.
pub(crate) async fn sign_up(app: &App, email: &str, password: &str, name: &str, address: IpAddr) -> Result<Session> {
    if !app.deps.auth.sign_up {
        return Err(Error::new(ErrorKind::Forbidden, "sign_up_closed", "accounts are made by an administrator here"));
    }
    let email = check_email(email)?;
    check_password(password)?;
    let name = check_name(name, NAME_LENGTH_MAX)?;
    attempts::count_address(app, address).await?;
    let (clock, random) = (app.deps.clock.as_ref(), app.deps.random.as_ref());
    let new = NewUser {
        id: UserId::new(clock, random),
        email: email.to_owned(),
        name: name.to_owned(),
        password_hash: app.passwords.hash(random, password).await?,
        role: Role::Viewer,
        profile: ProfileId::new(clock, random),
    };
    app.deps.db.create_user(&new).await?;
    refresh::begin(app, new.id).await
}

/// Signs in. A wrong e-mail and a wrong password look the same and take the same time.
pub(crate) async fn log_in(app: &App, email: &str, password: &str, address: IpAddr) -> Result<Session> {
    if password.len() > PASSWORD_LENGTH_MAX || email.len() > EMAIL_LENGTH_MAX {
        return Err(Error::invalid("too_long", "the e-mail or the password is too long to be one"));
    }
    let email = email.trim();
    attempts::count(app, email, address).await?;
    let account = app.deps.db.user_by_email(email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    let right = app.passwords.verify(password, hash).await?;
    match account.filter(|account| right && account.disabled_at.is_none()) {
        Some(account) => {
            attempts::forget(app, email, address).await?;
            refresh::begin(app, account.id).await
        }
        None => Err(Error::new(ErrorKind::Unauthenticated, "wrong_credentials", "the e-mail or the password is wrong")),
    }
}

/// An e-mail address as far as it can be told without sending one: ASCII, so that no two spellings look alike.
pub(crate) fn check_email(email: &str) -> Result<&str> {
    let email = email.trim();
    let shape = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    if shape && email.len() <= EMAIL_LENGTH_MAX && email.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(email);
    }
    Err(Error::invalid("invalid_email", "this is not an e-mail address: it looks like name@example.org"))
}

/// A password long enough to resist guessing and short enough to be hashed.
pub(crate) fn check_password(password: &str) -> Result<()> {
    if (PASSWORD_LENGTH_MIN..=PASSWORD_LENGTH_MAX).contains(&password.len()) {
        return Ok(());
    }
    let message = format!("a password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} bytes");
    Err(Error::invalid("invalid_password", message))
}

/// A name that people see: trimmed, not empty, without control characters.
pub(crate) fn check_name(name: &str, length_max: usize) -> Result<&str> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > length_max || name.chars().any(char::is_control) {
        let message = format!("a name has 1 to {length_max} characters, none of them a control character");
        return Err(Error::invalid("invalid_name", message));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_mails_and_names_are_checked() {
        for good in ["a@b", " a.b+c@example.org ", "o'neil@example.org"] {
            assert!(check_email(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a@.b", "a@b.", "a b@c", "ä@b.c", "a@b\0", &format!("{}@b.c", "a".repeat(300))]
        {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_name("  Ada \"><script> ", 50).ok(), Some("Ada \"><script>"));
        for bad in ["", "  ", "a\0b", "a\r\nb", "aaa"] {
            assert!(check_name(bad, 2).is_err(), "{bad:?}");
        }
        assert!(
            check_password("1234567").is_err()
                && check_password(&"x".repeat(1025)).is_err()
                && check_password("12345678").is_ok()
        );
    }
}
