//! `Node::start`: the one wiring function. A laptop's `up` and one role of a cluster differ only in the configuration.

use crate::{
    args::Role,
    health::{self, Health},
};
use anyhow::{Context, bail, ensure};
use marquee_backends::{
    db::Db,
    dispatch,
    key_server::KeyServer,
    open::{self, Access},
};
use marquee_core::{Clock, OsRandom, Random, Shutdown, SystemClock, blobs::Blobs, cache::Cache, config::Config, queue::Queue};
use marquee_recommender::{
    pipeline::{self, Pipeline},
    serving::Recommender,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, time};
use tokio_util::sync::CancellationToken;
use url::Url;
#[cfg(feature = "media")]
use {marquee_backends::db::workers::Identity, marquee_core::id::WorkerId, serde_json::json};

/// How far the clock of this machine may be from the database's: tokens are compared with it, and not by this process alone.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(60);
/// How often the recorder of metrics is tidied up.
const METRICS_EVERY: Duration = Duration::from_secs(5);

/// A running set of roles.
pub(crate) struct Node {
    /// Where the API and the pages are, if this node has them.
    pub(crate) api_url: Option<Url>,
    /// Where the edge is, if this node has one.
    pub(crate) edge_url: Option<Url>,
}

/// What the roles share.
struct Engines {
    db: Db,
    blobs: Arc<dyn Blobs>,
    queue: Arc<dyn Queue>,
    cache: Arc<dyn Cache>,
    key_server: Arc<KeyServer>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: PrometheusHandle,
}

impl Node {
    /// Opens the engines, binds the listeners and starts `roles`; they run until `shutdown`.
    ///
    /// # Errors
    /// When an engine does not answer, a port is taken, or a role lacks a key of the configuration.
    pub(crate) async fn start(config: &Config, roles: &[Role], shutdown: &Shutdown) -> anyhow::Result<Self> {
        let has = |role| roles.contains(&role);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        // One recorder per process; each role shows what the process has counted.
        let metrics = PrometheusBuilder::new().install_recorder()?;
        tokio::spawn(keep_metrics(metrics.clone(), shutdown.soft_token()));
        let edge_key = edge_key(config, roles, random.as_ref())?;
        let api_listener = if has(Role::Api) { Some(bind("api.listen", config.api.listen).await?) } else { None };
        let edge_listener = if has(Role::Edge) { Some(bind("edge.listen", config.edge.listen).await?) } else { None };
        let api_url = api_listener.as_ref().map(|listener| public_url(config.api.public_url.as_ref(), listener)).transpose()?;
        let edge_url = match &edge_listener {
            Some(listener) => Some(public_url(config.edge.public_url.as_ref(), listener)?),
            None => config.edge.public_url.clone(),
        };

        let health_listener =
            if has(Role::Api) || has(Role::Edge) { None } else { Some(bind("health.listen", config.health.listen).await?) };

        if has(Role::Api) || has(Role::Worker) || has(Role::Scheduler) {
            let engines = Engines::open(config, clock.clone(), random.clone(), metrics.clone()).await?;
            if let Some(listener) = health_listener {
                tokio::spawn(health::serve(engines.health(shutdown), listener));
            }
            if let Some((listener, api_url)) = api_listener.zip(api_url.clone()) {
                let edge_url = edge_url.clone().context("edge.public_url is not set: players must be told where an edge is")?;
                engines.start_api(config, (api_url, edge_url), edge_key.clone(), listener, shutdown).await?;
            }
            if has(Role::Worker) {
                engines.start_worker(config, shutdown)?;
            }
            if has(Role::Scheduler) {
                engines.start_scheduler(config, shutdown);
            }
        }
        if let Some(listener) = edge_listener {
            let local = api_url.as_ref();
            let api_url = config.edge.api_url.as_ref().or(local).context("edge.api_url is not set: where is the API?")?;
            let deps = marquee_edge::Deps {
                blobs: open::blobs(required("blobs.url", config.blobs.url.as_ref())?, Access::Read, config.start.patience())
                    .await?,
                api_url: api_url.clone(),
                edge_key,
                memory_bytes: config.edge.memory_bytes,
                clock,
                random,
                metrics,
                notice: config.stop.notice(),
            };
            shutdown.spawn_essential("edge", marquee_edge::serve(deps, listener, shutdown.clone()));
        }
        Ok(Self { api_url, edge_url: edge_url.filter(|_| has(Role::Edge)) })
    }
}

