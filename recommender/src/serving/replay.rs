//! What a choice would have shown in the past.

use super::{Ask, Recommender, RowKind, meter, rows};
use crate::experiment::Settings;
use marquee_core::{
    Result,
    config::Ranking,
    id::{ProfileId, VideoId},
};
use std::collections::HashSet;
use time::OffsetDateTime;

impl Recommender {
    /// The `count` titles that `ranking` would have shown `profile` at the top at `then`, had the deployed model been there: nothing is
    /// drawn by lot, what was done later is not known, and titles that came later are not there.
    ///
    /// # Errors
    /// `NotFound` without such a profile, `Unavailable` if the database does not answer.
    pub async fn would_show(
        &self,
        profile: ProfileId,
        ranking: Ranking,
        then: OffsetDateTime,
        count: usize,
    ) -> Result<HashSet<VideoId>> {
        let shelf = self.shelf().await?;
        let settings = Settings { ranking, exploration_share: 0.0, ..Settings::of(&self.config) };
        let mut viewer = self.viewer(&shelf, &self.db.any_profile(profile).await?, settings, Some(then)).await?;
        let newest = shelf.newest().iter().filter_map(|title| shelf.catalog().title(*title));
        viewer.gone = newest.take_while(|video| meter::added_at(*video).is_some_and(|added_at| added_at > then)).collect();
        let ask = Ask { count, row: Some(RowKind::Top), ..Ask::default() };
        let shown = self.with_scratch(|scratch| rows(&shelf, &viewer, &ask, scratch));
        Ok(shown.iter().flat_map(|row| &row.items).map(|item| item.video).collect())
    }
}
