//! What a source may be at most, and whether what is said of one can be true at all. A [`Source`] is what a process says that
//! has read hostile bytes: nobody makes a plan of it before [`Source::validate`] has agreed.

use super::{AudioTrack, Chapter, Ratio, Source, SubtitleTrack, VideoTrack};
use crate::{Error, Result, language};

/// Longest title.
pub const DURATION_SECONDS_MAX: u32 = 12 * 3600;
/// Most frames a second.
pub const FRAME_RATE_MAX: u32 = 240;
/// Streams of any kind in one source.
pub const STREAMS_MAX: usize = 32;
/// Pixels of one picture: 8K DCI and UHD in either orientation.
pub const PIXELS_MAX: u32 = 8192 * 4320;
/// Seconds between two keyframes that are told of, at least.
pub const KEYFRAME_STEP_SECONDS: u32 = 2;
/// Keyframes that are told of: those of the longest title.
pub const KEYFRAMES_MAX: usize = (DURATION_SECONDS_MAX / KEYFRAME_STEP_SECONDS) as usize;
/// Chapters of one source.
pub const CHAPTERS_MAX: usize = 1000;
/// Share of a film that may be damaged or missing without anybody's consent.
pub const DAMAGED_MAX: f64 = 0.01;
/// What may be missing at the end of even the shortest film: containers round, and sound may end a moment after the picture.
const MISSING_MS_MAX: u64 = 250;
/// Notes of one source: one for each stream, and what there is to say of the whole.
const NOTES_MAX: usize = 2 * STREAMS_MAX;
/// Bytes of a name (codec, language, title) and of a note.
const NAME_BYTES_MAX: usize = 400;
const NOTE_BYTES_MAX: usize = 2000;
/// Largest part of a fraction: that of libav's fractions.
const RATIO_PART_MAX: u32 = i32::MAX as u32;

impl Source {
    /// Checks that the source is within the limits, and that nothing in it contradicts itself.
    ///
    /// # Errors
    /// `Invalid` with code `limits_exceeded`, or `damaged` for what cannot be true.
    pub fn validate(&self) -> Result<()> {
        let checks = [
            (self.size_bytes > 0, "its size"),
            (self.duration_ms == self.video.duration_ms(), "its duration"),
            (self.seen_until.is_none_or(|until| (self.video.origin..=self.video.end).contains(&until)), "where it was read"),
            (is_name(&self.container), "its format"),
            (self.notes.len() <= NOTES_MAX, "the number of its faults"),
            (self.notes.iter().all(|note| note.message.len() <= NOTE_BYTES_MAX && is_name(&note.code)), "the list of its faults"),
            (self.audio.iter().all(|track| is_stream(track.stream) && track.is_possible()), "its sound"),
            (self.subtitles.iter().all(SubtitleTrack::is_possible), "its subtitles"),
            (self.chapters.iter().all(|chapter| chapter.is_possible(self.duration_ms)), "its chapters"),
            (self.chapters.is_sorted_by_key(|chapter| chapter.start_ms), "the order of its chapters"),
        ];
        possible(&checks)?;
        self.video.check_possible()?;
        self.check_limits()
    }

    /// Checks that the file holds nearly all of the film that it declares.
    ///
    /// # Errors
    /// `Invalid` with code `truncated` where it was cut off, or `damaged` where it lacks parts of its middle.
    pub fn check_whole(&self) -> Result<()> {
        let declared_ms = self.duration_ms.saturating_add(self.missing_ms);
        let lost_ms = self.missing_ms.saturating_add(self.gaps_ms);
        if lost_ms <= MISSING_MS_MAX || lost_ms as f64 <= declared_ms as f64 * DAMAGED_MAX {
            return Ok(());
        }
        let seconds = |ms: u64| ms as f64 / 1000.0;
        let (code, what) = match self.missing_ms >= self.gaps_ms {
            true => ("truncated", "is cut off"),
            false => ("damaged", "lacks parts of the film"),
        };
        let message = format!(
            "the file {what}: of {:.1} s only {:.1} s can be read. Upload it again, completely, or accept what is readable \
             (accept_damaged).",
            seconds(declared_ms),
            seconds(declared_ms.saturating_sub(lost_ms))
        );
        Err(Error::invalid(code, message))
    }

