//! The markup of cue text in SubRip and WebVTT files, into cue text that no player stumbles over.

use crate::webvtt::{
    ass::Script,
    text::{escape, lines},
};

/// Tags that are open at the same time. Nobody nests deeper.
const DEPTH_MAX: usize = 8;
/// Bytes of a name that a tag gives.
const NAME_BYTES_MAX: usize = 100;
/// Colours that players know without a style (WebVTT section 5).
const COLOURS: [&str; 8] = ["white", "lime", "cyan", "red", "yellow", "magenta", "blue", "black"];

/// SubRip has tags of HTML, and often those of ASS: `<i>`, `{\an8}`. Fonts and colours are left out.
pub(super) fn srt(text: &str) -> crate::webvtt::Words {
    let (mut script, mut rest) = (Script::default(), text);
    while let Some(next) = rest.chars().next() {
        if let Some((tag, after)) = tag(rest) {
            let (name, is_on) = tag.strip_prefix('/').map_or((tag, true), |name| (name, false));
            match name.trim().to_ascii_lowercase().as_str() {
                "b" => script.look.bold = is_on,
                "i" => script.look.italic = is_on,
                "u" => script.look.underlined = is_on,
                "br" | "br/" | "br /" => script.show('\n'),
                _ => {}
            }
            rest = after;
        } else if let Some(after) = Some(rest).filter(|rest| rest.starts_with("{\\")).and_then(|rest| script.block(rest)) {
            rest = after;
        } else if let Some((character, after)) = entity(rest) {
            script.show(character);
            rest = after;
        } else {
            script.show(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    script.finish()
}

/// Cue text of WebVTT as its parser understands it (WebVTT section 6.4), without what needs a style that is not there.
pub(super) fn vtt(text: &str) -> String {
    let (mut open, mut out, mut rest) = (Vec::new(), String::new(), text.trim_end());
    while let Some(next) = rest.chars().next() {
        if next == '<' {
            let (tag, after) = rest[1..].split_once('>').unwrap_or((&rest[1..], ""));
            if let Some(name) = tag.strip_prefix('/') {
                if let Some(last) = open.pop_if(|last: &mut Opened<'_>| last.name == name.trim()) {
                    last.close(&mut out);
                }
            } else if let Some(tag) = Opened::of(tag).filter(|_| open.len() < DEPTH_MAX) {
                out.push_str(&tag.text);
                open.push(tag);
            }
            rest = after;
        } else {
            let (character, after) = entity(rest).unwrap_or((next, &rest[next.len_utf8()..]));
            if character == '\n' || !character.is_control() {
                escape(character, &mut out);
            }
            rest = after;
        }
    }
    open.iter().rev().for_each(|tag| tag.close(&mut out));
    lines(&out)
}

/// A tag of WebVTT that is open.
struct Opened<'a> {
    name: &'a str,
    /// As it is written; empty if it says nothing that we keep.
    text: String,
}

impl<'a> Opened<'a> {
    /// The tag that says `tag`, if its kind is one that we keep.
    fn of(tag: &'a str) -> Option<Self> {
        let (head, spoken) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let mut parts = head.split('.');
        let name = parts.next()?;
        let is_colour = |class: &&str| COLOURS.contains(&class.strip_prefix("bg_").unwrap_or(class));
        let classes: String = parts.filter(is_colour).take(COLOURS.len()).map(|class| format!(".{class}")).collect();
        let spoken = &spoken[..spoken.floor_char_boundary(NAME_BYTES_MAX)];
        let spoken = spoken.replace(|character: char| character.is_control() || character == '<', " ");
        // What ends in dashes would become an arrow.
        let spoken = spoken.trim_end_matches(['-', ' ']).trim_start();
        let text = match name {
            "b" | "i" | "u" | "ruby" | "rt" => format!("<{name}>"),
            "c" if !classes.is_empty() => format!("<c{classes}>"),
            "v" | "lang" if !spoken.is_empty() => format!("<{name}{classes} {spoken}>"),
            "c" | "v" | "lang" => String::new(),
            _ => return None,
        };
        Some(Self { name, text })
    }

    fn close(&self, out: &mut String) {
        if !self.text.is_empty() {
            out.push_str("</");
            out.push_str(self.name);
            out.push('>');
        }
    }
}

/// What a tag of HTML that `text` begins with says, and what follows it.
fn tag(text: &str) -> Option<(&str, &str)> {
    const TAG_BYTES_MAX: usize = 200;
    let inner = text.strip_prefix('<')?;
    let is_tag = inner.trim_start_matches('/').starts_with(|first: char| first.is_ascii_alphabetic());
    let end = inner.bytes().take(TAG_BYTES_MAX).position(|byte| byte == b'>').filter(|_| is_tag)?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// The character that an escape which `text` begins with stands for, and what follows it.
fn entity(text: &str) -> Option<(char, &str)> {
    const NAME_BYTES_MAX: usize = 10;
    let inner = text.strip_prefix('&')?;
    let end = inner.bytes().take(NAME_BYTES_MAX).position(|byte| byte == b';')?;
    let character = match &inner[..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "lrm" => '\u{200e}',
        "rlm" => '\u{200f}',
        other => {
            let number = other.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, &inner[end + 1..]))
}
