//! From Advanced SubStation Alpha, which libav turns every text format into, to what WebVTT can say: words, lines, italics and the
//! like, and where on the picture. Fonts, colours, drawings and movements are left out.

use super::text::{Look, Text};
use std::collections::HashMap;

/// Bytes of a line that are looked at, and of the cue that comes of it: what is longer is no subtitle.
const LINE_BYTES_MAX: usize = 64 << 10;
pub(crate) const TEXT_BYTES_MAX: usize = 8 << 10;

/// What a cue shows, and where: see [`super::Cue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Cue settings.
    pub settings: String,
    /// Cue text.
    pub text: String,
}

/// A named style of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    look: Look,
    place: u8,
}

/// Where words are unless something is said: in the middle of the bottom, as on the number pad of a keyboard.
const USUAL_PLACE: u8 = 2;

impl Default for Script {
    fn default() -> Self {
        Self::new(Style::default())
    }
}

impl Default for Style {
    fn default() -> Self {
        Self { look: Look::default(), place: USUAL_PLACE }
    }
}

/// The styles of a script, by name.
#[derive(Clone, Debug, Default)]
pub struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads the head of a script.
    #[must_use]
    pub fn of(head: &str) -> Self {
        let mut styles = HashMap::new();
        let (mut columns, mut is_old) = (Vec::new(), false);
        for line in head.lines().map(str::trim) {
            if line.starts_with('[') {
                // SubStation Alpha, before it was advanced, counted places otherwise.
                is_old = line.eq_ignore_ascii_case("[V4 Styles]");
                columns.clear();
            } else if let Some(names) = line.strip_prefix("Format:") {
                columns = names.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
            } else if let Some(values) = line.strip_prefix("Style:") {
                let values: HashMap<&str, &str> =
                    columns.iter().map(String::as_str).zip(values.split(',').map(str::trim)).collect();
                let number = |name: &str| values.get(name).and_then(|value| value.parse::<i32>().ok()).unwrap_or(0);
                let place = if is_old { old_place(number("alignment")) } else { place(number("alignment")) };
                let look =
                    Look { bold: number("bold") != 0, italic: number("italic") != 0, underlined: number("underline") != 0 };
                if let Some(name) = values.get("name") {
                    styles.insert((*name).to_owned(), Style { look, place: place.unwrap_or(USUAL_PLACE) });
                }
            }
        }
        Self(styles)
    }

    /// The words of a dialogue line as libav's decoders give it: `ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text`.
    #[must_use]
    pub fn words(&self, line: &str) -> Words {
        let mut fields = line[..line.floor_char_boundary(LINE_BYTES_MAX)].splitn(9, ',');
        let style = fields.nth(2).unwrap_or_default();
        self.styled(style, fields.nth(5).unwrap_or_default())
    }

    /// The words of the text of a dialogue, in the style of that name.
    pub(crate) fn styled(&self, style: &str, text: &str) -> Words {
        let mut script = Script::new(self.0.get(style).copied().unwrap_or_default());
        let mut rest = &text[..text.floor_char_boundary(LINE_BYTES_MAX)];
        while let Some(next) = rest.chars().next().filter(|_| script.text.len() <= TEXT_BYTES_MAX) {
            rest = match script.block(rest) {
                Some(after) => after,
                None => script.take(next, &rest[next.len_utf8()..]),
            };
        }
        script.finish()
    }
}

/// A line while it is read.
pub(crate) struct Script {
    style: Style,
    pub(crate) look: Look,
    place: u8,
    is_drawing: bool,
    /// Whether no block ends any more.
    is_plain: bool,
    text: Text,
}

impl Script {
    fn new(style: Style) -> Self {
        let (look, place) = (style.look, style.place);
        Self { style, look, place, is_drawing: false, is_plain: false, text: Text::default() }
    }

    /// What follows the block of tags that `rest` begins with, which are applied; `None` if it begins with none.
    pub(crate) fn block<'a>(&mut self, rest: &'a str) -> Option<&'a str> {
        let inner = rest.strip_prefix('{').filter(|_| !self.is_plain)?;
        let Some((overrides, after)) = inner.split_once('}') else {
            self.is_plain = true;
            return None;
        };
        self.place = self.apply(overrides).unwrap_or(self.place);
        Some(after)
    }

    /// Takes the character `next`, which `rest` follows; answers what is left.
    fn take<'a>(&mut self, next: char, rest: &'a str) -> &'a str {
        let (shown, rest) = match (next, rest.chars().next()) {
            ('\\', Some('N' | 'n')) => ('\n', &rest[1..]),
            ('\\', Some('h')) => ('\u{a0}', &rest[1..]),
            ('\\', Some(brace @ ('{' | '}'))) => (brace, &rest[1..]),
            // libav puts a word joiner after a backslash that means nothing.
            ('\u{2060}', _) => return rest,
            (other, _) => (other, rest),
        };
        self.show(shown);
        rest
    }

    /// Shows a character as it is.
    pub(crate) fn show(&mut self, shown: char) {
        if !self.is_drawing {
            self.text.push(shown, self.look);
        }
    }

    pub(crate) fn finish(self) -> Words {
        Words { settings: settings(self.place).to_owned(), text: self.text.finish() }
    }

    /// Applies the tags of one block, such as `\i1\an8`; answers the place that they name.
    fn apply(&mut self, overrides: &str) -> Option<u8> {
        let mut place = None;
        for tag in overrides.split('\\').skip(1).map(str::trim) {
            let name = tag.trim_end_matches(|character: char| character.is_ascii_digit() || character == '-');
            let value = tag[name.len()..].parse::<i32>().ok();
            match (name, value) {
                ("b", value) => self.look.bold = value.map_or(self.style.look.bold, |weight| weight == 1 || weight > 400),
                ("i", value) => self.look.italic = value.map_or(self.style.look.italic, |on| on != 0),
                ("u", value) => self.look.underlined = value.map_or(self.style.look.underlined, |on| on != 0),
                ("p", Some(scale)) => self.is_drawing = scale > 0,
                ("an", Some(number)) => place = place.or(self::place(number)),
                ("a", Some(number)) => place = place.or(old_place(number)),
                (name, None) if name.starts_with('r') => self.look = self.style.look,
                _ => {}
            }
        }
        place
    }
}

/// A place on the number pad.
fn place(number: i32) -> Option<u8> {
    u8::try_from(number).ok().filter(|place| (1..=9).contains(place))
}

/// The same in the old count: 1 to 3 from left to right, with 4 added at the top and 8 in the middle.
fn old_place(number: i32) -> Option<u8> {
    let column = u8::try_from(number & 3).ok().filter(|column| *column > 0)?;
    match number & 12 {
        0 => Some(column),
        4 => Some(column + 6),
        8 => Some(column + 3),
        _ => None,
    }
}

/// Cue settings of a place on the number pad (WebVTT section 4.4).
pub(crate) fn settings(place: u8) -> &'static str {
    match place {
        1 => "align:left",
        3 => "align:right",
        4 => "line:50% align:left",
        5 => "line:50%",
        6 => "line:50% align:right",
        7 => "line:0 align:left",
        8 => "line:0",
        9 => "line:0 align:right",
        _ => "",
    }
}
