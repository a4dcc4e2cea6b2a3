//! What pressing play does.

use crate::{app::App, auth::Caller, videos};
use marquee_backends::db::{events::Position, videos::Video};
use marquee_core::{
    Error, Result,
    id::{ProfileId, VideoId},
    object::{Layout, MANIFEST, MASTER, TILES},
    protection::{Protected, Scheme, System},
    token,
    video::Status,
};
use time::{Duration, OffsetDateTime};
use url::Url;

/// A viewer may pause for this long beyond the video's length.
const SLACK: Duration = Duration::hours(4);
/// No address works longer than this.
const LIFE_MAX: Duration = Duration::hours(24);
/// Whoever has seen this part of a video has seen it, and begins anew.
const SEEN: f64 = 0.97;

/// A right to play a video for a while.
pub(crate) struct Session {
    /// The multivariant playlist.
    pub(crate) hls: Url,
    /// The DASH manifest, of a title that is ready and was published with one.
    pub(crate) dash: Option<Url>,
    /// The index of preview pictures, once there are some.
    pub(crate) thumbnails: Option<Url>,
    /// How what it plays is protected; `None` if it is in the clear.
    pub(crate) protected: Option<Licences>,
    /// When the address ends.
    pub(crate) expires_at: OffsetDateTime,
    /// Where to begin.
    pub(crate) resume_ms: u64,
    /// The video.
    pub(crate) video: Video,
}

/// Where a player gets licences.
pub(crate) struct Licences {
    /// How samples are encrypted.
    pub(crate) scheme: Scheme,
    /// What it can be played with: key systems of Encrypted Media Extensions, and the addresses of their licence servers.
    pub(crate) systems: Vec<(&'static str, Option<String>)>,
    /// A multivariant playlist for players that have no licences and fetch keys by their addresses, if there is one.
    pub(crate) hls_by_key: Option<Url>,
}

/// Opens a playback session for `profile`, or the caller's default one.
pub(crate) async fn open(app: &App, caller: &Caller, id: VideoId, profile: Option<ProfileId>) -> Result<Session> {
    let video = videos::ops::find(app, caller, id).await?;
    let Some(encode) = video.encode.filter(|_| video.is_playable()) else { return Err(not_playable(&video)) };
    let profile = match profile {
        Some(profile) => app.deps.db.profile(caller.user, profile).await?,
        None => app.deps.db.default_profile(caller.user).await?,
    };
    let position = app.deps.db.position(profile.id, id).await?;
    let expires_at = expiry(app.deps.clock.now(), video.duration_ms);
    let keys = app.keys.live();
    let key = keys.playback.keys.first().ok_or_else(|| Error::internal("no playback key"))?;
    let scope = Layout::new(id, encode).scope();
    let token = token::sign(key, &scope, expires_at);
    let address = |tree, path| -> Result<Url> {
        app.deps.edge_url.join(&format!("/{token}/{tree}/{scope}/{path}")).map_err(Error::internal)
    };
    // While a video grows its playlists are rendered by the API, then they are files; the edge serves both.
    let hls = address(if video.status == Status::Ready { "media" } else { "live" }, MASTER)?;
    let offer = app.deps.db.offer(encode).await?;
    let licences = |protected| licences(app, protected, (&scope, &token), address("live", MASTER)?);
    let protected = offer.protected.as_ref().map(licences).transpose()?;
    let dash = offer.dash.then(|| address("media", MANIFEST)).transpose()?;
    let thumbnails = offer.tiles.then(|| address("media", TILES)).transpose()?;
    Ok(Session { hls, dash, thumbnails, protected, expires_at, resume_ms: resume_ms(position, video.duration_ms), video })
}

fn licences(app: &App, protected: &Protected, (scope, token): (&str, &str), rendered: Url) -> Result<Licences> {
    let system = |system: &System| {
        Ok(match system {
            System::ClearKey { .. } => {
                let mut url = app.deps.public_url.join(&format!("/v1/licences/{scope}")).map_err(Error::internal)?;
                url.query_pairs_mut().append_pair("token", token);
                ("org.w3.clearkey", Some(url.into()))
            }
            System::Widevine { licence_url } => ("com.widevine.alpha", licence_url.clone()),
            System::PlayReady { licence_url } => ("com.microsoft.playready", licence_url.clone()),
            System::FairPlay { .. } => ("com.apple.fps", None),
        })
    };
    let systems = protected.systems.iter().map(system).collect::<Result<_>>()?;
    let by_key = |system: &System| matches!(system, System::ClearKey { key_url: Some(_) });
    let hls_by_key = protected.systems.iter().any(by_key).then_some(rendered);
    Ok(Licences { scheme: protected.choice.scheme, systems, hls_by_key })
}

fn expiry(now: OffsetDateTime, duration_ms: Option<u64>) -> OffsetDateTime {
    let length = Duration::milliseconds(i64::try_from(duration_ms.unwrap_or(0)).unwrap_or(i64::MAX));
    now + length.saturating_add(SLACK).min(LIFE_MAX)
}

fn resume_ms(position: Option<Position>, duration_ms: Option<u64>) -> u64 {
    let Some(position) = position else { return 0 };
    let seen = duration_ms.is_some_and(|duration| position.position_ms as f64 >= duration as f64 * SEEN);
    if seen { 0 } else { position.position_ms }
}

fn not_playable(video: &Video) -> Error {
    let why = match video.status {
        Status::Failed => "it failed, see its failure",
        Status::Created | Status::Uploading => "its film has not arrived",
        _ => "its first seconds are being encoded, try again shortly",
    };
    Error::conflict("not_playable_yet", format!("the video cannot be played yet: {why}"))
}

/// Why a video that plays has no DASH manifest.
pub(crate) fn no_dash() -> Error {
    let message =
        "the video has no DASH manifest: it still grows, or was published by an earlier version and has to be encoded anew";
    Error::conflict("no_dash", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    #[test]
    fn addresses_outlive_the_video_but_not_a_day() {
        assert_eq!(expiry(NOW, None), NOW + Duration::hours(4));
        assert_eq!(expiry(NOW, Some(3_600_000)), NOW + Duration::hours(5));
        assert_eq!(expiry(NOW, Some(u64::MAX)), NOW + Duration::hours(24));
    }

    #[test]
    fn a_video_that_was_seen_begins_anew() {
        let at = |position_ms| Some(Position { position_ms, finished: false });
        assert_eq!(resume_ms(None, Some(1000)), 0);
        assert_eq!(resume_ms(at(500), Some(1000)), 500);
        assert_eq!(resume_ms(at(980), Some(1000)), 0);
        assert_eq!(resume_ms(at(500), None), 500);
    }
}
