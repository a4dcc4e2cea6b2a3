//! Judging models: a task made of data, models that are trained on it, and what they are worth.

mod calibration;
mod contender;
mod interval;
mod metrics;
mod peers;
mod report;
mod run;
mod task;

pub use calibration::Genres;
pub use contender::Contender;
pub use interval::{Interval, is_above};
pub use metrics::{Metrics, judge};
pub use report::{Judgement, Latency, assess};
pub use run::{Meter, Report, run};
pub use task::{Protocol, Task};
