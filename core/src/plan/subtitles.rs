//! Subtitle renditions: what is extracted of each subtitle track, and what came beside the film.

use super::{
    PLAN_VERSION, Plan,
    names::{name_beside, names},
};
use crate::{id::SubtitleId, source::SubtitleTrack};
use serde::{Deserialize, Serialize};

/// One subtitle track as text, on the same segments as the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleRendition {
    /// Name in object keys (`s/{id}/…`).
    pub id: String,
    /// Where its words are.
    #[serde(flatten)]
    pub origin: Origin,
    /// BCP 47 language, `und` if unknown.
    pub language: String,
    /// What a player's menu shows; unique.
    pub name: String,
    /// Only what everybody has to read.
    pub forced: bool,
    /// Tells of sounds, too.
    pub hearing_impaired: bool,
}

/// Where the words of a subtitle rendition are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Origin {
    /// In the source.
    Source {
        /// Stream index.
        stream: u32,
    },
    /// In a file that came beside it.
    File {
        /// The file.
        file: SubtitleId,
    },
}

/// A file of subtitles beside a film, as far as a plan needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtitleFile {
    /// The file.
    pub id: SubtitleId,
    /// BCP 47 language.
    pub language: String,
    /// What its author calls it, if that is not its language.
    pub name: Option<String>,
    /// Whether it holds only what everybody has to read.
    pub forced: bool,
    /// Whether it tells of sounds, too.
    pub hearing_impaired: bool,
}

impl SubtitleRendition {
    /// Stream index in the source, if its words are there.
    #[must_use]
    pub fn stream(&self) -> Option<u32> {
        match self.origin {
            Origin::Source { stream } => Some(stream),
            Origin::File { .. } => None,
        }
    }

    /// The file that its words are in, if they came beside the source.
    #[must_use]
    pub fn file(&self) -> Option<SubtitleId> {
        match self.origin {
            Origin::Source { .. } => None,
            Origin::File { file } => Some(file),
        }
    }
}

impl Plan {
    /// The same plan with the subtitles that came beside its film: these `files`, and no others. What is extracted of the film itself
    /// stays as it is, names included, so that it need not be extracted again.
    #[must_use]
    pub fn with_subtitle_files(mut self, files: &[SubtitleFile]) -> Self {
        self.subtitles.retain(|rendition| rendition.file().is_none());
        for file in files {
            let name = name_beside(&self.subtitles, file.name.as_deref(), &file.language);
            self.subtitles.push(SubtitleRendition {
                id: format!("text-{}", file.id.0.simple()),
                origin: Origin::File { file: file.id },
                language: file.language.clone(),
                name,
                forced: file.forced,
                hearing_impaired: file.hearing_impaired,
            });
        }
        if !files.is_empty() {
            self.version = PLAN_VERSION;
        }
        self
    }
}

/// Every track once.
pub(super) fn renditions(tracks: &[SubtitleTrack]) -> Vec<SubtitleRendition> {
    let names = names(tracks.iter().map(|track| (track.title.as_deref(), track.language.as_str())));
    let rendition = |((position, track), name): ((usize, &SubtitleTrack), String)| SubtitleRendition {
        id: format!("text-{position}"),
        origin: Origin::Source { stream: track.stream },
        language: track.language.clone(),
        name,
        forced: track.forced,
        hearing_impaired: track.hearing_impaired,
    };
    tracks.iter().enumerate().zip(names).map(rendition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        object::Track,
        plan::{Common, tests::recipe},
        testing,
    };
    use uuid::Uuid;

    fn track(stream: u32, title: Option<&str>, forced: bool) -> SubtitleTrack {
        SubtitleTrack {
            stream,
            codec: "subrip".into(),
            language: "en".into(),
            title: title.map(Into::into),
            forced,
            hearing_impaired: !forced,
        }
    }

    fn file(id: u128, language: &str, name: Option<&str>) -> SubtitleFile {
        let (id, language) = (SubtitleId(Uuid::from_u128(id)), language.to_owned());
        SubtitleFile { id, language, name: name.map(Into::into), forced: false, hearing_impaired: false }
    }

    #[test]
    fn every_track_is_a_rendition_with_a_unique_name() {
        let renditions = renditions(&[track(2, None, false), track(3, Some("Signs\n"), true), track(5, None, false)]);
        let found: Vec<_> = renditions
            .iter()
            .map(|one| (one.id.as_str(), one.stream(), one.name.as_str(), one.forced, one.hearing_impaired))
            .collect();
        assert_eq!(
            found,
            [
                ("text-0", Some(2), "English 1", false, true),
                ("text-1", Some(3), "Signs", true, false),
                ("text-2", Some(5), "English 2", false, true),
            ]
        );
    }

    #[test]
    fn files_stand_beside_what_is_in_the_film_and_change_nothing_of_it() {
        let film = crate::source::Source { subtitles: vec![track(2, None, false)], ..testing::source() };
        let plan = Plan::new(&film, &recipe());
        let files = [file(1, "en", None), file(2, "de", None), file(3, "de", Some("Deutsch")), file(4, "fr", Some("For\nall"))];
        let with = plan.clone().with_subtitle_files(&files);
        let names: Vec<_> = with.subtitles.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["English", "English 2", "Deutsch", "Deutsch 2", "For all"]);
        let twin = |id: &str| with.twin(Track::Text, id, 0, &plan, &Common::Bytes).is_some();
        assert!(twin("text-0") && !twin(&with.subtitles[1].id));
        assert_eq!(
            with.twin(Track::Text, &with.subtitles[1].id, 0, &with, &Common::Bytes),
            Some((with.subtitles[1].id.clone(), 0))
        );
        assert_eq!(with.clone().with_subtitle_files(&files[1..]).subtitles.len(), 4);
        assert_eq!(with.with_subtitle_files(&[]), plan);
    }

    #[test]
    fn plans_that_knew_no_files_are_still_read() {
        let old =
            r#"{ "id": "text-0", "stream": 4, "language": "eng", "name": "eng", "forced": true, "hearing_impaired": false }"#;
        let rendition: SubtitleRendition = serde_json::from_str(old).unwrap();
        assert_eq!((rendition.stream(), rendition.file()), (Some(4), None));
        let file = SubtitleRendition { origin: Origin::File { file: SubtitleId(Uuid::from_u128(9)) }, ..rendition };
        let json = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<SubtitleRendition>(&json).unwrap(), file, "{json}");
    }
}
