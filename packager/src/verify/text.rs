//! Words in segments of WebVTT (RFC 8216 section 3.5), read as players do: also what our writer would not write.

use super::{CONCURRENT_MAX, files::Files, media::Playlist, report::Report, segment::whole};
use futures::{StreamExt, stream};
use std::collections::BTreeSet;

/// Largest segment of words, and cues of a track.
const BYTES_MAX: u64 = 8 << 20;
const CUES_MAX: usize = 100_000;
/// Ticks of a millisecond on the clock of MPEG-TS, and what that clock counts to (33 bits).
const TICKS_PER_MS: u64 = 90;
const WRAP_TICKS: u64 = 1 << 33;
/// Apart from which a cue's time is not that of the pictures: a frame at 24 a second.
const OFF_MS: u64 = 41;
/// Tags in the words of cues; what comes after is a class or an annotation.
const TAGS: [&str; 8] = ["c", "i", "b", "u", "ruby", "rt", "v", "lang"];

/// A segment of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Start and end on the segment's own clock.
    pub(super) cues: Vec<Cue>,
    /// Which local time, in milliseconds, is which tick of the pictures' clock.
    pub(super) map: Option<(u64, u64)>,
    /// Whether that is what is said first.
    is_map_first: bool,
}

/// When something is said, and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cue {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) text: String,
}

/// Reads every segment of `playlist`.
pub(super) async fn read<F: Files>(report: &mut Report, files: &F, playlist: &Playlist) -> Vec<Words> {
    let entries = playlist.entries.iter().filter_map(|entry| Some((entry.path.clone()?, entry.range)));
    let reading = entries.map(|(path, range)| async move {
        let mut report = Report::of_segment();
        let bytes = whole(&mut report, files, (&path, range), BYTES_MAX, "RFC 8216 3.5").await;
        (bytes.and_then(|bytes| report.keep(parse(&bytes), "RFC 8216 3.5", &path)), report)
    });
    let mut reading = stream::iter(reading).buffered(CONCURRENT_MAX);
    let (mut all, mut cues) = (Vec::<Words>::new(), 0);
    while let Some((words, found)) = reading.next().await {
        report.append(found);
        cues += words.as_ref().map_or(0, |words| words.cues.len());
        if cues > CUES_MAX {
            report.fail("RFC 8216 10", &playlist.path, format!("has more than {CUES_MAX} cues"));
            break;
        }
        all.extend(words);
    }
    drop(reading);
    if all.len() == playlist.entries.len() {
        times(report, playlist, &all);
    }
    all
}

/// Every cue is in all segments in whose time it is shown, and in no others.
fn times(report: &mut Report, playlist: &Playlist, all: &[Words]) {
    let mut start_ms = 0.0;
    let mut windows = Vec::new();
    for (entry, words) in std::iter::zip(&playlist.entries, all) {
        let path = entry.path.as_deref().unwrap_or_default();
        let end_ms = start_ms + entry.duration_s * 1000.0;
        report.must(words.map.is_some(), "HLS-AUTH 5.3", path, || "has no X-TIMESTAMP-MAP: how is it timed?".to_owned());
        report.should(words.map.is_none() || words.is_map_first, "RFC 8216 3.5", path, || {
            "has its X-TIMESTAMP-MAP not in the line after WEBVTT, where all players look".to_owned()
        });
        let off_ms = words.map.map_or(0, offset_ms);
        report.must(off_ms < OFF_MS, "HLS-AUTH 5.3", path, || format!("is timed {off_ms} ms apart from the pictures"));
        let (from, to) = ((start_ms - 1.0).max(0.0) as u64, end_ms as u64 + 1);
        for cue in &words.cues {
            let ours = cue.start_ms <= to && cue.end_ms >= from;
            report.must(ours, "RFC 8216 3.5", path, || format!("has a cue at {} ms, of another time", cue.start_ms));
        }
        written(report, path, words);
        windows.push((path, words, end_ms));
        start_ms = end_ms;
    }
    repeated(report, &windows);
}

