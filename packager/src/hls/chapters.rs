//! Chapters, in two ways: Apple's JSON, which the multivariant playlist names, and date ranges in the playlists of the picture, which also
//! mark the intro and the credits.

use super::attribute;
use crate::model::{Segment, Track};
use m3u8_rs::{ExtTag, MediaSegment, SessionData, SessionDataField};
use marquee_core::{
    object::{self, CHAPTERS},
    source::Chapter,
};
use serde::Serialize;
use std::time::Duration;

/// What names the JSON among the session's data (Apple, "Providing JavaScript Object Notation (JSON) chapters").
const DATA_ID: &str = "com.apple.hls.chapters";
/// What comes before `chapter`, `intro` and `credits` in classes of date ranges: semantics of our own.
const CLASS: &str = "org.marquee";
/// The date on which every title begins: dates serve to place chapters, and mean nothing else.
const EPOCH: &str = "1970-01-01";

/// `chapters.json`; `None` if the title has none.
#[must_use]
pub fn chapters(chapters: &[Chapter]) -> Option<String> {
    let entry = |(number, chapter): (usize, &Chapter)| Entry {
        chapter: number,
        start_time: seconds(chapter.start_ms),
        duration: seconds(chapter.end_ms.saturating_sub(chapter.start_ms)),
        titles: vec![Title { language: "und", title: title(number, chapter) }],
    };
    let entries: Vec<Entry> = (1..).zip(chapters).map(entry).collect();
    (!entries.is_empty()).then(|| serde_json::to_string_pretty(&entries).expect("strings and numbers become JSON"))
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    chapter: usize,
    start_time: f64,
    duration: f64,
    titles: Vec<Title>,
}

