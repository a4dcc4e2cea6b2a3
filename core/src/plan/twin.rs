//! What two plans have in common: a piece that one of them had made need not be made for the other.

use super::{Analysis, Chunk, Measure, Plan, Rung, ladder::BITRATE_MIN_BPS};
use crate::{Error, Result, fingerprint::Fingerprints, object::Track, source::Note};
use serde::{Deserialize, Serialize};

/// Rates that a rung may be capped at.
const BITRATE_MAX_BPS: u32 = 200_000_000;

/// A rung to be made anew, at other settings where some are given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungChange {
    /// The rung, as the plan calls it.
    pub id: String,
    /// Constant rate factor, on the codec's own scale.
    #[serde(default)]
    pub crf: Option<f32>,
    /// Rate that the buffer model never exceeds.
    #[serde(default)]
    pub max_bitrate_bps: Option<u32>,
    /// The encoder's preset.
    #[serde(default)]
    pub preset: Option<String>,
}

impl Plan {
    /// The same plan, of which some rungs are made anew.
    ///
    /// # Errors
    /// `Invalid` for a rung that is not there, and for a setting that its codec does not know; `Conflict` with code `ladder_undecided` as
    /// long as its rungs are not chosen.
    pub fn with_changes(mut self, changes: &[RungChange]) -> Result<Self> {
        if self.undecided().is_some() {
            return Err(Error::conflict("ladder_undecided", "the rungs of the encode were never chosen: order a whole one"));
        }
        if let Some(analysis) = &mut self.analysis {
            // That was for the encode before.
            analysis.cpu_ms = 0;
        }
        for change in changes {
            let known: Vec<_> = self.rungs.iter().map(|rung| rung.id.clone()).collect();
            let rung = self.rungs.iter_mut().find(|rung| rung.id == change.id).ok_or_else(|| {
                Error::invalid("unknown_rung", format!("there is no rung {:?}; there are: {}", change.id, known.join(", ")))
            })?;
            rung.change(change)?;
        }
        Ok(self)
    }

    /// What `other` calls a piece that is the same as ours of that name, given what the sources of both have in common: its rendition
    /// and its chunk. `None` if it has none. Sound and text are one chunk.
    #[must_use]
    pub fn twin(&self, track: Track, rendition: &str, chunk: u32, other: &Self, common: &Common<'_>) -> Option<(String, u32)> {
        if self.timeline != other.timeline {
            return None;
        }
        let lasts_alike = self.duration_ticks == other.duration_ticks;
        match track {
            Track::Video => self.twin_picture(self.rung(rendition)?, chunk, other, common),
            Track::Audio => {
                let ours = self.audio.iter().find(|ours| ours.id == rendition)?;
                let is_heard_alike = lasts_alike && self.loudness == other.loudness && other.audio.contains(ours);
                (is_heard_alike && common.has_track(ours.stream)).then(|| (ours.id.clone(), 0))
            }
            Track::Text => {
                let ours = self.subtitles.iter().find(|ours| ours.id == rendition)?;
                let is_read_alike = lasts_alike && other.subtitles.contains(ours);
                // A file beside the film is the same whatever the film is.
                let is_there = ours.stream().is_none_or(|stream| common.has_track(stream));
                (is_read_alike && is_there).then(|| (ours.id.clone(), 0))
            }
        }
    }

    fn twin_picture(&self, rung: &Rung, chunk: u32, other: &Self, common: &Common<'_>) -> Option<(String, u32)> {
        let is_shown_alike = self.picture == other.picture
            && self.encoder_threads == other.encoder_threads
            && self.frame_step_max() == other.frame_step_max()
            && self.judging == other.judging;
        let ours = self.chunks.get(chunk as usize).filter(|ours| is_shown_alike && common.has_chunk(ours))?;
        let same_part = |theirs: &&Chunk| Chunk { index: ours.index, ..**theirs } == *ours;
        let chunk = other.chunks.iter().find(same_part)?.index;
        // The last one takes what there is.
        if ours.end_ticks.is_none() && self.duration_ticks != other.duration_ticks {
            return None;
        }
        let theirs = other.rungs.iter().find(|theirs| rung.is_made_like(theirs))?;
        let floor = self.floor_vmaf(rung);
        // What is poor of the highest rung is made again, and that of others is not.
        (floor.is_none() || floor == other.floor_vmaf(theirs)).then(|| (theirs.id.clone(), chunk))
    }

    /// Whether pictures of the film itself, such as posters, look the same in `other`.
    #[must_use]
    pub fn shows_like(&self, other: &Self, common: &Common<'_>) -> bool {
        common.has_picture() && self.picture == other.picture && self.duration_ms() == other.duration_ms()
    }

    /// What samples came to for `other`, if they were those that this plan is undecided about.
    #[must_use]
    pub fn twin_measures<'a>(&self, other: &'a Self, common: &Common<'_>) -> Option<&'a [Measure]> {
        let (ours, theirs) = (self.undecided()?, other.analysis.as_ref().filter(|analysis| analysis.decided)?);
        let asks_alike = self.picture == other.picture && self.timeline == other.timeline && ours.asks_like(theirs);
        (common.has_picture() && asks_alike && ours.is_answered_by(&theirs.measures)).then_some(&theirs.measures)
    }

