//! CMAF tracks (ISO/IEC 23000-19): initialization and media segments over the boxes of `mp4-atom`.
//!
//! Video has no edit list: decode times are the sorted presentation times, composition offsets are signed, so a title
//! starts at exactly 0. Audio has one edit that cuts the encoder's priming. Every fragment says for itself what its
//! samples are (the `cmf2` brand's rules), so segments of several encoder runs may share an init segment.

mod init;
mod nal;
pub mod read;
mod schedule;
mod segment;

pub use init::{AudioTrack, Colour, VideoTrack};
pub(crate) use nal::has_parameter_sets;
pub use nal::{ParameterSets, annexb_to_avcc, is_idr, split_avcc, split_nals};
pub use schedule::{Timing, schedule};
pub use segment::{MediaSegment, Sample, media_segment};

/// The one track of a CMAF file.
const TRACK_ID: u32 = 1;
/// Its one sample entry.
const SAMPLE_DESCRIPTION_INDEX: u32 = 1;