impl Engines {
    async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let patience = config.start.patience();
        let db = open::database(required("database.url", config.database.url.as_ref())?, patience).await?;
        db.migrate().await?;
        let ahead = db.clock_ahead(clock.as_ref()).await?;
        ensure!(
            ahead.unsigned_abs() <= CLOCK_AHEAD_MAX,
            "the clock of this machine is {} s ahead of the database's: set it, and keep it right with NTP",
            ahead.whole_seconds()
        );
        let db = match &config.database.read_url {
            Some(url) => open::with_replica(db, url, patience).await?,
            None => db,
        };
        let blobs = open::blobs(required("blobs.url", config.blobs.url.as_ref())?, Access::Write, patience).await?;
        tracing::info!(blobs = blobs.summary(), "the object store is open");
        Ok(Self {
            blobs,
            queue: open::queue(required("queue.url", config.queue.url.as_ref())?, &db, patience).await?,
            cache: open::cache(required("cache.url", config.cache.url.as_ref())?, patience).await?,
            key_server: Arc::new(KeyServer::new(&config.protection, random.clone())?),
            db,
            clock,
            random,
            metrics,
        })
    }

    fn health(&self, shutdown: &Shutdown) -> Health {
        let (db, blobs, metrics) = (self.db.clone(), self.blobs.clone(), self.metrics.clone());
        Health { db, blobs, metrics, shutdown: shutdown.clone() }
    }

    async fn start_api(
        &self,
        config: &Config,
        (public_url, edge_url): (Url, Url),
        edge_key: String,
        listener: TcpListener,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        let recommender =
            Recommender::start(self.db.clone(), self.blobs.clone(), self.clock.clone(), config.recommender.clone(), shutdown);
        let deps = marquee_api::Deps {
            db: self.db.clone(),
            blobs: self.blobs.clone(),
            cache: self.cache.clone(),
            recommender,
            clock: self.clock.clone(),
            random: self.random.clone(),
            auth: config.auth.clone(),
            uploads: config.uploads.clone(),
            edge_url,
            edge_key,
            metrics: self.metrics.clone(),
            notice: config.stop.notice(),
            trusted_proxies: config.api.trusted_proxies.clone(),
            public_url,
            key_server: self.key_server.clone(),
            protection: config.protection.choice(),
            steering: config.steering.clone(),
        };
        shutdown.spawn_essential("api", marquee_api::serve(deps, listener, shutdown.clone()));
        Ok(())
    }

    #[cfg(feature = "media")]
    fn start_worker(&self, config: &Config, shutdown: &Shutdown) -> anyhow::Result<()> {
        let handler = marquee_transcoder::handler(marquee_transcoder::Deps {
            db: self.db.clone(),
            blobs: self.blobs.clone(),
            host: crate::child_host()?,
            recipe: config.worker.recipe.clone(),
            ladder: config.worker.ladder,
            ends_bytes: marquee_transcoder::ENDS_BYTES,
            key_server: self.key_server.clone(),
            steering: config.steering.of_titles(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        })?;
        let identity = self.identity(config);
        tracing::info!(worker.id = %identity.id, worker.name = identity.name, slots = identity.slots, "working");
        let runner = dispatch::Runner::new(self.db.clone(), self.queue.clone(), handler, &config.worker, identity.id);
        let work = dispatch::presence(self.db.clone(), identity, shutdown.clone(), runner.run(shutdown.clone()));
        shutdown.spawn_essential("worker", work);
        Ok(())
    }

    /// Who this worker is to operators.
    #[cfg(feature = "media")]
    fn identity(&self, config: &Config) -> Identity {
        let worker = &config.worker;
        let host = || nix::unistd::gethostname().map_or_else(|_| "worker".into(), |name| name.to_string_lossy().into_owned());
        let name = worker.name.clone().unwrap_or_else(host);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Identity {
            id: WorkerId::new(self.clock.as_ref(), self.random.as_ref()),
            name: format!("{name}:{}", std::process::id()),
            version: env!("CARGO_PKG_VERSION").into(),
            slots: worker.slots,
            kinds: worker.kinds.iter().map(|kind| kind.as_str().into()).collect(),
            classes: worker.classes.iter().map(|class| class.as_str().into()).collect(),
            capabilities: json!({ "cpus": cpus, "arch": std::env::consts::ARCH, "encoders": marquee_transcoder::encoder_version() }),
        }
    }

    #[cfg(not(feature = "media"))]
    fn start_worker(&self, _config: &Config, _shutdown: &Shutdown) -> anyhow::Result<()> {
        bail!("this binary was built without the `media` feature, so it cannot be a worker; use the full image")
    }

    fn start_scheduler(&self, config: &Config, shutdown: &Shutdown) {
        let relay = dispatch::relay(self.db.clone(), self.queue.clone(), shutdown.clone());
        shutdown.spawn_essential("relay", relay);
        shutdown.spawn_essential("sweep", dispatch::sweep(self.db.clone(), shutdown.clone()));
        let keep = Duration::from_secs(config.uploads.leftover_seconds.into());
        let upkeep = dispatch::upkeep(self.db.clone(), self.blobs.clone(), keep, shutdown.clone());
        shutdown.spawn_essential("upkeep", upkeep);
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let pipeline = Pipeline::new(self.db.clone(), self.blobs.clone(), clock, random, config.recommender.clone());
        shutdown.spawn_essential("training", pipeline::schedule(pipeline.clone(), shutdown.clone()));
        shutdown.spawn_essential("refreshing", pipeline::keep_fresh(pipeline, shutdown.clone()));
    }
}

