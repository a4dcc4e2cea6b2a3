//! From Advanced SubStation Alpha, which libav turns every text format into, to what WebVTT can say: words, lines, italics and the
//! like, and where on the picture. Fonts, colours, drawings and movements are left out.

use std::collections::HashMap;

/// Bytes of a line that are looked at, and of the cue that comes of it: what is longer is no subtitle.
const LINE_BYTES_MAX: usize = 64 << 10;
const TEXT_BYTES_MAX: usize = 8 << 10;

/// What a cue shows, and where: see [`super::Cue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Cue settings.
    pub settings: String,
    /// Cue text.
    pub text: String,
}

/// How words look until something says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    bold: bool,
    italic: bool,
    underlined: bool,
}

/// A named style of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    look: Look,
    place: u8,
}

/// Where words are unless something is said: in the middle of the bottom, as on the number pad of a keyboard.
const USUAL_PLACE: u8 = 2;

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
        let style = fields.nth(2).and_then(|name| self.0.get(name)).copied().unwrap_or_default();
        let mut script = Script { style, look: style.look, open: Look::default(), is_drawing: false, text: String::new() };
        let (mut rest, mut place) = (fields.nth(5).unwrap_or_default(), style.place);
        while let Some(next) = rest.chars().next() {
            let block = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            if let Some((overrides, after)) = block {
                place = script.apply(overrides).unwrap_or(place);
                rest = after;
            } else {
                rest = script.take(next, &rest[next.len_utf8()..]);
            }
            if script.text.len() > TEXT_BYTES_MAX {
                break;
            }
        }
        script.change_to(Look::default());
        Words { settings: settings(place).to_owned(), text: lines(&script.text) }
    }
}

/// A line while it is read.
struct Script {
    style: Style,
    look: Look,
    /// What is marked in the text so far.
    open: Look,
    is_drawing: bool,
    text: String,
}

impl Script {
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
        if self.is_drawing || (shown.is_control() && shown != '\n') {
            return rest;
        }
        if shown != '\n' {
            self.change_to(self.look);
        }
        match shown {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            other => self.text.push(other),
        }
        rest
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

    /// Closes what is marked and marks anew: tags of WebVTT may not overlap.
    fn change_to(&mut self, look: Look) {
        if look == self.open {
            return;
        }
        let closed = self.open.tags().rev().map(|tag| format!("</{tag}>"));
        let opened = look.tags().map(|tag| format!("<{tag}>"));
        self.text.extend(closed.chain(opened));
        self.open = look;
    }
}

impl Look {
    fn tags(self) -> impl DoubleEndedIterator<Item = char> {
        let all = [(self.bold, 'b'), (self.italic, 'i'), (self.underlined, 'u')];
        all.into_iter().filter_map(|(is_on, tag)| is_on.then_some(tag))
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
fn settings(place: u8) -> &'static str {
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

/// Without empty lines, which would end a cue, and without what stands around the words.
fn lines(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    let has_words = lines.iter().any(|line| !only_tags(line));
    if has_words { lines.join("\n") } else { String::new() }
}

fn only_tags(line: &str) -> bool {
    let mut is_inside = false;
    line.chars().all(|character| {
        let is_tag = is_inside || character == '<';
        is_inside = is_tag && character != '>';
        is_tag || character.is_whitespace()
    })
}
