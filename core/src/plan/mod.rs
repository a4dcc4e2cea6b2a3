//! The encode plan: what an encode will do, as pure data. It is stored, printable, and made by [`Plan::new`] from a
//! [`Source`] and a [`Recipe`] alone, so it is tested by value.

mod audio;
mod chunk;
mod judging;
mod ladder;
mod names;
mod recipe;
mod start;
mod subtitles;
mod timeline;
mod twin;

pub use audio::AudioRendition;
pub use chunk::Chunk;
pub use judging::{Judging, Scope};
pub use ladder::{Analysis, Codec, Measure, Rung, Sample};
pub use recipe::{
    AdditionalLadder, AudioChoice, Deinterlace, Ladder, Loudness, LowestChoice, PerTitle, RECIPES, Recipe, RungChoice,
    StartChoice,
};
pub use start::Start;
pub use subtitles::{Origin, SubtitleFile, SubtitleRendition};
pub use timeline::Timeline;
pub use twin::{Common, RungChange};

use crate::presentation::Steering;
use crate::protection::Protected;
use crate::source::{CaptionChannel, FieldOrder, Note, Ratio, Source, VideoTrack, counts_frames, filmed_rate};
use ladder::Canvas;
use serde::{Deserialize, Serialize};

/// Threads of each encoder. One is enough where chunks and rungs run beside each other.
const ENCODER_THREADS: u16 = 1;
/// Version of the plan's meaning. A stored plan of a later one is not run. Since version 2 the first segment is short, some rungs may
/// lead, and some may have fewer frames. Since version 3 its rungs may be chosen after it was made, and sound may be surround and
/// brought to one loudness. Since version 4 it may carry subtitles, and rungs may be of other codecs than H.264. Since version 5 what
/// is made may be judged, what is poor made again, and each field of an interlaced picture shown as a frame. Since version 6 it may have
/// only the first chunks until the rest of the film is known, and frames may be deinterlaced that do not say that they are interlaced.
/// Since version 7 subtitles may come from files beside the film. Since version 8 what is stored may be protected. Since version 9
/// closed captions may be of other channels than the first of each field, and a film may be taken out of the fields that it was spread
/// over. Since version 10 the keys of what is protected may change.
pub const PLAN_VERSION: u32 = 10;

/// What one encode will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] at the time of making.
    pub version: u32,
    /// The grid that all renditions share.
    pub timeline: Timeline,
    /// Length of the title in ticks of the timeline.
    pub duration_ticks: u64,
    /// What is done to every picture before it is scaled.
    pub picture: Picture,
    /// Threads of each encoder: what is encoded depends on them, so the machine has no say.
    #[serde(default = "encoder_threads")]
    pub encoder_threads: u16,
    /// Video renditions: those of H.264, highest first, then those of each other codec, highest first.
    pub rungs: Vec<Rung>,
    /// Audio renditions.
    pub audio: Vec<AudioRendition>,
    /// Subtitle renditions.
    #[serde(default)]
    pub subtitles: Vec<SubtitleRendition>,
    /// Closed captions that pictures in H.264 carry on from the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<CaptionChannel>,
    /// How loud all sound is made; `None` if it stays as it is.
    #[serde(default)]
    pub loudness: Option<Loudness>,
    /// Pieces of the source that jobs work on, in order, without gaps.
    pub chunks: Vec<Chunk>,
    /// Whether it is made by what the ends of the film promise: it has only the first chunks until [`Plan::complete`].
    #[serde(default)]
    pub provisional: bool,
    /// Whether what is readable of a damaged source is to become a title, however much is missing.
    #[serde(default)]
    pub accept_damaged: bool,
    /// What leads, so that the title plays soon; `None` if every chunk is made in all rungs at once.
    #[serde(default)]
    pub start: Option<Start>,
    /// How the quality of what is made is measured.
    #[serde(default)]
    pub judging: Judging,
    /// How what is made is protected before it is stored; `None` if it stays in the clear.
    #[serde(default)]
    pub protected: Option<Protected>,
    /// Who steers its players; `None` if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steering: Option<Steering>,
    /// What its ladder is chosen by; `None` if it has the fixed one.
    #[serde(default)]
    pub analysis: Option<Analysis>,
    /// Why the plan is as it is, for people.
    pub notes: Vec<Note>,
}

