//! The encode plan: what an encode will do, as pure data. It is stored, printable, and made by [`Plan::new`] from a
//! [`Source`] and a [`Recipe`] alone, so it is tested by value.

mod chunk;
mod ladder;
mod recipe;
mod start;
mod timeline;

pub use chunk::Chunk;
pub use ladder::{Analysis, Measure, Rung, Sample};
pub use recipe::{AudioChoice, Ladder, PerTitle, Recipe, RungChoice, StartChoice};
pub use start::Start;
pub use timeline::Timeline;

use crate::source::{AudioTrack, Note, Ratio, Source};
use ladder::Canvas;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Threads of each encoder. One is enough where chunks and rungs run beside each other.
const ENCODER_THREADS: u16 = 1;
/// Version of the plan's meaning. A stored plan of a later one is not run. Since version 2 the first segment is short, some rungs may
/// lead, and some may have fewer frames. Since version 3 its rungs may be chosen after it was made.
pub const PLAN_VERSION: u32 = 3;

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
    /// Video renditions, highest first.
    pub rungs: Vec<Rung>,
    /// Audio renditions.
    pub audio: Vec<AudioRendition>,
    /// Pieces of the source that jobs work on, in order, without gaps.
    pub chunks: Vec<Chunk>,
    /// What leads, so that the title plays soon; `None` if every chunk is made in all rungs at once.
    #[serde(default)]
    pub start: Option<Start>,
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
    /// Bring HDR to BT.709.
    pub tone_map: bool,
    /// Clockwise turn: 0, 90, 180 or 270.
    pub rotation_degrees: u16,
    /// Mirror left to right after the turn.
    pub mirrored: bool,
}

/// One encoded sound track, whole and never cut at chunk seams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioRendition {
    /// Name in object keys (`a/{id}/…`): letters, digits and dashes.
    pub id: String,
    /// Renditions of equal quality in several languages share a group.
    pub group: String,
    /// Stream index in the source.
    pub stream: u32,
    /// Target bitrate.
    pub bitrate_bps: u32,
    /// Channels of the result.
    pub channels: u16,
    /// Samples per second of the result.
    pub sample_rate_hz: u32,
    /// BCP 47 language, `und` if unknown.
    pub language: String,
    /// What a player's menu shows; unique in its group.
    pub name: String,
    /// The one that plays when the viewer chose nothing.
    pub default: bool,
}

impl Plan {
    /// The plan of `source` under `recipe`. Where the recipe wants the ladder to be chosen per title, it has only the rungs that lead
    /// until [`Plan::decide`].
    #[must_use]
    pub fn new(source: &Source, recipe: &Recipe) -> Self {
        let timeline = Timeline::of(&source.video);
        let duration_ticks = timeline.duration_ticks(&source.video);
        let mut notes = source.notes.clone();
        let picture = Picture {
            deinterlace: source.video.interlaced,
            tone_map: source.video.is_hdr(),
            rotation_degrees: source.video.rotation_degrees,
            mirrored: source.video.mirrored,
        };
        if picture.tone_map {
            notes.push(Note::new("hdr_tone_mapped", format!("the {} picture is tone-mapped to BT.709", source.video.transfer)));
        }
        if picture.deinterlace {
            notes.push(Note::new("deinterlaced", "the interlaced picture is deinterlaced, one frame per frame"));
        }
        let canvas = Canvas { display: source.video.display_size(), frame_rate: source.video.frame_rate, recipe };
        let fixed = canvas.fixed();
        if let Some(step) = fixed.first().map(|rung| rung.frame_step).filter(|step| *step > 1) {
            let message = format!(
                "one of {step} frames is shown: {:.0} a second are too many for players",
                source.video.frame_rate.as_f64()
            );
            notes.push(Note::new("frames_left_out", message));
        }
        let analysis = Analysis::of(&canvas, source, &timeline, duration_ticks);
        let (rungs, start) = if analysis.is_some() {
            let rungs = canvas.start();
            let start = Start::over(&rungs);
            (rungs, Some(start))
        } else {
            let start = Start::of(&fixed);
            (fixed, start)
        };
        Self {
            version: PLAN_VERSION,
            encoder_threads: ENCODER_THREADS,
            chunks: chunk::cut(&timeline, duration_ticks, &source.video),
            start,
            analysis,
            rungs,
            audio: audio_renditions(&source.audio, recipe, &mut notes),
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
        (analysis.decided, analysis.cpu_ms, analysis.measures) = (true, cpu_ms, measures);
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

    /// Frames a second of the rung that has the fewest, of a source that has `source` of them.
    #[must_use]
    pub fn least_frame_rate(&self, source: Ratio) -> Ratio {
        self.rungs.iter().max_by_key(|rung| rung.frame_step).map_or(source, |rung| rung.frame_rate(source))
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

/// Every source track at every bitrate of the recipe. One track is the default: the one the container marks, else the first.
fn audio_renditions(tracks: &[AudioTrack], recipe: &Recipe, notes: &mut Vec<Note>) -> Vec<AudioRendition> {
    let default = tracks.iter().position(|track| track.default).unwrap_or(0);
    let names = audio_names(tracks);
    let mut renditions = Vec::new();
    for choice in &recipe.audio {
        for (position, track) in tracks.iter().enumerate() {
            let bitrate_kbps = choice.bitrate_bps / 1000;
            renditions.push(AudioRendition {
                id: format!("aac-{bitrate_kbps}-{position}"),
                group: format!("aac-{bitrate_kbps}"),
                stream: track.stream,
                bitrate_bps: choice.bitrate_bps,
                channels: track.channels.clamp(1, 2),
                sample_rate_hz: if track.sample_rate_hz == 44_100 { 44_100 } else { 48_000 },
                language: track.language.clone(),
                name: names[position].clone(),
                default: position == default,
            });
        }
    }
    for track in tracks.iter().filter(|track| track.channels > 2) {
        notes.push(Note::new(
            "audio_downmixed",
            format!("audio stream {} has {} channels and is mixed to stereo", track.stream, track.channels),
        ));
    }
    renditions
}

/// Each track's title, else its language. Tracks that would share a name are numbered, past the names that others have.
fn audio_names(tracks: &[AudioTrack]) -> Vec<String> {
    let labels: Vec<String> = tracks.iter().map(audio_label).collect();
    let is_shared = |label: &str| labels.iter().filter(|other| *other == label).count() > 1;
    let mut taken: BTreeSet<String> = labels.iter().filter(|label| !is_shared(label)).cloned().collect();
    let name = |label: &String| {
        if !is_shared(label) {
            return label.clone();
        }
        let mut number = 1;
        while !taken.insert(format!("{label} {number}")) {
            number += 1;
        }
        format!("{label} {number}")
    };
    labels.iter().map(name).collect()
}

/// What a track calls itself, without what playlists and menus cannot show.
fn audio_label(track: &AudioTrack) -> String {
    let shown = |character: char| if character == '"' || character.is_control() { ' ' } else { character };
    let title: String = track.title.iter().flat_map(|title| title.chars()).map(shown).collect();
    let title = title.trim();
    if title.is_empty() { track.language.clone() } else { title.to_owned() }
}

#[cfg(test)]
mod tests;
