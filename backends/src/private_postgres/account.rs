//! Whom the server runs as: Postgres refuses root.

use marquee_core::{Error, ErrorKind, Result};
use nix::unistd::{User, geteuid};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Accounts that root starts the server as, the first that exists.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Whom the server of `cluster` must run as; `None` means as ourselves.
    ///
    /// # Errors
    /// `Forbidden` if the cluster belongs to somebody else, `Unavailable` if root has nobody to run it as.
    pub(super) fn for_cluster(cluster: &Path) -> Result<Option<Self>> {
        let owner = std::fs::metadata(cluster).ok().map(|meta| Self { uid: meta.uid(), gid: meta.gid() });
        let me = geteuid();
        if !me.is_root() {
            return match owner {
                Some(owner) if owner.uid != me.as_raw() => Err(Error::new(
                    ErrorKind::Forbidden,
                    "not_owner",
                    format!(
                        "{} belongs to the user with the id {}: start as that user, or as root",
                        cluster.display(),
                        owner.uid
                    ),
                )),
                _ => Ok(None),
            };
        }
        if let Some(owner) = owner.filter(|owner| owner.uid != 0) {
            return Ok(Some(owner));
        }
        let known = NAMES.iter().find_map(|name| User::from_name(name).ok().flatten());
        let account = known.map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
        account.map(Some).ok_or_else(|| {
            let message = "PostgreSQL does not run as root and there is no user `postgres` or `nobody`: add one";
            Error::new(ErrorKind::Unavailable, "no_account", message)
        })
    }

    /// Gives `path` to the account.
    ///
    /// # Errors
    /// From the file system.
    pub(super) fn own(self, path: &Path) -> Result<()> {
        Ok(std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))?)
    }
}