/// What is done to every picture before it is scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Remove interlacing.
    pub deinterlace: bool,
    /// Where that is removed, each field becomes a frame.
    #[serde(default)]
    pub fields: bool,
    /// Where that is removed, it is from all frames, of which these fields come first, whatever they say; `None` if it is from those
    /// that say that they are interlaced, in the order that they say.
    #[serde(default)]
    pub field_order: Option<FieldOrder>,
    /// Take the film of 24 frames a second out of fields that it was spread over by 3:2 pulldown, of which these come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulldown: Option<FieldOrder>,
    /// Bring HDR to BT.709.
    pub tone_map: bool,
    /// Clockwise turn: 0, 90, 180 or 270.
    pub rotation_degrees: u16,
    /// Mirror left to right after the turn.
    pub mirrored: bool,
}

impl Picture {
    fn of(source: &Source, recipe: &Recipe) -> Self {
        let video = &source.video;
        // Frames that do not say what they are and come as fast as fields are no fields: each is shown once.
        let has_two = video.field_order.is_none() || counts_frames(video.frame_rate);
        // Only what comes at one rate has cycles.
        let pulldown = video.pulldown.filter(|_| video.interlaced && video.constant_rate);
        let deinterlace = video.interlaced && pulldown.is_none();
        Self {
            deinterlace,
            fields: deinterlace && has_two && recipe.deinterlace == Deinterlace::Fields,
            field_order: video.field_order.filter(|_| deinterlace),
            pulldown,
            tone_map: video.is_hdr(),
            rotation_degrees: video.rotation_degrees,
            mirrored: video.mirrored,
        }
    }

    /// Frames a second that are shown of `video`.
    #[must_use]
    pub fn frame_rate(&self, video: &VideoTrack) -> Ratio {
        let Ratio { num, den } = video.frame_rate;
        if self.pulldown.is_some() {
            return filmed_rate(video.frame_rate);
        }
        // Some transport streams have a packet for each field.
        if self.fields && counts_frames(video.frame_rate) { Ratio::new(num.saturating_mul(2), den) } else { video.frame_rate }
    }
}

impl Plan {
    /// The plan of `source` under `recipe`. Where the recipe wants the ladder to be chosen per title, it has only the rungs that lead
    /// until [`Plan::decide`]; where only the ends of the source are known, only the chunks that are, until [`Plan::complete`].
    #[must_use]
    pub fn new(source: &Source, recipe: &Recipe) -> Self {
        let picture = Picture::of(source, recipe);
        let frame_rate = picture.frame_rate(&source.video);
        let timeline = Timeline::of(&source.video, frame_rate);
        let duration_ticks = timeline.duration_ticks(&source.video);
        let mut notes = source.notes.clone();
        if picture.tone_map {
            notes.push(Note::new("hdr_tone_mapped", format!("the {} picture is tone-mapped to BT.709", source.video.transfer)));
        }
        if picture.deinterlace {
            let each = if picture.fields { "each field becomes a frame" } else { "one frame per frame" };
            notes.push(Note::new("deinterlaced", format!("the interlaced picture is deinterlaced, {each}")));
        }
        if picture.pulldown.is_some() {
            let message = format!("the film is taken out of its fields: {:.3} frames a second", frame_rate.as_f64());
            notes.push(Note::new("pulldown_removed", message));
        }
        let canvas = Canvas::new(source.video.display_size(), frame_rate, recipe);
        let (fixed, h264) = (canvas.fixed(), canvas.h264());
        if let Some(step) = fixed.first().map(|rung| rung.frame_step).filter(|step| *step > 1) {
            let message = format!("one of {step} frames is shown: {:.0} a second are too many for players", frame_rate.as_f64());
            notes.push(Note::new("frames_left_out", message));
        }
        let analysis = Analysis::of(&canvas, source, &timeline, duration_ticks);
        let (rungs, start) = if analysis.is_some() {
            let rungs = canvas.start();
            let start = Start::over(&rungs);
            (rungs, Some(start))
        } else {
            let start = Start::of(&h264);
            (fixed, start)
        };
        let mut chunks = chunk::cut(Vec::new(), &timeline, duration_ticks, &source.video);
        if let Some(seen) = source.seen_until {
            let seen_ticks = u64::try_from(timeline.tick(&source.video, seen)).unwrap_or(0);
            chunks.retain(|chunk| chunk.end_ticks.is_some_and(|end| end <= seen_ticks));
        }
        Self {
            version: PLAN_VERSION,
            encoder_threads: ENCODER_THREADS,
            chunks,
            provisional: source.seen_until.is_some(),
            accept_damaged: false,
            start,
            analysis,
            rungs,
            audio: audio::renditions(&source.audio, recipe, &mut notes),
            subtitles: subtitles::renditions(&source.subtitles),
            captions: source.video.captions.clone(),
            loudness: recipe.loudness,
            judging: recipe.judging,
            protected: None,
            steering: None,
            timeline,
            duration_ticks,
            picture,
            notes,
        }
    }

