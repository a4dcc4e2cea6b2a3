//! The socket's place: inside the cluster, which only its owner can enter. A path too long for a socket address gets a
//! short name under `/tmp`.

use marquee_core::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use url::Url;

/// Part of the socket's name; nothing listens on it.
pub(super) const PORT: &str = "5432";
const FILE: &str = ".s.PGSQL.5432";
/// Longest socket address on every system, less the closing zero.
const ADDRESS_LENGTH_MAX: usize = 103;
/// Tries at making a short name.
const TRIES_MAX: u32 = 10;

/// The folder to connect to for `cluster`.
pub(super) fn folder(cluster: &Path) -> PathBuf {
    if cluster.join(FILE).as_os_str().len() <= ADDRESS_LENGTH_MAX {
        return cluster.to_owned();
    }
    let name = hex::encode(&Sha256::digest(cluster.as_os_str().as_encoded_bytes())[..8]);
    short_names().join(name)
}

/// Connection URL of the server of `cluster`.
pub(super) fn url(cluster: &Path) -> Url {
    let mut url = Url::parse("postgres:///marquee").expect("a constant");
    let host = folder(cluster).to_string_lossy().into_owned();
    url.query_pairs_mut().append_pair("host", &host).append_pair("port", PORT).append_pair("user", super::cluster::NAME);
    url
}

/// Makes the short name of `cluster`, if it needs one.
///
/// # Errors
/// `Forbidden` if somebody else made the folder of short names.
pub(super) fn prepare(cluster: &Path) -> Result<()> {
    let name = folder(cluster);
    if name == cluster {
        return Ok(());
    }
    // Another server of ours may remove the folder, empty after its own end, in between.
    for _ in 0..TRIES_MAX {
        own_folder()?;
        // What an earlier start left behind.
        let _ = fs::remove_file(&name);
        match symlink(cluster, &name) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            made => return Ok(made?),
        }
    }
    Err(Error::unavailable("the folder for sockets"))
}

/// Makes the folder of short names.
fn own_folder() -> Result<()> {
    let folder = short_names();
    let meta = match DirBuilder::new().mode(0o700).create(&folder) {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => return Err(cause.into()),
        _ => match fs::symlink_metadata(&folder) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
            meta => meta?,
        },
    };
    if !meta.is_dir() || meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
        let message = format!("{} is not a folder of ours alone: remove it, or choose a shorter --data", folder.display());
        return Err(Error::new(marquee_core::ErrorKind::Forbidden, "socket_folder", message));
    }
    Ok(())
}

/// Removes the short name of `cluster`.
pub(super) fn remove(cluster: &Path) {
    let name = folder(cluster);
    if name != cluster {
        // Best effort: a name left behind is replaced by the next start.
        let _ = fs::remove_file(name);
        // Others may still have theirs in it.
        let _ = fs::remove_dir(short_names());
    }
}

fn short_names() -> PathBuf {
    Path::new("/tmp").join(format!("marquee-{}", nix::unistd::geteuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_get_a_short_name_of_their_own() {
        let short = Path::new("/var/lib/marquee/cluster");
        assert_eq!(folder(short), short);
        let long = |last: &str| PathBuf::from(format!("/{}/{last}", "x".repeat(120)));
        assert!(folder(&long("a")).join(FILE).as_os_str().len() <= ADDRESS_LENGTH_MAX);
        assert_ne!(folder(&long("a")), folder(&long("b")));
    }

    #[test]
    fn a_short_name_leads_to_the_cluster_and_goes_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let cluster = folder.path().join("y".repeat(110));
        fs::create_dir(&cluster).expect("made");
        for _ in 0..2 {
            prepare(&cluster).expect("made");
            assert_eq!(fs::canonicalize(super::folder(&cluster)).ok(), fs::canonicalize(&cluster).ok());
        }
        remove(&cluster);
        assert!(!super::folder(&cluster).exists());
    }
}