    /// The same plan of a film that takes the place of another one, of which it shares most: it keeps the ladder that was chosen for that
    /// one, so that what they share is made in the same way.
    #[must_use]
    pub fn keeping_ladder_of(self, other: &Self) -> Self {
        let (Some(ours), Some(theirs)) = (self.undecided(), &other.analysis) else { return self };
        let is_alike = self.picture == other.picture && self.timeline == other.timeline && self.judging == other.judging;
        if !theirs.decided || !is_alike || !ours.tries_like(theirs) {
            return self;
        }
        let note = Note::new("ladder_kept", "most of the picture is what it was: the ladder that was chosen for it is kept");
        let mut notes = self.notes.clone();
        notes.push(note);
        let analysis = Some(Analysis { cpu_ms: 0, ..theirs.clone() });
        Self { rungs: other.rungs.clone(), start: other.start.clone(), analysis, notes, ..self }
    }
}

/// What the sources of two plans have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Common<'a> {
    /// Every byte.
    Bytes,
    /// What is the same in the fingerprints of ours and theirs.
    Packets(&'a Fingerprints, &'a Fingerprints),
}

impl Common<'_> {
    fn has_chunk(&self, chunk: &Chunk) -> bool {
        match self {
            Self::Bytes => true,
            Self::Packets(ours, theirs) => ours.shares_chunk(theirs, chunk),
        }
    }

    fn has_picture(&self) -> bool {
        match self {
            Self::Bytes => true,
            Self::Packets(ours, theirs) => ours.shares_picture(theirs),
        }
    }

    fn has_track(&self, stream: u32) -> bool {
        match self {
            Self::Bytes => true,
            Self::Packets(ours, theirs) => ours.shares_track(theirs, stream),
        }
    }
}

impl Rung {
    /// Whether its segments are the same as those of `other` of the same chunk.
    fn is_made_like(&self, other: &Self) -> bool {
        let anonymous = |rung: &Self| Self { id: String::new(), reason: String::new(), ..rung.clone() };
        anonymous(self) == anonymous(other)
    }

