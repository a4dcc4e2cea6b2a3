//! Models as pure maths: what was watched goes in, a ranking with reasons comes out.
//!
//! A [`Model`] is a sum of [`Term`]s. Each term gives every title a score from a [`History`]; [`Blend`] says how much a term
//! counts for a history of that length; filters act inside the selection, so a short list means that no more was allowed.

mod blend;
mod catalog;
mod history;
mod popularity;
mod select;
mod similarity;
#[cfg(test)]
mod tests;

pub use blend::{Blend, Model, Pick};
pub use catalog::Catalog;
pub use history::{History, Watch, Watched, engagement};
pub use popularity::Popularity;
pub use similarity::Similarity;

use marquee_core::id::VideoId;
use serde::{Deserialize, Serialize};

/// A title by its place in the [`Catalog`] of one model.
pub type TitleIndex = u32;

/// One part of a model's score.
pub trait Term: Send + Sync {
    /// Writes a score for every title of the catalogue, 0 where the term has no opinion. `out` is as long as the catalogue
    /// and holds zeros. The scale is the term's own: the blend divides by the largest.
    fn scores(&self, history: &History, out: &mut [f32]);

    /// Why this term likes `title`, for a title whose score is above 0.
    fn reason(&self, history: &History, title: TitleIndex) -> Option<Cause>;
}

/// Why a term likes a title, in the indices of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Profiles that watched this title watched the other one too.
    Watched(TitleIndex),
    /// Many profiles watched it lately.
    Popular(Window),
}

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
