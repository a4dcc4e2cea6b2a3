//! Finds out what a source is: tracks, times, colour, and whether it can become a title at all.

use super::{
    Stop, chapters, colour, ends, formats,
    glance::Look,
    input::{self, Input},
    locks::{is_encrypted, is_scrambled},
    loss, rate,
    scan::{self, Scan},
    subtitles,
};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::{
    self as ffmpeg, codec, ffi,
    format::stream::{Disposition, Stream},
    frame,
    media::Type,
};
use marquee_core::{
    language,
    source::{AudioTrack, Interlacing, Note, Ratio, Seek, Source, SubtitleTrack, VideoTrack},
};

/// How long a last frame may be shown that the others say nothing like.
const LAST_SECONDS_MAX: f64 = 60.0;

/// Inspects `source` and hands over what it found: by at most `ends_bytes` of its beginning and of its end, if that will do.
pub(super) fn inspect(link: &Link, source: RemoteSource, ends_bytes: Option<u64>) -> Result<Report, Stop> {
    let size_bytes = source.size_bytes();
    let mut film = Film::of(match ends_bytes {
        Some(_) => Input::open(source.clone())?,
        None => Input::open_listed(source.clone())?,
    })?;
    let is_worth = |bytes: &u64| bytes.saturating_mul(2) < size_bytes && !film.input.lists_packets();
    if let Some(ends_bytes) = ends_bytes.filter(is_worth) {
        match film.by_ends(size_bytes, ends_bytes) {
            Ok(Some(found)) => return hand_over(link, found),
            // What the ends do not promise, or are at fault with, all of it tells.
            Ok(None) | Err(Stop::Refuse { .. }) => film = Film::of(Input::open_listed(source)?)?,
            Err(fault) => return Err(fault),
        }
    }
    let look = &mut film.look;
    let scan = scan::scan(link, &mut film.input, film.stream, size_bytes, |packet| look.at(packet))?;
    hand_over(link, film.describe(size_bytes, scan)?)
}

fn hand_over(link: &Link, found: Source) -> Result<Report, Stop> {
    let frames = found.video.frames;
    link.output(Output::Source(Box::new(found)))?;
    Ok(Report { frames, ..Report::default() })
}

/// A source that is open, and what is known of it so far.
struct Film {
    input: Input,
    stream: usize,
    audio: Vec<AudioTrack>,
    subtitles: Vec<SubtitleTrack>,
    look: Look,
    notes: Vec<Note>,
}

impl Film {
    fn of(input: Input) -> Result<Self, Stop> {
        let mut notes = Vec::new();
        let stream = choose_video(&input, &mut notes)?;
        let audio = choose_audio(&input, &mut notes);
        let subtitles = subtitles::tracks(&input, &mut notes);
        let look = Look::new(&input, stream)?;
        Ok(Self { input, stream, audio, subtitles, look, notes })
    }

    /// What both ends promise; `None` if they are not regular enough for that.
    fn by_ends(mut self, size_bytes: u64, ends_bytes: u64) -> Result<Option<Source>, Stop> {
        let look = &mut self.look;
        // Where a clock may begin anew in the middle, only a rate tells that it does not.
        let keeps_time = self.input.marks(self.stream).is_some();
        let Some(scan) = ends::scan(&mut self.input, self.stream, (size_bytes, ends_bytes), |packet| look.at(packet))? else {
            return Ok(None);
        };
        let found = self.describe(size_bytes, scan)?;
        let is_sound =
            found.missing_ms == 0 && found.gaps_ms == 0 && found.notes.iter().all(|note| !note.code.starts_with("damage"));
        Ok(Some(found).filter(|found| is_sound && (found.video.constant_rate || keeps_time)))
    }

