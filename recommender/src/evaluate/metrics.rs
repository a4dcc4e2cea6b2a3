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
    /// Share of those that could be in it: `min(k, relevant)` (D. Liang et al., WWW 2018, who call this recall).
    pub recall_of_k: f64,
    /// 1 if any is.
    pub hit: f64,
    /// One over the place of the first.
    pub reciprocal_rank: f64,
    /// Share of hits up to each hit, added up, over all that is relevant.
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
    metrics.average_precision /= relevant as f64;
    metrics.recall = hits / relevant as f64;
    metrics.recall_of_k = hits / best as f64;
    metrics.hit = f64::from(u8::from(hits > 0.0));
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    type Judged = ([u32; 6], &'static [u32], [[f64; 5]; 2]);

    /// Lists of six, what is relevant, and what the Python package ranx 0.3.21 makes of them at 3 and at 5: ndcg, recall, hit_rate,
    /// mrr, map.
    const LISTS: [Judged; 4] = [
        ([1, 2, 3, 4, 5, 6], &[1, 4, 9], [[0.469_279, 0.333_333, 1.0, 1.0, 0.333_333], [0.671_386, 0.666_667, 1.0, 1.0, 0.5]]),
        ([1, 3, 2, 4, 5, 6], &[2], [[0.5, 1.0, 1.0, 0.333_333, 0.333_333], [0.5, 1.0, 1.0, 0.333_333, 0.333_333]]),
        (
            [4, 1, 5, 6, 2, 3],
            &[1, 2, 3, 5, 8, 9],
            [[0.530_721, 0.333_333, 1.0, 0.5, 0.194_444], [0.514_771, 0.5, 1.0, 0.5, 0.294_444]],
        ),
        ([1, 2, 3, 4, 5, 6], &[7], [[0.0; 5], [0.0; 5]]),
    ];

    #[test]
    fn they_are_those_of_another_program() {
        for (list, relevant, expected) in LISTS {
            for (k, expected) in [3, 5].into_iter().zip(expected) {
                let got = judge(&list, k, relevant.len(), |title| relevant.contains(&title));
                let got = [got.ndcg, got.recall, got.hit, got.reciprocal_rank, got.average_precision];
                assert!(
                    got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6),
                    "{k}: {got:?} {expected:?}"
                );
            }
        }
    }

    #[test]
    fn recall_of_a_list_that_is_too_short_for_all() {
        let of = |k| judge(&[1, 2, 3, 4, 5, 6], k, 4, |title| [1, 3, 5, 9].contains(&title));
        assert_eq!((of(2).recall, of(2).recall_of_k), (0.25, 0.5));
        assert_eq!((of(6).recall, of(6).recall_of_k), (0.75, 0.75));
    }

    #[test]
    fn nothing_relevant_and_short_lists() {
        assert_eq!(judge(&[1, 2], 5, 0, |_| true), Metrics::default());
        assert_eq!(judge::<u32>(&[], 5, 3, |_| true), Metrics::default());
        assert_eq!(judge(&[1], 0, 3, |_| true), Metrics::default());
        assert_eq!(judge(&[4], 5, 1, |_| true).ndcg, 1.0);
    }
}