#[derive(Serialize)]
struct Title {
    /// Containers do not say what language a chapter's title is in.
    language: &'static str,
    title: String,
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

/// Menus have to show something of chapters without a title.
fn title(number: usize, chapter: &Chapter) -> String {
    if chapter.title.is_empty() { format!("Chapter {number}") } else { chapter.title.clone() }
}

/// Where the multivariant playlist says that the JSON is.
pub(super) fn session_data(chapters: &[Chapter]) -> Vec<SessionData> {
    let data = |_| SessionData {
        data_id: DATA_ID.to_owned(),
        field: SessionDataField::Uri(CHAPTERS.to_owned()),
        language: None,
        other_attributes: None,
    };
    chapters.first().map(data).into_iter().collect()
}

/// Gives the first of `entries` the date on which titles begin, from which the others' follow. Where one playlist of a title has dates
/// all must (RFC 8216 section 6.2.4).
pub(super) fn date(entries: &mut [MediaSegment], start_ticks: u64, timescale: u32) {
    if let Some(first) = entries.first_mut() {
        let start_ms = start_ticks.saturating_mul(1000) / u64::from(timescale.max(1));
        first.unknown_tags.push(tag("X-PROGRAM-DATE-TIME", date_time(start_ms)));
    }
}

/// Puts a date range for each of `chapters` before the entry of the picture's segment in which it begins (RFC 8216 section 4.3.2.7). The
/// crate has room for one date range in an entry.
pub(super) fn date_ranges(entries: &mut [MediaSegment], track: &Track, segments: &[Segment], chapters: &[Chapter]) {
    if track.rendition.folder() != object::Track::Video {
        return;
    }
    let timescale = u64::from(track.rendition.timescale);
    for (number, chapter) in (1..).zip(chapters) {
        let begins = |segment: &Segment| segment.start_ticks.saturating_mul(1000) <= chapter.start_ms.saturating_mul(timescale);
        let place = segments.partition_point(begins).saturating_sub(1);
        if let Some(entry) = entries.get_mut(place) {
            let (start, title) = (date_time(chapter.start_ms), attribute(&title(number, chapter), "Chapter"));
            let duration = seconds(chapter.end_ms.saturating_sub(chapter.start_ms));
            let mut range = |class: &str, more: &str| {
                let id = format!("ID=\"{class}-{number}\",CLASS=\"{CLASS}.{class}\"");
                entry.unknown_tags.push(tag("X-DATERANGE", format!("{id},START-DATE=\"{start}\",DURATION={duration:.3}{more}")));
            };
            range("chapter", &format!(",X-TITLE=\"{title}\""));
            if let Some(role) = chapter.role() {
                range(role.as_str(), "");
            }
        }
    }
}

fn tag(name: &str, value: String) -> ExtTag {
    ExtTag { tag: name.to_owned(), rest: Some(value) }
}

/// The date and time `ms` after a title's beginning (ISO 8601). Titles that last for days have days.
fn date_time(ms: u64) -> String {
    let (seconds, rest) = (ms / 1000, ms % 1000);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let day = if hours < 24 { EPOCH.to_owned() } else { format!("1970-01-{:02}", 1 + hours / 24) };
    format!("{day}T{:02}:{:02}:{:02}.{rest:03}Z", hours % 24, minutes % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::{super::Kind, *};
    use crate::sample::presentation;

    fn chapter(start_ms: u64, end_ms: u64, title: &str) -> Chapter {
        Chapter { start_ms, end_ms, title: title.to_owned() }
    }

    #[test]
    fn the_json_is_as_players_read_it() {
        let text = chapters(&[chapter(0, 4500, "Opening"), chapter(4500, 14_000, "")]).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!([
            { "chapter": 1, "start-time": 0.0, "duration": 4.5, "titles": [{ "language": "und", "title": "Opening" }] },
            { "chapter": 2, "start-time": 4.5, "duration": 9.5, "titles": [{ "language": "und", "title": "Chapter 2" }] },
        ]);
        assert_eq!(read, expected);
        assert_eq!(chapters(&[]), None);
    }

    #[test]
    fn playlists_place_chapters_by_date() {
        let mut title = presentation();
        title.chapters = vec![
            chapter(0, 6500, "One"),
            chapter(6500, 7000, "\"Two\"\n"),
            chapter(7000, 17_000, "End credits"),
            chapter(17_000, 18_000, ""),
        ];
        let master = super::super::master(&title);
        assert!(master.contains("#EXT-X-SESSION-DATA:DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters.json\"\n"), "{master}");
        let video = super::super::media(&title, &title.tracks[0], Kind::Vod, "");
        let expected = "\
#EXT-X-MAP:URI=\"init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00.000Z
#EXT-X-DATERANGE:ID=\"chapter-1\",CLASS=\"org.marquee.chapter\",START-DATE=\"1970-01-01T00:00:00.000Z\",DURATION=6.500,X-TITLE=\"One\"
#EXTINF:6.000000,
000001.m4s
#EXT-X-DATERANGE:ID=\"chapter-2\",CLASS=\"org.marquee.chapter\",START-DATE=\"1970-01-01T00:00:06.500Z\",DURATION=0.500,X-TITLE=\"'Two'\"
#EXT-X-DATERANGE:ID=\"chapter-3\",CLASS=\"org.marquee.chapter\",START-DATE=\"1970-01-01T00:00:07.000Z\",DURATION=10.000,X-TITLE=\"End credits\"
#EXT-X-DATERANGE:ID=\"credits-3\",CLASS=\"org.marquee.credits\",START-DATE=\"1970-01-01T00:00:07.000Z\",DURATION=10.000
#EXTINF:6.000000,
000002.m4s
#EXT-X-DATERANGE:ID=\"chapter-4\",CLASS=\"org.marquee.chapter\",START-DATE=\"1970-01-01T00:00:17.000Z\",DURATION=1.000,X-TITLE=\"Chapter 4\"
#EXTINF:6.000000,
000003.m4s
";
        assert!(video.contains(expected), "{video}");
        let others =
            [super::super::iframes(&title, &title.tracks[0]), super::super::media(&title, &title.tracks[2], Kind::Vod, "")];
        for other in others {
            assert!(
                other.contains("#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00.000Z\n") && !other.contains("DATERANGE"),
                "{other}"
            );
        }
        assert!(!super::super::media(&presentation(), &presentation().tracks[0], Kind::Vod, "").contains("DATE"));
        assert_eq!(date_time(90_061_001), "1970-01-02T01:01:01.001Z");
    }
}
