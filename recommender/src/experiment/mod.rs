//! Experiments as pure maths: which profile gets which variant, and what can be said of what came of it.
//!
//! [`settings`] draws a profile's variant; [`Tally`] counts what became of what one profile was shown; [`compare`] adds up profiles and
//! says how variants differ, with intervals that hold whenever somebody looks ([`Interval`]); [`OffPolicy`] judges a choice that nobody
//! was shown by what chance showed.

mod bucket;
mod compare;
mod off_policy;
mod ratio;
mod sequential;
#[cfg(test)]
mod simulation;
mod tally;

pub use bucket::{Part, Settings, settings};
pub use compare::{Compared, Group, Judged, Verdict, compare};
pub use off_policy::{Logged, OffPolicy, Worth};
pub use ratio::{Ratio, Sums};
pub use sequential::{Interval, difference, value};
pub use tally::{Good, METRICS, Metric, Tally};
