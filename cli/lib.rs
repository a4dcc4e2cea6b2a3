//! Subcommands and the one wiring function (`node`). Only this crate reads the environment, installs signal handlers and
//! prints.

#[macro_use]
mod say;

mod admin;
mod args;
mod config;
#[cfg(feature = "media")]
mod encode;
mod health;
mod lifecycle;
mod log;
mod node;
mod recommend;
mod serve;
mod settings;
mod up;
mod verify;

use args::{Args, Command};
use clap::Parser;
use std::{ffi::OsString, process::ExitCode};

/// Runs the command line `arguments` and answers the process's exit code: 0 done, 2 for an input of `encode` that cannot become
/// a title or a package that `verify` cannot read, 1 for anything else, a wrong command line included: scripts must not take a slip of
/// theirs for a bad film. A package that breaks a rule is 1, too.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return explain(&error),
    };
    #[cfg(feature = "media")]
    if matches!(args.command, Command::Child) {
        marquee_transcoder::child::main();
    }
    log::start(settings::variable("MARQUEE_LOG").as_deref());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(command(args.command)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Prints what is wrong with the command line, or the help or version that it asks for.
fn explain(error: &clap::Error) -> ExitCode {
    // If nobody can read it, the exit code still says it.
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn command(command: Command) -> anyhow::Result<ExitCode> {
    // A node that gave up by itself must not look like one that was asked to stop.
    let stopped = |asked| if asked { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match command {
        Command::Up(options) => up::run(options).await.map(stopped),
        Command::Serve(options) => serve::run(options).await.map(stopped),
        #[cfg(feature = "media")]
        Command::Encode(options) => encode::run(options).await,
        Command::Verify(options) => verify::run(options).await,
        Command::Migrate(file) => config::migrate(file).await,
        Command::Config { action } => config::run(action),
        Command::Admin { action } => admin::run(action).await,
        Command::Recommend { action } => recommend::run(action).await,
        #[cfg(feature = "media")]
        Command::Child => unreachable!("handled before the runtime starts"),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a failed command")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("marquee: {error:#}");
    ExitCode::FAILURE
}

/// How jobs start the child that reads hostile media: this same binary.
#[cfg(feature = "media")]
fn child_host() -> anyhow::Result<marquee_transcoder::child::Host> {
    Ok(marquee_transcoder::child::Host::new(std::env::current_exe()?))
}
