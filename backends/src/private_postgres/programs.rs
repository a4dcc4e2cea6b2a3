//! Finding the installed Postgres whose data format fits.

use super::account::Account;
use marquee_core::{Error, ErrorKind, Result};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Oldest version that has all we use.
const MAJOR_MIN: u32 = 14;

/// Folders that hold one `bin` per installed version: Debian, Red Hat, Homebrew on Apple silicon, on Intel and on Linux, from source.
const PLACES: [&str; 6] =
    ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt", "/usr/local"];

/// The programs of one installed version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    /// Folder of the programs; `None` for those in `PATH`.
    bin: Option<PathBuf>,
    major: u32,
}

impl Programs {
    /// The newest installed version, or exactly `major` if a cluster needs it.
    ///
    /// # Errors
    /// What to install.
    pub(super) fn find(folder: &Path, major: Option<u32>) -> Result<Self> {
        choose(installed(), major).map_err(|found| match major {
            Some(major) => Error::conflict("postgres_version", other_version(folder, major, &found)),
            None => Error::new(ErrorKind::Unavailable, "postgres_missing", missing(&found)),
        })
    }

    /// `name` of this version in its `mode`, to work on `cluster` as `account`; it dies with the thread that spawns it.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub(super) fn command(&self, name: &str, mode: Option<&str>, cluster: &Path, account: Option<Account>) -> Result<Command> {
        let program = self.bin.as_ref().map_or_else(|| PathBuf::from(name), |bin| bin.join(name));
        let mut command = Command::new(program);
        // A group of its own: Ctrl-C in a terminal reaches us alone, and we stop the server when nobody needs it any more.
        command.current_dir("/").process_group(0).stdin(Stdio::null()).args(mode);
        for variable in ["PGDATA", "PGOPTIONS", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE"] {
            command.env_remove(variable);
        }
        let folder = File::open(cluster)?;
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
        if account.is_some() && cfg!(target_os = "linux") {
            // The other user need not be able to reach the folder by its path, such as below a closed home of root.
            use std::os::fd::AsRawFd;
            command.arg("-D").arg(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        } else {
            command.arg("-D").arg(cluster);
        }
        before_exec(&mut command, folder);
        Ok(command)
    }
}

/// Hands `folder` down and ties the child's life to ours. Runs after the change of user, which would clear the death signal.
fn before_exec(command: &mut Command, folder: File) {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    let parent = nix::unistd::getpid();
    let prepare = move || {
        fcntl(&folder, FcntlArg::F_SETFD(FdFlag::empty()))?;
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGINT)?;
        // The parent may have died before the signal was asked for.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
    };
    #[expect(unsafe_code, reason = "the only way to set a death signal in the child")]
    // SAFETY: between fork and exec only async-signal-safe calls are allowed: fcntl, prctl and getppid are, and nothing allocates.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// The version that fits, else all that were found.
fn choose(mut found: Vec<Programs>, major: Option<u32>) -> Result<Programs, Vec<u32>> {
    found.sort_by_key(|programs| programs.major);
    let fits = |programs: &&Programs| major.map_or(programs.major >= MAJOR_MIN, |major| programs.major == major);
    let fitting = found.iter().rev().find(fits).cloned();
    fitting.ok_or_else(|| {
        let mut majors: Vec<_> = found.iter().map(|programs| programs.major).collect();
        majors.dedup();
        majors
    })
}

fn installed() -> Vec<Programs> {
    let folders = PLACES.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
    let bins = folders
        .map(|entry| Some(entry.path().join("bin")))
        .filter(|bin| bin.as_ref().is_some_and(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file()));
    std::iter::once(None).chain(bins).filter_map(|bin| Some(Programs { major: major_of(bin.as_deref())?, bin })).collect()
}

/// Major version of the `postgres` in `bin`, or in `PATH`.
fn major_of(bin: Option<&Path>) -> Option<u32> {
    let program = bin.map_or_else(|| PathBuf::from("postgres"), |bin| bin.join("postgres"));
    let answer = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&answer.stdout))
}

/// The major version in "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)".
fn parse_version(text: &str) -> Option<u32> {
    let rest = text.split_once("(PostgreSQL) ")?.1;
    rest.split(|byte: char| !byte.is_ascii_digit()).next()?.parse().ok()
}

fn list(majors: &[u32]) -> String {
    majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn missing(found: &[u32]) -> String {
    let found = if found.is_empty() { "none is".to_owned() } else { format!("only {} is", list(found)) };
    format!(
        "PostgreSQL {MAJOR_MIN} or newer is needed and {found} installed: install it (Debian and Ubuntu: apt-get install \
         postgresql; macOS: brew install postgresql@17), or set database.url to a server that you run"
    )
}

fn other_version(folder: &Path, major: u32, found: &[u32]) -> String {
    let found = if found.is_empty() { "none is installed".to_owned() } else { format!("installed here: {}", list(found)) };
    format!(
        "the data in {} was written by PostgreSQL {major} ({found}). Install PostgreSQL {major} beside it (Debian and Ubuntu: \
         apt-get install postgresql-{major}; macOS: brew install postgresql@{major}); or convert the data with the newer \
         version's pg_upgrade; or dump it with pg_dump {major} and load it into an empty data directory",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_says() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_version("postgres (PostgreSQL) devel\n"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_cluster_gets_its_own_version_and_a_new_one_the_newest() {
        let found = || [15, 13, 17].map(|major| Programs { bin: Some(format!("/{major}").into()), major }).to_vec();
        assert_eq!(choose(found(), None).map(|programs| programs.major), Ok(17));
        assert_eq!(choose(found(), Some(15)).map(|programs| programs.major), Ok(15));
        assert_eq!(choose(found(), Some(13)).map(|programs| programs.major), Ok(13));
        assert_eq!(choose(found(), Some(16)), Err(vec![13, 15, 17]));
        assert_eq!(choose(vec![Programs { bin: None, major: 12 }], None), Err(vec![12]));
    }

    #[test]
    fn refusals_say_the_way_out() {
        let text = other_version(Path::new("/d"), 14, &[15, 16]);
        for part in ["/d", "PostgreSQL 14", "15, 16", "pg_upgrade", "postgresql-14", "pg_dump"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(missing(&[]).contains("database.url"));
    }
}
