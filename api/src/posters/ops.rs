//! Where posters are, and choosing one.
//!
//! Posters are served by edges, as all that is stored: they are cached once for everybody, the bucket stays private, and a plain
//! `<img>` of any page or television can show them, which sends no access token. Their addresses open nothing of the film: a list must
//! not be a way around pressing play.

use crate::{app::App, auth::Caller, videos};
use marquee_backends::db::{thumbnails::State, videos::Video};
use marquee_core::{
    Error, Result,
    id::{EncodeId, VideoId},
    object::{Layout, poster_path},
    thumbnails::Poster,
    token,
};
use std::collections::HashMap;
use time::OffsetDateTime;
use url::Url;

/// Addresses stay the same for so long, and so do the copies that browsers have.
const SAME_FOR_SECONDS: i64 = 24 * 3600;

/// A poster that an editor may choose.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    /// What it is.
    pub(crate) poster: Poster,
    /// Where it is.
    pub(crate) url: Url,
    /// Whether it stands for the video.
    pub(crate) chosen: bool,
}

/// Where the posters of `videos` are, of those that have one.
pub(crate) async fn of_all(app: &App, videos: impl IntoIterator<Item = &Video>) -> Result<HashMap<VideoId, Url>> {
    let encodes: HashMap<EncodeId, VideoId> = videos.into_iter().filter_map(|video| Some((video.encode?, video.id))).collect();
    let times = app.deps.db.posters(&encodes.keys().copied().collect::<Vec<_>>()).await?;
    let found = times.into_iter().filter_map(|(encode, time_ms)| Some((*encodes.get(&encode)?, encode, time_ms)));
    found.map(|(video, encode, time_ms)| Ok((video, address(app, video, encode, time_ms)?))).collect()
}

/// What there is to choose from, best first.
pub(crate) fn offers(app: &App, video: VideoId, encode: EncodeId, state: &State) -> Result<Vec<Offer>> {
    let State::Stored(made, chosen_ms) = state else { return Ok(Vec::new()) };
    let offer = |poster: &Poster| {
        let url = address(app, video, encode, poster.time_ms)?;
        Ok(Offer { poster: *poster, url, chosen: poster.time_ms == *chosen_ms })
    };
    made.posters.iter().map(offer).collect()
}

/// Lets another picture stand for a video.
pub(crate) async fn choose(app: &App, caller: &Caller, id: VideoId, time_ms: u64) -> Result<Video> {
    let video = videos::ops::find_to_edit(app, caller, id).await?;
    let encode = video.encode.ok_or_else(|| Error::not_found("poster"))?;
    app.deps.db.choose_poster(id, encode, time_ms).await?;
    tracing::info!(video.id = %id, by = %caller.user, time_ms, "poster chosen");
    Ok(video)
}

fn address(app: &App, video: VideoId, encode: EncodeId, time_ms: u64) -> Result<Url> {
    let layout = Layout::new(video, encode);
    let keys = app.keys.live();
    let key = keys.playback.keys.first().ok_or_else(|| Error::internal("no playback key"))?;
    let token = token::sign(key, &layout.thumbs_scope(), expiry(app.deps.clock.now()));
    let path = layout.key(&poster_path(time_ms))?;
    app.deps.edge_url.join(&format!("/{token}/{path}")).map_err(Error::internal)
}

/// The end of the next day: at least a day from now, and the same all day long.
fn expiry(now: OffsetDateTime) -> OffsetDateTime {
    let days = now.unix_timestamp().div_euclid(SAME_FOR_SECONDS);
    OffsetDateTime::from_unix_timestamp((days + 2) * SAME_FOR_SECONDS).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    #[test]
    fn addresses_are_the_same_all_day_and_good_for_a_day_at_least() {
        let end = datetime!(2026-01-03 00:00 UTC);
        assert_eq!(expiry(datetime!(2026-01-01 00:00 UTC)), end);
        assert_eq!(expiry(datetime!(2026-01-01 23:59:59 UTC)), end);
        assert_eq!(expiry(datetime!(2026-01-02 00:00 UTC)), end + Duration::DAY);
    }
}
