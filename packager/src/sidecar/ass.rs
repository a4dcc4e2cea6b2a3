//! Scripts of Advanced SubStation Alpha: what is said, when and where. Fonts and pictures in them are never looked at.

use super::{clock, found::Found};
use crate::webvtt::Styles;

/// Fields of a dialogue where a script does not say: those of version 4+.
const FIELDS: &str = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text";
/// Fields that a script may name.
const FIELDS_MAX: usize = 32;

pub(super) fn read(text: &str, found: &mut Found) {
    let styles = Styles::of(text);
    let (mut is_events, mut fields) = (false, Fields::of(FIELDS).unwrap_or_default());
    for (line, content) in (1..).zip(text.lines().map(str::trim)) {
        if found.is_over() {
            return;
        }
        if content.starts_with('[') && content.ends_with(']') {
            is_events = content.eq_ignore_ascii_case("[Events]");
            if content.eq_ignore_ascii_case("[Fonts]") || content.eq_ignore_ascii_case("[Graphics]") {
                found.note("subtitle_left_out", "fonts and pictures in the script are left out");
            }
        } else if !is_events {
            continue;
        } else if let Some(names) = content.strip_prefix("Format:") {
            match Fields::of(names) {
                Some(named) => fields = named,
                None => found.fault(line, "the events have no Start, no End, or no Text that is their last field"),
            }
        } else if let Some(dialogue) = content.strip_prefix("Dialogue:") {
            fields.read(line, dialogue.trim_start(), &styles, found);
        }
    }
}

/// Where in a dialogue its fields are.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    start: usize,
    end: usize,
    style: Option<usize>,
    count: usize,
}

impl Fields {
    fn of(names: &str) -> Option<Self> {
        let names: Vec<String> = names.split(',').take(FIELDS_MAX).map(|name| name.trim().to_ascii_lowercase()).collect();
        let position = |wanted: &str| names.iter().position(|name| name == wanted);
        // Words may have commas.
        position("text").filter(|position| position + 1 == names.len())?;
        Some(Self { start: position("start")?, end: position("end")?, style: position("style"), count: names.len() })
    }

    fn read(&self, line: u32, dialogue: &str, styles: &Styles, found: &mut Found) {
        let fields: Vec<&str> = dialogue.splitn(self.count, ',').map(str::trim).collect();
        let (Some(text), true) = (fields.last(), fields.len() == self.count) else {
            return found.fault(line, format!("the dialogue has {} fields of {}", fields.len(), self.count));
        };
        let style = self.style.and_then(|position| fields.get(position)).copied().unwrap_or_default();
        let words = styles.styled(style.trim_start_matches('*'), text);
        let (start, end) = (fields[self.start], fields[self.end]);
        match (clock::ms(start), clock::ms(end)) {
            // Drawings have no words, and marks no time.
            _ if words.text.is_empty() => {}
            (Some(start_ms), Some(end_ms)) if start_ms == end_ms => {
                found.note("subtitle_empty", "dialogues that are shown for no time are left out");
            }
            (Some(start_ms), Some(end_ms)) => found.cue(line, start_ms, end_ms, words),
            (None, _) => found.fault(line, clock::unreadable(start)),
            (_, None) => found.fault(line, clock::unreadable(end)),
        }
    }
}
