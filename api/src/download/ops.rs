//! What is in the file, and reading it.

use crate::{app::App, auth::Caller, videos};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, ByteStream},
    id::{EncodeId, VideoId},
    object::{Key, Layout, init_path, segment_path},
    presentation::{Media, Presentation, Segment, Track},
    video::Status,
};
use marquee_packager::{
    cmaf::read::{self, Fragment, Head},
    progressive::{Piece, Progressive, Source},
};
use std::{ops::Range, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of a fragment's beginning that are read at first: most say there what they are.
const HEAD_BYTES: u64 = 4096;
/// Bytes that saying it may take.
const HEAD_BYTES_MAX: u64 = 4 << 20;
/// Segments whose fragments are looked at a time.
const LOOKS_MAX: usize = 32;
/// Pieces that are opened while one is being sent.
const PIECES_AHEAD: usize = 2;

/// What to put into the file; what is named by nobody is the best there is.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Name of a rung.
    pub(crate) rung: Option<String>,
    /// Name of a rendition of sound.
    pub(crate) audio: Option<String>,
}

/// A title as one file.
pub(crate) struct Download {
    /// What to call it.
    pub(crate) title: String,
    /// The encode, and the renditions of it: what the bytes depend on.
    pub(crate) etag: String,
    file: Progressive,
    /// Keys of the segments, by rendition.
    keys: Vec<Vec<Key>>,
    blobs: Arc<dyn Blobs>,
    /// Given back when the last byte is sent.
    slot: OwnedSemaphorePermit,
}

/// The title as a file, for those who may change it.
pub(crate) async fn prepare(app: &App, caller: &Caller, id: VideoId, wanted: &Wanted) -> Result<Download> {
    let video = videos::ops::find_to_edit(app, caller, id).await?;
    let Some(encode) = video.encode.filter(|_| video.status == Status::Ready) else {
        return Err(Error::conflict("not_ready", "the video cannot be downloaded yet: wait until it is ready"));
    };
    let busy =
        || Error::new(ErrorKind::Unavailable, "too_many_downloads", "too many downloads are going on here: try again later");
    let slot = app.downloads.clone().try_acquire_owned().map_err(|_| busy())?;
    let presentation = app.deps.db.presentation(encode).await?;
    if presentation.protected.is_some() {
        let message =
            "the video is protected: order a change with protection none and download it then, or take its keys and segments";
        return Err(Error::conflict("protected", message));
    }
    let tracks = choose(&presentation, wanted)?;
    let blobs = app.deps.blobs.clone();
    let mut sources = Vec::new();
    let mut keys = Vec::new();
    for track in &tracks {
        let stored = Stored { blobs: &*blobs, layout: Layout::new(id, encode), track };
        sources.push(stored.source().await?);
        keys.push(stored.keys()?);
    }
    // Tables of a long title are megabytes.
    let file = tokio::task::spawn_blocking(move || Progressive::of(&sources)).await.map_err(Error::internal)?;
    let file = file.map_err(Error::internal)?;
    Ok(Download { title: video.title, etag: etag(encode, &tracks), file, keys, blobs, slot })
}

/// Names of renditions are of characters that a tag may have.
fn etag(encode: EncodeId, tracks: &[&Track]) -> String {
    let ids: Vec<&str> = tracks.iter().map(|track| track.rendition.id.as_str()).collect();
    format!("\"{encode}-{}\"", ids.join("-"))
}

/// The picture, and the sound if there is any: the best of H.264, which everything plays, and the default language in stereo.
fn choose<'a>(presentation: &'a Presentation, wanted: &Wanted) -> Result<Vec<&'a Track>> {
    let named = |name: &Option<String>, track: &&Track| name.as_ref().is_none_or(|name| *name == track.rendition.id);
    let pictures = || presentation.tracks.iter().filter(|track| matches!(track.rendition.media, Media::Video { .. }));
    let sounds = || presentation.tracks.iter().filter(|track| matches!(track.rendition.media, Media::Audio { .. }));
    let picture = pictures().find(|track| named(&wanted.rung, track)).ok_or_else(|| unknown("rung", pictures()))?;
    let rank = |track: &&Track| match track.rendition.media {
        Media::Audio { default, channels, .. } => (!default, channels > 2),
        Media::Video { .. } | Media::Text { .. } => (true, true),
    };
    let sound = sounds().filter(|track| named(&wanted.audio, track)).min_by_key(rank);
    if sound.is_none() && wanted.audio.is_some() {
        return Err(unknown("rendition of sound", sounds()));
    }
    Ok(std::iter::once(picture).chain(sound).collect())
}

fn unknown<'a>(what: &str, tracks: impl Iterator<Item = &'a Track>) -> Error {
    let there: Vec<&str> = tracks.map(|track| track.rendition.id.as_str()).collect();
    Error::invalid("unknown_rendition", format!("there is no such {what}, there are: {}", there.join(", ")))
}

/// A rendition in the store.
struct Stored<'a> {
    blobs: &'a dyn Blobs,
    layout: Layout,
    track: &'a Track,
}

