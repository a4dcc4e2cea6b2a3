//! Playlists of a growing video. Nothing is stored: they are what the ledger says at the moment.

use crate::{
    app::App,
    auth::edge::Edge,
    extract::Path,
    problem::{Answer, Problem},
};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::IntoResponse,
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, VideoId},
    object::{Layout, MASTER, Track as Folder, init_path},
    presentation::{Presentation, Track},
    video::Status,
};
use marquee_packager::hls;

/// RFC 8216 section 4 and RFC 8216bis: the registered type of playlists.
const PLAYLIST_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");
/// One second: a hundred thousand viewers of a growing video are one request per second for each edge.
const CACHE: HeaderValue = HeaderValue::from_static("max-age=1");
/// Rungs that end this close to the longest one lead; the others would stop a player that switches to them.
const LEAD_S: f64 = 0.5;

pub(super) async fn show(
    State(app): State<App>,
    _: Edge,
    Path((video, encode, path)): Path<(VideoId, EncodeId, String)>,
) -> Answer<impl IntoResponse> {
    let video = app.deps.db.video(video).await?;
    let is_shown = video.encode == Some(encode) && video.is_playable();
    if !is_shown && !was_shown(&app, video.id, encode).await? {
        return Err(Error::not_found("growing video").into());
    }
    let presentation = app.deps.db.presentation(encode).await?;
    // Every row of the ledger is there before the video leaves `encoding`.
    let ended = !is_shown || video.status != Status::Encoding;
    let layout = Layout::new(video.id, encode);
    let text = render(&presentation, &path, ended, &layout)?.ok_or_else(|| Problem::from(Error::not_found("playlist")))?;
    Ok(([(header::CONTENT_TYPE, PLAYLIST_TYPE), (header::CACHE_CONTROL, CACHE)], text))
}

/// Whether a session may still play what has been replaced by now.
async fn was_shown(app: &App, video: VideoId, encode: EncodeId) -> Result<bool> {
    let encode = app.deps.db.encode(encode).await?;
    Ok(encode.video == video && encode.published_at.is_some())
}

/// The playlist at `path` inside the encode, if there is one.
fn render(presentation: &Presentation, path: &str, ended: bool, layout: &Layout) -> Result<Option<String>> {
    if path == MASTER {
        return Ok(Some(hls::growing_master(&leading(presentation))));
    }
    let mut parts = path.split('/');
    let (Some(folder), Some(id), Some("playlist.m3u8"), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let Some(folder) = Folder::from_folder(folder) else { return Ok(None) };
    let found = presentation.tracks.iter().find(|track| folder_of(track) == folder && track.rendition.id == id);
    let Some(track) = found else { return Ok(None) };
    Ok(Some(hls::media(presentation, track, hls::Kind::Event { ended }, &base(layout, folder, id)?)))
}

/// From `/{token}/live/{video}/{encode}/v/{rung}/` to where the segments are.
fn base(layout: &Layout, folder: Folder, id: &str) -> Result<String> {
    let init = layout.key(&init_path(folder, id))?;
    Ok(format!("../../../../../{}", init.as_str().trim_end_matches("init.mp4")))
}

/// Sound, subtitles, and the rungs that are as long as the longest one.
fn leading(presentation: &Presentation) -> Presentation {
    let pictures = || presentation.tracks.iter().filter(|track| folder_of(track) == Folder::Video);
    let longest_s = pictures().map(end_s).fold(0.0, f64::max);
    let leads = |track: &&Track| folder_of(track) != Folder::Video || end_s(track) >= longest_s - LEAD_S;
    let tracks = presentation.tracks.iter().filter(leads).cloned().collect();
    presentation.with_tracks(tracks)
}

fn end_s(track: &Track) -> f64 {
    let ticks = track.segments.last().map_or(0, |segment| segment.start_ticks + segment.duration_ticks);
    ticks as f64 / f64::from(track.rendition.timescale.max(1))
}

fn folder_of(track: &Track) -> Folder {
    track.rendition.folder()
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{
        presentation::{Media, Rendition, Segment},
        source::Ratio,
    };
    use uuid::Uuid;

    fn track(id: &str, media: Media, segments: u32) -> Track {
        let segment = |number: u32| Segment {
            number,
            start_ticks: u64::from(number - 1) * 6000,
            duration_ticks: 6000,
            size_bytes: 1000,
            iframes: Vec::new(),
        };
        let rendition = Rendition {
            id: id.into(),
            codec: "avc1.64001f".into(),
            timescale: 1000,
            edit_ticks: 0,
            max_bitrate_bps: 1_000_000,
            media,
        };
        Track { rendition, segments: (1..=segments).map(segment).collect() }
    }

    fn picture(id: &str, height: u32, segments: u32) -> Track {
        track(id, Media::Video { width: height * 16 / 9, height, frame_rate: Ratio::new(25, 1) }, segments)
    }

    fn presentation() -> Presentation {
        let sound = Media::Audio {
            group: "aac-128".into(),
            name: "en".into(),
            language: "en".into(),
            default: true,
            channels: 2,
            sample_rate_hz: 48_000,
        };
        Presentation {
            tracks: vec![picture("540p", 540, 1), picture("360p", 360, 3), track("aac-128-0", sound, 5)],
            ..Presentation::default()
        }
    }

    fn shown(path: &str, ended: bool) -> Option<String> {
        let layout = Layout::new(VideoId(Uuid::nil()), EncodeId(Uuid::nil()));
        render(&presentation(), path, ended, &layout).unwrap()
    }

    #[test]
    fn the_master_offers_only_what_leads() {
        let master = shown("master.m3u8", false).unwrap();
        assert!(master.contains("v/360p/playlist.m3u8") && master.contains("a/aac-128-0/playlist.m3u8"), "{master}");
        assert!(!master.contains("540p"), "{master}");
    }

    #[test]
    fn a_growing_playlist_points_at_stored_segments_and_ends_when_told() {
        let nil = "00000000000000000000000000000000";
        let growing = shown("v/360p/playlist.m3u8", false).unwrap();
        assert!(growing.contains(&format!("../../../../../media/vid_{nil}/enc_{nil}/v/360p/000003.m4s")), "{growing}");
        assert!(growing.contains("#EXT-X-PLAYLIST-TYPE:EVENT") && !growing.contains("#EXT-X-ENDLIST"), "{growing}");
        assert!(shown("v/360p/playlist.m3u8", true).unwrap().contains("#EXT-X-ENDLIST"));
    }

    #[test]
    fn what_is_no_playlist_is_not_there() {
        for path in [
            "",
            "v",
            "v/360p",
            "v/360p/init.mp4",
            "x/360p/playlist.m3u8",
            "v/720p/playlist.m3u8",
            "a/360p/playlist.m3u8",
            "v/360p/playlist.m3u8/",
        ] {
            assert_eq!(shown(path, false), None, "{path}");
        }
    }
}
