//! SubRip, as people write it: numbers may be missing or wrong, fractions may come after dots, and lines of a cue may be apart.

use super::{
    clock,
    found::{Body, Found},
    markup,
};
use crate::webvtt;

/// A cue while it is read.
struct Open<'a> {
    line: u32,
    span: (u64, u64),
    settings: &'a str,
    body: Body,
}

impl Open<'_> {
    fn close(self, found: &mut Found) {
        found.body(self.line, self.span, &self.body, |text| {
            let mut words = markup::srt(text);
            if words.settings.is_empty() {
                words.settings = webvtt::settings(self.settings);
            }
            words
        });
    }
}

pub(super) fn read(text: &str, found: &mut Found) {
    let mut lines = (1..).zip(text.lines().map(str::trim)).peekable();
    let (mut open, mut number, mut is_apart, mut is_lost) = (None::<Open<'_>>, None, true, false);
    while let Some((line, words)) = lines.next().filter(|_| !found.is_over()) {
        if words.is_empty() {
            is_apart = true;
            continue;
        }
        let numbered = clock::number(words, 9);
        let is_next_timed = lines.peek().is_some_and(|(_, next)| clock::is_meant(next));
        let follows = is_apart && numbered.is_some() && numbered == number.map(|number| number + 1);
        if let Some((start_ms, end_ms, settings)) = clock::span(words) {
            let next = Open { line, span: (start_ms, end_ms), settings, body: Body::default() };
            open.replace(next).into_iter().for_each(|cue| cue.close(found));
            is_lost = false;
        } else if numbered.is_some() && is_next_timed {
            number = numbered;
        } else if clock::is_meant(words) || follows && lines.peek().is_some() {
            let wrong = if follows { format!("cue {words} has no time") } else { clock::unreadable(words) };
            open.take().into_iter().for_each(|cue| cue.close(found));
            found.fault(line, wrong);
            (number, is_lost) = (numbered.or(number), true);
        } else if let Some(cue) = &mut open {
            cue.body.add(words);
        } else if !is_lost {
            found.fault(line, "there are words that no time belongs to");
            is_lost = true;
        }
        is_apart = false;
    }
    open.into_iter().for_each(|cue| cue.close(found));
}
