//! Configuration: one TOML file, overridden by `MARQUEE_*` variables, overridden by flags. Unknown keys are refused; every
//! mistake names the key and the fix.
//!
//! The environment is passed in as pairs: nothing here reads it.

mod experiments;
mod recommender;
mod sections;

pub use experiments::{Experiment, Ranking, Variant};
pub use recommender::{Recommender, SignalWeights};
pub use sections::{
    Api, Auth, BlobsUrl, CacheUrl, DatabaseUrl, Edge, Health, Protection, QueueUrl, Start, Steering, Stop, Uploads, Worker,
};

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Prefix of every variable that configures Marquee.
pub const ENV_PREFIX: &str = "MARQUEE_";

/// Variables with the prefix that are not keys of the file: they belong to one command.
const NOT_KEYS: [&str; 3] = ["MARQUEE_ADMIN_EMAIL", "MARQUEE_ADMIN_PASSWORD", "MARQUEE_LOG"];

/// The whole configuration. Every section has defaults that run on one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Postgres.
    pub database: DatabaseUrl,
    /// Object store.
    pub blobs: BlobsUrl,
    /// Job queue.
    pub queue: QueueUrl,
    /// Cache.
    pub cache: CacheUrl,
    /// The HTTP interface.
    pub api: Api,
    /// The CDN node.
    pub edge: Edge,
    /// Background work.
    pub worker: Worker,
    /// What a process without an interface shows operators.
    pub health: Health,
    /// Accounts.
    pub auth: Auth,
    /// Uploads.
    pub uploads: Uploads,
    /// Protection of content.
    pub protection: Protection,
    /// Which of several edges players are to ask.
    pub steering: Steering,
    /// What viewers may like next.
    pub recommender: Recommender,
    /// Starting.
    pub start: Start,
    /// Stopping.
    pub stop: Stop,
}

impl Config {
    /// The configuration in `toml` with the variables in `env` laid over it: `MARQUEE_EDGE_PUBLIC_URL` sets `edge.public_url`.
    ///
    /// # Errors
    /// `Invalid`, naming the key and what it takes.
    pub fn load(toml: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut table: toml::Table = toml.parse().map_err(|error| not_toml(toml, &error))?;
        let mut variables: Vec<_> = env.into_iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        variables.sort();
        let defaults = toml::Table::try_from(Self::default()).map_err(Error::internal)?;
        for (name, value) in variables.iter().filter(|(name, _)| !NOT_KEYS.contains(&name.as_str())) {
            lay_over(&mut table, &defaults, name, value)?;
        }
        let config: Self =
            table.try_into().map_err(|error: toml::de::Error| bad(error.to_string().trim().replace('\n', ", ")))?;
        config.validate()?;
        Ok(config)
    }

    /// Checks what types cannot: bounds and combinations.
    ///
    /// # Errors
    /// `Invalid`, naming the key and what it takes.
    pub fn validate(&self) -> Result<()> {
        let schemes: [(&str, &Option<url::Url>, &[&str]); 5] = [
            ("database.url", &self.database.url, &["postgres", "postgresql"]),
            ("database.read_url", &self.database.read_url, &["postgres", "postgresql"]),
            ("blobs.url", &self.blobs.url, &["file", "s3"]),
            ("queue.url", &self.queue.url, &["postgres", "amqp", "amqps"]),
            ("cache.url", &self.cache.url, &["memory", "redis", "rediss"]),
        ];
        for (key, url, allowed) in schemes {
            if let Some(url) = url.as_ref().filter(|url| !allowed.contains(&url.scheme())) {
                let known = allowed.join(":, ");
                return Err(bad(format!("{key} begins with {}: but must begin with one of {known}:", url.scheme())));
            }
        }
        self.worker.validate()?;
        self.auth.validate()?;
        self.uploads.validate()?;
        self.protection.validate()?;
        self.steering.validate()?;
        self.recommender.validate()?;
        self.start.validate()?;
        self.stop.validate()
    }

