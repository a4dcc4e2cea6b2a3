//! Background work: what kinds there are, what each needs to know, and when it is tried again.

use crate::{
    id::{EncodeId, SubtitleId, UploadId, VideoId},
    plan::{Ladder, RungChange},
    protection::Wish,
    source::Chapter,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Attempts before a job is dead-lettered. Those that a service cut short by not answering do not count: an outage, however long,
/// is not the film's fault.
pub const ATTEMPTS_MAX: i32 = 5;
/// Attempts in all, those included that do not count: most of a day at the pace of [`rest`].
pub const ATTEMPTS_IN_ALL_MAX: i32 = 1000;
/// How long a claim lives without a heartbeat. Runs on the database's clock.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often a running job extends its lease.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(600);
const REST_MAX: Duration = Duration::from_secs(60);

/// What a job does. Payloads are ids and numbers, never media. Stored as tagged JSON, so a new variant never breaks an old row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Probe a source and write the plan.
    Inspect {
        /// The video that the source belongs to.
        video: VideoId,
        /// The finished upload.
        upload: UploadId,
        /// What the encode is to be, of a source that had one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<Order>,
    },
    /// Read what inspection has left unread of the source, measure samples of it, choose the rest of the ladder by that, and enqueue the
    /// rest of the work.
    Analyse {
        /// The encode whose ladder is not decided yet, or whose film is not known yet.
        encode: EncodeId,
    },
    /// Encode one chunk of the picture into a set of rungs.
    Encode {
        /// The encode whose plan is followed.
        encode: EncodeId,
        /// Position of the chunk in the plan.
        chunk: u32,
        /// Rungs by id.
        rungs: Vec<String>,
    },
    /// Encode one source sound track, whole, into its renditions.
    Audio {
        /// The encode whose plan is followed.
        encode: EncodeId,
        /// Stream index in the source.
        stream: u32,
    },
    /// Extract all subtitle tracks of the source as text, in one reading, or cut a file that came beside it.
    Subtitles {
        /// The encode whose plan is followed.
        encode: EncodeId,
        /// The file; `None` for the source.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<SubtitleId>,
    },
    /// Make posters and tiles of the picture.
    Thumbnails {
        /// The encode that they belong to.
        encode: EncodeId,
    },
    /// Write final manifests, run the gate, flip the video to ready.
    Publish {
        /// The encode to publish.
        encode: EncodeId,
    },
}

/// What another encode of a source is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The encode that will be made.
    pub encode: EncodeId,
    /// Recipe, if not the worker's own.
    #[serde(default)]
    pub recipe: Option<String>,
    /// How rungs are chosen, if not the worker's own way.
    #[serde(default)]
    pub ladder: Option<Ladder>,
    /// The encode whose plan is kept, but for `rungs`; `None` if the source gets a new plan.
    #[serde(default)]
    pub like: Option<EncodeId>,
    /// What changes in the plan that is kept.
    #[serde(default)]
    pub rungs: Vec<RungChange>,
    /// How it is protected, if not as the video's other encodes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Wish>,
    /// What its chapters are, if not those of the source or of the encode whose plan is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chapters: Option<Vec<Chapter>>,
}

/// The kind of a job: names queues, metrics and what a worker is willing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// See [`Job::Inspect`].
    Inspect,
    /// See [`Job::Analyse`].
    Analyse,
    /// See [`Job::Encode`].
    Encode,
    /// See [`Job::Audio`].
    Audio,
    /// See [`Job::Subtitles`].
    Subtitles,
    /// See [`Job::Thumbnails`].
    Thumbnails,
    /// See [`Job::Publish`].
    Publish,
}

/// Who goes first. Within a class older jobs go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody waits for it: inspection, first chunks, publishing.
    Urgent,
    /// The rest of a title.
    Normal,
    /// Backlogs.
    Bulk,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Inspect, Self::Analyse, Self::Encode, Self::Audio, Self::Subtitles, Self::Thumbnails, Self::Publish];

    /// Name in the database, in queue names and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Analyse => "analyse",
            Self::Encode => "encode",
            Self::Audio => "audio",
            Self::Subtitles => "subtitles",
            Self::Thumbnails => "thumbnails",
            Self::Publish => "publish",
        }
    }

    /// The kind called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether a title is whole without it: if it gives up, the title goes on and says so.
    #[must_use]
    pub fn is_dispensable(self) -> bool {
        self == Self::Thumbnails
    }
}

impl Class {
    /// Every class, most urgent first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// Name in the database, in queue names and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    /// The class called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl Job {
    /// This job's kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Inspect { .. } => Kind::Inspect,
            Self::Analyse { .. } => Kind::Analyse,
            Self::Encode { .. } => Kind::Encode,
            Self::Audio { .. } => Kind::Audio,
            Self::Subtitles { .. } => Kind::Subtitles,
            Self::Thumbnails { .. } => Kind::Thumbnails,
            Self::Publish { .. } => Kind::Publish,
        }
    }

    /// Two jobs with the same key are the same work; the second is not inserted.
    #[must_use]
    pub fn dedup_key(&self) -> String {
        match self {
            Self::Inspect { upload, order: None, .. } => format!("inspect:{upload}"),
            Self::Inspect { upload, order: Some(order), .. } => format!("inspect:{upload}:{}", order.encode),
            Self::Analyse { encode } => format!("analyse:{encode}"),
            Self::Encode { encode, chunk, rungs } => format!("encode:{encode}:{chunk}:{}", rungs.join(",")),
            Self::Audio { encode, stream } => format!("audio:{encode}:{stream}"),
            Self::Subtitles { encode, file: None } => format!("subtitles:{encode}"),
            Self::Subtitles { encode, file: Some(file) } => format!("subtitles:{encode}:{file}"),
            Self::Thumbnails { encode } => format!("thumbnails:{encode}"),
            Self::Publish { encode } => format!("publish:{encode}"),
        }
    }
}

/// How long to wait before attempt `attempt + 1`, after attempt `attempt` (from 1) failed: doubling from 5 s to 10 min.
#[must_use]
pub fn retry_delay(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_MAX)
}

/// How long to wait when attempts fail, `times` (from 1) in a row, because a service does not answer: as [`retry_delay`], but no
/// longer than a minute, so that work goes on soon after the service is back.
#[must_use]
pub fn rest(times: i32) -> Duration {
    retry_delay(times).min(REST_MAX)
}

/// Why a job did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// May work next time: the network, a full disk, a vanished child. Does not count as an attempt if the error is
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    Retry(crate::Error),
    /// Will never work: the input is at fault. `code` and `message` become the video's failure.
    Fail {
        /// Stable code, such as `not_a_video`.
        code: String,
        /// What is wrong and what to do, for the content team.
        message: String,
    },
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::Retry(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_ten_minutes() {
        let seconds: Vec<_> = (1..=9).map(|attempt| retry_delay(attempt).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(retry_delay(i32::MAX).as_secs(), 600);
        assert_eq!([1, 4, 5, 99].map(|times| rest(times).as_secs()), [5, 40, 60, 60]);
    }

    #[test]
    fn names_round_trip_and_json_is_tagged() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
        }
        let encode = EncodeId(uuid::Uuid::nil());
        let json = serde_json::to_value(Job::Encode { encode, chunk: 2, rungs: vec!["540p".into()] }).ok();
        assert_eq!(json.and_then(|json| json["kind"].as_str().map(str::to_owned)).as_deref(), Some("encode"));
    }
}
