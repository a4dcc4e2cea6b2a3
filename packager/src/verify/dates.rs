//! Dates in playlists (RFC 8216 section 4.3.2.6), and that they are the same moment in all of a package.

use super::{report::Report, track::Track};
use time::{OffsetDateTime, format_description::well_known::Iso8601};

/// By how much dates of one moment may differ: a frame of sound, and what is rounded.
const APART_S: f64 = 0.1;

/// Seconds since 1970 of a date with a time, as ISO 8601 has it.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let date = OffsetDateTime::parse(text, &Iso8601::DEFAULT).ok()?;
    Some(date.unix_timestamp_nanos() as f64 / 1e9)
}

/// Between two discontinuities one moment of the media has one date, in every playlist (RFC 8216 section 6.2.4).
pub(super) fn check(report: &mut Report, tracks: &[Track]) {
    let mut known: Vec<Option<f64>> = Vec::new();
    for track in tracks {
        let (mut at_s, mut stretch) = (0.0, 0);
        let mut wrong = None;
        for (place, entry) in track.playlist.entries.iter().enumerate() {
            stretch += usize::from(entry.discontinuity && place > 0);
            if let Some(date_s) = entry.date_s {
                known.resize(known.len().max(stretch + 1), None);
                let zero_s = *known[stretch].get_or_insert(date_s - at_s);
                let apart_s = (date_s - at_s - zero_s).abs();
                wrong = wrong.or((apart_s > APART_S).then_some((at_s, apart_s)));
            }
            at_s += entry.duration_s;
        }
        report.must(wrong.is_none(), "RFC 8216 6.2.4", track.path(), || {
            let (at_s, apart_s) = wrong.unwrap_or_default();
            format!("has at {at_s:.3} s a date that is {apart_s:.3} s apart from the others")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written_everywhere() {
        for good in
            ["1970-01-01T00:00:01.500Z", "1970-01-01T01:00:01.5+01:00", "1970-01-01T01:00:01.500+0100", "19700101T000001.5Z"]
        {
            assert_eq!(seconds(good), Some(1.5), "{good}");
        }
        for bad in ["", "now", "1970-01-01", "1970-13-01T00:00:00Z", "1970-01-01T00:00:00"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
