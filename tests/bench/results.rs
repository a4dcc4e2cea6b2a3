//! What all benches share: how often they measure, what of that counts, and how they tell.

/// Rounds of which the median counts.
pub(crate) const ROUNDS: usize = 5;

/// Prints a result and whether it reaches its goal.
#[expect(clippy::print_stdout, reason = "the result of a bench")]
pub(crate) fn tell(what: &str, good: bool) -> bool {
    println!("{}{what}", if good { "" } else { "MISSED: " });
    good
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
