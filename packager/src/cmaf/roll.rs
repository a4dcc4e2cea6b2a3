//! The group of samples that are right once some before them are decoded (`roll`, ISO/IEC 14496-12 section 10.1): all of sound.
//!
//! Editions differ in what version 2 of `sgpd` holds, in which a group can be that of all samples; so fragments say that theirs belong to it.

use super::read::BoxAt;
use mp4_atom::{AnySampleGroupEntry, Atom, Sbgp, SbgpEntry, Sgpd, SgpdEntry};

const ROLL: [u8; 4] = *b"roll";
/// How far decoders of AAC go back for a sample to sound as it should, in samples of the file.
const ROLL_DISTANCE: i16 = -1;

/// The group, for the sample table of a track.
pub(super) fn group() -> Sgpd {
    let distance = ROLL_DISTANCE.to_be_bytes().to_vec();
    let entry = AnySampleGroupEntry::UnknownGroupingType(ROLL.into(), distance);
    Sgpd {
        grouping_type: ROLL.into(),
        default_length: Some(size_of::<i16>() as u32),
        default_group_description_index: None,
        static_group_description: false,
        static_mapping: false,
        essential: false,
        entries: vec![SgpdEntry { description_length: None, entry }],
    }
}

/// All `sample_count` samples of a fragment or a table belong to it.
pub(crate) fn members(sample_count: u32) -> Sbgp {
    let entries = vec![SbgpEntry { sample_count, group_description_index: 1 }];
    Sbgp { grouping_type: ROLL.into(), grouping_type_parameter: None, entries }
}

/// Whether a box is such a list.
pub(crate) fn is_members(atom: &BoxAt<'_>) -> bool {
    atom.kind == Sbgp::KIND && atom.body.get(4..8) == Some(&ROLL)
}

/// Whether fragments of a track with these groups in its table have lists of members.
pub(crate) fn has_members(sgpd: &[u8]) -> bool {
    sgpd.get(8..9) == Some(&[1]) && sgpd.get(12..16) == Some(&ROLL)
}
