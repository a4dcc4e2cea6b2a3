//! How good one list is.

use serde::{Deserialize, Serialize};

/// What a list of `k` titles is worth to a profile for whom some titles are relevant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Discounted gain over that of the best list: a hit in place `p` (from 1) counts `1/log2(p + 1)`; the best list has its first
    /// `min(k, relevant)` places right (K. Järvelin, J. Kekäläinen, ACM TOIS 2002, with gains of 0 and 1).
    pub ndcg: f64,
    /// Share of the relevant titles that are in the list.
    pub recall: f64,
    /// 1 if any is.
    pub hit: f64,
    /// One over the place of the first.
    pub reciprocal_rank: f64,
    /// Mean over `min(k, relevant)` of the share of hits up to each hit.
    pub average_precision: f64,
}

/// Judges the first `k` of `ranked`, of which `is_relevant` says which are; there are `relevant` of them in all.
#[must_use]
pub fn judge<T: Copy>(ranked: &[T], k: usize, relevant: usize, is_relevant: impl Fn(T) -> bool) -> Metrics {
    let gain = |place: usize| 1.0 / ((place + 2) as f64).log2();
    let best = k.min(relevant);
    if best == 0 {
        return Metrics::default();
    }
    let (mut metrics, mut hits) = (Metrics::default(), 0.0);
    for (place, title) in ranked.iter().take(k).enumerate() {
        if is_relevant(*title) {
            hits += 1.0;
            metrics.ndcg += gain(place);
            metrics.average_precision += hits / (place + 1) as f64;
            if metrics.reciprocal_rank == 0.0 {
                metrics.reciprocal_rank = 1.0 / (place + 1) as f64;
            }
        }
    }
    metrics.ndcg /= (0..best).map(gain).sum::<f64>();
    metrics.average_precision /= best as f64;
    metrics.recall = hits / relevant as f64;
    metrics.hit = f64::from(u8::from(hits > 0.0));
    metrics
}
