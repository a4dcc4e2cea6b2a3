//! Reports on experiments: what was seen and what came of it, out of the database a page at a time. What is made of it is
//! [`crate::experiment`]'s.

mod gather;
mod replay;
#[cfg(test)]
mod tests;

use crate::{
    experiment::{Compared, Group, Worth, compare},
    serving::Recommender,
};
use gather::Gathered;
use marquee_backends::db::Db;
use marquee_core::{
    Error, ErrorKind, Result,
    config::{Experiment, Ranking},
};
use replay::Replay;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

/// Impressions of a page.
const PAGE: i64 = 2_000;
/// Standard deviations by which the number of a variant's profiles may be off what the configuration says: beyond that something is
/// wrong, and nothing that is compared can be believed.
const DEVIATIONS_MAX: f64 = 4.0;

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// One experiment; `None`: all that was seen, as one variant.
    pub experiment: Option<&'a str>,
    /// The experiment as it is configured, if it still is.
    pub configured: Option<&'a Experiment>,
    /// The variant that others are compared with, if it is not the configured control.
    pub control: Option<&'a str>,
    /// What was reported after this time,
    pub since: OffsetDateTime,
    /// and until this one.
    pub until: OffsetDateTime,
    /// A title that is played later than this was not played because it was seen.
    pub within: Duration,
    /// A choice whose worth is wanted, of lists that nobody was shown.
    pub policy: Option<Ranking>,
}

/// What came of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which.
    pub experiment: Option<String>,
    /// What the others are compared with.
    pub control: Option<String>,
    /// What was reported after this time counts,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// and until this one.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Its variants.
    pub variants: Vec<VariantReport>,
    /// What somebody who reads this has to know.
    pub warnings: Vec<String>,
    /// What another choice would have been worth, if that was asked.
    pub off_policy: Option<OffPolicyReport>,
}

/// What came of a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariantReport {
    /// What it did to its profiles.
    #[serde(flatten)]
    pub compared: Compared,
    /// Different titles that they saw.
    pub titles_shown: usize,
    /// That as a share of the titles that are there.
    pub coverage: f64,
}

/// What a choice would have been worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OffPolicyReport {
    /// Which.
    pub policy: Ranking,
    /// Plays for each impression of what was shown at the top instead, chance included.
    pub shown: Option<f64>,
    /// And of what it would have shown.
    #[serde(flatten)]
    pub worth: Worth,
}

/// Reads what was seen, and says what came of it.
///
/// # Errors
/// `NotFound` if nobody saw anything of the experiment, `Invalid` if there is no control, `Unavailable` if the database does not answer.
pub async fn report(db: &Db, recommender: &Recommender, wish: &Wish<'_>) -> Result<Report> {
    let mut gathered = Gathered::new(wish);
    let mut replay = wish.policy.map(Replay::new);
    let mut after = wish.since;
    loop {
        let page = db.outcomes(after, wish.within, wish.experiment, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.impression.received_at;
        for outcome in page.iter().filter(|outcome| outcome.impression.received_at <= wish.until) {
            gathered.take(outcome);
            if let Some(replay) = &mut replay {
                replay.take(recommender, outcome).await?;
            }
        }
        if after > wish.until {
            break;
        }
    }
    if gathered.is_empty() {
        let told = "nobody saw anything of it in this time: look at its name, and whether it runs";
        return Err(Error::new(ErrorKind::NotFound, "not_seen", told));
    }
    gathered.add_watched(db).await?;
    let titles = db.titles_ready().await?;
    let control = control(wish, &gathered)?;
    let groups: Vec<Group> = gathered.groups();
    let mut warnings = gathered.warnings();
    warnings.extend(wish.configured.into_iter().flat_map(|configured| skewed(configured, &gathered)));
    let compared = compare(&groups, control.as_deref().unwrap_or_default()).into_iter();
    let variants = compared.zip(gathered.titles()).map(|(compared, titles_shown)| VariantReport {
        compared,
        titles_shown,
        coverage: titles_shown as f64 / titles.max(1) as f64,
    });
    let variants = variants.collect();
    let (experiment, off_policy) = (wish.experiment.map(str::to_owned), replay.map(Replay::report));
    Ok(Report { experiment, control, since: wish.since, until: wish.until, variants, warnings, off_policy })
}

/// The variant that others are compared with.
fn control(wish: &Wish<'_>, gathered: &Gathered<'_>) -> Result<Option<String>> {
    if wish.experiment.is_none() {
        return Ok(None);
    }
    let configured = wish.configured.and_then(Experiment::control).map(|variant| variant.name.as_str());
    let name = wish.control.or(configured).unwrap_or("control");
    if gathered.names().iter().any(|known| known == name) {
        return Ok(Some(name.to_owned()));
    }
    let known = gathered.names().join(", ");
    Err(Error::invalid("no_control", format!("nobody saw a variant {name:?} to compare with: name one of {known}")))
}

/// Says which variants have more or fewer profiles than chance explains.
fn skewed(configured: &Experiment, gathered: &Gathered<'_>) -> Vec<String> {
    let weights: f64 = configured.variants.iter().map(|variant| variant.weight).sum();
    let counts = gathered.profiles();
    let all = counts.iter().sum::<u64>() as f64;
    let told = configured.variants.iter().zip(counts).filter_map(|(variant, count)| {
        let share = variant.weight / weights;
        let (expected, deviation) = (all * share, (all * share * (1.0 - share)).sqrt());
        let is_off = (count as f64 - expected).abs() > DEVIATIONS_MAX * deviation;
        is_off.then(|| {
            format!(
                "{:?} has {count} profiles where {expected:.0} are expected: the variants are no fair draw (were weights changed \
                 while it ran?), so what differs between them may not be because of them",
                variant.name
            )
        })
    });
    told.collect()
}