/// Folds what the recorder collects, until the process stops: without it histograms grow as long as nobody reads them.
async fn keep_metrics(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut tick = time::interval(METRICS_EVERY);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        metrics.run_upkeep();
    }
}

/// The secret that edges and the API share: configured, or made up where both live in this process.
fn edge_key(config: &Config, roles: &[Role], random: &dyn Random) -> anyhow::Result<String> {
    let (api, edge) = (roles.contains(&Role::Api), roles.contains(&Role::Edge));
    match &config.edge.key {
        Some(key) if key.len() >= 16 => Ok(key.clone()),
        Some(_) => bail!("edge.key is too short: use at least 16 characters, the same on the API and every edge"),
        None if api != edge => bail!("edge.key is not set: choose a secret, the same on the API and every edge"),
        None => {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
    }
}

fn required<'a>(key: &str, url: Option<&'a Url>) -> anyhow::Result<&'a Url> {
    let variable = key.to_uppercase().replace('.', "_");
    url.with_context(|| format!("{key} is not set: put it in the configuration file or in MARQUEE_{variable}"))
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({key}): is something else running there?"))
}

/// The configured URL, else one that reaches `listener` from this machine.
fn public_url(configured: Option<&Url>, listener: &TcpListener) -> anyhow::Result<Url> {
    if let Some(url) = configured {
        return Ok(url.clone());
    }
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    Ok(Url::parse(&format!("http://{address}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_backends::testing::database;
    use marquee_core::ManualClock;

    #[tokio::test]
    async fn a_clock_that_is_wrong_stops_the_start() {
        let (_db, place) = database().await;
        let mut config = Config::default();
        config.database.url = Some(place.url().clone());
        for (off_by_minutes, is_wrong) in [(60, true), (-60, true), (0, false)] {
            let now = SystemClock.now() + ::time::Duration::minutes(off_by_minutes);
            let metrics = PrometheusBuilder::new().build_recorder().handle();
            let opened = Engines::open(&config, Arc::new(ManualClock::new(now)), Arc::new(OsRandom), metrics).await;
            let told = opened.err().expect("no object store is configured either").to_string();
            assert_eq!(told.contains("the clock of this machine"), is_wrong, "{told}");
        }
    }
}
