//! CMAF tracks (ISO/IEC 23000-19): initialization and media segments over the boxes of `mp4-atom`.
//!
//! A track's decode times start at 0 with the title. Its one edit takes away what lies before: for video the constant
//! offset that lets reordered frames be decoded before they are shown ([`edit_ticks`]), for sound the encoder's priming.
//! Signed offsets would need no edit, but libavformat and older televisions show such a track too late. Every fragment
//! says for itself what its samples are, so segments of several encoder runs may share an init segment.

pub(crate) mod av1;
mod coding;
mod hevc;
mod init;
mod loudness;
mod nal;
pub(crate) mod protection;
pub mod read;
pub(crate) mod roll;
mod schedule;
mod segment;
pub(crate) mod seig;

pub use av1::SequenceHeader;
pub(crate) use coding::has_what_is_elsewhere;
pub use coding::{Configuration, is_keyframe, sample};
pub use hevc::HevcParameterSets;
pub use init::{AudioTrack, Colour, VideoTrack};
pub use loudness::Loudness;
pub(crate) use loudness::UDTA;
pub use nal::{ParameterSets, annexb_to_avcc, is_idr, split_avcc, split_nals};
pub use protection::Protection;
pub use schedule::{Timing, edit_ticks, schedule};
pub use segment::{MediaSegment, Sample, WriteSegment, last_media_segment, media_segment};

/// The one track of a CMAF file.
const TRACK_ID: u32 = 1;
/// Its one sample entry.
const SAMPLE_DESCRIPTION_INDEX: u32 = 1;

#[cfg(test)]
pub(crate) mod judge;
#[cfg(test)]
mod tests;
