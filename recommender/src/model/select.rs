//! The best titles of a score vector, with the filter inside.

use super::TitleIndex;
use std::{cmp::Reverse, collections::BinaryHeap};

/// A title in the order of the ranking: larger is better. Equal scores are settled by age, the newest first, so that the same
/// input always gives the same list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    /// A score that is not negative compares like its bits.
    score_bits: u32,
    title: Reverse<TitleIndex>,
}

/// The `count` best titles among those that `allowed` lets pass, best first: fewer only if fewer are allowed. A score that is
/// negative or no number counts 0.
pub(super) fn best(scores: &[f32], count: usize, allowed: impl Fn(TitleIndex) -> bool) -> Vec<TitleIndex> {
    let count = count.min(scores.len());
    let mut heap = BinaryHeap::with_capacity(count + 1);
    for (title, score) in (0..).zip(scores) {
        let score_bits = if score.is_finite() && *score > 0.0 { score.to_bits() } else { 0 };
        let ranked = Reverse(Ranked { score_bits, title: Reverse(title) });
        // The filter is asked last: it is the dearest, and most titles are not good enough anyway.
        let full = heap.len() >= count;
        if full && heap.peek().is_none_or(|worst| ranked >= *worst) || !allowed(title) {
            continue;
        }
        if full {
            heap.pop();
        }
        heap.push(ranked);
    }
    heap.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.title.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{Random, SeededRandom};

    #[test]
    fn equal_scores_keep_the_order_and_nonsense_ranks_last() {
        let scores = [0.0, 2.0, f32::NAN, 2.0, -1.0, 3.0, f32::INFINITY];
        assert_eq!(best(&scores, 7, |_| true), [5, 1, 3, 0, 2, 4, 6]);
        assert_eq!(best(&scores, 2, |_| true), [5, 1]);
        assert!(best(&scores, 0, |_| true).is_empty());
        assert!(best(&[], 5, |_| true).is_empty());
        assert!(best(&scores, usize::MAX, |_| false).is_empty());
    }

    #[test]
    fn it_equals_sorting_everything_that_is_allowed() {
        let random = SeededRandom::new(11);
        let random: &dyn Random = &random;
        let draw = |end: usize| (random.unit() * end as f64) as usize;
        for _ in 0..500 {
            // Few distinct scores, so that ties are everywhere.
            let scores: Vec<f32> = (0..draw(60)).map(|_| [0.0, 0.5, 1.0, f32::NAN, -2.0, 7.5][draw(6)]).collect();
            let allowed: Vec<bool> = scores.iter().map(|_| draw(3) > 0).collect();
            let count = draw(70);
            let mut expected: Vec<TitleIndex> = (0..).take(scores.len()).filter(|title| allowed[*title as usize]).collect();
            let value = |title: &TitleIndex| scores[*title as usize].max(0.0);
            expected.sort_by(|left, right| value(right).total_cmp(&value(left)));
            expected.truncate(count);
            assert_eq!(best(&scores, count, |title| allowed[title as usize]), expected, "{scores:?} {allowed:?} {count}");
        }
    }
}