    fn check_limits(&self) -> Result<()> {
        let VideoTrack { width, height, frames, .. } = self.video;
        let (ms, frames) = (u128::from(self.duration_ms), u128::from(frames));
        let exceeded = |message: String| Err(Error::invalid("limits_exceeded", message));
        if ms > u128::from(DURATION_SECONDS_MAX) * 1000 {
            return exceeded("the film is longer than twelve hours. Upload it in parts.".into());
        }
        // A clip of a moment has no rate to speak of; and the last of 240 frames may be shown at the end of its second.
        if ms > 1000 && frames * 1000 > u128::from(FRAME_RATE_MAX + 1) * ms {
            return exceeded(format!("the film has more than {FRAME_RATE_MAX} frames a second. Export it with fewer."));
        }
        if frames > u128::from(DURATION_SECONDS_MAX) * u128::from(FRAME_RATE_MAX) {
            return exceeded("the film has more frames than any film of twelve hours. Upload it in parts.".into());
        }
        if u64::from(width) * u64::from(height) > u64::from(PIXELS_MAX) {
            return exceeded(format!("the picture is {width}×{height}, larger than 8192×4320. Export it smaller."));
        }
        if self.audio.len() + self.subtitles.len() >= STREAMS_MAX {
            return exceeded(format!("the file has more than {STREAMS_MAX} tracks. Export it with fewer."));
        }
        if self.chapters.len() > CHAPTERS_MAX {
            return exceeded(format!("the file has more than {CHAPTERS_MAX} chapters. Export it with fewer."));
        }
        Ok(())
    }
}

impl VideoTrack {
    fn check_possible(&self) -> Result<()> {
        let names = [&self.codec, &self.pixel_format, &self.transfer, &self.primaries, &self.matrix];
        possible(&[
            (is_stream(self.stream), "the number of its picture track"),
            (self.width > 0 && self.height > 0, "the size of its picture"),
            (self.sample_aspect.is_within(10, 10), "the shape of its pixels"),
            (matches!(self.rotation_degrees, 0 | 90 | 180 | 270), "the turn of its picture"),
            (names.into_iter().all(|name| is_name(name)), "how its picture is coded"),
            (self.frame_rate.is_within(FRAME_RATE_MAX, 10), "its frame rate"),
            (self.time_base.is_within(RATIO_PART_MAX, RATIO_PART_MAX), "its clock"),
            (self.end > self.origin, "when it ends"),
            (self.frames > 0, "the number of its frames"),
            (
                self.captions.is_sorted_by(|one, next| one < next) && self.captions.iter().all(|one| one.is_possible()),
                "its closed captions",
            ),
            (self.keyframes.len() <= KEYFRAMES_MAX && self.keyframes.is_sorted(), "where its keyframes are"),
        ])
    }
}

impl AudioTrack {
    fn is_possible(&self) -> bool {
        let is_named = are_names([&self.codec].into_iter().chain(&self.title)) && is_language(&self.language);
        is_named && self.channels > 0 && self.sample_rate_hz > 0
    }
}

impl SubtitleTrack {
    fn is_possible(&self) -> bool {
        are_names([&self.codec].into_iter().chain(&self.title)) && is_language(&self.language) && is_stream(self.stream)
    }
}

/// Checks chapters that somebody made for a film of that length.
///
/// # Errors
/// `invalid_chapters` if there are too many, one begins before the one before it or ends after the film, or lasts no time.
pub fn check_chapters(chapters: &[Chapter], duration_ms: u64) -> Result<()> {
    let possible = chapters.iter().all(|chapter| chapter.is_possible(duration_ms));
    if chapters.len() <= CHAPTERS_MAX && possible && chapters.is_sorted_by_key(|chapter| chapter.start_ms) {
        return Ok(());
    }
    let message = format!(
        "chapters are {CHAPTERS_MAX} at most, in order, each from a time to a later one within the film's {duration_ms} ms, with a title of \
         {NAME_BYTES_MAX} bytes at most"
    );
    Err(Error::invalid("invalid_chapters", message))
}

impl Chapter {
    fn is_possible(&self, duration_ms: u64) -> bool {
        self.start_ms < self.end_ms && self.end_ms <= duration_ms && self.title.len() <= NAME_BYTES_MAX
    }
}

impl Ratio {
    /// Whether it is at most `max` and at least one part in `parts`.
    fn is_within(self, max: u32, parts: u32) -> bool {
        let (num, den) = (u64::from(self.num), u64::from(self.den));
        let written = (1..=RATIO_PART_MAX).contains(&self.num) && (1..=RATIO_PART_MAX).contains(&self.den);
        written && num <= den * u64::from(max) && num * u64::from(parts) >= den
    }
}

fn is_language(tag: &str) -> bool {
    language::tag(tag).as_deref() == Some(tag)
}

