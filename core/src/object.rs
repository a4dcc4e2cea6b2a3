//! Names of stored objects. Every object is immutable; its name is the same in every store and, behind the token, on every edge.

use crate::{
    Error, Result,
    id::{DeltaId, EncodeId, ModelId, UploadId, VideoId},
};
use std::fmt;

/// Longest key: what every object store takes.
const KEY_LENGTH_MAX: usize = 512;

/// The name of an object: segments of `[A-Za-z0-9._-]` joined by `/`, none empty or starting with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks a key that came from outside.
    ///
    /// # Errors
    /// `Invalid` for anything that could climb out of the store or that some store would not take.
    pub fn parse(text: &str) -> Result<Self> {
        let good_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let good_segment = |segment: &str| !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(good_byte);
        if text.len() <= KEY_LENGTH_MAX && text.split('/').all(good_segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid("invalid_key", "this is not the name of an object"))
        }
    }

    /// `sources/{video}/{upload}`: an uploaded original.
    #[must_use]
    pub fn source(video: VideoId, upload: UploadId) -> Self {
        Self(format!("sources/{video}/{upload}"))
    }

    /// `models/{model}`: a trained recommender.
    #[must_use]
    pub fn model(model: ModelId) -> Self {
        Self(format!("models/{model}"))
    }

    /// `deltas/{model}/{delta}`: what was learned since a recommender was trained.
    #[must_use]
    pub fn delta(model: ModelId, delta: DeltaId) -> Self {
        Self(format!("deltas/{model}/{delta}"))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The layout of one encode, relative to its folder: the same in the store and in the directory of `marquee encode`.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    video: VideoId,
    encode: EncodeId,
}

impl Layout {
    /// The layout of `media/{video}/{encode}/`.
    #[must_use]
    pub fn new(video: VideoId, encode: EncodeId) -> Self {
        Self { video, encode }
    }

    /// The scope that a playback token grants, `{video}/{encode}`.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}/{}", self.video, self.encode)
    }

    /// The scope of a token that opens the title's pictures and nothing of the film, `{video}/{encode}/thumbs`.
    #[must_use]
    pub fn thumbs_scope(&self) -> String {
        format!("{}/{THUMBS}", self.scope())
    }

    /// The object at `path` (see [`self`] functions below) inside the encode.
    ///
    /// # Errors
    /// `Invalid` for a path that leaves the encode: names of renditions come from processes that read hostile bytes.
    pub fn key(&self, path: &str) -> Result<Key> {
        Key::parse(&format!("media/{}/{}/{path}", self.video, self.encode))
    }
}

/// The HLS multivariant playlist.
pub const MASTER: &str = "master.m3u8";

/// The chapters of a title, where it has any.
pub const CHAPTERS: &str = "chapters.json";

/// The DASH manifest.
pub const MANIFEST: &str = "manifest.mpd";

/// The folder of a title's pictures.
pub const THUMBS: &str = "thumbs";

/// The index of a title's tiles, a WebVTT file whose cues name parts of sheets.
pub const TILES: &str = "thumbs/index.vtt";

/// The same as an HLS image playlist.
pub const IMAGES: &str = "thumbs/images.m3u8";

/// A kind of rendition, by the folder it lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    /// `v/{rung}`
    Video,
    /// `a/{track}`
    Audio,
    /// `s/{track}`
    Text,
}

impl Track {
    /// Folder name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Video => "v",
            Self::Audio => "a",
            Self::Text => "s",
        }
    }

    /// The track that lives in folder `name`.
    #[must_use]
    pub fn from_folder(name: &str) -> Option<Self> {
        [Self::Video, Self::Audio, Self::Text].into_iter().find(|track| track.folder() == name)
    }

    /// Whether its segments need an init segment. Those of text stand by themselves (RFC 8216 section 3.5).
    #[must_use]
    pub fn has_init(self) -> bool {
        self != Self::Text
    }

    /// How names of its segments end.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Video | Self::Audio => "m4s",
            Self::Text => "vtt",
        }
    }
}

/// `v/{rung}/init.mp4`
#[must_use]
pub fn init_path(track: Track, rendition: &str) -> String {
    format!("{}/{rendition}/init.mp4", track.folder())
}

/// `v/{rung}/000001.m4s`; numbers start at 1.
#[must_use]
pub fn segment_path(track: Track, rendition: &str, number: u32) -> String {
    format!("{}/{rendition}/{}", track.folder(), segment_name(track, number))
}

/// Name of a segment in its rendition's folder, such as `000001.m4s`.
#[must_use]
pub fn segment_name(track: Track, number: u32) -> String {
    format!("{number:06}.{}", track.extension())
}

/// `s/{track}/whole.vtt`: subtitles in one file, for players that take no segments of text.
#[must_use]
pub fn subtitles_path(rendition: &str) -> String {
    format!("s/{rendition}/whole.vtt")
}

/// `v/{rung}/playlist.m3u8`
#[must_use]
pub fn playlist_path(track: Track, rendition: &str) -> String {
    format!("{}/{rendition}/playlist.m3u8", track.folder())
}

/// `v/{rung}/iframes.m3u8`
#[must_use]
pub fn iframes_path(rendition: &str) -> String {
    format!("v/{rendition}/iframes.m3u8")
}

/// `thumbs/poster-12500.jpg`: what the film shows at that time. Another attempt that chooses another time meets no object of this one.
#[must_use]
pub fn poster_path(time_ms: u64) -> String {
    format!("thumbs/poster-{time_ms}.jpg")
}

/// `thumbs/tiles-0001.jpg`; numbers start at 1.
#[must_use]
pub fn sheet_path(number: u32) -> String {
    format!("thumbs/tiles-{number:04}.jpg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_climb_or_hide_are_refused() {
        for bad in ["", "/", "a//b", "../a", "a/../b", "a/.", "a/.hidden", "a b", "a\\b", "ä", "a/%2e", "a?b", &"a".repeat(600)]
        {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
        assert!(Key::parse("media/vid_1/enc_2/v/540p/000001.m4s").is_ok());
    }

    #[test]
    fn no_path_leaves_its_encode() {
        let layout = Layout::new(VideoId(uuid::Uuid::nil()), EncodeId(uuid::Uuid::nil()));
        let key = layout.key(&segment_path(Track::Video, "540p", 1)).unwrap();
        assert_eq!(key.as_str(), format!("media/{}/v/540p/000001.m4s", layout.scope()));
        for id in ["../../other/enc_1/v/540p", "..", "", "a//b", ".hidden", "540p\0", "540p?x"] {
            assert!(layout.key(&init_path(Track::Video, id)).is_err(), "{id}");
        }
    }
}
