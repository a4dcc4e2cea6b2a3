//! The first of a list.

use std::cmp::Ordering;

/// Keeps the first `count` of `list` in `order`, sorted: the rest is never sorted.
pub(crate) fn keep_first<T>(list: &mut Vec<T>, count: usize, order: impl Fn(&T, &T) -> Ordering) {
    if count < list.len() {
        list.select_nth_unstable_by(count, &order);
        list.truncate(count);
    }
    list.sort_unstable_by(order);
}
