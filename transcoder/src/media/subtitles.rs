//! Extracts subtitle tracks as WebVTT: all of a source in one reading, cut at the times of the picture's segments.

use super::{Stop, decode, input::Input, reading::Reading, text_decoder::TextDecoder};
use crate::child::{Link, Output, RemoteSource, Report};
use bytes::Bytes;
use ffmpeg_next::{Packet, format::stream::Disposition, media::Type};
use marquee_core::{
    object,
    plan::{Plan, SubtitleRendition},
    source::{Note, Source, SubtitleTrack},
};
use marquee_packager::webvtt::{self, Cue, Words};

/// Cues of one track, and bytes of their text, at most: more than any film says.
const CUES_MAX: usize = 100_000;
const TEXT_BYTES_MAX: usize = 16 << 20;
/// How long a cue is shown whose end nobody knows, if none follows.
const UNTIMED_MS_MAX: u64 = 5000;

/// The subtitle tracks of `input` whose cues are text. What is left out is noted.
pub(super) fn tracks(input: &Input, notes: &mut Vec<Note>) -> Vec<SubtitleTrack> {
    let mut tracks = Vec::new();
    for stream in input.context().streams().filter(|stream| stream.parameters().medium() == Type::Subtitle) {
        let (index, codec) = (stream.index(), stream.parameters().id().name());
        if !TextDecoder::reads(&stream.parameters()) {
            let message =
                format!("subtitle track {index} ({codec}) is not carried: its words are pictures, or in an unknown form");
            notes.push(Note::new("subtitle_left_out", message));
            continue;
        }
        let disposition = stream.disposition();
        tracks.push(SubtitleTrack {
            stream: index as u32,
            codec: codec.to_owned(),
            language: super::probe::language(&stream),
            title: super::probe::title(&stream),
            forced: disposition.contains(Disposition::FORCED),
            hearing_impaired: disposition.intersects(Disposition::HEARING_IMPAIRED | CAPTIONS),
        });
    }
    if !tracks.is_empty() {
        notes.push(Note::new("subtitle_tracks", format!("{} subtitle tracks are carried; a viewer can choose", tracks.len())));
    }
    tracks
}

/// libav's name for disposition bit 16, which ffmpeg-next does not know.
const CAPTIONS: Disposition = Disposition::from_bits_retain(1 << 16);

/// Extracts every track that the plan wants.
pub(super) fn extract(link: &Link, source: RemoteSource, found: &Source, plan: &Plan) -> Result<Report, Stop> {
    let size_bytes = source.size_bytes();
    let mut input = Input::open(source)?;
    let origin_s = found.video.origin as f64 * found.video.time_base.as_f64();
    let wanted = plan.subtitles.iter().filter_map(|rendition| Some((rendition, rendition.stream()?)));
    let opened = wanted.map(|(rendition, stream)| Track::open(&input, rendition, stream, origin_s));
    let mut tracks: Vec<Track<'_>> = opened.collect::<Result<_, _>>()?;
    for track in &tracks {
        let rendition = webvtt::describe(track.rendition, plan);
        link.output(Output::Init { track: object::Track::Text, rendition, bytes: Bytes::new() })?;
    }
    let streams: Vec<usize> = tracks.iter().map(|track| track.stream as usize).collect();
    input.keep_only(&streams);
    let mut reading = Reading::new(link, size_bytes);
    while let Some(packet) = input.read()? {
        reading.passes(&packet)?;
        // Two renditions of one stream would both want its packets.
        tracks.iter_mut().filter(|track| track.stream as usize == packet.stream()).try_for_each(|track| track.take(&packet))?;
    }
    let (mut cues, mut notes) = (0, Vec::new());
    for track in tracks {
        let (id, stream, mut faults) = (track.rendition.id.clone(), track.stream, track.faults);
        let found = settle(track.cues, plan.duration_ms());
        cues += found.len() as u64;
        faults.is_empty = found.is_empty();
        faults.is_cut |= write(link, &id, plan, &found)?;
        notes.extend(faults.notes(stream));
    }
    Ok(Report { frames: cues, notes, ..Report::default() })
}

/// A cue whose end may not be known yet.
struct Said {
    start_ms: u64,
    end_ms: Option<u64>,
    words: Words,
}

/// What is wrong with a track.
#[derive(Default)]
struct Faults {
    unreadable: u64,
    is_empty: bool,
    is_cut: bool,
    is_latin: bool,
}

impl Faults {
    fn notes(self, stream: u32) -> Vec<Note> {
        let unreadable = format!("{} cues of subtitle track {stream} cannot be read and are left out", self.unreadable);
        let empty = format!("subtitle track {stream} has no words");
        let cut = format!("subtitle track {stream} says more than any film does: what is too much is left out");
        let latin = format!("subtitle track {stream} is not in UTF-8: its characters are taken for Latin-1");
        let found = [
            (self.unreadable > 0, "subtitle_damaged", unreadable),
            (self.is_empty, "subtitle_empty", empty),
            (self.is_cut, "subtitle_cut", cut),
            (self.is_latin, "subtitle_charset", latin),
        ];
        found.into_iter().filter(|(holds, ..)| *holds).map(|(_, code, message)| Note::new(code, message)).collect()
    }
}

