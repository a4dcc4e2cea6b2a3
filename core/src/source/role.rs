//! What chapters are for, by what their authors call them: what viewers pass over when they have seen it before.

use super::Chapter;

/// Longest opening, in milliseconds: what is longer is called so and is the beginning of the film.
const INTRO_MS_MAX: u64 = 3 * 60 * 1000;
/// What openings are called, in words of small letters and digits; "op" and "ed" are what subtitlers of series write.
const INTROS: [&str; 11] = [
    "intro",
    "introduction",
    "opening",
    "opening credits",
    "opening titles",
    "op",
    "title sequence",
    "main titles",
    "vorspann",
    "sigla",
    "cabecera",
];
/// What closing titles are called.
const CREDITS: [&str; 11] = [
    "credits",
    "end credits",
    "closing credits",
    "credit roll",
    "end titles",
    "closing titles",
    "outro",
    "ed",
    "abspann",
    "generique de fin",
    "creditos",
];

/// What a chapter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChapterRole {
    /// The opening, which all episodes have.
    Intro,
    /// The closing titles.
    Credits,
}

impl ChapterRole {
    /// As interfaces say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intro => "intro",
            Self::Credits => "credits",
        }
    }
}

impl Chapter {
    /// What it is for; `None` if it is for itself.
    #[must_use]
    pub fn role(&self) -> Option<ChapterRole> {
        let title = self.title.to_lowercase().replace('é', "e");
        let words = title.split(|of: char| !of.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut words: Vec<&str> = words.collect();
        // "Intro 2", "OP01"
        if words.len() > 1 && words.last().is_some_and(|last| last.bytes().all(|of| of.is_ascii_digit())) {
            words.pop();
        }
        let name = words.join(" ");
        let name = name.trim_end_matches(|of: char| of.is_ascii_digit());
        let is_short = self.end_ms.saturating_sub(self.start_ms) <= INTRO_MS_MAX;
        if INTROS.contains(&name) && is_short {
            Some(ChapterRole::Intro)
        } else {
            CREDITS.contains(&name).then_some(ChapterRole::Credits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(title: &str, end_ms: u64) -> Option<ChapterRole> {
        Chapter { start_ms: 0, end_ms, title: title.to_owned() }.role()
    }

    #[test]
    fn chapters_are_known_by_their_names() {
        for intro in ["Intro", "INTRO", "Opening Credits", "OP", "OP01", "Intro 2", " opening:", "Title Sequence"] {
            assert_eq!(role(intro, 90_000), Some(ChapterRole::Intro), "{intro}");
        }
        for credits in ["Credits", "End Credits", "Outro", "ED", "ED2", "Abspann", "Générique de fin", "Créditos"] {
            assert_eq!(role(credits, 600_000), Some(ChapterRole::Credits), "{credits}");
        }
        for neither in ["", "1", "Chapter 1", "The opening of the tomb", "Ed Wood", "Introducing Ann", "Part 2", "…", "2001"] {
            assert_eq!(role(neither, 90_000), None, "{neither}");
        }
        assert_eq!(role("Opening", 12 * 60_000), None, "that is a part of the story");
    }
}