    fn change(&mut self, change: &RungChange) -> Result<()> {
        let refuse = |what: String| Err(Error::invalid("invalid_rung", what));
        if let Some(crf) = change.crf {
            let max = self.codec.crf_max();
            if !(0.0..=max).contains(&crf) {
                return refuse(format!("crf of {} goes from 0 to {max}", self.id));
            }
            self.crf = crf;
        }
        if let Some(max_bitrate_bps) = change.max_bitrate_bps {
            let min = BITRATE_MIN_BPS as u32;
            if !(min..=BITRATE_MAX_BPS).contains(&max_bitrate_bps) {
                return refuse(format!("max_bitrate_bps of {} goes from {min} to {BITRATE_MAX_BPS}", self.id));
            }
            self.max_bitrate_bps = max_bitrate_bps;
        }
        if let Some(preset) = &change.preset {
            let known = self.codec.presets();
            if !known.contains(&preset.as_str()) {
                return refuse(format!("presets of {} are: {}", self.id, known.join(", ")));
            }
            preset.clone_into(&mut self.preset);
        }
        self.edition += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Part;
    use crate::plan::{
        AudioChoice, Recipe,
        tests::{film, recipe},
    };

    fn plan() -> Plan {
        Plan::new(&film(1920, 1080), &recipe())
    }

    /// Pieces of `ours` that `other` has, of all that it makes.
    fn shared(ours: &Plan, other: &Plan) -> (usize, usize) {
        let picture =
            |rung: &Rung| ours.chunks.iter().map(|chunk| (Track::Video, rung.id.clone(), chunk.index)).collect::<Vec<_>>();
        let sound = ours.audio.iter().map(|sound| (Track::Audio, sound.id.clone(), 0));
        let all: Vec<_> = ours.rungs.iter().flat_map(picture).chain(sound).collect();
        let twins = all.iter().filter(|(track, id, chunk)| ours.twin(*track, id, *chunk, other, &Common::Bytes).is_some());
        (twins.count(), all.len())
    }

    #[test]
    fn an_equal_plan_has_every_piece_and_names_do_not_matter() {
        let (ours, mut other) = (plan(), plan());
        let (twins, all) = shared(&ours, &other);
        assert_eq!(twins, all);
        other.rungs[1].id = "other-name".into();
        other.rungs[1].reason = "other reason".into();
        let id = ours.rungs[1].id.clone();
        assert_eq!(ours.twin(Track::Video, &id, 1, &other, &Common::Bytes), Some(("other-name".into(), 1)));
        assert_eq!(ours.twin(Track::Video, "none", 1, &other, &Common::Bytes), None);
        assert_eq!(ours.twin(Track::Video, &id, 10_000, &other, &Common::Bytes), None);
    }

    #[test]
    fn one_rung_that_is_changed_or_made_anew_is_all_that_is_made() {
        let ours = plan();
        let id = ours.rungs[0].id.clone();
        for change in [
            RungChange { id: id.clone(), ..RungChange::default() },
            RungChange { id: id.clone(), crf: Some(18.0), ..RungChange::default() },
            RungChange { id: id.clone(), preset: Some("slow".into()), max_bitrate_bps: Some(9_000_000), ..RungChange::default() },
        ] {
            let changed = ours.clone().with_changes(std::slice::from_ref(&change)).unwrap();
            let (twins, all) = shared(&changed, &ours);
            assert_eq!(twins, all - ours.chunks.len(), "{change:?}");
            assert_eq!(changed.twin(Track::Video, &id, 0, &ours, &Common::Bytes), None);
            let again = changed.clone().with_changes(&[change]).unwrap();
            assert_eq!(again.twin(Track::Video, &id, 0, &changed, &Common::Bytes), None, "made anew once more");
        }
    }

    #[test]
    fn changes_that_no_encoder_knows_are_refused() {
        let of = |change: RungChange| plan().with_changes(&[change]).map_err(|error| error.message().to_owned());
        let id = plan().rungs[0].id.clone();
        let base = RungChange { id: id.clone(), ..RungChange::default() };
        assert!(of(RungChange { id: "999p".into(), ..base.clone() }).is_err_and(|error| error.contains(&id)));
        assert!(of(RungChange { crf: Some(52.0), ..base.clone() }).is_err_and(|error| error.contains("51")));
        assert!(of(RungChange { crf: Some(f32::NAN), ..base.clone() }).is_err());
        assert!(of(RungChange { preset: Some("8".into()), ..base.clone() }).is_err_and(|error| error.contains("veryfast")));
        assert!(of(RungChange { max_bitrate_bps: Some(10), ..base }).is_err());
    }

    #[test]
    fn what_changes_the_picture_or_the_sound_shares_nothing_of_it() {
        let ours = plan();
        let pictures = ours.rungs.len() * ours.chunks.len();
        let mut other = plan();
        other.picture.mirrored = true;
        assert_eq!(shared(&ours, &other).0, ours.audio.len());
        let mut other = plan();
        other.loudness = None;
        let quiet = if ours.loudness.is_none() { ours.audio.len() } else { 0 };
        assert_eq!(shared(&ours, &other).0, pictures + quiet);
        let audio = [96_000, 64_000].map(|bitrate_bps| AudioChoice { bitrate_bps }).to_vec();
        let other = Plan::new(&film(1920, 1080), &Recipe { audio, ..recipe() });
        assert_eq!(shared(&ours, &other).0, pictures + ours.audio.len() / 2);
        let mut other = plan();
        other.duration_ticks += 1;
        let last = ours.rungs.len();
        assert_eq!(shared(&ours, &other).0, pictures - last, "another source, in which only what is whole can be the same");
        let mut other = plan();
        other.chunks.iter_mut().for_each(|chunk| chunk.first_segment += 1);
        assert_eq!(shared(&ours, &other).0, ours.audio.len());
    }

    /// Fingerprints of a film with a keyframe each second, of which the parts in `other` are others.
    fn prints(plan: &Plan, other: std::ops::Range<i64>, sound: &str) -> Fingerprints {
        let part = |second: i64| Part {
            start_ticks: second * i64::from(plan.timeline.timescale),
            sum: if other.contains(&second) { format!("other {second}") } else { format!("{second}") },
        };
        Fingerprints {
            timeline: plan.timeline.clone(),
            picture: "p".into(),
            seekable: true,
            parts: (0..35).map(part).collect(),
            tracks: plan.audio.iter().map(|audio| (audio.stream, sound.to_owned())).collect(),
        }
    }

    #[test]
    fn of_another_film_only_what_it_shares_is_taken() {
        let plan = plan();
        let shares = |track, id: &str, chunk, theirs: &Fingerprints| {
            plan.twin(track, id, chunk, &plan, &Common::Packets(&prints(&plan, 0..0, "a"), theirs)).is_some()
        };
        let (rung, sound) = (plan.rungs[0].id.as_str(), plan.audio[0].id.as_str());
        let chunks =
            |theirs: &Fingerprints| -> Vec<bool> { (0..3).map(|chunk| shares(Track::Video, rung, chunk, theirs)).collect() };
        let other_sound = prints(&plan, 0..0, "b");
        assert_eq!((chunks(&other_sound), shares(Track::Audio, sound, 0, &other_sound)), (vec![true; 3], false));
        let other_end = prints(&plan, 30..35, "a");
        assert_eq!((chunks(&other_end), shares(Track::Audio, sound, 0, &other_end)), (vec![true, true, false], true));
        assert!(!plan.shows_like(&plan, &Common::Packets(&prints(&plan, 0..0, "a"), &other_end)));
        assert!(plan.shows_like(&plan, &Common::Packets(&prints(&plan, 0..0, "a"), &other_sound)));
    }
}
