//! What is asked, and what is answered.

use crate::model::{Reason, Term};
use marquee_core::id::VideoId;
use serde::Serialize;

/// Which titles are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ask {
    /// Titles in a row.
    pub count: usize,
    /// One row alone; `None`: all rows of a home page.
    pub row: Option<RowKind>,
    /// Only titles of this genre.
    pub genre: Option<String>,
    /// Only titles in this language.
    pub language: Option<String>,
    /// Only titles that may be shown in this territory (ISO 3166-1 alpha-2).
    pub territory: Option<String>,
}

/// A row of titles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// What the profile may like best.
    Top,
    /// What goes with a title that it watched.
    BecauseYouWatched(VideoId),
    /// What is like a title, watched or not.
    MoreLikeThis(VideoId),
    /// What many watch lately.
    Trending,
    /// What came lately, the most fitting first.
    New,
    /// What it liked, and may like again.
    WatchAgain,
    /// The best of a genre.
    Genre(String),
}

impl RowKind {
    /// How it is named in events: letters, digits, `_`, `:` and what genres have.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Top => "top".to_owned(),
            Self::BecauseYouWatched(video) => format!("because:{video}"),
            Self::MoreLikeThis(video) => format!("like:{video}"),
            Self::Trending => "trending".to_owned(),
            Self::New => "new".to_owned(),
            Self::WatchAgain => "again".to_owned(),
            Self::Genre(genre) => format!("genre:{}", genre.to_lowercase()),
        }
    }

    /// The same with its genre in lower case.
    pub(super) fn in_lower_case(self) -> Self {
        match self {
            Self::Genre(genre) => Self::Genre(genre.to_lowercase()),
            other => other,
        }
    }

    /// The row of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, of) = name.split_once(':').unwrap_or((name, ""));
        match (kind, of) {
            ("top", "") => Some(Self::Top),
            ("trending", "") => Some(Self::Trending),
            ("new", "") => Some(Self::New),
            ("again", "") => Some(Self::WatchAgain),
            ("because", video) => video.parse().ok().map(Self::BecauseYouWatched),
            ("like", video) => video.parse().ok().map(Self::MoreLikeThis),
            ("genre", genre) if (1..=GENRE_CHARS_MAX).contains(&genre.chars().count()) => Some(Self::Genre(genre.to_owned())),
            _ => None,
        }
    }
}

/// Longest genre that has a row: the names of rows in events are bounded.
pub(super) const GENRE_CHARS_MAX: usize = 40;

/// A row as it is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub kind: RowKind,
    /// Its titles, best first.
    pub items: Vec<Recommendation>,
}

/// One recommended title.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// Which.
    pub video: VideoId,
    /// Why.
    pub reason: Reason,
    /// How likely it was to be in the list: 1 for what was chosen, less for what was drawn to learn about it.
    pub propensity: f32,
}

/// What every term says of one title for one profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgment {
    /// Its place among the titles in question, from 1; `None` if it is not to be shown.
    pub place: Option<usize>,
    /// Titles in question.
    pub among: usize,
    /// What is said of it in all.
    pub score: f32,
    /// What each term adds, the most first.
    pub terms: Vec<(Term, f32)>,
    /// Why it would be shown.
    pub reason: Reason,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn rows_have_names_that_are_read_again() {
        let video = VideoId(Uuid::from_u128(7));
        let rows = [
            RowKind::Top,
            RowKind::BecauseYouWatched(video),
            RowKind::MoreLikeThis(video),
            RowKind::Trending,
            RowKind::New,
            RowKind::WatchAgain,
            RowKind::Genre("drama".to_owned()),
        ];
        for row in rows {
            assert_eq!(RowKind::parse(&row.name()), Some(row.clone()), "{row:?}");
            assert!(row.name().len() <= 50);
        }
        for name in ["", "top:5", "because:", "because:vid_1", "genre:", "best"] {
            assert_eq!(RowKind::parse(name), None, "{name}");
        }
    }
}
