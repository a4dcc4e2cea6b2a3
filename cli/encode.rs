//! `marquee encode`: the whole transcode and package path on a local film, without any service.

use crate::args::{Encode, Ladder, Quality, Scheme};
use indicatif::{ProgressBar, ProgressStyle};
use marquee_core::{
    Shutdown,
    job::Failure,
    plan,
    protection::{self, Choice, KeyPolicy},
};
use marquee_transcoder::local;
use std::{num::NonZeroU32, process::ExitCode};

/// Exit code for an input that cannot become a title.
const REFUSED: u8 = 2;
/// Steps of the progress bar.
const PROGRESS_STEPS: u64 = 1000;

/// Encodes the film. Exit codes: 0 done, 2 the input cannot become a title, 1 anything else.
///
/// # Errors
/// Anything that is not the input's fault.
pub(crate) async fn run(options: Encode) -> anyhow::Result<ExitCode> {
    let choices = local::Options {
        recipe: options.recipe,
        ladder: match options.ladder {
            Ladder::Auto => plan::Ladder::Auto,
            Ladder::Fixed => plan::Ladder::Fixed,
        },
        preset: options.preset,
        threads: options.threads,
        quality: options.quality.map(|quality| match quality {
            Quality::Off => plan::Scope::Off,
            Quality::Sample => plan::Scope::Sample,
            Quality::Full => plan::Scope::Full,
        }),
        accept_damaged: options.accept_damaged,
        subtitles: options.subtitles,
        protection: protection(options.protect, options.one_key, options.rotate).zip(options.keys),
        plan_only: options.plan,
    };
    let bar = progress_bar(options.json || options.plan)?;
    let shutdown = Shutdown::new();
    let report = |progress: f32| bar.set_position((f64::from(progress) * PROGRESS_STEPS as f64) as u64);
    let encode = local::encode(crate::child_host()?, &options.input, &options.out, choices, report, shutdown.hard_token());
    tokio::pin!(encode);
    let outcome = tokio::select! {
        outcome = &mut encode => outcome,
        _ = tokio::signal::ctrl_c() => {
            // The children are killed and the unfinished folder is removed before we leave.
            shutdown.stop();
            encode.await
        }
    };
    bar.finish_and_clear();
    match outcome {
        Ok(result) => Ok(show(&result, options.json)?),
        Err(Failure::Fail { code, message }) => Ok(refuse(&code, &message, options.json)),
        Err(Failure::Retry(error)) => {
            if options.json {
                say!("{}", serde_json::json!({ "code": error.code(), "message": error.message() }));
            }
            Err(error.into())
        }
    }
}

fn protection(scheme: Option<Scheme>, one_key: bool, rotation_segments: Option<NonZeroU32>) -> Option<Choice> {
    let scheme = match scheme? {
        Scheme::Cbcs => protection::Scheme::Cbcs,
        Scheme::Cenc => protection::Scheme::Cenc,
    };
    Some(Choice { scheme, keys: if one_key { KeyPolicy::PerTitle } else { KeyPolicy::PerTrackType }, rotation_segments })
}

fn progress_bar(hidden: bool) -> anyhow::Result<ProgressBar> {
    if hidden {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("  {bar:40} {percent:>3} %  {elapsed} elapsed, {eta} left")?;
    Ok(ProgressBar::new(PROGRESS_STEPS).with_style(style))
}

fn show(result: &local::Outcome, json: bool) -> anyhow::Result<ExitCode> {
    match result {
        local::Outcome::Planned(plan) => say!("{}", serde_json::to_string_pretty(plan)?),
        local::Outcome::Encoded(summary) if json => say!("{}", serde_json::to_string_pretty(summary)?),
        local::Outcome::Encoded(summary) => say!("{}", summary.to_string().trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "this is what the command is for")]
fn refuse(code: &str, message: &str, json: bool) -> ExitCode {
    if json {
        say!("{}", serde_json::json!({ "code": code, "message": message }));
    } else {
        eprintln!("marquee: this cannot become a title: {message} ({code})");
    }
    ExitCode::from(REFUSED)
}
