//! Cue text while it is put together (WebVTT section 4.2): escaped, in tags that never overlap, without empty lines.

/// How words look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) underlined: bool,
}

impl Look {
    fn tags(self) -> impl DoubleEndedIterator<Item = char> {
        let all = [(self.bold, 'b'), (self.italic, 'i'), (self.underlined, 'u')];
        all.into_iter().filter_map(|(is_on, tag)| is_on.then_some(tag))
    }
}

/// Cue text so far.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// What is marked at the end.
    open: Look,
    /// Whether what comes next stands in another line.
    is_ended: bool,
    text: String,
}

impl Text {
    /// Adds `character`, which looks like `look`. Those that nobody sees are left out.
    pub(crate) fn push(&mut self, character: char, look: Look) {
        if character == '\n' {
            self.is_ended = true;
        } else if !character.is_control() {
            self.change_to(look);
            escape(character, &mut self.text);
        }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The whole text; empty if it has no words.
    pub(crate) fn finish(mut self) -> String {
        self.change_to(Look::default());
        lines(&self.text)
    }

    /// Closes what is marked and marks anew: tags of WebVTT may not overlap.
    fn change_to(&mut self, look: Look) {
        let is_other = look != self.open;
        if is_other {
            self.text.extend(self.open.tags().rev().map(|tag| format!("</{tag}>")));
        }
        if std::mem::take(&mut self.is_ended) {
            self.text.push('\n');
        }
        if is_other {
            self.text.extend(look.tags().map(|tag| format!("<{tag}>")));
        }
        self.open = look;
    }
}

/// Adds `character` to `text`, so that no player takes it for markup.
pub(crate) fn escape(character: char, text: &mut String) {
    match character {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        other => text.push(other),
    }
}

/// Without empty lines, which would end a cue, and without what stands around the words.
pub(crate) fn lines(text: &str) -> String {
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
