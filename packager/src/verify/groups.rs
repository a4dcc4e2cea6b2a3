//! Which key the samples of a fragment have: that of their track, or of a sample group of the kind `seig` (ISO/IEC 23001-7 section 6).

use super::{
    boxes::{Atom, Fault, Fields, Kind, all},
    entry::Protection,
    report::Report,
};

/// A key's id.
pub(super) type KeyId = [u8; 16];
/// Groups that a fragment describes itself are counted from here (ISO/IEC 14496-12 section 8.9.4).
const OF_FRAGMENT: u32 = 0x1_0000;
/// Groups of one fragment.
const GROUPS_MAX: u32 = 256;

/// What a group says of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    /// `None` if they are in the clear.
    key_id: Option<KeyId>,
    pattern: (u8, u8),
    iv_bytes: u8,
    constant_iv_bytes: usize,
}

/// The key of all `count` samples of a `traf`, whose track is as `track` says; `None` if they are in the clear.
///
/// # Errors
/// What keeps the groups from being read.
pub(super) fn key(
    report: &mut Report,
    path: &str,
    traf: &[Atom<'_>],
    track: &Protection,
    count: usize,
) -> Result<Option<KeyId>, Fault> {
    let own = Some(track.key_id);
    let is_seig = |atom: &Atom<'_>| atom.body.get(4..8) == Some(b"seig");
    let of = |kind: &Kind| all(traf, kind).into_iter().filter(is_seig).collect::<Vec<_>>();
    let (members, described) = (of(b"sbgp"), of(b"sgpd"));
    let Some(members) = members.first() else { return Ok(own) };
    let groups = match described.first() {
        Some(sgpd) => groups(sgpd)?,
        None => Vec::new(),
    };
    let (mut keys, mut listed) = (Vec::new(), 0_u64);
    for (samples, index) in runs(members)? {
        listed += u64::from(samples);
        let key = match index {
            0 => own,
            index => {
                let place = index.checked_sub(OF_FRAGMENT + 1).and_then(|place| usize::try_from(place).ok());
                let group = place.and_then(|place| groups.get(place));
                let Some(group) = report.keep(group.ok_or(format!("has no group {index:#x}")), "CENC 6", path) else { continue };
                let alike = (group.pattern, group.iv_bytes, group.constant_iv_bytes)
                    == (track.pattern, track.iv_bytes, track.constant_iv_bytes);
                report.must(alike || group.key_id.is_none(), "CENC 6", path, || {
                    "has a group that is encrypted in another way than its track".to_owned()
                });
                group.key_id
            }
        };
        keys.push(key);
    }
    if listed < count as u64 {
        keys.push(own);
    }
    report.must(listed <= count as u64, "14496-12 8.9.2", path, || format!("groups {listed} samples of {count}"));
    keys.dedup();
    report
        .must(keys.len() <= 1, "RFC 8216 4.3.2.4", path, || format!("has {} keys one after the other in a fragment", keys.len()));
    Ok(keys.first().copied().unwrap_or(own))
}

/// How many samples each run has, and in which group.
fn runs(sbgp: &Atom<'_>) -> Result<Vec<(u32, u32)>, Fault> {
    let mut fields = Fields(sbgp.body);
    let (version, _) = fields.full()?;
    fields.u32()?;
    if version >= 1 {
        fields.u32()?;
    }
    let count = fields.u32()?;
    // Nothing is allocated by a count that the bytes do not carry.
    (0..count).map(|_| Ok((fields.u32()?, fields.u32()?))).collect()
}

fn groups(sgpd: &Atom<'_>) -> Result<Vec<Group>, Fault> {
    let mut fields = Fields(sgpd.body);
    let (version, _) = fields.full()?;
    fields.u32()?;
    let length = if version >= 1 { fields.u32()? } else { 0 };
    if version >= 2 {
        fields.u32()?;
    }
    let count = fields.u32()?;
    if count > GROUPS_MAX {
        return Err(format!("sgpd describes {count} groups"));
    }
    let mut groups = Vec::new();
    for _ in 0..count {
        let length = if version >= 1 && length == 0 { fields.u32()? } else { length };
        // Version 0 says no length: what there is is one group's.
        let length = if version == 0 { fields.0.len() } else { length as usize };
        groups.push(group(Fields(fields.bytes(length)?))?);
    }
    Ok(groups)
}

fn group(mut fields: Fields<'_>) -> Result<Group, Fault> {
    fields.u8()?;
    let pattern = fields.u8()?;
    let (protected, iv_bytes) = (fields.u8()? == 1, fields.u8()?);
    let mut key_id = [0; 16];
    key_id.copy_from_slice(fields.bytes(16)?);
    let constant_iv_bytes = if protected && iv_bytes == 0 { fields.u8()?.into() } else { 0 };
    fields.bytes(constant_iv_bytes)?;
    Ok(Group { key_id: protected.then_some(key_id), pattern: (pattern >> 4, pattern & 15), iv_bytes, constant_iv_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cmaf, verify::boxes::children};
    use marquee_core::protection::Scheme;
    use uuid::Uuid;

    fn track() -> Protection {
        Protection {
            scheme: *b"cbcs",
            scheme_version: 0x1_0000,
            is_protected: true,
            pattern: (1, 9),
            iv_bytes: 0,
            constant_iv_bytes: 16,
            key_id: [1; 16],
        }
    }

    /// A traf of fifty samples of another key, as our writer has it.
    fn written() -> Vec<u8> {
        let key_id = Uuid::from_bytes([2; 16]);
        let other = cmaf::Protection { scheme: Scheme::Cbcs, key_id, constant_iv: Some([3; 16]), pattern: (1, 9) };
        let mut traf = Vec::new();
        cmaf::seig::encode(&other, 50, &mut traf).unwrap();
        traf
    }

    fn found(traf: &[u8], count: usize) -> (Result<Option<KeyId>, Fault>, Vec<String>) {
        let mut report = Report::default();
        let key = children(traf).and_then(|traf| key(&mut report, "1.m4s", &traf, &track(), count));
        (key, report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect())
    }

    #[test]
    fn a_fragment_has_the_key_of_its_group_or_of_its_track() {
        assert_eq!(found(&written(), 50), (Ok(Some([2; 16])), Vec::new()));
        assert_eq!(found(b"", 50), (Ok(Some([1; 16])), Vec::new()));
        let mut clear = written();
        // `isProtected` of the group.
        clear[28 + 26] = 0;
        assert_eq!(found(&clear, 50).0, Ok(None));
    }

    #[test]
    fn groups_that_are_wrong_are_found() {
        let broken = |place: usize, byte: u8| {
            let mut traf = written();
            traf[place] = byte;
            found(&traf, 50)
        };
        assert_eq!(found(&written(), 60).1, ["RFC 8216 4.3.2.4"], "the last ten have the key of the track");
        assert_eq!(found(&written(), 40).1, ["14496-12 8.9.2"]);
        assert_eq!(broken(27, 2).1, ["CENC 6"], "there is no second group");
        assert_eq!(broken(28 + 25, 0x55).1, ["CENC 6"], "another pattern");
        assert!(broken(28 + 21, 9).0.is_err(), "more groups than there are bytes");
        assert!(broken(19, 9).0.is_err(), "more runs than there are bytes");
        assert!(broken(28 + 19, 0xff).0.is_err(), "longer than it is");
    }
}
