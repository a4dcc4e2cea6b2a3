//! Recommendations as people read them.

use crate::{app::App, posters};
use marquee_backends::db::videos::Video;
use marquee_core::{Result, id::VideoId};
use marquee_recommender::{
    Reason, Window,
    serving::{Answer, Recommendation, RowKind},
};
use std::collections::HashMap;
use url::Url;

/// What is shown of titles.
pub(super) struct Described {
    videos: HashMap<VideoId, Video>,
    posters: HashMap<VideoId, Url>,
}

impl Described {
    /// What is shown of all titles of `answer`, and of those that are reasons.
    pub(super) async fn of(app: &App, answer: &Answer) -> Result<Self> {
        let items = || answer.rows.iter().flat_map(|row| &row.items);
        let reasons = items().filter_map(|item| match item.reason {
            Reason::BecauseYouWatched { video } | Reason::Like { video } => Some(video),
            Reason::Popular { .. } | Reason::WatchedBefore | Reason::New => None,
        });
        let rows = answer.rows.iter().filter_map(|row| match row.kind {
            RowKind::BecauseYouWatched(video) | RowKind::MoreLikeThis(video) => Some(video),
            _ => None,
        });
        let mut ids: Vec<VideoId> = items().map(|item| item.video).chain(reasons).chain(rows).collect();
        ids.sort_unstable();
        ids.dedup();
        let videos: HashMap<_, _> = app.deps.db.videos(&ids).await?.into_iter().map(|video| (video.id, video)).collect();
        let posters = posters::ops::of_all(app, videos.values()).await?;
        Ok(Self { videos, posters })
    }

    pub(super) fn video(&self, item: &Recommendation) -> Option<&Video> {
        self.videos.get(&item.video)
    }

    pub(super) fn poster(&self, item: &Recommendation) -> Option<Url> {
        self.posters.get(&item.video).cloned()
    }

    /// One short sentence for people.
    pub(super) fn reason(&self, reason: Reason) -> String {
        match reason {
            Reason::BecauseYouWatched { video } => self.because(video),
            Reason::Like { video } => self.like(video),
            Reason::Popular { window: Window::Week } => "Popular this week".to_owned(),
            Reason::Popular { window: Window::Month } => "Popular this month".to_owned(),
            Reason::Popular { window: Window::Ever } => "Popular".to_owned(),
            Reason::WatchedBefore => "You liked it before".to_owned(),
            Reason::New => "New".to_owned(),
        }
    }

    /// What stands above a row.
    pub(super) fn heading(&self, kind: &RowKind) -> String {
        match kind {
            RowKind::Top => "Top picks".to_owned(),
            RowKind::BecauseYouWatched(video) => self.because(*video),
            RowKind::MoreLikeThis(video) => self.like(*video),
            RowKind::Trending => "Trending".to_owned(),
            RowKind::New => "New for you".to_owned(),
            RowKind::WatchAgain => "Watch again".to_owned(),
            RowKind::Genre(genre) => {
                let mut chars = genre.chars();
                chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
            }
        }
    }

    fn like(&self, video: VideoId) -> String {
        self.videos.get(&video).map_or_else(|| "More like this".to_owned(), |video| format!("More like {}", video.title))
    }

    fn because(&self, video: VideoId) -> String {
        let title = self.videos.get(&video).map(|video| video.title.as_str());
        title.map_or_else(|| "Like what you watched".to_owned(), |title| format!("Because you watched {title}"))
    }
}

/// How a reason is called in code.
pub(super) fn code(reason: Reason) -> &'static str {
    match reason {
        Reason::BecauseYouWatched { .. } => "because_you_watched",
        Reason::Like { .. } => "like",
        Reason::Popular { .. } => "popular",
        Reason::WatchedBefore => "watched_before",
        Reason::New => "new",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_reason_and_every_row_reads_well() {
        let video = VideoId(Uuid::nil());
        let nothing = Described { videos: HashMap::new(), posters: HashMap::new() };
        assert_eq!(nothing.reason(Reason::BecauseYouWatched { video }), "Like what you watched");
        assert_eq!(nothing.reason(Reason::Popular { window: Window::Week }), "Popular this week");
        assert_eq!(nothing.heading(&RowKind::MoreLikeThis(video)), "More like this");
        assert_eq!(nothing.heading(&RowKind::Genre("science fiction".to_owned())), "Science fiction");
    }
}
