//! Timed Text Markup Language (W3C TTML2), of which IMSC text is a part: words, when they are shown, how they look, and roughly where.
//! Elements and attributes are known by their local names. Nothing outside the file is ever looked at, and no entity is expanded but
//! those of XML itself.

mod paragraph;
mod style;
mod time;

use super::found::Found;
use paragraph::Paragraph;
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use std::collections::HashMap;
use style::{Region, Style};
use time::{Clock, Span};

/// Elements within each other. Files have about six.
const DEPTH_MAX: usize = 32;
/// Bytes of the name of a region or a style.
const NAME_BYTES_MAX: usize = 200;

/// What an element is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The root.
    Document,
    /// One of the head, a container of time, or a part of a paragraph.
    Content,
    Region,
    Paragraph,
    /// Not understood, and so is what it holds.
    Other,
}

/// An element that is open.
struct Element {
    kind: Kind,
    span: Span,
    style: Style,
    region: Option<String>,
    keeps_space: bool,
}

/// A document while it is read.
struct Document<'a> {
    found: &'a mut Found,
    clock: Clock,
    styles: HashMap<String, Style>,
    regions: HashMap<String, Region>,
    open: Vec<Element>,
    paragraph: Option<Paragraph>,
}

pub(super) fn read(text: &str, found: &mut Found) {
    let mut reader = Reader::from_str(text);
    let (mut line, mut counted) = (1, 0);
    let (styles, regions) = (HashMap::new(), HashMap::new());
    let mut document = Document { found, clock: Clock::default(), styles, regions, open: Vec::new(), paragraph: None };
    loop {
        let event = reader.read_event();
        let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        let passed = &text.as_bytes()[counted..position.max(counted)];
        let begins_at = line;
        line += passed.iter().filter(|byte| **byte == b'\n').count() as u32;
        counted = position.max(counted);
        let event = match event {
            Ok(event) => event,
            Err(error) => return document.found.fault(line, format!("this is not XML: {error}")),
        };
        match event {
            Event::Eof => break,
            Event::Start(start) => document.begin(begins_at, &start),
            Event::Empty(start) => {
                document.begin(begins_at, &start);
                document.end();
            }
            Event::End(_) => document.end(),
            Event::Text(text) => document.say(&text),
            Event::CData(text) => document.say(&text),
            Event::GeneralRef(name) => match referred(&name) {
                Some(character) => document.say(character.encode_utf8(&mut [0; 4])),
                None => document.found.fault(line, "entities are not allowed, but those of XML itself"),
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        if document.open.len() > DEPTH_MAX {
            return document.found.fault(line, format!("elements are nested deeper than {DEPTH_MAX}"));
        }
        if document.found.is_over() {
            return;
        }
    }
    if !document.open.is_empty() {
        document.found.fault(line, "the file ends in the middle: it was cut off");
    }
}

impl Document<'_> {
    fn begin(&mut self, line: u32, start: &BytesStart<'_>) {
        let attributes = attributes(start);
        let attribute = |name: &str| attributes.get(name).map(String::as_str);
        let name = |name: &str| attribute(name).filter(|id| id.len() <= NAME_BYTES_MAX);
        let parent = self.open.last();
        let kind = match (start.local_name().as_ref(), parent.map(|parent| parent.kind)) {
            ("tt", None) => Kind::Document,
            (_, None | Some(Kind::Other)) => Kind::Other,
            ("region", _) => Kind::Region,
            ("p", _) => Kind::Paragraph,
            ("head" | "styling" | "layout" | "style" | "body" | "div" | "span" | "br", _) => Kind::Content,
            _ => Kind::Other,
        };
        if kind == Kind::Document {
            self.clock = Clock::of(attribute).unwrap_or_else(|wrong| {
                self.found.fault(line, wrong);
                Clock::default()
            });
        } else if self.open.is_empty() {
            self.found.fault(line, "the root of a TTML file is called tt");
        }
        let own = self.style(attribute);
        let mut style = parent.map(|parent| parent.style).unwrap_or_default();
        match (start.local_name().as_ref(), name("id"), parent.and_then(|parent| parent.region.clone())) {
            ("style", Some(id), _) => {
                self.styles.insert(id.to_owned(), own);
            }
            ("style", None, Some(region)) => {
                // A style within a region is the region's.
                let whole = self.regions.entry(region).or_default();
                *whole = whole.with(attribute, own);
            }
            ("region", Some(id), _) => {
                self.regions.insert(id.to_owned(), Region::default().with(attribute, own));
            }
            _ => style = style.then(own),
        }
        let region = if kind == Kind::Region { name("id") } else { name("region") };
        let region = region.map(str::to_owned).or_else(|| parent.and_then(|parent| parent.region.clone()));
        let keeps_space = attribute("space").map_or(parent.is_some_and(|parent| parent.keeps_space), |space| space == "preserve");
        let within = parent.map(|parent| parent.span).unwrap_or_default();
        let span = self.clock.span(within, attribute).unwrap_or_else(|wrong| {
            self.found.fault(line, wrong);
            Span { end_ms: Some(within.start_ms), ..within }
        });
        if kind == Kind::Paragraph {
            let region = region.as_ref().and_then(|id| self.regions.get(id)).copied().unwrap_or_default();
            self.paragraph = Some(Paragraph::new(line, region));
        }
        self.open.push(Element { kind, span, style, region, keeps_space });
        if start.local_name().as_ref() == "br" {
            self.break_line();
        }
    }

    fn end(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        if let Some(parent) = self.open.last_mut() {
            parent.span.pass(&closed.span);
        }
        if closed.kind == Kind::Paragraph
            && let Some(paragraph) = self.paragraph.take()
        {
            paragraph.close(self.found);
        }
    }

    /// Adds words to the paragraph that is open.
    fn say(&mut self, words: &str) {
        let (Some(paragraph), Some(element)) = (&mut self.paragraph, self.open.last()) else { return };
        if element.kind != Kind::Other {
            let shown = |character: char| if character.is_whitespace() && !element.keeps_space { ' ' } else { character };
            paragraph.say(element.span, element.style, words.chars().map(shown));
        }
    }

    fn break_line(&mut self) {
        if let (Some(paragraph), Some(element)) = (&mut self.paragraph, self.open.last()) {
            paragraph.say(element.span, element.style, ['\n']);
        }
    }

    /// The style of an element by itself: those that it names, in their order, and what it says.
    fn style<'b>(&self, attribute: impl Fn(&str) -> Option<&'b str>) -> Style {
        let named = attribute("style").unwrap_or_default().split_ascii_whitespace().filter_map(|id| self.styles.get(id));
        named.fold(Style::default(), |style, named| style.then(*named)).then(Style::of(attribute))
    }
}

/// The attributes of an element, by their local names. What is not XML there is left out.
fn attributes(start: &BytesStart<'_>) -> HashMap<String, String> {
    /// An element has about ten.
    const ATTRIBUTES_MAX: usize = 64;
    let mut attributes = start.attributes();
    let attributes = attributes.with_checks(false).take(ATTRIBUTES_MAX).filter_map(|attribute| {
        let attribute = attribute.ok()?;
        let name = attribute.key.local_name().as_ref().to_owned();
        Some((name, attribute.normalized_value(XmlVersion::default()).ok()?.into_owned()))
    });
    attributes.collect()
}

/// The character that `&name;` stands for, in XML itself.
fn referred(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
