//! Names of tracks in a player's menu.

use super::SubtitleRendition;
use crate::language;
use std::collections::BTreeSet;

/// For each track, by title and language, its title, else the name of its language. Tracks that would share a name are numbered, past the names
/// that others have.
pub(super) fn names<'a>(tracks: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> Vec<String> {
    let labels: Vec<String> = tracks.map(|(title, language)| label(title, language)).collect();
    let is_shared = |label: &str| labels.iter().filter(|other| *other == label).count() > 1;
    let mut taken: BTreeSet<String> = labels.iter().filter(|label| !is_shared(label)).cloned().collect();
    let name = |label: &String| {
        if !is_shared(label) {
            return label.clone();
        }
        let mut number = 1;
        while !taken.insert(format!("{label} {number}")) {
            number += 1;
        }
        format!("{label} {number}")
    };
    labels.iter().map(name).collect()
}

/// The name of one more track beside `others`, which keep theirs.
pub(super) fn name_beside(others: &[SubtitleRendition], title: Option<&str>, language: &str) -> String {
    let label = label(title, language);
    let is_free = |name: &String| others.iter().all(|other| other.name != *name);
    let numbered = (2..).map(|number| format!("{label} {number}"));
    std::iter::once(label.clone()).chain(numbered).find(is_free).unwrap_or_default()
}

/// What a track calls itself, without what playlists and menus cannot show.
fn label(title: Option<&str>, language: &str) -> String {
    let shown = |character: char| if character == '"' || character.is_control() { ' ' } else { character };
    let title: String = title.unwrap_or_default().chars().map(shown).collect();
    let title = title.trim();
    if title.is_empty() { language::name(language) } else { title.to_owned() }
}
