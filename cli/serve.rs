//! `marquee serve`: one or several roles against configured engines.

use crate::{
    args::{Role, Serve},
    lifecycle,
    node::Node,
    settings,
};
use anyhow::Context;
use marquee_core::{
    Shutdown,
    job::{Class, Kind},
};

/// Runs until a signal. Answers whether it ended because somebody asked.
///
/// # Errors
/// When a role cannot be started.
pub(crate) async fn run(options: Serve) -> anyhow::Result<bool> {
    let mut config = settings::load(options.config.as_deref())?;
    if !options.kinds.is_empty() {
        config.worker.kinds = named("--kinds", &options.kinds, Kind::from_name)?;
    }
    if !options.classes.is_empty() {
        config.worker.classes = named("--classes", &options.classes, Class::from_name)?;
    }
    config.worker.slots = options.slots.unwrap_or(config.worker.slots);
    config.validate()?;
    if options.role.contains(&Role::Api) {
        config.validate_shared()?;
    }
    let shutdown = Shutdown::new();
    let started = Node::start(&config, &options.role, &shutdown).await;
    if let Err(error) = started {
        shutdown.stop();
        shutdown.finished().await;
        return Err(error);
    }
    tracing::info!(roles = ?options.role, "running");
    Ok(lifecycle::run_until_stopped(&shutdown).await?)
}

fn named<T>(flag: &str, names: &[String], find: impl Fn(&str) -> Option<T>) -> anyhow::Result<Vec<T>> {
    names.iter().map(|name| find(name).with_context(|| format!("{flag} does not know {name}"))).collect()
}