    /// Checks what an API needs besides when it is not the only process: what all must know lies where all can see it.
    ///
    /// # Errors
    /// `Invalid`, naming the key and what it takes.
    pub fn validate_shared(&self) -> Result<()> {
        let is_own = self.cache.url.as_ref().is_some_and(|url| url.scheme() == "memory");
        if self.database.read_url.is_some() && is_own {
            return Err(bad(
                "database.read_url needs a cache that every API process shares, where each sees who has just written: \
                 set cache.url to redis://:password@host, or leave database.read_url out"
                    .into(),
            ));
        }
        Ok(())
    }
}

/// Says where the file is no TOML, without repeating the line: it may hold a password.
fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
    bad(format!("the configuration file is not TOML, line {line}: {}", error.message()))
}

/// Sets the key that `variable` names. The text is read as a TOML value if the key's default is no string, else taken as it is: a
/// secret may look like a number.
fn lay_over(table: &mut toml::Table, defaults: &toml::Table, variable: &str, text: &str) -> Result<()> {
    let name = variable[ENV_PREFIX.len()..].to_ascii_lowercase();
    let Some((section, key)) = name.split_once('_') else {
        return Err(bad(format!("{variable} names no key: expected {ENV_PREFIX}SECTION_KEY, as in MARQUEE_DATABASE_URL")));
    };
    let parsed = || format!("value = {text}").parse::<toml::Table>().ok().and_then(|mut parsed| parsed.remove("value"));
    let is_text = defaults.get(section).and_then(|section| section.get(key)).is_none_or(toml::Value::is_str);
    let value = if is_text { None } else { parsed() }.unwrap_or_else(|| toml::Value::String(text.to_owned()));
    let section = table.entry(section.to_owned()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let Some(section) = section.as_table_mut() else {
        return Err(bad(format!("{variable} sets a key in a section that the file uses as a plain value")));
    };
    section.insert(key.to_owned(), value);
    Ok(())
}

pub(crate) fn bad(message: String) -> Error {
    Error::invalid("invalid_config", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nothing_configured_is_valid() {
        assert_eq!(Config::load("", env(&[])).ok(), Some(Config::default()));
    }

    #[test]
    fn variables_override_the_file() {
        let file = "[worker]\nslots = 3\n[edge]\nlisten = \"127.0.0.1:1\"";
        let variables = env(&[("MARQUEE_WORKER_SLOTS", "7"), ("MARQUEE_ADMIN_EMAIL", "a@b.c"), ("PATH", "/bin")]);
        let config = Config::load(file, variables).expect("valid");
        assert_eq!(config.worker.slots, 7);
        assert_eq!(config.edge.listen.port(), 1);
    }

    #[test]
    fn a_variable_is_read_as_what_its_key_takes() {
        let variables = env(&[
            ("MARQUEE_EDGE_KEY", "1234567890123456"),
            ("MARQUEE_WORKER_KINDS", r#"["inspect", "audio"]"#),
            ("MARQUEE_UPLOADS_OPEN_MAX", "3"),
        ]);
        let config = Config::load("", variables).expect("valid");
        assert_eq!(config.edge.key.as_deref(), Some("1234567890123456"), "a secret may be all digits");
        assert_eq!((config.worker.kinds.len(), config.uploads.open_max), (2, 3));
    }

    #[test]
    fn mistakes_name_the_key() {
        let message =
            |toml: &str, pairs: &[(&str, &str)]| Config::load(toml, env(pairs)).expect_err("refused").message().to_owned();
        assert!(message("[worker]\nslotz = 1", &[]).contains("slotz"));
        assert!(message("", &[("MARQUEE_WORKER_SLOTS", "many")]).contains("slots"));
        assert!(message("", &[("MARQUEE_BLOBS_URL", "ftp://x")]).contains("blobs.url"));
        assert!(message("", &[("MARQUEE_NONSENSE", "1")]).contains("MARQUEE_NONSENSE"));
        assert!(message("[worker]\nslots = 0", &[]).contains("worker.slots"));
        assert!(message("", &[("MARQUEE_STEERING_PATHWAY", "a\",B=\"")]).contains("steering.pathway"));
        assert!(message("", &[("MARQUEE_STEERING_URL", "ftp://x/")]).contains("steering.url"));
        assert!(message("[recommender.weights]\nliked = 2.0", &[]).contains("recommender.weights.liked"));
        assert!(message("", &[("MARQUEE_RECOMMENDER_POPULARITY_DIAL", "7")]).contains("recommender.popularity_dial"));
        assert!(message("", &[("MARQUEE_STOP_NOTICE_SECONDS", "21")]).contains("stop.notice_seconds"));
        assert!(message("", &[("MARQUEE_START_WAIT_SECONDS", "0")]).contains("start.wait_seconds"));
        assert!(message("[worker]\nslots = 3\n[edge", &[]).contains("line 3"));
    }

    #[test]
    fn mistakes_do_not_tell_secrets() {
        let urls = ["DATABASE_URL", "DATABASE_READ_URL", "BLOBS_URL", "QUEUE_URL", "CACHE_URL", "API_PUBLIC_URL"];
        for (number, key) in urls.iter().enumerate() {
            for wrong in ["postgres://me:canary@host:port/name", "postgres:/me:canary@[", "canary"] {
                let variable = format!("MARQUEE_{key}");
                let refused = Config::load("", env(&[(&variable, wrong)])).err();
                let Some(told) = refused.map(|error| error.detail()) else { continue };
                assert!(told.contains(&key.to_lowercase().replacen('_', ".", 1)), "{number} {told}");
                assert!(!told.contains("canary"), "{told}");
            }
        }
        for (key, wrong) in [
            ("MASTER_KEY", "canary"),
            ("FORMER_MASTER_KEYS", "canary"),
            ("FORMER_MASTER_KEYS", "{ x = 'canary' }"),
            ("KEY_SERVER_URL", "http://me:canary@keys.example/speke"),
            ("KEY_SERVER_URL", "canary"),
            ("KEY_SERVER_HEADERS", "{ x = 'canary' }"),
        ] {
            let variable = format!("MARQUEE_PROTECTION_{key}");
            let told = Config::load("", env(&[(&variable, wrong)])).expect_err("refused").detail();
            assert!(told.contains("protection") && !told.contains("canary"), "{told}");
        }
        for file in ["[database]\nurl = \"postgres://me:canary@host", "[database]\nurl = postgres://me:canary@host"] {
            let told = Config::load(file, env(&[])).expect_err("refused").detail();
            assert!(told.contains("line 2") && !told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn keys_come_over_lines_that_nobody_reads() {
        let without = [("MARQUEE_PROTECTION_CLEAR_KEY", "false")];
        let config = |url: &str| Config::load("", env(&[&without[..], &[("MARQUEE_PROTECTION_KEY_SERVER_URL", url)]].concat()));
        for safe in ["https://keys.example/speke", "http://127.0.0.1:8000/", "http://[::1]/", "http://localhost/speke"] {
            assert!(config(safe).is_ok(), "{safe}");
        }
        for open in ["http://keys.example/speke", "ftp://localhost/", "http://127.example/", "https://me:secret@keys.example/"] {
            assert!(config(open).is_err(), "{open}");
        }
        let both = Config::load("", env(&[("MARQUEE_PROTECTION_KEY_SERVER_URL", "https://keys.example/")]));
        assert!(both.expect_err("refused").message().contains("clear_key"));
    }

    #[test]
    fn a_replica_needs_a_cache_that_all_processes_share() {
        let config = |cache: &str| {
            let urls = [("MARQUEE_DATABASE_READ_URL", "postgres://replica/marquee"), ("MARQUEE_CACHE_URL", cache)];
            Config::load("", env(&urls)).expect("right for a process that is alone")
        };
        let refused = config("memory:").validate_shared().expect_err("refused");
        assert!(refused.message().contains("database.read_url") && refused.message().contains("cache.url"), "{refused}");
        assert!(config("redis://cache").validate_shared().is_ok());
        assert!(Config::load("", env(&[("MARQUEE_CACHE_URL", "memory:")])).expect("valid").validate_shared().is_ok());
    }
}
