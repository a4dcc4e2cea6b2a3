//! A private certificate authority, as a company has one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What the two certificates say, as `openssl req` reads it.
const REQUESTS: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = Marquee's tests\n\
    [authority]\nbasicConstraints = critical, CA:true\n\
    [server]\nbasicConstraints = critical, CA:false\nsubjectAltName = IP:127.0.0.1, DNS:localhost\n";

/// An authority, and the certificate that it gave to the servers of this machine. Its files are gone with it.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// Makes a new one, which nobody trusts yet.
    ///
    /// # Panics
    /// When there is no `openssl` 3.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("marquee-authority-").tempdir().expect("a folder");
        fs::write(folder.path().join("requests"), REQUESTS).expect("a new folder can be written");
        let authority = Self { folder };
        authority.sign("authority", &[]);
        authority.sign("server", &["-CA", "authority.pem", "-CAkey", "authority.key"]);
        authority
    }

    fn sign(&self, who: &str, by: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-config", "requests", "-x509", "-days", "2", "-nodes", "-newkey", "ec"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-extensions", who]).args(by);
        openssl.args(["-keyout", &format!("{who}.key"), "-out", &format!("{who}.pem")]).current_dir(self.folder());
        let output = openssl.output().expect("there is openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file that whoever trusts this authority needs.
    #[must_use]
    pub fn trusted(&self) -> PathBuf {
        self.folder().join("authority.pem")
    }

    /// The servers' certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder().join("server.pem")
    }

    /// The key to [`Self::certificate`].
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder().join("server.key")
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