/// A cue that lasts from one segment into the next is in both, with the times that it has.
fn repeated(report: &mut Report, windows: &[(&str, &Words, f64)]) {
    let mut start_ms = 0.0;
    for pair in windows.windows(2) {
        let [(earlier, before, end_ms), (path, after, next_ms)] = pair else { continue };
        // A cue of a millisecond in the next segment is nothing that anybody sees.
        let there: BTreeSet<_> = after.cues.iter().collect();
        let lasts = |cue: &&Cue| cue.end_ms > *end_ms as u64 + 2 && (cue.start_ms as f64) < *next_ms;
        if let Some(cue) = before.cues.iter().filter(lasts).find(|cue| !there.contains(cue)) {
            report.fail("RFC 8216 3.5", path, format!("lacks the cue of {} ms, which lasts into it", cue.start_ms));
        }
        let there: BTreeSet<_> = before.cues.iter().collect();
        let began = |cue: &&Cue| cue.start_ms + 2 < *end_ms as u64 && cue.end_ms as f64 > start_ms;
        if let Some(cue) = after.cues.iter().filter(began).find(|cue| !there.contains(cue)) {
            report.fail("RFC 8216 3.5", earlier, format!("lacks the cue of {} ms, which the next segment has", cue.start_ms));
        }
        start_ms = *end_ms;
    }
}

/// Cues come in the order of their times, and their words are markup that players know.
pub(super) fn written(report: &mut Report, path: &str, words: &Words) {
    let sorted = words.cues.is_sorted_by_key(|cue| cue.start_ms);
    report.must(sorted, "WEBVTT 4.1", path, || "has a cue that begins before the one before it".to_owned());
    let fault = words.cues.iter().find_map(|cue| Some((cue, markup(&cue.text)?)));
    report.should(fault.is_none(), "WEBVTT 4.2.2", path, || {
        fault.map_or_else(String::new, |(cue, fault)| format!("has in the cue of {} ms {fault}", cue.start_ms))
    });
}

/// The first thing in the words of a cue that is no markup (WebVTT section 4.2.2): players leave it out, or show it.
fn markup(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (mark, after) = rest[at..].split_at(1);
        let Some(end) = after.find(if mark == "<" { '>' } else { ';' }) else {
            return Some(format!("a {mark} that stands for itself"));
        };
        let (inside, after) = (&after[..end], &after[end + 1..]);
        let known = if mark == "<" { is_tag(inside) } else { is_escape(inside) };
        if !known {
            let shown: String = inside.chars().take(20).collect();
            return Some(format!("{mark}{shown}, which is no markup"));
        }
        rest = after;
    }
    None
}

fn is_tag(tag: &str) -> bool {
    let name = tag.strip_prefix('/').unwrap_or(tag);
    let name = name.split(['.', ' ', '\t', '\n']).next().unwrap_or_default();
    TAGS.contains(&name) || clock_ms(tag).is_some()
}

/// What WebVTT names, and what it takes over from HTML.
fn is_escape(name: &str) -> bool {
    let digits = |digits: &str, is: fn(&u8) -> bool| !digits.is_empty() && digits.bytes().all(|byte| is(&byte));
    match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(number) => digits(number, u8::is_ascii_hexdigit),
            None => digits(number, u8::is_ascii_digit),
        },
        None => digits(name, u8::is_ascii_alphanumeric),
    }
}

/// How far local zero is from the pictures' zero.
fn offset_ms((local_ms, ticks): (u64, u64)) -> u64 {
    let local = local_ms.saturating_mul(TICKS_PER_MS) % WRAP_TICKS;
    let apart = local.abs_diff(ticks % WRAP_TICKS);
    apart.min(WRAP_TICKS - apart) / TICKS_PER_MS
}

