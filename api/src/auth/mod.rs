//! Who calls, and what they may do: passwords, access tokens, refresh tokens, limits on attempts.

pub(crate) mod access;
pub(crate) mod attempts;
pub(crate) mod caller;
pub(crate) mod edge;
pub(crate) mod keys;
pub(crate) mod password;
pub(crate) mod refresh;

pub(crate) use caller::Caller;

use crate::users::ops::{check_email, check_password};
use marquee_backends::db::{Db, users::NewUser};
use marquee_core::{
    Clock, Random, Result, Role,
    id::{ProfileId, UserId},
};
use password::Passwords;

/// Name of an administrator that was made by configuration.
const ADMIN_NAME: &str = "Administrator";

/// Makes sure that `email` is an administrator who signs in with `password`. Answers whether the account is new.
///
/// # Errors
/// `Invalid` if the e-mail or the password cannot be one, `Unavailable` if the database does not answer.
pub async fn ensure_admin(db: &Db, clock: &dyn Clock, random: &dyn Random, email: &str, password: &str) -> Result<bool> {
    let email = check_email(email)?;
    check_password(password)?;
    let passwords = Passwords::new(random)?;
    let Some(user) = db.user_by_email(email).await? else {
        let password_hash = passwords.hash(random, password).await?;
        let (id, profile) = (UserId::new(clock, random), ProfileId::new(clock, random));
        let name = ADMIN_NAME.to_owned();
        let new = NewUser { id, email: email.to_owned(), name, password_hash, role: Role::Admin, profile };
        db.create_user(&new).await?;
        return Ok(true);
    };
    if user.role != Role::Admin {
        db.set_user_role(user.id, Role::Admin).await?;
    }
    if !passwords.verify(password, Some(&user.password_hash)).await? {
        let password_hash = passwords.hash(random, password).await?;
        db.set_password(user.id, &password_hash).await?;
    }
    Ok(false)
}

/// Whether anybody is an administrator yet.
///
/// # Errors
/// `Unavailable` if the database does not answer.
pub async fn has_admin(db: &Db) -> Result<bool> {
    db.has_admin().await
}
