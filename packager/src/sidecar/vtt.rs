//! WebVTT as tools write it. Styles and regions are left out: what they would change is in no cue, and they may name foreign files.

use super::{
    clock,
    found::{Body, Found},
    markup,
};
use crate::webvtt::{self, Words};

pub(super) fn read(text: &str, found: &mut Found) {
    let mut lines = (1..).zip(text.lines()).peekable();
    head(&mut lines, found);
    while let Some((line, first)) = lines.next().filter(|_| !found.is_over()) {
        let word = first.split_ascii_whitespace().next().unwrap_or_default();
        let (line, time) = match word {
            "" => continue,
            "NOTE" | "STYLE" | "REGION" if !first.contains("-->") => {
                if word != "NOTE" {
                    found.note("subtitle_left_out", "styles and regions are left out");
                }
                skip(&mut lines);
                continue;
            }
            // A name of the cue comes before its time.
            _ if !first.contains("-->") => match lines.next_if(|(_, next)| next.contains("-->")) {
                Some(timed) => timed,
                None => {
                    found.fault(line, "there are words that no time belongs to");
                    skip(&mut lines);
                    continue;
                }
            },
            _ => (line, first),
        };
        let mut body = Body::default();
        while let Some((_, words)) = lines.next_if(|(_, words)| !words.trim().is_empty() && !words.contains("-->")) {
            body.add(words);
        }
        match clock::span(time) {
            None => found.fault(line, clock::unreadable(time)),
            Some((start_ms, end_ms, settings)) => found.body(line, (start_ms, end_ms), &body, |text| Words {
                settings: webvtt::settings(settings),
                text: markup::vtt(text),
            }),
        }
    }
}

/// Reads up to the first empty line.
fn head<'a>(lines: &mut impl Iterator<Item = (u32, &'a str)>, found: &mut Found) {
    for (line, header) in lines {
        if header.trim().is_empty() {
            return;
        }
        if line == 1 && !header.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            found.fault(line, "a WebVTT file begins with WEBVTT, alone in its line");
        }
        if header.starts_with("X-TIMESTAMP-MAP") && !header.ends_with("MPEGTS:0") {
            found.note("subtitle_map", "X-TIMESTAMP-MAP is left out: times are those of the film");
        }
        if header.contains("-->") {
            found.fault(line, "there is no empty line before the first cue");
        }
    }
}

/// Goes to the next empty line.
fn skip<'a>(lines: &mut impl Iterator<Item = (u32, &'a str)>) {
    lines.take_while(|(_, line)| !line.trim().is_empty()).for_each(drop);
}