/// Reads a file of WebVTT.
pub(super) fn parse(bytes: &[u8]) -> Result<Words, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1..).zip(text.lines());
    let head = lines.next().map(|(_, line)| line).unwrap_or_default();
    if head.strip_prefix("WEBVTT").is_none_or(|rest| !rest.is_empty() && !rest.starts_with([' ', '\t'])) {
        return Err("does not begin with WEBVTT".to_owned());
    }
    let mut words = Words::default();
    let header: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty()).collect();
    for (place, line) in header.into_iter().enumerate() {
        if let Some(map) = line.strip_prefix("X-TIMESTAMP-MAP=") {
            words.map = Some(timestamp_map(map).ok_or_else(|| format!("has the X-TIMESTAMP-MAP {map:?}"))?);
            words.is_map_first = place == 0;
        }
    }
    while let Some((number, first)) = lines.next() {
        if first.is_empty() {
            continue;
        }
        let block: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty()).collect();
        let other = ["NOTE", "STYLE", "REGION"].iter().any(|kind| first.starts_with(kind)) && !first.contains("-->");
        if other {
            continue;
        }
        // A cue may have a name on the line before its times.
        let (timing, payload) = match block.split_first() {
            Some((second, rest)) if !first.contains("-->") => (*second, rest),
            _ => (first, &block[..]),
        };
        let cue = timing_of(timing).filter(|(start_ms, end_ms)| start_ms < end_ms);
        let (start_ms, end_ms) = cue.ok_or_else(|| format!("has no times of a cue in line {number}"))?;
        if payload.iter().any(|line| line.contains("-->")) {
            return Err(format!("has an arrow in the words of the cue in line {number}"));
        }
        words.cues.push(Cue { start_ms, end_ms, text: payload.join("\n") });
        if words.cues.len() > CUES_MAX {
            return Err(format!("has more than {CUES_MAX} cues"));
        }
    }
    Ok(words)
}

/// `LOCAL:…` and `MPEGTS:…` in any order.
fn timestamp_map(map: &str) -> Option<(u64, u64)> {
    let field = |name: &str| map.split(',').find_map(|part| part.trim().strip_prefix(name));
    Some((clock_ms(field("LOCAL:")?)?, field("MPEGTS:")?.parse().ok()?))
}

fn timing_of(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    Some((clock_ms(start.trim())?, clock_ms(rest.split_ascii_whitespace().next()?)?))
}

/// `hh:mm:ss.mmm`, or without hours.
fn clock_ms(clock: &str) -> Option<u64> {
    let (whole, thousandths) = clock.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) || thousandths.len() != 3 || !parts.iter().chain([&thousandths]).all(|part| digits(part)) {
        return None;
    }
    let seconds = parts.iter().try_fold(0_u64, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(seconds * 1000 + thousandths.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_read_and_broken_ones_named() {
        let text = "\u{feff}WEBVTT - a title\r\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:10.000\r\n\r\nSTYLE\r\n::cue {}\r\n\r\n\
                    NOTE x\r\n\r\n7\r\n00:01.000 --> 01:00:02.500 line:0\r\n<i>One</i>\r\nTwo\r\n";
        let words = parse(text.as_bytes()).unwrap();
        assert_eq!(words.map.map(offset_ms), Some(0));
        let cue = Cue { start_ms: 1000, end_ms: 3_602_500, text: "<i>One</i>\nTwo".into() };
        assert_eq!(words.cues, [cue]);
        assert_eq!(offset_ms((0, WRAP_TICKS - 900)), 10, "the clock wraps");
        let bad =
            ["", "WEBVTTX", "x", "WEBVTT\n\n00:01.000 --> 00:01.000\nx", "WEBVTT\n\nname\nwords", "WEBVTT\n\n1:2:3 --> 4\n"];
        for bad in bad.into_iter().chain(["WEBVTT\nX-TIMESTAMP-MAP=LOCAL:0\n", "WEBVTT\n\n00:01.000 --> 00:02.000\na\n--> b"]) {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(parse(b"WEBVTT\n\xff").is_err());
    }

    #[test]
    fn words_are_markup_that_players_know() {
        for good in [
            "plain > words",
            "<i>one</i> <b.loud>two</b> <v.first Esme>three",
            "<c>four</c><lang en-GB>five</lang><00:01.000>six",
            "<ruby>a<rt>b</rt></ruby> &amp; &#169; &#xA9; &lrm;",
        ] {
            assert_eq!(markup(good), None, "{good}");
        }
        for bad in
            ["1 < 2", "<script>x</script>", "this & that", "AT&T; & so", "<font color=red>x</font>", "<i", "&;", "&#;", "&#xg;"]
        {
            assert!(markup(bad).is_some(), "{bad}");
        }
    }
}