    /// The source, of which its packets told `scan`.
    fn describe(mut self, size_bytes: u64, mut scan: Scan) -> Result<Source, Stop> {
        if scan.encrypted || (self.look.first.is_none() && is_scrambled(&mut self.input.source.clone())?) {
            return Err(encrypted());
        }
        let Some(first) = self.look.first.take() else {
            let message = "not one frame of the picture could be decoded: the file is damaged. Export or upload it again.";
            return Err(Stop::refuse("damaged", message));
        };
        scan.settle(first.timestamp().unwrap_or(0));
        let mut video = video_track(&self.input, self.stream, &first, &scan)?;
        if video.frames == 0 {
            return Err(Stop::refuse("damaged", "the picture has no frames. Export or upload the file again."));
        }
        let Self { mut input, stream, audio, subtitles, look, mut notes } = self;
        let missing_seconds = loss::missing(&input, stream, &scan, &mut notes);
        if missing_seconds == 0.0 {
            video.end = loss::sound_end(&video, &audio, &scan, &mut notes).unwrap_or(video.end);
        }
        let gap_seconds = loss::gaps(&input, &video, &scan, &mut notes);
        notes.extend(loss::marked(&video, &scan.corrupt));
        if input.is_damaged() {
            let message =
                "the file's structure is damaged: it does not hold all that it claims to. What could be read is carried.";
            notes.push(Note::new("damage_container", message));
        }
        let chapters = chapters::chapters(&input, &video);
        // Last of all, since it goes about in the file.
        let is_regular = scan.stated_times && scan.ascending && scan.keyframes > 1 && scan.beginning.is_none();
        if video.seek == Seek::FromStart && is_regular && scan.entries.are_true(&mut input, stream)? {
            (video.seek, video.keyframes) = (Seek::Keyframe, scan.keyframe_times.clone());
        }
        let (fields, captions) = look.around(&mut input, &scan.keyframe_times, &first)?;
        video.captions = captions;
        let Interlacing { interlaced, field_order, pulldown, notes: said } = fields.judge(video.frame_rate);
        (video.interlaced, video.field_order, video.pulldown) = (interlaced, field_order, pulldown);
        notes.extend(said);
        let seen = scan.beginning.and_then(|beginning| scan.times.get(..beginning)?.last());
        let source = Source {
            container: input.context().format().name().to_owned(),
            size_bytes,
            duration_ms: video.duration_ms(),
            chapters,
            missing_ms: (missing_seconds * 1000.0) as u64,
            gaps_ms: (gap_seconds * 1000.0) as u64,
            seen_until: seen.copied(),
            video,
            audio,
            subtitles,
            notes,
        };
        source.validate().map_err(|refusal| Stop::refuse(refusal.code(), refusal.message()))?;
        Ok(source)
    }
}

fn encrypted() -> Stop {
    Stop::refuse("encrypted", "the picture is encrypted. Upload the film without copy protection.")
}

/// The track that people mean by "the film": the default one, else the largest; never a cover picture.
fn choose_video(input: &Input, notes: &mut Vec<Note>) -> Result<usize, Stop> {
    let pictures: Vec<Stream<'_>> = input
        .context()
        .streams()
        .filter(|stream| stream.parameters().medium() == Type::Video)
        .filter(|stream| !stream.disposition().intersects(Disposition::ATTACHED_PIC | TIMED_THUMBNAILS))
        .collect();
    if pictures.is_empty() {
        return Err(Stop::refuse("no_video_track", "the file has no picture, only sound or other data. Upload a film."));
    }
    let pixels = |stream: &Stream<'_>| {
        let (width, height) = input::size(&stream.parameters());
        i64::from(width) * i64::from(height)
    };
    let usable: Vec<&Stream<'_>> = pictures.iter().filter(|stream| formats::decoder(&stream.parameters()).is_some()).collect();
    let default = usable.iter().filter(|stream| stream.disposition().contains(Disposition::DEFAULT));
    // Several defaults say as little as none: then, too, the largest.
    let chosen = default.max_by_key(|stream| (pixels(stream), std::cmp::Reverse(stream.index())));
    let chosen = chosen.or_else(|| usable.iter().max_by_key(|stream| (pixels(stream), std::cmp::Reverse(stream.index()))));
    let Some(chosen) = chosen else {
        let codecs: Vec<_> = pictures.iter().map(|stream| codec_name(stream)).collect();
        if pictures.iter().any(|stream| is_encrypted(input, stream)) {
            return Err(encrypted());
        }
        let message =
            format!("the picture is coded as {}, which is not supported. Export it as H.264 or HEVC.", codecs.join(", "));
        return Err(Stop::refuse("unsupported_codec", message));
    };
    if is_encrypted(input, chosen) {
        return Err(encrypted());
    }
    if colour::is_for_dolby_vision_alone(chosen) {
        let message = "the picture is Dolby Vision that nothing else can show in its colours (profile 5). Export it as HDR10 or HLG, \
                       or as profile 8.";
        return Err(Stop::refuse("unsupported_codec", message));
    }
    for other in pictures.iter().filter(|stream| stream.index() != chosen.index()) {
        let message = format!("video track {} ({}) is left out: a title has one picture", other.index(), codec_name(other));
        notes.push(Note::new("video_left_out", message));
    }
    for stream in input.context().streams() {
        let index = stream.index();
        match stream.parameters().medium() {
            Type::Data | Type::Attachment | Type::Unknown => {
                notes.push(Note::new("data_left_out", format!("data track {index} is left out")));
            }
            Type::Video | Type::Audio | Type::Subtitle => {}
        }
    }
    Ok(chosen.index())
}

/// libav's name for disposition bit 11, which ffmpeg-next does not know.
const TIMED_THUMBNAILS: Disposition = Disposition::from_bits_retain(0x800);

