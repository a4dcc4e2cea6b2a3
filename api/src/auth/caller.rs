//! The extractor that every handler starts with: whose request this is.

use super::access;
use crate::{app::App, extract::header, problem::Problem};
use axum::{extract::FromRequestParts, http::request::Parts};
use marquee_backends::db::videos::{Scope, Video};
use marquee_core::{Error, ErrorKind, Result, Role, id::UserId, video::Status};

/// Whoever signed in. The role is the one in the database now, not at the time of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account.
    pub(crate) user: UserId,
    /// What it may do.
    pub(crate) role: Role,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(parts).ok_or_else(|| {
            Error::new(ErrorKind::Unauthenticated, "no_token", "sign in and send the access token as Authorization: Bearer …")
        })?;
        let user = access::verify(&app.keys.live(), token, app.deps.clock.now())?;
        let account = app.deps.db.user(user).await?.filter(|account| account.disabled_at.is_none());
        let account = account.ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "no_account", "this account is closed"))?;
        Ok(Self { user, role: account.role })
    }
}

/// The token of an `Authorization: Bearer` header, RFC 6750 section 2.1.
pub(super) fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = header(&parts.headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Caller {
    /// Refuses whoever is weaker than `role`.
    pub(crate) fn require(&self, role: Role) -> Result<()> {
        if self.role >= role {
            return Ok(());
        }
        let message = format!("this takes the role {role}, and yours is {}: an administrator can change it", self.role);
        Err(Error::new(ErrorKind::Forbidden, "role_too_weak", message))
    }

    /// Refuses everybody but `user` and administrators, without telling whether there is such an account.
    pub(crate) fn require_self(&self, user: UserId) -> Result<()> {
        if self.user == user || self.role >= Role::Admin { Ok(()) } else { Err(Error::not_found("account")) }
    }

    /// Which videos this caller may know of.
    pub(crate) fn scope(&self) -> Scope {
        if self.role >= Role::Publisher { Scope::All } else { Scope::ReadyOrOwn(self.user) }
    }

    /// Refuses a video that this caller may not know of as if it were not there.
    pub(crate) fn sees(&self, video: &Video) -> Result<()> {
        let visible = match self.scope() {
            Scope::All => true,
            Scope::ReadyOrOwn(user) => video.owner == user || video.status == Status::Ready,
        };
        if visible { Ok(()) } else { Err(Error::not_found("video")) }
    }

    /// Refuses a video that this caller may not change.
    pub(crate) fn edits(&self, video: &Video) -> Result<()> {
        self.sees(video)?;
        self.require(Role::Editor)?;
        if video.owner == self.user || self.role >= Role::Publisher {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forbidden, "not_yours", "this video belongs to somebody else: a publisher can change it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_backends::db::facts::Facts;
    use marquee_core::id::VideoId;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn video(owner: u128, status: Status) -> Video {
        Video {
            id: VideoId(Uuid::nil()),
            owner: UserId(Uuid::from_u128(owner)),
            title: String::new(),
            facts: Facts::default(),
            status,
            failure: None,
            duration_ms: None,
            encode: None,
            change: None,
            protection: None,
            playable_at: None,
            created_at: OffsetDateTime::UNIX_EPOCH,
            ready_at: None,
        }
    }

    #[test]
    fn who_sees_and_edits_what() {
        let table: String = Role::ALL
            .into_iter()
            .flat_map(|role| [(role, 1, Status::Created), (role, 2, Status::Encoding), (role, 2, Status::Ready)])
            .map(|(role, owner, status)| {
                let caller = Caller { user: UserId(Uuid::from_u128(1)), role };
                let code = |result: Result<()>| result.map_or_else(|error| error.code(), |()| "ok");
                let (sees, edits) = (code(caller.sees(&video(owner, status))), code(caller.edits(&video(owner, status))));
                format!("{role} {} {status}: {sees} {edits}\n", if owner == 1 { "own" } else { "foreign" })
            })
            .collect();
        let strong =
            |role: &str| format!("{role} own created: ok ok\n{role} foreign encoding: ok ok\n{role} foreign ready: ok ok\n");
        assert_eq!(
            table,
            format!(
                "viewer own created: ok role_too_weak\n\
                 viewer foreign encoding: not_found not_found\n\
                 viewer foreign ready: ok role_too_weak\n\
                 editor own created: ok ok\n\
                 editor foreign encoding: not_found not_found\n\
                 editor foreign ready: ok not_yours\n\
                 {}{}{}",
                strong("publisher"),
                strong("operator"),
                strong("admin")
            )
        );
    }
}
