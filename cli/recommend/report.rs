//! `marquee recommend report`: what came of an experiment.

use super::Store;
use crate::args::{RecommendPolicy, RecommendReport};
use anyhow::Context;
use marquee_core::{Clock, SystemClock, config::Ranking};
use marquee_recommender::{
    experiment::{Interval, Judged, METRICS, Verdict},
    report::{OffPolicyReport, Report, VariantReport, Wish, report},
};
use std::process::ExitCode;
use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// How far a report looks back where nothing says since when.
const SINCE_DEFAULT: Duration = Duration::days(30);

/// Reads, compares and prints.
///
/// # Errors
/// When nobody saw anything of the experiment, a time cannot be meant, or an engine does not answer.
pub(super) async fn run(store: &Store, options: &RecommendReport) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let experiment = options.experiment.as_deref();
    let configured = store.config.experiments.iter().find(|one| Some(one.name.as_str()) == experiment);
    let begun = configured.and_then(|one| one.begins_at);
    let since = options.since.as_deref().map(moment).transpose()?.or(begun).unwrap_or(now - SINCE_DEFAULT);
    let wish = Wish {
        experiment,
        configured,
        control: options.control.as_deref(),
        since,
        until: configured.and_then(|one| one.ends_at).map_or(now, |ends_at| ends_at.min(now)),
        within: Duration::hours(options.within_hours.into()),
        policy: options.policy.map(|policy| match policy {
            RecommendPolicy::Model => Ranking::Model,
            RecommendPolicy::Popular => Ranking::Popular,
        }),
    };
    let report = report(&store.db, &store.recommender(), &wish).await?;
    if options.json {
        return super::print(&report);
    }
    show(&report);
    Ok(ExitCode::SUCCESS)
}

/// A day, or a moment of one.
fn moment(text: &str) -> anyhow::Result<OffsetDateTime> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map(|day| day.midnight().assume_utc());
    let told = || format!("{text:?} is no time: 2026-03-01 is one, or 2026-03-01T12:00:00Z");
    day.or_else(|_| OffsetDateTime::parse(text, &Rfc3339)).with_context(told)
}

fn show(report: &Report) {
    let name = report.experiment.as_deref().unwrap_or("all that was seen");
    say!("{name}, {} to {}", report.since.date(), report.until.date());
    say!("Intervals hold with 95 % at all looks together: look as often as you like.\n");
    for variant in &report.variants {
        show_variant(variant, report.control.as_deref());
    }
    if let Some(off_policy) = &report.off_policy {
        show_off_policy(off_policy);
    }
    report.warnings.iter().for_each(|warning| say!("Beware: {warning}."));
}

fn show_variant(VariantReport { compared, titles_shown, coverage }: &VariantReport, control: Option<&str>) {
    let mark = if Some(compared.variant.as_str()) == control { " (control)" } else { "" };
    say!("{}{mark}: {} profiles, {} impressions", compared.variant, compared.profiles, compared.impressions);
    say!("  {:<28} {:>9.4}  ({titles_shown} titles)", "coverage", coverage);
    for judged in &compared.metrics {
        say!("  {}", line(judged));
    }
    say!("");
}

/// A metric as it is read.
fn line(judged: &Judged) -> String {
    let value = judged.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let ends = |interval: &Option<Interval>| interval.map(|Interval { low, high, .. }| format!("[{low:.4}, {high:.4}]"));
    let between = ends(&judged.interval).unwrap_or_default();
    let difference =
        judged.difference.map(|difference| format!("{:+.4} {}", difference.value, ends(&judged.difference).unwrap_or_default()));
    let is_guardrail = METRICS.iter().any(|metric| metric.name == judged.metric && metric.is_guardrail);
    let said = judged.verdict.map(|verdict| words(verdict, is_guardrail)).unwrap_or_default();
    format!("{:<28} {value:>9}  {between:<20} {:<29} {said}", judged.metric, difference.unwrap_or_default()).trim_end().to_owned()
}

fn words(verdict: Verdict, is_guardrail: bool) -> &'static str {
    match verdict {
        Verdict::TooFew => "too few profiles tell",
        Verdict::Unclear if is_guardrail => "guardrail holds: no worse beyond chance",
        Verdict::Unclear => "no difference beyond chance",
        Verdict::Better => "better",
        Verdict::Worse => "WORSE",
        Verdict::GuardrailBroken => "GUARDRAIL BROKEN: worse than the control",
        Verdict::Differs => "differs",
    }
}

fn show_off_policy(OffPolicyReport { policy, shown, worth }: &OffPolicyReport) {
    let name = match policy {
        Ranking::Model => "the deployed model alone",
        Ranking::Popular => "what many watch",
    };
    let number = |value: Option<f64>| value.map_or_else(|| "cannot be told".to_owned(), |value| format!("{value:.4}"));
    let ends = worth.interval.map(|Interval { low, high, .. }| format!(" [{low:.4}, {high:.4}]")).unwrap_or_default();
    say!(
        "Had {name} chosen the first row: {}{ends} plays per impression; {} as it was shown.",
        number(worth.value),
        number(*shown)
    );
    say!(
        "  {} of {} impressions, {} of them left to chance, worth {:.0} equal ones, {} cut off: {}\n",
        worth.shared,
        worth.impressions,
        worth.by_chance,
        worth.effective,
        worth.clipped,
        worth.note
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_time_and_so_is_a_moment() {
        assert_eq!(moment("2026-03-01").expect("a day"), moment("2026-03-01T00:00:00Z").expect("a moment"));
        assert_eq!(moment("2026-03-01T02:00:00+02:00").expect("a moment"), moment("2026-03-01").expect("a day"));
        for text in ["", "yesterday", "2026-13-01", "2026-03-01T00:00:00"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_broken_guardrail_is_said_in_words() {
        let judged = |verdict| Judged {
            metric: "abandonment_per_play",
            value: Some(0.25),
            interval: Some(Interval { value: 0.25, low: 0.2, high: 0.3 }),
            difference: Some(Interval { value: 0.1, low: 0.05, high: 0.15 }),
            verdict,
        };
        let broken = line(&judged(Some(Verdict::GuardrailBroken)));
        assert!(broken.contains("+0.1000 [0.0500, 0.1500]") && broken.ends_with("worse than the control"), "{broken}");
        assert!(line(&judged(Some(Verdict::Unclear))).contains("guardrail holds"));
        assert!(line(&judged(None)).ends_with("+0.1000 [0.0500, 0.1500]"));
    }
}
