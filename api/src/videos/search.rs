//! What is searched for.

use crate::problem::{Answer, Problem};

/// Longest text that is searched for.
const CHARS_MAX: usize = 100;

/// Refuses what no title can have.
pub(super) fn check(q: Option<&str>) -> Answer<()> {
    let is_search = |q: &str| !q.trim().is_empty() && q.chars().count() <= CHARS_MAX && !q.chars().any(char::is_control);
    if q.is_none_or(is_search) {
        return Ok(());
    }
    let message = format!("q has 1 to {CHARS_MAX} characters, none of them a control character");
    Err(Problem::bad_request("invalid_query", message))
}