    /// The same plan of `source` for a known number of workers that begin together, where nobody waits for the first segments: longer
    /// chunks, of which less is decoded twice, and no rung that leads.
    #[must_use]
    pub fn for_workers(mut self, source: &Source, workers: u32) -> Self {
        if self.undecided().is_some() {
            self.rungs.clear();
        }
        Self { chunks: chunk::cut_for(&self.timeline, self.duration_ticks, &source.video, workers), start: None, ..self }
    }

    /// The same plan with all chunks of the film that is `whole`, of which `seen` told before: what it had stays as it is, for it may be
    /// made by now. `None` if the film is not what its ends promised: what was made by that is not right then.
    #[must_use]
    pub fn complete(mut self, seen: &Source, whole: &Source) -> Option<Self> {
        if !seen.foresaw(whole) {
            return None;
        }
        self.provisional = false;
        self.captions.clone_from(&whole.video.captions);
        self.chunks = chunk::cut(self.chunks, &self.timeline, self.duration_ticks, &whole.video);
        if let Some(analysis) = &mut self.analysis {
            analysis.spread(&self.timeline, &whole.video, self.duration_ticks);
        }
        for note in &whole.notes {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
        Some(self)
    }

    /// What has to be measured before the rest of the ladder is chosen; `None` if nothing has.
    #[must_use]
    pub fn undecided(&self) -> Option<&Analysis> {
        self.analysis.as_ref().filter(|analysis| !analysis.decided)
    }

    /// The same plan with its whole ladder: by what [`Plan::undecided`] came to and took of the processor, or as the fixed ladder has
    /// it where `measures` do not say. Rungs that are there stay as they are.
    #[must_use]
    pub fn decide(mut self, measures: Vec<Measure>, cpu_ms: u64) -> Self {
        let Some(analysis) = self.analysis.as_mut().filter(|analysis| !analysis.decided) else { return self };
        (analysis.decided, analysis.cpu_ms) = (true, cpu_ms);
        if analysis.is_answered_by(&measures) {
            analysis.measures = measures;
        }
        let (code, message, rungs) = match analysis.choose(&self.rungs) {
            Some(choice) => ("ladder_chosen", choice.summary(), choice.rungs),
            None => {
                let message = "the quality of samples could not be measured: the title gets the fixed ladder";
                ("ladder_fixed", message.to_owned(), analysis.fixed_with(&self.rungs))
            }
        };
        self.notes.push(Note::new(code, message));
        self.rungs = rungs;
        self
    }

    /// How many chunks, from the first on, are made in the start ladder first; none if there is no start ladder.
    #[must_use]
    pub fn start_chunks(&self) -> usize {
        self.start.as_ref().map_or(0, |start| self.chunks.len().min(start.chunks as usize))
    }

    /// Frames a second of the rung that has the fewest, of a source whose picture is `video`. It does not change when the ladder is
    /// decided.
    #[must_use]
    pub fn least_frame_rate(&self, video: &VideoTrack) -> Ratio {
        let all = self.picture.frame_rate(video);
        self.rungs_to_be().max_by_key(|rung| rung.frame_step).map_or(all, |rung| rung.frame_rate(all))
    }

    /// Of how many frames the rung shows one that shows the fewest. All rungs begin by it.
    fn frame_step_max(&self) -> u32 {
        self.rungs_to_be().map(|rung| rung.frame_step).max().unwrap_or(1)
    }

    /// All rungs, and those that may be chosen.
    fn rungs_to_be(&self) -> impl Iterator<Item = &Rung> {
        self.rungs.iter().chain(self.analysis.iter().flat_map(|analysis| &analysis.fixed))
    }

    /// The rung called `id`.
    #[must_use]
    pub fn rung(&self, id: &str) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.id == id)
    }

    /// Number of the title's last segment.
    #[must_use]
    pub fn last_segment(&self) -> u32 {
        chunk::last_segment(&self.timeline, self.duration_ticks)
    }

    /// Length of the title in milliseconds, rounded.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.timeline.ticks_to_ms(self.duration_ticks)
    }
}

/// What plans meant that did not say it yet.
fn encoder_threads() -> u16 {
    ENCODER_THREADS
}

#[cfg(test)]
mod tests;
