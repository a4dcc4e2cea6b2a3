//! High dynamic range: that it is a kind which players know, and that displays are told how bright it was mastered (HLS-AUTH 1.7, 1.8 and 1.35).

use super::{
    boxes::{Atom, Fields, first},
    entry::{Entry, Media},
    report::Report,
};

/// `TransferCharacteristics` of PQ and HLG, and primaries and matrices of BT.2020 (ITU-T H.273).
pub(super) const PQ: u16 = 16;
pub(super) const HLG: u16 = 18;
const BT_2020: u16 = 9;
const BT_2020_MATRICES: [u16; 2] = [9, 10];
/// `nal_unit_type` of a prefix SEI (ITU-T H.265 table 7-1), and the types of its messages: mastering display colour volume, and content
/// light level (annex D.2.1).
const PREFIX_SEI: u8 = 39;
const MASTERING: u8 = 137;
const LIGHT: u8 = 144;

/// What a sample entry says of the display that its pictures were mastered on, and of how bright they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brightness {
    mastering: bool,
    light: bool,
}

impl Brightness {
    /// Of the boxes inside a sample entry: its own (ISO/IEC 14496-12 section 12.1.6 and 12.1.7), or messages in its `hvcC`.
    pub(super) fn of(inside: &[Atom<'_>]) -> Self {
        let mut found = Self { mastering: first(inside, b"mdcv").is_ok(), light: first(inside, b"clli").is_ok() };
        if let Ok(hvcc) = first(inside, b"hvcC") {
            for unit in units(hvcc.body).into_iter().flatten() {
                found.mastering |= message(unit) == Some(MASTERING);
                found.light |= message(unit) == Some(LIGHT);
            }
        }
        found
    }
}

/// The units in the arrays of an `hvcC` (ISO/IEC 14496-15 section 8.3.3.1); `None` if it ends early, which others say.
pub(super) fn units(hvcc: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Fields(hvcc.get(22..)?);
    let mut units = Vec::new();
    for _ in 0..fields.u8().ok()? {
        fields.u8().ok()?;
        for _ in 0..fields.u16().ok()? {
            let length = fields.u16().ok()?;
            units.push(fields.bytes(length.into()).ok()?);
        }
    }
    Some(units)
}

/// The type of the first message of a unit, if it is a prefix SEI. Encoders write one in each.
fn message(unit: &[u8]) -> Option<u8> {
    let [head, _, message, ..] = unit else { return None };
    (head >> 1 & 0x3f == PREFIX_SEI).then_some(*message)
}

/// Whether a unit of H.265 says how bright pictures are: that belongs in the header (HLS-AUTH 1.8).
pub(super) fn is_brightness(unit: &[u8]) -> bool {
    message(unit).is_some_and(|message| [MASTERING, LIGHT].contains(&message))
}

pub(super) fn check(report: &mut Report, path: &str, entry: &Entry) {
    let Media::Video { colour: Some((primaries, transfer, matrix)), .. } = entry.media else { return };
    // Dolby Vision has ways of its own, and AV1 says it in its stream.
    let is_hevc = [*b"hvc1", *b"hev1"].contains(&entry.kind);
    if !is_hevc || ![PQ, HLG].contains(&transfer) {
        return;
    }
    let is_known = primaries == BT_2020 && BT_2020_MATRICES.contains(&matrix) && entry.bits.is_none_or(|bits| bits >= 10);
    report.must(is_known, "HLS-AUTH 1.7", path, || {
        let bits = entry.bits.unwrap_or(0);
        format!("has the colours {primaries}, {transfer} and {matrix} in {bits} bits: neither HDR10 nor HLG")
    });
    let Brightness { mastering, light } = entry.brightness;
    // Not every source knows.
    report.should(transfer != PQ || (mastering && light), "HLS-AUTH 1.35", path, || {
        let lacking = [(mastering, "the display that it was mastered on"), (light, "how bright it is")];
        let lacking: Vec<_> = lacking.into_iter().filter(|(there, _)| !there).map(|(_, what)| what).collect();
        format!("is HDR10 and does not say in its header {}", lacking.join(", nor "))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of HEVC with such colours, whose `hvcC` has these units of SEI.
    fn entry(colour: (u16, u16, u16), bits: u8, messages: &[u8]) -> Entry {
        let unit = |message: &u8| [&[0, 4, PREFIX_SEI << 1, 1][..], &[*message, 0]].concat();
        let count = messages.len() as u8;
        let array = [&[PREFIX_SEI, 0, count][..], &messages.iter().flat_map(unit).collect::<Vec<_>>()].concat();
        let hvcc = [&[0; 22][..], &[1], &array].concat();
        let media = Media::Video { width: 1920, height: 1080, shown_width: 1920, colour: Some(colour) };
        let brightness = Brightness::of(&[Atom { kind: *b"hvcC", body: &hvcc }]);
        Entry { kind: *b"hvc1", media, bits: Some(bits), brightness, ..Entry::default() }
    }

    fn found(entry: &Entry) -> Vec<String> {
        let mut report = Report::default();
        check(&mut report, "init.mp4", entry);
        report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }

    #[test]
    fn what_is_hdr_is_hdr10_or_hlg_and_says_how_bright() {
        let both = [MASTERING, LIGHT];
        for (colour, bits, messages, rules) in [
            ((9, PQ, 9), 10, &both[..], &[][..]),
            ((9, HLG, 9), 10, &[], &[]),
            ((1, 1, 1), 8, &[], &[]),
            ((9, PQ, 9), 10, &both[..1], &["HLS-AUTH 1.35"]),
            ((9, PQ, 9), 10, &[4], &["HLS-AUTH 1.35"]),
            ((9, PQ, 9), 8, &both, &["HLS-AUTH 1.7"]),
            ((12, PQ, 1), 10, &both, &["HLS-AUTH 1.7"]),
            ((1, HLG, 1), 10, &[], &["HLS-AUTH 1.7"]),
        ] {
            assert_eq!(found(&entry(colour, bits, messages)), rules, "{colour:?} {bits} {messages:?}");
        }
        let boxes = [Atom { kind: *b"mdcv", body: &[] }, Atom { kind: *b"clli", body: &[] }];
        assert_eq!(Brightness::of(&boxes), Brightness { mastering: true, light: true });
        assert_eq!(Brightness::of(&[Atom { kind: *b"hvcC", body: &[0; 23] }]), Brightness::default());
        assert_eq!(Brightness::of(&[Atom { kind: *b"hvcC", body: &[9; 30] }]), Brightness::default(), "it ends early");
        assert!(
            is_brightness(&[PREFIX_SEI << 1, 1, LIGHT, 4]) && !is_brightness(&[PREFIX_SEI << 1, 1, 4]) && !is_brightness(&[])
        );
    }
}
