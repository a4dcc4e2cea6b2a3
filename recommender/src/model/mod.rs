//! Models as pure maths: what was watched goes in, a ranking with reasons comes out.
//!
//! A [`Ranker`] adds up [`Term`]s. Each term gives every title a score from a [`History`]; [`Blend`] says how much a term
//! counts for a history of that length; filters act inside the selection, so a short list means that no more was allowed.

mod blend;
mod catalog;
pub mod content;
pub mod factors;
mod history;
mod neighbours;
pub mod next;
mod popularity;
mod ranker;
pub mod ridge;
mod scan;
mod scratch;
pub mod sequence;
pub mod spectral;
mod terms;
#[cfg(test)]
mod tests;
mod vector;
mod vectors;

pub use blend::{Blend, LENGTHS, TERMS, Term, Weights};
pub use catalog::Catalog;
pub use history::{HISTORY_TITLES_MAX, History, Watched};
pub(crate) use neighbours::largest;
pub use neighbours::{Column, Neighbours};
pub use popularity::Popularity;
pub use ranker::{Judged, Ranker, Wanted, place};
pub use scratch::Scratch;
pub use terms::{Knobs, Material, Recency, Terms};

use marquee_core::id::VideoId;
use serde::{Deserialize, Serialize};

/// A title by its place in the [`Catalog`] of one model.
pub type TitleIndex = u32;

/// Why a title is recommended: the term that gave it most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// Profiles that watched `video`, as this one did, watched it too.
    BecauseYouWatched {
        /// What this profile watched.
        video: VideoId,
    },
    /// Many profiles watched it in `window`.
    Popular {
        /// Where most of its score comes from.
        window: Window,
    },
    /// It is like `video`.
    Like {
        /// What was asked about.
        video: VideoId,
    },
    /// The profile watched it before, and may like to again.
    WatchedBefore,
    /// Nothing is known about it yet but when it was added.
    New,
}

/// Stretch of time over which popularity is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The last 7 days.
    Week,
    /// The last 30 days.
    Month,
    /// All of the history that the model saw.
    Ever,
}
