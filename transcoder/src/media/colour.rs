//! Colour as numbers of ITU-T H.273 and as the names that plans and filters use.

use ffmpeg_next::{
    ffi,
    format::{Pixel, stream::Stream},
    frame,
};

/// What the code points of a picture mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    /// Name of the transfer characteristics.
    pub(super) transfer: &'static str,
    /// Name of the primaries.
    pub(super) primaries: &'static str,
    /// Name of the matrix coefficients.
    pub(super) matrix: &'static str,
    /// Whether luma uses 0 to 255.
    pub(super) full_range: bool,
}

/// Whether a stream is Dolby Vision of profile 5, whose colours are none that other displays know (Dolby Vision Profiles and Levels).
pub(super) fn is_for_dolby_vision_alone(stream: &Stream<'_>) -> bool {
    const PROFILE: usize = 2;
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF;
    // SAFETY: the side data belongs to the stream, which is alive; no more is read than there is. It begins with one byte for each of
    // two parts of a version, the profile and the level.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor that checks the size")]
    unsafe {
        let mut size = 0;
        let data = ffi::av_stream_get_side_data(stream.as_ptr(), kind, &raw mut size);
        !data.is_null() && size > PROFILE && *data.add(PROFILE) == 5
    }
}

/// Colour of a decoded frame.
pub(super) fn of(frame: &frame::Video) -> Colour {
    // SAFETY: the frame is alive. The fields are read as plain numbers: a decoder may put any number there, and a Rust
    // enum holding a number that it has no name for would be undefined behaviour.
    #[expect(unsafe_code, reason = "the safe accessors turn unchecked numbers into enums")]
    let (transfer, primaries, matrix, range) = unsafe {
        let raw = frame.as_ptr();
        (
            (&raw const (*raw).color_trc).cast::<u32>().read(),
            (&raw const (*raw).color_primaries).cast::<u32>().read(),
            (&raw const (*raw).colorspace).cast::<u32>().read(),
            (&raw const (*raw).color_range).cast::<u32>().read(),
        )
    };
    // The deprecated formats yuvj… say full range by themselves. AVCOL_RANGE_JPEG is 2.
    let full_range = range == 2 || frame.format().descriptor().is_some_and(|format| format.name().starts_with("yuvj"));
    Colour { transfer: transfer_name(transfer), primaries: primaries_name(primaries), matrix: matrix_name(matrix), full_range }
}

/// H.273 table 3.
fn transfer_name(code: u32) -> &'static str {
    match code {
        1 => "bt709",
        4 => "bt470m",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "linear",
        11 => "iec61966-2-4",
        13 => "iec61966-2-1",
        14 => "bt2020-10",
        15 => "bt2020-12",
        16 => "smpte2084",
        17 => "smpte428",
        18 => "arib-std-b67",
        _ => "unknown",
    }
}

/// H.273 table 2.
fn primaries_name(code: u32) -> &'static str {
    match code {
        1 => "bt709",
        4 => "bt470m",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "film",
        9 => "bt2020",
        10 => "smpte428",
        11 => "smpte431",
        12 => "smpte432",
        _ => "unknown",
    }
}

/// H.273 table 4.
fn matrix_name(code: u32) -> &'static str {
    match code {
        0 => "gbr",
        1 => "bt709",
        4 => "fcc",
        5 => "bt470bg",
        6 => "smpte170m",
        7 => "smpte240m",
        8 => "ycgco",
        9 => "bt2020nc",
        10 => "bt2020c",
        _ => "unknown",
    }
}

/// Whether pictures of `format` are red, green and blue, or places in a list of such colours.
pub(super) fn is_rgb(format: Pixel) -> bool {
    // SAFETY: descriptors are static.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for a format's flags")]
    let flags = format.descriptor().map_or(0, |descriptor| unsafe { (*descriptor.as_ptr()).flags });
    flags & u64::from(ffi::AV_PIX_FMT_FLAG_RGB as u32 | ffi::AV_PIX_FMT_FLAG_PAL as u32) != 0
}

/// The matrix that a picture without a stated one was most likely made with: small ones come from the time of BT.601.
pub(super) fn likely_matrix(stated: &str, width: u32, height: u32) -> &str {
    match stated {
        "unknown" if width >= 1280 || height > 576 => "bt709",
        "unknown" => "smpte170m",
        stated => stated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unstated_matrices_go_by_size() {
        assert_eq!(likely_matrix("unknown", 720, 576), "smpte170m");
        assert_eq!(likely_matrix("unknown", 1280, 536), "bt709");
        assert_eq!(likely_matrix("bt470bg", 1920, 1080), "bt470bg");
    }

    #[test]
    fn formats_of_red_green_and_blue_are_told_apart() {
        for format in [Pixel::RGB24, Pixel::BGRZ, Pixel::ZRGB, Pixel::GBRP10LE, Pixel::PAL8, Pixel::RGB555BE] {
            assert!(is_rgb(format), "{format:?}");
        }
        for format in [Pixel::YUV420P, Pixel::GRAY8, Pixel::YUVA444P10LE, Pixel::NV12, Pixel::UYVY422, Pixel::None] {
            assert!(!is_rgb(format), "{format:?}");
        }
    }

    #[test]
    fn code_points_without_a_meaning_are_unknown() {
        assert_eq!((transfer_name(16), primaries_name(9), matrix_name(9)), ("smpte2084", "bt2020", "bt2020nc"));
        assert_eq!((transfer_name(99), primaries_name(17), matrix_name(2)), ("unknown", "unknown", "unknown"));
    }
}