/// Every sound track that can be decoded, in file order.
fn choose_audio(input: &Input, notes: &mut Vec<Note>) -> Vec<AudioTrack> {
    let mut tracks = Vec::new();
    for stream in input.context().streams().filter(|stream| stream.parameters().medium() == Type::Audio) {
        let (channels, sample_rate_hz) = sound(&stream.parameters());
        if formats::decoder(&stream.parameters()).is_none()
            || channels == 0
            || sample_rate_hz == 0
            || is_encrypted(input, &stream)
        {
            let message = format!("sound track {} ({}) cannot be decoded and is left out", stream.index(), codec_name(&stream));
            notes.push(Note::new("audio_left_out", message));
            continue;
        }
        tracks.push(AudioTrack {
            stream: stream.index() as u32,
            codec: codec_name(&stream).to_owned(),
            channels,
            sample_rate_hz,
            language: language(&stream),
            title: title(&stream),
            default: stream.disposition().contains(Disposition::DEFAULT),
        });
    }
    if tracks.is_empty() {
        notes.push(Note::new("no_sound", "the film has no sound"));
    }
    if tracks.len() > 1 {
        notes.push(Note::new("audio_tracks", format!("{} sound tracks are carried; a viewer can choose", tracks.len())));
    }
    tracks
}

/// The language that the container gives a track.
pub(super) fn language(stream: &Stream<'_>) -> String {
    language::of_container(stream.metadata().get("language").unwrap_or_default())
}

/// The title that the container gives a track.
pub(super) fn title(stream: &Stream<'_>) -> Option<String> {
    stream.metadata().get("title").map(|title| title.chars().take(100).collect())
}

