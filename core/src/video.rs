//! The state machine of a video.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Where a video is on its way from an upload to a playable title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Named, nothing uploaded yet.
    Created,
    /// Bytes are arriving.
    Uploading,
    /// All bytes are stored; the inspect job waits.
    Uploaded,
    /// The source is being probed.
    Inspecting,
    /// Chunks are being encoded; playable as soon as the first ones are there.
    Encoding,
    /// Everything is encoded; manifests are written and checked.
    Publishing,
    /// Live.
    Ready,
    /// Ended with a reason; see the video's failure.
    Failed,
}

/// What happens to a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An upload was opened.
    UploadOpened,
    /// The last byte of the source was stored.
    UploadFinished,
    /// The upload expired or was terminated before its end.
    UploadAbandoned,
    /// A worker took the inspect job.
    InspectStarted,
    /// The source is readable and has a plan.
    Planned,
    /// The last row of the ledger was committed.
    Encoded,
    /// The conformance gate passed.
    Published,
    /// A step gave up.
    Failed,
    /// An operator retries the step that gave up.
    Retried(Status),
    /// A source that is there is to be encoded anew.
    Ordered,
}

/// Where a video is, and where that is on its way which is to take its place: a video that is ready stays so while it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The video's own status.
    pub status: Status,
    /// How far its change is: another source, or another encode of its own. `None` if it does not change.
    pub change: Option<Status>,
}

impl State {
    /// The state after `event`: what happens to a video that is ready happens to its change.
    ///
    /// # Errors
    /// `Conflict` if the event cannot happen in this state.
    pub fn after(self, event: Event) -> Result<Self> {
        if self.status != Status::Ready {
            return Ok(Self { status: self.status.after(event)?, change: None });
        }
        let change = match (self.change, event) {
            (None, Event::Ordered) => Status::Uploaded,
            (change, event) => change.unwrap_or(Status::Created).after(event)?,
        };
        // It has taken the video's place, or nothing came of it.
        let is_over = matches!(change, Status::Ready | Status::Created);
        Ok(Self { change: (!is_over).then_some(change), ..self })
    }

    /// The status of what is on its way: the change's, if there is one.
    #[must_use]
    pub fn on_its_way(self) -> Status {
        self.change.unwrap_or(self.status)
    }
}

impl Status {
    /// Every status, in order.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Uploading,
        Self::Uploaded,
        Self::Inspecting,
        Self::Encoding,
        Self::Publishing,
        Self::Ready,
        Self::Failed,
    ];

    /// The status after `event`.
    ///
    /// # Errors
    /// `Conflict` if the event cannot happen in this status.
    pub fn after(self, event: Event) -> Result<Self> {
        use Status::{Created, Encoding, Failed, Inspecting, Publishing, Ready, Uploaded, Uploading};
        match (self, event) {
            (Created | Uploading | Failed, Event::UploadOpened) => Ok(Uploading),
            (Uploading, Event::UploadFinished) => Ok(Uploaded),
            (Uploading, Event::UploadAbandoned) => Ok(Created),
            (Uploaded | Inspecting, Event::InspectStarted) => Ok(Inspecting),
            (Inspecting, Event::Planned) => Ok(Encoding),
            (Encoding, Event::Encoded) => Ok(Publishing),
            (Publishing, Event::Published) => Ok(Ready),
            (Uploading | Uploaded | Inspecting | Encoding | Publishing, Event::Failed) => Ok(Failed),
            (Failed, Event::Retried(to @ (Uploaded | Encoding | Publishing))) => Ok(to),
            (Failed, Event::Ordered) => Ok(Uploaded),
            _ => Err(Error::conflict("wrong_state", format!("the video is {self}, so this cannot happen now"))),
        }
    }

    /// The name used in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Uploading => "uploading",
            Self::Uploaded => "uploaded",
            Self::Inspecting => "inspecting",
            Self::Encoding => "encoding",
            Self::Publishing => "publishing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| Error::invalid("unknown_status", format!("{text} is not a status of a video")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_transitions_is_exactly_this() {
        let events = [
            Event::UploadOpened,
            Event::UploadFinished,
            Event::UploadAbandoned,
            Event::InspectStarted,
            Event::Planned,
            Event::Encoded,
            Event::Published,
            Event::Failed,
            Event::Retried(Status::Encoding),
            Event::Ordered,
        ];
        let mut table = String::new();
        for status in Status::ALL {
            let row = events.iter().map(|event| status.after(*event).map_or("-", Status::as_str));
            table.push_str(&format!("{status}: {}\n", row.collect::<Vec<_>>().join(" ")));
        }
        assert_eq!(
            table,
            "created: uploading - - - - - - - - -\n\
             uploading: uploading uploaded created - - - - failed - -\n\
             uploaded: - - - inspecting - - - failed - -\n\
             inspecting: - - - inspecting encoding - - failed - -\n\
             encoding: - - - - - publishing - failed - -\n\
             publishing: - - - - - - ready failed - -\n\
             ready: - - - - - - - - - -\n\
             failed: uploading - - - - - - - encoding uploaded\n"
        );
    }

    #[test]
    fn a_video_that_is_ready_stays_so_while_it_changes() {
        let state = |change| State { status: Status::Ready, change };
        let upload = [
            (Event::UploadOpened, Some(Status::Uploading)),
            (Event::UploadFinished, Some(Status::Uploaded)),
            (Event::InspectStarted, Some(Status::Inspecting)),
            (Event::Planned, Some(Status::Encoding)),
            (Event::Encoded, Some(Status::Publishing)),
            (Event::Failed, Some(Status::Failed)),
            (Event::Ordered, Some(Status::Uploaded)),
            (Event::Failed, Some(Status::Failed)),
            (Event::Retried(Status::Publishing), Some(Status::Publishing)),
            (Event::Published, None),
            (Event::Ordered, Some(Status::Uploaded)),
        ];
        let mut now = state(None);
        for (event, change) in upload {
            now = now.after(event).unwrap();
            assert_eq!(now, state(change), "{event:?}");
        }
        assert_eq!(state(Some(Status::Uploading)).after(Event::UploadAbandoned).ok(), Some(state(None)));
        for (change, event) in [
            (None, Event::Failed),
            (None, Event::Published),
            (None, Event::Retried(Status::Encoding)),
            (Some(Status::Encoding), Event::Ordered),
            (Some(Status::Encoding), Event::UploadOpened),
        ] {
            assert!(state(change).after(event).is_err(), "{change:?} {event:?}");
        }
        let growing = State { status: Status::Encoding, change: None };
        assert!(growing.after(Event::Ordered).is_err(), "it is on its way already");
        assert_eq!(growing.after(Event::Failed).ok(), Some(State { status: Status::Failed, change: None }));
    }

    #[test]
    fn names_round_trip() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().ok(), Some(status));
        }
    }
}