impl Stored<'_> {
    fn key(&self, segment: &Segment) -> Result<Key> {
        let rendition = &self.track.rendition;
        self.layout.key(&segment_path(rendition.folder(), &rendition.id, segment.number))
    }

    fn keys(&self) -> Result<Vec<Key>> {
        self.track.segments.iter().map(|segment| self.key(segment)).collect()
    }

    /// What is in its segments, by the beginnings of their fragments.
    async fn source(&self) -> Result<Source> {
        let rendition = &self.track.rendition;
        let init = self.layout.key(&init_path(rendition.folder(), &rendition.id))?;
        let init = read(self.blobs, &init, None).await?;
        let looks: Vec<_> = self.track.segments.iter().map(|segment| self.fragments(segment).boxed()).collect();
        let segments = stream::iter(looks).buffered(LOOKS_MAX).try_collect().await?;
        Ok(Source { init, segments })
    }

    /// The fragments of `segment`: one for each keyframe of a picture, one of sound.
    async fn fragments(&self, segment: &Segment) -> Result<Vec<Fragment>> {
        let key = self.key(segment)?;
        let mut fragments = Vec::new();
        let starts = segment.iframes.iter().map(|frame| frame.offset_bytes);
        let starts: Vec<u64> = if segment.iframes.is_empty() { vec![0] } else { starts.collect() };
        for start in starts {
            fragments.push(self.fragment(&key, start, segment.size_bytes).await?);
        }
        Ok(fragments)
    }

    async fn fragment(&self, key: &Key, start: u64, segment_bytes: u64) -> Result<Fragment> {
        let mut wanted_bytes = HEAD_BYTES;
        while wanted_bytes <= HEAD_BYTES_MAX {
            let end = start.saturating_add(wanted_bytes).min(segment_bytes);
            let bytes = read(self.blobs, key, Some(start..end)).await?;
            match read::head(&bytes, start, segment_bytes).map_err(Error::internal)? {
                Head::Fragment(fragment) => return Ok(fragment),
                Head::Needs(needed) if needed > wanted_bytes => wanted_bytes = needed,
                Head::Needs(_) => break,
            }
        }
        Err(Error::internal(format!("{key} has a fragment that does not say what it is")))
    }
}

async fn read(blobs: &dyn Blobs, key: &Key, range: Option<Range<u64>>) -> Result<Bytes> {
    let parts: Vec<Bytes> = blobs.read(key, range).await?.body.try_collect().await?;
    Ok(parts.concat().into())
}

impl Download {
    /// Bytes of the whole file.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.file.size_bytes()
    }

    /// The bytes of `range`, read as they are taken.
    pub(crate) fn read(self, range: Range<u64>) -> ByteStream {
        let Self { file, keys, blobs, slot, .. } = self;
        let (head, pieces) = file.slice(range);
        let open = move |Piece { source, segment, range }: Piece| {
            let (blobs, key) = (blobs.clone(), keys[source][segment].clone());
            async move { blobs.read(&key, Some(range)).await.map(|object| object.body) }
        };
        let samples = stream::iter(pieces).map(open).buffered(PIECES_AHEAD).try_flatten();
        let head = stream::iter(Some(Ok(head)).filter(|head| !matches!(head, Ok(head) if head.is_empty())));
        head.chain(samples)
            .inspect(move |_| {
                let _held = &slot;
            })
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{presentation::Rendition, source::Ratio};

    fn track(id: &str, media: Media) -> Track {
        let (id, codec) = (id.to_owned(), String::new());
        Track { rendition: Rendition { id, codec, timescale: 1, edit_ticks: 0, max_bitrate_bps: 1, media }, segments: Vec::new() }
    }

    fn sound(id: &str, default: bool, channels: u16) -> Track {
        let (group, name, language) = (String::new(), String::new(), "en".to_owned());
        track(id, Media::Audio { group, name, language, default, channels, sample_rate_hz: 48_000 })
    }

    #[test]
    fn the_best_picture_and_the_default_sound_in_stereo_unless_others_are_named() {
        let picture = |id| track(id, Media::Video { width: 2, height: 2, frame_rate: Ratio::new(25, 1) });
        let tracks = vec![
            picture("720p"),
            picture("360p"),
            sound("surround", true, 6),
            sound("other", false, 2),
            sound("stereo", true, 2),
            sound("thin", true, 2),
        ];
        let title = Presentation { tracks, ..Presentation::default() };
        let chosen = |rung: Option<&str>, audio: Option<&str>| {
            let wanted = Wanted { rung: rung.map(str::to_owned), audio: audio.map(str::to_owned) };
            choose(&title, &wanted).map(|tracks| tracks.iter().map(|track| track.rendition.id.clone()).collect::<Vec<_>>())
        };
        assert_eq!(chosen(None, None).unwrap(), ["720p", "stereo"]);
        assert_eq!(chosen(Some("360p"), Some("other")).unwrap(), ["360p", "other"]);
        let error = chosen(Some("1080p"), None).unwrap_err();
        assert_eq!((error.code(), error.message()), ("unknown_rendition", "there is no such rung, there are: 720p, 360p"));
        assert!(chosen(None, Some("720p")).is_err(), "that is no sound");
        let silent = Presentation { tracks: vec![picture("720p")], ..Presentation::default() };
        assert_eq!(choose(&silent, &Wanted::default()).unwrap().len(), 1);
    }
}