fn codec_name(stream: &Stream<'_>) -> &'static str {
    stream.parameters().id().name()
}

/// Channels and sample rate.
fn sound(parameters: &codec::Parameters) -> (u16, u32) {
    // SAFETY: the parameters keep their stream alive.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
    let (channels, rate) = unsafe { ((*parameters.as_ptr()).ch_layout.nb_channels, (*parameters.as_ptr()).sample_rate) };
    (u16::try_from(channels).unwrap_or(0), u32::try_from(rate).unwrap_or(0))
}

/// The picture track as the rest of the house needs to know it.
fn video_track(input: &Input, index: usize, first: &frame::Video, scan: &Scan) -> Result<VideoTrack, Stop> {
    let stream = input.context().stream(index).ok_or_else(|| Stop::Fault("the chosen stream is gone".into()))?;
    let time_base = ratio(stream.time_base()).unwrap_or(Ratio::new(1, 90_000));
    let origin = first.timestamp().unwrap_or(0);
    let shown = scan.times.partition_point(|time| *time < origin);
    let times = &scan.times[shown..];
    let stated: Vec<Ratio> = [stream.rate(), stream.avg_frame_rate()].into_iter().filter_map(ratio).collect();
    let beginning = scan.beginning.map_or(times.len(), |beginning| beginning.saturating_sub(shown));
    let (frame_rate, mut constant_rate) = rate::of(&times[..beginning], time_base, &stated);
    let mut frames = times.len() as u64;
    if beginning < times.len() {
        // What lies between is taken to go on as it begins, if what comes after it does.
        let places = rate::places(times, time_base.as_f64(), frame_rate.as_f64()).filter(|_| constant_rate);
        let seconds = rate::distance(origin, times.last().copied().unwrap_or(origin)) * time_base.as_f64();
        (constant_rate, frames) = (places.is_some(), places.unwrap_or(seconds * frame_rate.as_f64() + 1.0) as u64);
    }
    let one_frame = (1.0 / (frame_rate.as_f64() * time_base.as_f64())).round().max(1.0) as i64;
    let last = times.last().copied().unwrap_or(origin);
    // On a grid every frame lasts one place; elsewhere the container knows best how long the last one lasts, within reason.
    let reasonable = one_frame.saturating_mul(10).max((LAST_SECONDS_MAX / time_base.as_f64()) as i64);
    let stated_end = scan.end.clamp(last, last.saturating_add(reasonable));
    let end = if constant_rate || stated_end <= last { last.saturating_add(one_frame) } else { stated_end };
    let format = first.format().descriptor();
    let colour = colour::of(first);
    let (rotation_degrees, mirrored) = orientation(&stream);
    let seek = seek(input.context().format().name(), scan);
    Ok(VideoTrack {
        stream: index as u32,
        codec: codec_name(&stream).to_owned(),
        width: first.width(),
        height: first.height(),
        sample_aspect: sample_aspect(input, &stream, first),
        rotation_degrees,
        mirrored,
        pixel_format: format.map_or("unknown", |format| format.name()).to_owned(),
        bit_depth: bit_depth(first),
        transfer: colour.transfer.to_owned(),
        primaries: colour.primaries.to_owned(),
        matrix: colour.matrix.to_owned(),
        full_range: colour.full_range,
        captions: Vec::new(),
        interlaced: false,
        field_order: None,
        pulldown: None,
        frame_rate,
        constant_rate,
        time_base,
        origin,
        end,
        frames,
        seek,
        keyframes: if seek == Seek::Keyframe { scan.keyframe_times.clone() } else { Vec::new() },
    })
}

/// Times after a seek are trusted unseen only where the container states them for every frame, in order, and knows where keyframes are.
/// Where it states only some (program streams, streams of fields), libav fills the gaps; where it states none (AVI), it cannot.
fn seek(container: &str, scan: &Scan) -> Seek {
    let names = ["mov", "matroska", "mpegts", "flv"];
    let trusted = names.iter().any(|name| container.split(',').any(|part| part == *name));
    match (scan.stated_times, scan.stated_some) {
        (true, _) if trusted && scan.ascending && scan.keyframes > 1 => Seek::Keyframe,
        (false, false) => Seek::InOrder,
        _ => Seek::FromStart,
    }
}

pub(super) fn ratio(rational: ffmpeg::Rational) -> Option<Ratio> {
    let (num, den) = (u32::try_from(rational.numerator()).ok()?, u32::try_from(rational.denominator()).ok()?);
    (num > 0 && den > 0).then(|| Ratio::new(num, den))
}

/// Shape of a pixel: what the container says goes before what the codec says. Absurd shapes are square.
fn sample_aspect(input: &Input, stream: &Stream<'_>, first: &frame::Video) -> Ratio {
    // SAFETY: context, stream and frame are alive; libav only reads them.
    #[expect(unsafe_code, reason = "ffmpeg-next has no form of this function")]
    let guess = unsafe {
        ffi::av_guess_sample_aspect_ratio(
            input.context().as_ptr().cast_mut(),
            stream.as_ptr().cast_mut(),
            first.as_ptr().cast_mut(),
        )
    };
    ratio(guess.into()).filter(|shape| (0.1..=10.0).contains(&shape.as_f64())).unwrap_or(Ratio::new(1, 1))
}

fn bit_depth(frame: &frame::Video) -> u8 {
    // SAFETY: descriptors are static; component 0 exists for every picture format.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for a component's depth")]
    let depth = frame.format().descriptor().map_or(8, |descriptor| unsafe { (*descriptor.as_ptr()).comp[0].depth });
    u8::try_from(depth).unwrap_or(8)
}

/// Clockwise turn and mirroring that the display matrix asks for (ISO/IEC 14496-12 section 6.2.2).
fn orientation(stream: &Stream<'_>) -> (u16, bool) {
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
    // SAFETY: the side data belongs to the stream, which is alive; nine numbers are read only if nine are there.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor that checks the size")]
    let matrix = unsafe {
        let mut size = 0;
        let data = ffi::av_stream_get_side_data(stream.as_ptr(), kind, &raw mut size);
        if data.is_null() || size < 9 * size_of::<i32>() {
            return (0, false);
        }
        data.cast::<[i32; 9]>().read_unaligned()
    };
    turn([matrix[0], matrix[1], matrix[3], matrix[4]])
}

/// A matrix maps (x, y) to (ax + cy, bx + dy), y pointing down. It is a turn, then perhaps a mirroring of x.
fn turn([a, b, c, d]: [i32; 4]) -> (u16, bool) {
    let [a, b, c, d] = [a, b, c, d].map(f64::from);
    let mirrored = a * d - b * c < 0.0;
    let (a, b) = if mirrored { (-a, b) } else { (a, b) };
    if a == 0.0 && b == 0.0 {
        return (0, false);
    }
    let quarters = (b.atan2(a).to_degrees() / 90.0).round() as i32;
    (u16::try_from(quarters.rem_euclid(4) * 90).unwrap_or(0), mirrored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_matrices_are_turns_and_mirrorings() {
        const ONE: i32 = 1 << 16;
        assert_eq!(turn([ONE, 0, 0, ONE]), (0, false));
        assert_eq!(turn([0, ONE, -ONE, 0]), (90, false));
        assert_eq!(turn([-ONE, 0, 0, -ONE]), (180, false));
        assert_eq!(turn([0, -ONE, ONE, 0]), (270, false));
        assert_eq!(turn([-ONE, 0, 0, ONE]), (0, true));
        // Upside down and mirrored.
        assert_eq!(turn([ONE, 0, 0, -ONE]), (180, true));
        assert_eq!(turn([0, 0, 0, 0]), (0, false));
        assert_eq!(turn([0, 3 * ONE, -3 * ONE, 100]), (90, false));
    }
}
