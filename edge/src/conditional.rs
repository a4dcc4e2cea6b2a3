//! Conditional requests, RFC 9110 section 13, for representations with a strong ETag and no date.

use axum::http::{HeaderMap, HeaderName, header};

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer in full.
    Proceed,
    /// The client has it already: 304.
    NotModified,
    /// `If-Match` names something else: 412.
    Failed,
}

/// Evaluates `If-Match` and `If-None-Match` against `etag`, in the order of section 13.2.2.
pub(crate) fn evaluate(headers: &HeaderMap, etag: &str) -> Verdict {
    if headers.contains_key(header::IF_MATCH) && !names(headers, &header::IF_MATCH, |listed| listed == etag) {
        return Verdict::Failed;
    }
    // Section 13.1.2: weak comparison.
    let weak = |listed: &str| listed.strip_prefix("W/").unwrap_or(listed) == etag;
    if names(headers, &header::IF_NONE_MATCH, weak) { Verdict::NotModified } else { Verdict::Proceed }
}

/// Whether a `Range` still holds: there is no `If-Range`, or it names this very representation. A date never does, for none was
/// ever given.
pub(crate) fn range_holds(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes())
}

/// Whether the list in header `name` has an entry that `matches`, or is `*`. Our ETags have no commas, so the list is split at them.
fn names(headers: &HeaderMap, name: &HeaderName, matches: impl Fn(&str) -> bool) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|entry| entry == "*" || matches(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect()
    }

    #[test]
    fn the_table() {
        use header::{IF_MATCH, IF_NONE_MATCH};
        let table: [(&[(HeaderName, &'static str)], Verdict); 10] = [
            (&[], Verdict::Proceed),
            (&[(IF_NONE_MATCH, "\"a\"")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "W/\"a\"")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "\"x\", \"a\"")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "*")], Verdict::NotModified),
            (&[(IF_NONE_MATCH, "\"b\"")], Verdict::Proceed),
            (&[(IF_NONE_MATCH, "a")], Verdict::Proceed),
            (&[(IF_MATCH, "\"a\"")], Verdict::Proceed),
            (&[(IF_MATCH, "W/\"a\"")], Verdict::Failed),
            (&[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")], Verdict::Failed),
        ];
        for (pairs, expected) in table {
            assert_eq!(evaluate(&headers(pairs), "\"a\""), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_range_of_something_else_is_dropped() {
        let holds = |value| range_holds(&headers(&[(header::IF_RANGE, value)]), "\"a\"");
        assert!(holds("\"a\"") && range_holds(&HeaderMap::new(), "\"a\""));
        assert!(!holds("W/\"a\"") && !holds("\"b\"") && !holds("Sat, 29 Oct 1994 19:43:31 GMT"));
    }
}
