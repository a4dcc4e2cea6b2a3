//! Goes about in a source: to where its container says that a time is, or to where its bytes say so, if it lists no places.

use super::{
    index,
    input::Input,
    places::{Marks, Place, Places},
};
use crate::child::RemoteSource;
use ffmpeg_next::{self as ffmpeg, ffi, format::stream::Stream, media::Type};
use std::ffi::c_int;

/// Bytes before the end from where on a container's list reaches it.
const LISTED_BYTES: u64 = 4 << 20;
/// Seconds from one place that is listed to the next, at most: a list with less is none.
const LISTED_SECONDS: f64 = 20.0;

impl Input {
    /// Whether the container can be asked for a place in `stream` itself: Matroska and FLV list only those of the picture.
    pub(super) fn lists_places_of(&self, stream: usize) -> bool {
        let is_picture = |stream: Stream<'_>| stream.parameters().medium() == Type::Video;
        !matches!(self.context.format().name(), "matroska,webm" | "flv") || self.context.stream(stream).is_some_and(is_picture)
    }

    /// Goes to a place at or before `pts` (in the time base of `stream`), to a keyframe if the container knows them.
    pub(super) fn seek(&mut self, stream: usize, pts: i64) -> Result<(), ffmpeg::Error> {
        if self.is_brief() {
            let place = self.places(stream).and_then(|places| places.before(pts).ok()?);
            let mut again = self.reopened(place.map_or(0, |place| place.position)).map_err(|_| ffmpeg::Error::InvalidData)?;
            again.places = self.places.take();
            *self = again;
            return Ok(());
        }
        if let Some(place) = self.unlisted(stream, pts) {
            self.list(stream, place);
        }
        self.seek_listed(stream, pts)
    }

    /// The same, as far as the container knows places.
    fn seek_listed(&mut self, stream: usize, pts: i64) -> Result<(), ffmpeg::Error> {
        let index = c_int::try_from(stream).unwrap_or(-1);
        // SAFETY: the context is open and ours alone.
        #[expect(unsafe_code, reason = "ffmpeg-next seeks by microseconds only, which rounds")]
        let done = unsafe { ffi::avformat_seek_file(self.context.as_mut_ptr(), index, i64::MIN, pts, pts, 0) };
        if done < 0 { Err(done.into()) } else { Ok(()) }
    }

    /// A place at or before `pts` that is nearer to it than what is listed of a container that lists none, or only what was read of it.
    fn unlisted(&mut self, stream: usize, pts: i64) -> Option<Place> {
        self.marks(stream)?;
        // Matroska reads its list when it is first asked to go somewhere.
        let _ = self.seek_any(stream, i64::MIN / 2);
        let picture = self.context.stream(stream)?;
        let (mut nearest, mut furthest) = (None, 0);
        for entry in index::entries(&picture) {
            furthest = furthest.max(u64::try_from(entry.bytes.0).unwrap_or(0));
            nearest = Some(entry.time).filter(|time| *time <= pts).or(nearest);
        }
        let nearest = nearest.filter(|_| furthest.saturating_add(LISTED_BYTES) < self.source.size_bytes())?;
        if pts.saturating_sub(nearest) as f64 * unit_seconds(&picture) <= LISTED_SECONDS {
            return None;
        }
        self.places(stream)?.before(pts).ok()?.filter(|place| place.time > nearest)
    }

    /// Lets the demuxer know of `place` in `stream`, and of the one after it: it goes there as if they had been listed. After the last one
    /// that it knows it would read on to find others. False if there is none after it.
    pub(super) fn list(&mut self, stream: usize, place: Place) -> bool {
        let next = self.places(stream).and_then(|places| places.next(place.position + 1, u64::MAX).ok()?);
        for place in [Some(place), next].into_iter().flatten() {
            let (Ok(position), true) = (i64::try_from(place.position), stream < self.context.streams().len()) else { continue };
            // SAFETY: there is such a stream, and nothing else looks at the context meanwhile. Without memory the place is not known.
            #[expect(unsafe_code, reason = "ffmpeg-next does not know the index")]
            unsafe {
                let stream = *(*self.context.as_mut_ptr()).streams.add(stream);
                ffi::av_add_index_entry(stream, position, place.time, 0, 0, ffi::AVINDEX_KEYFRAME);
            }
        }
        next.is_some()
    }

    /// How places in `stream` are told that no list holds; `None` where only the demuxer can find any.
    pub(super) fn marks(&self, stream: usize) -> Option<Marks> {
        match self.context.format().name() {
            "matroska,webm" => Some(Marks::Clusters),
            "flv" => Some(Marks::Tags),
            _ if self.is_brief() => Some(Marks::Fragments(u32::try_from(self.context.stream(stream)?.id()).ok()?)),
            _ => None,
        }
    }

    /// Places in `stream`, whether they are listed or not.
    pub(super) fn places(&mut self, stream: usize) -> Option<&mut Places<RemoteSource>> {
        let marks = self.marks(stream)?;
        if self.places.as_ref().is_none_or(|(known, _)| *known != stream) {
            let unit_seconds = unit_seconds(&self.context.stream(stream)?);
            self.places = Some((stream, Places::new(self.source.clone(), self.source.size_bytes(), marks, unit_seconds)));
        }
        self.places.as_mut().map(|(_, places)| places)
    }

    /// Goes to the packet of `stream` that is decoded at `dts`, keyframe or not; the other streams follow.
    pub(super) fn seek_any(&mut self, stream: usize, dts: i64) -> Result<(), ffmpeg::Error> {
        let (index, flags) = (c_int::try_from(stream).unwrap_or(-1), ffi::AVSEEK_FLAG_ANY | ffi::AVSEEK_FLAG_BACKWARD);
        // SAFETY: the context is open and ours alone.
        #[expect(unsafe_code, reason = "ffmpeg-next seeks by microseconds only, which rounds")]
        let done = unsafe { ffi::av_seek_frame(self.context.as_mut_ptr(), index, dts, flags) };
        if done < 0 { Err(done.into()) } else { Ok(()) }
    }

    /// Goes to the byte at `position`, or a little after it, if the container can be entered anywhere: streams that are broadcast can.
    pub(super) fn seek_byte(&mut self, position: u64) -> bool {
        let (Ok(position), "mpegts" | "mpeg") = (i64::try_from(position), self.context.format().name()) else { return false };
        // SAFETY: the context is open and ours alone.
        #[expect(unsafe_code, reason = "ffmpeg-next seeks by microseconds only")]
        let done = unsafe { ffi::av_seek_frame(self.context.as_mut_ptr(), -1, position, ffi::AVSEEK_FLAG_BYTE) };
        done >= 0
    }
}

fn unit_seconds(stream: &Stream<'_>) -> f64 {
    f64::from(stream.time_base())
}
