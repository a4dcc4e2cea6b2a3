//! The `Range` header, RFC 9110 section 14, for one range of bytes.

use std::ops::Range;

/// What part of a representation is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slice {
    /// All of it: no range, one that is malformed, of another unit, or several at once (section 14.2 lets a server ignore them).
    Whole,
    /// These bytes, never empty.
    Part(Range<u64>),
    /// Nothing of it can be answered: 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a representation of `size_bytes`.
#[must_use]
pub fn select(header: &str, size_bytes: u64) -> Slice {
    let Some((unit, set)) = header.split_once('=') else { return Slice::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Slice::Whole;
    }
    // A set of several has a comma, and no comma is a position.
    let Some((first, last)) = set.trim_end_matches([' ', '\t']).split_once('-') else { return Slice::Whole };
    let size = u128::from(size_bytes);
    let part = |start: u128, end: u128| Slice::Part(start.min(size) as u64..end.min(size) as u64);
    match (position(first), position(last)) {
        (Position::Absent, Position::At(0)) => Slice::Unsatisfiable,
        // The last bytes of nothing are all of it.
        (Position::Absent, Position::At(_)) if size == 0 => Slice::Whole,
        (Position::Absent, Position::At(suffix)) => part(size.saturating_sub(suffix), size),
        (Position::At(first), Position::At(last)) if last < first => Slice::Whole,
        (Position::At(first), Position::Absent | Position::At(_)) if first >= size => Slice::Unsatisfiable,
        (Position::At(first), Position::Absent) => part(first, size),
        (Position::At(first), Position::At(last)) => part(first, last.saturating_add(1)),
        _ => Slice::Whole,
    }
}

enum Position {
    Absent,
    /// Wider than any size, so that two positions beyond all objects are still in order. What is longer than that is as good as
    /// the largest.
    At(u128),
    Malformed,
}

fn position(digits: &str) -> Position {
    if digits.is_empty() {
        return Position::Absent;
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Position::Malformed;
    }
    Position::At(digits.parse().unwrap_or(u128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Random, SeededRandom};

    #[test]
    fn the_table() {
        use Slice::{Part, Unsatisfiable, Whole};
        let table = [
            ("bytes=0-0", 10, Part(0..1)),
            ("bytes=0-", 10, Part(0..10)),
            ("bytes=3-5", 10, Part(3..6)),
            ("bytes=9-9", 10, Part(9..10)),
            ("bytes=5-100", 10, Part(5..10)),
            ("BYTES=5-6", 10, Part(5..7)),
            ("bytes=-3", 10, Part(7..10)),
            ("bytes=-100", 10, Part(0..10)),
            ("bytes=0-18446744073709551616", 10, Part(0..10)),
            ("bytes=0-18446744073709551615", 10, Part(0..10)),
            ("bytes=-99999999999999999999999", 10, Part(0..10)),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-20", 10, Unsatisfiable),
            ("bytes=18446744073709551616-", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-5", 0, Whole),
            ("bytes=5-2", 10, Whole),
            ("bytes=18446744073709551616-18446744073709551615", 10, Whole),
            ("bytes=0-0,2-3", 10, Whole),
            ("bytes=0-0,", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes= 1-2", 10, Whole),
            ("bytes=1-2-3", 10, Whole),
            ("bytes=--1", 10, Whole),
            ("bytes", 10, Whole),
            ("", 10, Whole),
            ("items=0-1", 10, Whole),
        ];
        for (header, size_bytes, expected) in table {
            assert_eq!(select(header, size_bytes), expected, "{header} of {size_bytes}");
        }
    }

    /// The same rules once more, written byte by byte in 128 bits.
    fn model(header: &str, size: u128) -> Slice {
        let Some(set) = header.strip_prefix("bytes=") else { return Slice::Whole };
        let dashes: Vec<usize> = set.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(place, _)| place).collect();
        let [dash] = dashes[..] else { return Slice::Whole };
        if set.bytes().enumerate().any(|(place, byte)| place != dash && !byte.is_ascii_digit()) {
            return Slice::Whole;
        }
        let number =
            |text: &str| text.bytes().fold(0_u128, |sum, byte| sum.saturating_mul(10).saturating_add(u128::from(byte - b'0')));
        let part = |range: Range<u128>| Slice::Part(range.start as u64..range.end as u64);
        match (&set[..dash], &set[dash + 1..]) {
            ("", "") => Slice::Whole,
            ("", last) if number(last) == 0 => Slice::Unsatisfiable,
            ("", _) if size == 0 => Slice::Whole,
            ("", last) => part(size - number(last).min(size)..size),
            (first, last) if !last.is_empty() && number(last) < number(first) => Slice::Whole,
            (first, _) if number(first) >= size => Slice::Unsatisfiable,
            (first, "") => part(number(first)..size),
            (first, last) => part(number(first)..number(last).saturating_add(1).min(size)),
        }
    }

    #[test]
    fn ten_thousand_hostile_headers_agree_with_the_model() {
        let random = SeededRandom::new(5);
        let random: &dyn Random = &random;
        let draw = |end: usize| (random.unit() * end as f64) as usize;
        let pieces =
            ["0", "1", "7", "9", "10", "99", "18446744073709551615", "18446744073709551616", "-", "-", "-", ",", " ", "x", "٣"];
        for _ in 0..10_000 {
            let mut header = String::from(["bytes=", "bytes=", "bytes=", "bytes=", "items=", "bytes", ""][draw(7)]);
            (0..draw(6)).for_each(|_| header.push_str(pieces[draw(pieces.len())]));
            let header = header.trim_end();
            let size_bytes = [0, 1, 10, 1 << 40][draw(4)];
            assert_eq!(select(header, size_bytes), model(header, u128::from(size_bytes)), "{header:?} of {size_bytes}");
        }
    }

    #[test]
    fn a_megabyte_of_ranges_is_no_work() {
        let header = format!("bytes={}", "0-0,1-1,".repeat(100_000));
        assert_eq!(select(&header, 10), Slice::Whole);
    }
}
