//! The start ladder: what is made first, so that a title plays while the rest is on its way.

use super::Rung;
use serde::{Deserialize, Serialize};

/// Chunks that are made in the start ladder first: 38 s, the lead of a viewer over an encoder that is no faster than the film.
const CHUNKS: u32 = 3;
/// The same where the rest of the ladder has to be chosen first: 86 s, so that there is work meanwhile.
const CHUNKS_WITH_ANALYSIS: u32 = 5;
/// Rungs that lead: one for good lines and one for the others.
const RUNGS_MAX: usize = 2;
/// Pixels of the largest rung that leads (960 × 540, and a little for other shapes): a quarter of the work of a whole ladder.
const PIXELS_MAX: u32 = 960 * 540 * 11 / 10;

/// What leads: some rungs, over the first chunks. Later chunks are decoded once for all rungs; the other rungs of the first ones are
/// made last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Rungs by id, highest first.
    pub rungs: Vec<String>,
    /// How many chunks from the first on.
    pub chunks: u32,
}

impl Start {
    /// What leads of `rungs` (highest first); `None` if nothing would be left that costs much more.
    pub(super) fn of(rungs: &[Rung]) -> Option<Self> {
        let small = |rung: &&Rung| rung.width * rung.height <= PIXELS_MAX;
        if rungs.iter().all(|rung| small(&rung)) {
            return None;
        }
        let leads: Vec<String> = rungs.iter().filter(small).take(RUNGS_MAX).map(|rung| rung.id.clone()).collect();
        (!leads.is_empty()).then_some(Self { rungs: leads, chunks: CHUNKS })
    }

    /// All of `rungs` lead, since there are no others until a ladder is chosen.
    pub(super) fn over(rungs: &[Rung]) -> Self {
        Self { rungs: rungs.iter().map(|rung| rung.id.clone()).collect(), chunks: CHUNKS_WITH_ANALYSIS }
    }
}