fn is_stream(index: u32) -> bool {
    usize::try_from(index).is_ok_and(|index| index < STREAMS_MAX)
}

fn are_names<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.all(|name| name.len() <= NAME_BYTES_MAX)
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
}

/// Refuses what is said of a file unless every check holds.
fn possible(checks: &[(bool, &str)]) -> Result<()> {
    match checks.iter().find(|(holds, _)| !holds) {
        None => Ok(()),
        Some((_, what)) => {
            let message = format!("what the file says of {what} cannot be true: it is damaged. Export or upload it again.");
            Err(Error::invalid("damaged", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        source::{CaptionChannel, Note},
        testing,
    };

    /// A good source that has everything.
    fn good() -> Source {
        let track = SubtitleTrack {
            stream: 2,
            codec: "subrip".into(),
            language: "en".into(),
            title: None,
            forced: false,
            hearing_impaired: false,
        };
        let chapter = |start_ms, end_ms| Chapter { start_ms, end_ms, title: String::new() };
        Source { subtitles: vec![track], chapters: vec![chapter(0, 10_000), chapter(10_000, 35_000)], ..testing::source() }
    }

    /// The code that a change to a good source is refused with.
    fn refusal(change: impl FnOnce(&mut Source)) -> Option<&'static str> {
        let mut source = good();
        change(&mut source);
        source.validate().err().map(|error| error.code())
    }

    /// The same for a change to its times, which the stated duration follows.
    fn refusal_of_times(origin: i64, end: i64) -> Option<&'static str> {
        refusal(|source| {
            source.chapters.clear();
            (source.video.origin, source.video.end) = (origin, end);
            source.duration_ms = source.video.duration_ms();
        })
    }

    #[test]
    fn a_film_is_at_most_twelve_hours_long_wherever_its_clock_begins() {
        let twelve_hours = 12 * 3600 * 1000;
        assert_eq!(refusal_of_times(0, 35_000), None);
        assert_eq!(refusal_of_times(i64::MAX - twelve_hours, i64::MAX), None);
        assert_eq!(refusal_of_times(i64::MIN, i64::MIN + twelve_hours), None);
        assert_eq!(refusal_of_times(-1, twelve_hours), Some("limits_exceeded"));
        // Where the difference of two times is no i64.
        assert_eq!(refusal_of_times(-(1 << 62), 1 << 62), Some("limits_exceeded"));
        assert_eq!(refusal_of_times(i64::MIN, i64::MAX), Some("limits_exceeded"));
        assert_eq!(refusal_of_times(35_000, 0), Some("damaged"));
        assert_eq!(refusal(|source| source.duration_ms = 1), Some("damaged"), "the times say 35 s");
    }

    #[test]
    fn a_film_of_which_more_than_a_moment_is_missing_is_cut_off() {
        let refused = |duration_ms: u64, missing_ms: u64| {
            let source = Source { duration_ms, missing_ms, ..testing::source() };
            source.check_whole().err().map(|error| (error.code(), error.message().to_owned()))
        };
        assert_eq!((refused(35_000, 0), refused(1000, 250), refused(99_000, 1000)), (None, None, None));
        let (code, message) = refused(4800, 3200).expect("a third is missing");
        assert!(
            code == "truncated" && message.contains("of 8.0 s only 4.8 s") && message.contains("accept_damaged"),
            "{message}"
        );
        assert!(refused(98_900, 1100).is_some() && refused(0, u64::MAX).is_some());
        let lacking = |gaps_ms: u64| Source { gaps_ms, ..testing::source() }.check_whole().err();
        assert!(lacking(350).is_none() && lacking(u64::MAX).is_some());
        let error = lacking(3500).expect("a tenth is missing");
        assert!(error.code() == "damaged" && error.message().contains("of 35.0 s only 31.5 s"), "{error:?}");
    }

    #[test]
    fn every_limit_holds() {
        type Change = fn(&mut Source);
        let changes: [(&str, Change); 7] = [
            ("8400 frames are 240 a second", |source| source.video.frames = 35 * 242),
            ("pixels", |source| (source.video.width, source.video.height) = (8192, 4321)),
            ("tall pixels", |source| (source.video.width, source.video.height) = (1, PIXELS_MAX + 1)),
            ("tracks", |source| source.audio = vec![source.audio[0].clone(); STREAMS_MAX]),
            ("tracks of all kinds", |source| {
                source.audio = vec![source.audio[0].clone(); 16];
                source.subtitles = vec![source.subtitles[0].clone(); 16];
            }),
            ("chapters", |source| source.chapters = vec![source.chapters[0].clone(); CHAPTERS_MAX + 1]),
            ("frames of a moment", |source| {
                source.chapters.clear();
                (source.video.end, source.duration_ms, source.video.frames) = (1000, 1000, u64::MAX);
            }),
        ];
        for (name, change) in changes {
            assert_eq!(refusal(change), Some("limits_exceeded"), "{name}");
        }
        assert_eq!(refusal(|source| (source.video.width, source.video.height) = (4320, 8192)), None);
        assert_eq!(refusal(|source| source.video.frames = 35 * 240), None);
        for shape in [Ratio::new(4, 3), Ratio::new(8, 9), Ratio::new(64, 45)] {
            assert_eq!(refusal(|source| source.video.sample_aspect = shape), None, "{shape:?}");
        }
    }

    #[test]
    fn what_cannot_be_true_is_refused() {
        type Change = fn(&mut Source);
        let changes: [(&str, Change); 26] = [
            ("no bytes", |source| source.size_bytes = 0),
            ("no frames", |source| source.video.frames = 0),
            ("no width", |source| source.video.width = 0),
            ("a rate of nothing", |source| source.video.frame_rate = Ratio { num: 30, den: 0 }),
            ("no rate", |source| source.video.frame_rate = Ratio { num: 0, den: 1 }),
            ("241 frames a second", |source| source.video.frame_rate = Ratio::new(241, 1)),
            ("a frame in eleven seconds", |source| source.video.frame_rate = Ratio::new(1, 11)),
            ("a rate that wraps", |source| source.video.frame_rate = Ratio::new(u32::MAX, u32::MAX)),
            ("no clock", |source| source.video.time_base = Ratio { num: 1, den: 0 }),
            ("pixels without a shape", |source| source.video.sample_aspect = Ratio { num: 0, den: 0 }),
            ("half a turn too little", |source| source.video.rotation_degrees = 45),
            ("stream 32", |source| source.video.stream = 32),
            ("sound in stream 32", |source| source.audio[0].stream = 32),
            ("no channel", |source| source.audio[0].channels = 0),
            ("a language of no tag", |source| source.audio[0].language = "eng".into()),
            ("no language", |source| source.subtitles[0].language = String::new()),
            ("a long title", |source| source.audio[0].title = Some("a".repeat(NAME_BYTES_MAX + 1))),
            ("subtitles in stream 32", |source| source.subtitles[0].stream = 32),
            ("a chapter after the end", |source| source.chapters[1].end_ms += 1),
            ("chapters in no order", |source| source.chapters.swap(0, 1)),
            ("read beyond its end", |source| source.seen_until = Some(source.video.end + 1)),
            ("many keyframes", |source| source.video.keyframes = vec![0; KEYFRAMES_MAX + 1]),
            ("keyframes in no order", |source| source.video.keyframes = vec![2, 1]),
            ("captions twice", |source| source.video.captions = vec![CaptionChannel::Cc1; 2]),
            ("captions of no service", |source| source.video.captions = vec![CaptionChannel::Service(0)]),
            ("many notes", |source| source.notes = vec![Note::new("a", "b"); NOTES_MAX + 1]),
        ];
        for (name, change) in changes {
            let mut source = good();
            change(&mut source);
            let error = source.validate().expect_err(name);
            assert_eq!(error.code(), "damaged", "{name}");
            assert!(error.message().len() > 20, "{name}: {}", error.message());
        }
    }

    #[test]
    fn a_fraction_of_nothing_does_not_even_arrive() {
        let mut json = serde_json::to_value(testing::source()).unwrap();
        json["video"]["time_base"]["den"] = 0.into();
        assert!(serde_json::from_value::<Source>(json).is_err());
    }

    #[test]
    fn chapters_that_somebody_made_fit_their_film() {
        let chapter = |start_ms, end_ms| Chapter { start_ms, end_ms, title: "Intro".to_owned() };
        assert!(check_chapters(&[], 10_000).is_ok());
        assert!(check_chapters(&[chapter(0, 5000), chapter(4000, 10_000)], 10_000).is_ok());
        let long = Chapter { title: "x".repeat(NAME_BYTES_MAX + 1), ..chapter(0, 1) };
        for bad in [
            vec![chapter(0, 10_001)],
            vec![chapter(5, 5)],
            vec![chapter(5000, 6000), chapter(0, 1000)],
            vec![long],
            vec![chapter(0, 1); CHAPTERS_MAX + 1],
        ] {
            assert_eq!(check_chapters(&bad, 10_000).unwrap_err().code(), "invalid_chapters");
        }
    }
}
