//! How words look and where they are (TTML2 section 10), as far as WebVTT can say it.

use crate::webvtt::text::Look;

/// What an element says of its look; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    bold: Option<bool>,
    italic: Option<bool>,
    underlined: Option<bool>,
    column: Option<u8>,
}

impl Style {
    pub(super) fn of<'a>(attribute: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            bold: attribute("fontWeight").map(|weight| weight == "bold"),
            italic: attribute("fontStyle").map(|style| matches!(style, "italic" | "oblique")),
            underlined: attribute("textDecoration").map(|decoration| decoration.split(' ').any(|word| word == "underline")),
            column: match attribute("textAlign") {
                Some("left" | "start") => Some(1),
                Some("center") => Some(2),
                Some("right" | "end") => Some(3),
                _ => None,
            },
        }
    }

    /// What holds where `inner` says something, too.
    pub(super) fn then(self, inner: Self) -> Self {
        Self {
            bold: inner.bold.or(self.bold),
            italic: inner.italic.or(self.italic),
            underlined: inner.underlined.or(self.underlined),
            column: inner.column.or(self.column),
        }
    }

    pub(super) fn look(self) -> Look {
        let is = |said: Option<bool>| said.unwrap_or(false);
        Look { bold: is(self.bold), italic: is(self.italic), underlined: is(self.underlined) }
    }
}

/// A part of the picture that words are in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Region {
    pub(super) style: Style,
    /// Upper edge and height, in percent of the picture.
    top: Option<f32>,
    height: Option<f32>,
    /// Where in it the words are: at 0 the upper edge, at 1 the lower one.
    within: Option<f32>,
}

impl Region {
    /// The same region with what `attribute` says of it, whose style is `style`.
    pub(super) fn with<'a>(self, attribute: impl Fn(&str) -> Option<&'a str>, style: Style) -> Self {
        let second = |name: &str| {
            let percent = attribute(name)?.split_ascii_whitespace().nth(1)?.strip_suffix('%')?;
            percent.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
        };
        let within = match attribute("displayAlign") {
            Some("before") => Some(0.0),
            Some("center") => Some(0.5),
            Some("after") => Some(1.0),
            _ => None,
        };
        Self {
            style: self.style.then(style),
            top: second("origin").or(self.top),
            height: second("extent").or(self.height),
            within: within.or(self.within),
        }
    }

    /// The place of words of that style, as on the number pad of a keyboard.
    pub(super) fn place(&self, style: Style) -> u8 {
        let column = style.column.unwrap_or(2);
        if self.top.is_none() && self.within.is_none() {
            return column;
        }
        let (top, within) = (self.top.unwrap_or(0.0), self.within.unwrap_or(0.0));
        match top + self.height.unwrap_or(100.0 - top) * within {
            ..34.0 => column + 6,
            ..67.0 => column + 3,
            _ => column,
        }
    }
}
