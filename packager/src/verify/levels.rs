//! Levels no higher than a picture needs (HLS-AUTH 1.11): a device that refuses a level refuses pictures that it could show.

use crate::codec::Codec;

/// What a level allows, the lowest first: its number in the codec's own count, samples of luma (H.264: macroblocks) of one picture and of
/// a second, and kilobits a second.
type Level = (u8, u64, u64, u64);

/// ITU-T H.264, table A-1; rates are those of High profile, five quarters of what is listed there.
const AVC: [Level; 19] = [
    (10, 99, 1485, 80),
    (11, 396, 3000, 240),
    (12, 396, 6000, 480),
    (13, 396, 11_880, 960),
    (20, 396, 11_880, 2500),
    (21, 792, 19_800, 5000),
    (22, 1620, 20_250, 5000),
    (30, 1620, 40_500, 12_500),
    (31, 3600, 108_000, 17_500),
    (32, 5120, 216_000, 25_000),
    (40, 8192, 245_760, 25_000),
    (41, 8192, 245_760, 62_500),
    (42, 8704, 522_240, 62_500),
    (50, 22_080, 589_824, 168_750),
    (51, 36_864, 983_040, 300_000),
    (52, 36_864, 2_073_600, 300_000),
    (60, 139_264, 4_177_920, 300_000),
    (61, 139_264, 8_355_840, 600_000),
    (62, 139_264, 16_711_680, 1_000_000),
];
/// ITU-T H.265, tables A.8 and A.9, of the main tier.
const HEVC: [Level; 13] = [
    (30, 36_864, 552_960, 128),
    (60, 122_880, 3_686_400, 1500),
    (63, 245_760, 7_372_800, 3000),
    (90, 552_960, 16_588_800, 6000),
    (93, 983_040, 33_177_600, 10_000),
    (120, 2_228_224, 66_846_720, 12_000),
    (123, 2_228_224, 133_693_440, 20_000),
    (150, 8_912_896, 267_386_880, 25_000),
    (153, 8_912_896, 534_773_760, 40_000),
    (156, 8_912_896, 1_069_547_520, 60_000),
    (180, 35_651_584, 1_069_547_520, 60_000),
    (183, 35_651_584, 2_139_095_040, 120_000),
    (186, 35_651_584, 4_278_190_080, 240_000),
];
/// AV1, annex A.3, of the main tier.
const AV1: [Level; 13] = [
    (0, 147_456, 4_423_680, 1500),
    (1, 278_784, 8_363_520, 3000),
    (4, 665_856, 19_975_680, 6000),
    (5, 1_065_024, 31_950_720, 10_000),
    (8, 2_359_296, 70_778_880, 12_000),
    (9, 2_359_296, 141_557_760, 20_000),
    (12, 8_912_896, 267_386_880, 30_000),
    (13, 8_912_896, 534_773_760, 40_000),
    (14, 8_912_896, 1_069_547_520, 60_000),
    (15, 8_912_896, 1_069_547_520, 60_000),
    (16, 35_651_584, 1_069_547_520, 60_000),
    (17, 35_651_584, 2_139_095_040, 100_000),
    (18, 35_651_584, 4_278_190_080, 160_000),
];
/// Width and height of a macroblock.
const MACROBLOCK: u32 = 16;

/// Pictures as they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pictures {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) per_s: f64,
    pub(super) peak_bps: u64,
}

/// The level that a codec string says, and the lowest that allows the pictures; `None` of other codecs and beyond all levels.
pub(super) fn said_and_needed(codec: Codec, pictures: Pictures) -> Option<(u8, u8)> {
    let Pictures { width, height, per_s, peak_bps } = pictures;
    let samples = u64::from(width) * u64::from(height);
    let blocks = u64::from(width.div_ceil(MACROBLOCK)) * u64::from(height.div_ceil(MACROBLOCK));
    let (said, levels, size, tier): (u8, &[Level], u64, u64) = match codec {
        Codec::Avc { level, .. } => (level, &AVC, blocks, 1),
        // The high tier has at least twice the rate of the main one where there are both.
        Codec::Hevc { level, high_tier, .. } => (level, &HEVC, samples, if high_tier { 2 } else { 1 }),
        Codec::Av1 { level, high_tier, .. } => (level, &AV1, samples, if high_tier { 2 } else { 1 }),
        Codec::Aac { .. } => return None,
    };
    // A rate of frames that is read off times is hardly ever exact.
    let rate = size as f64 * per_s * 0.999;
    let allows = |(_, picture, second, kbps): &&Level| {
        size <= *picture && rate <= *second as f64 && peak_bps <= kbps.saturating_mul(1000 * tier)
    };
    levels.iter().find(allows).map(|(needed, ..)| (said, *needed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_need_the_level_that_their_size_and_rates_do() {
        let table = [
            ("avc1.64001f", (960, 540, 25.0, 2_000_000), Some((31, 31))),
            ("avc1.640028", (1280, 720, 30_000.0 / 1001.0, 4_000_000), Some((40, 31))),
            ("avc1.640028", (1920, 1080, 25.0, 6_000_000), Some((40, 40))),
            ("avc1.640028", (1920, 1080, 25.0, 26_000_000), Some((40, 41))),
            ("avc1.64002a", (1920, 1080, 59.94, 8_000_000), Some((42, 42))),
            ("avc1.64000d", (416, 234, 25.0, 90_000), Some((13, 13))),
            ("avc1.640034", (8192, 8192, 60.0, 8_000_000), None),
            ("hvc1.1.6.L93.90", (1280, 720, 30.0, 3_000_000), Some((93, 93))),
            ("hvc1.1.6.L120.90", (1920, 1080, 60.0, 6_000_000), Some((120, 123))),
            ("hvc1.2.4.H150.90", (3840, 2160, 30.0, 40_000_000), Some((150, 150))),
            ("av01.0.08M.08", (1280, 720, 30.0, 3_000_000), Some((8, 5))),
            ("av01.0.08M.08", (1920, 1080, 30.0, 5_000_000), Some((8, 8))),
            ("mp4a.40.2", (0, 0, 0.0, 0), None),
        ];
        for (codec, (width, height, per_s, peak_bps), expected) in table {
            let found = said_and_needed(codec.parse().unwrap(), Pictures { width, height, per_s, peak_bps });
            assert_eq!(found, expected, "{codec} {width}x{height}");
        }
    }
}