/// A track while it is read.
struct Track<'a> {
    rendition: &'a SubtitleRendition,
    /// Its index in the source.
    stream: u32,
    decoder: TextDecoder,
    /// Seconds per unit of its times, and the second at which the title begins.
    unit_s: f64,
    origin_s: f64,
    cues: Vec<Said>,
    text_bytes: usize,
    faults: Faults,
}

impl<'a> Track<'a> {
    fn open(input: &Input, rendition: &'a SubtitleRendition, stream: u32, origin_s: f64) -> Result<Self, Stop> {
        let Some(found) = input.context().stream(stream as usize) else {
            return Err(Stop::Fault(format!("the source has no stream {stream} any more")));
        };
        let decoder = TextDecoder::new(decode::open(input, stream as usize, &found.parameters())?);
        let unit_s = f64::from(found.time_base());
        Ok(Self { rendition, stream, decoder, unit_s, origin_s, cues: Vec::new(), text_bytes: 0, faults: Faults::default() })
    }

    fn take(&mut self, packet: &Packet) -> Result<(), Stop> {
        let Some(pts) = packet.pts() else { return Ok(()) };
        let mut latin = None;
        if self.decoder.is_plain() && packet.data().is_some_and(|data| std::str::from_utf8(data).is_err()) {
            self.faults.is_latin = true;
            latin = Some(in_utf8(packet));
        }
        let Some(cues) = self.decoder.decode(latin.as_ref().unwrap_or(packet))? else {
            self.faults.unreadable += 1;
            return Ok(());
        };
        let start_ms = (pts as f64 * self.unit_s - self.origin_s) * 1000.0;
        for cue in cues {
            // A title has no time before its beginning; a float that is too large becomes the largest number.
            let ms = |later_ms: f64| (start_ms + later_ms).round().max(0.0) as u64;
            let length_ms = packet.duration() as f64 * self.unit_s * 1000.0;
            let end_ms = if length_ms > 0.0 { Some(ms(length_ms)) } else { cue.end_ms.map(|end_ms| ms(end_ms.into())) };
            self.text_bytes += cue.words.text.len();
            self.faults.is_cut |= self.cues.len() >= CUES_MAX || self.text_bytes > TEXT_BYTES_MAX;
            if !self.faults.is_cut && !cue.words.text.is_empty() {
                self.cues.push(Said { start_ms: ms(cue.start_ms.into()), end_ms, words: cue.words });
            }
        }
        Ok(())
    }
}

/// A packet with its bytes taken for Latin-1, in which every byte is a character.
fn in_utf8(packet: &Packet) -> Packet {
    let text: String = packet.data().unwrap_or_default().iter().map(|byte| char::from(*byte)).collect();
    let mut other = Packet::copy(text.as_bytes());
    other.set_pts(packet.pts());
    other.set_dts(packet.dts());
    other.set_duration(packet.duration());
    other
}

/// Cues in order, each with an end, within the title, and none twice: scripts repeat lines in layers.
fn settle(mut said: Vec<Said>, duration_ms: u64) -> Vec<Cue> {
    said.sort_by_key(|cue| cue.start_ms);
    let starts: Vec<u64> = said.iter().map(|cue| cue.start_ms).collect();
    let whole = said.into_iter().filter_map(|Said { start_ms, end_ms, words }| {
        let end_ms = end_ms.unwrap_or_else(|| {
            let next = starts.get(starts.partition_point(|other| *other <= start_ms)).copied();
            next.unwrap_or(u64::MAX).min(start_ms.saturating_add(UNTIMED_MS_MAX))
        });
        Cue::new(start_ms, end_ms.min(duration_ms), words)
    });
    let mut cues: Vec<Cue> = whole.collect();
    cues.sort_by_key(|cue| (cue.start_ms, cue.end_ms));
    cues.dedup();
    cues
}

/// Hands over the segments of one rendition. Answers whether cues had to be left out of them.
fn write(link: &Link, rendition: &str, plan: &Plan, cues: &[Cue]) -> Result<bool, Stop> {
    let mut segments = webvtt::cut(cues, plan);
    for (segment, bytes) in segments.by_ref() {
        let (track, rendition, judged) = (object::Track::Text, rendition.to_owned(), Vec::new());
        link.output(Output::Segment { track, rendition, segment, bytes, judged })?;
    }
    Ok(segments.is_full())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(start_ms: u64, end_ms: Option<u64>, text: &str) -> Said {
        Said { start_ms, end_ms, words: Words { settings: String::new(), text: text.into() } }
    }

    #[test]
    fn cues_get_ends_and_an_order() {
        let cues = settle(
            vec![
                said(9000, None, "last"),
                said(1000, None, "until the next"),
                said(2500, Some(4000), "twice"),
                said(2500, Some(4000), "twice"),
                said(2500, Some(2500), "never"),
                said(11_000, Some(90_000), "longer than the title"),
                said(30_000, Some(31_000), "after it"),
            ],
            20_000,
        );
        let found: Vec<_> = cues.iter().map(|cue| (cue.start_ms, cue.end_ms, cue.text.as_str())).collect();
        assert_eq!(
            found,
            [
                (1000, 2500, "until the next"),
                (2500, 4000, "twice"),
                (9000, 11_000, "last"),
                (11_000, 20_000, "longer than the title"),
            ]
        );
    }
}
