//! What a picture looks like: how bright it is.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};

/// From black at the left to white at the right, so evenly that no encoder overshoots.
const RAMP: &str = "rate=5:duration=0.4,format=gray,geq=lum=X*255/(W-1)";
/// How far luma may be off where a picture is compressed.
const LUMA_TOLERANCE: u32 = 4;

pub(crate) fn trials() -> Vec<Trial> {
    let levels = |name: &str, file: &'static str, arguments: String| {
        Trial::test(format!("levels::{name}"), move || keeps_levels(file, &arguments))
    };
    let ramp = format!("-f lavfi -i nullsrc=size=640x360:{RAMP}");
    let x264 = "-c:v libx264 -qp 4";
    let full = format!("-vf scale=out_range=full -color_range pc {x264}");
    vec![
        levels("full_range_bt601", "a.mkv", format!("{ramp} {full} -colorspace smpte170m -pix_fmt yuvj420p")),
        levels("full_range_bt709", "b.mkv", format!("{ramp} {full} -colorspace bt709 -pix_fmt yuvj420p")),
        levels("full_range_ten_bits", "c.mkv", format!("{ramp} {full} -colorspace smpte170m -pix_fmt yuv420p10le")),
        levels("limited_range_bt601", "d.mkv", format!("{ramp} {x264} -colorspace smpte170m -pix_fmt yuv420p")),
        levels("rgb", "e.mov", format!("{ramp} -pix_fmt rgb24 -c:v png")),
        Trial::test("levels::hdr_is_the_same_in_both_ranges", hdr_ranges_agree),
        Trial::test("levels::of_odd_sides_in_other_colours", odd_sides),
    ]
}

/// Every rendition is as bright as ffmpeg makes the source.
fn keeps_levels(file: &str, arguments: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    judge::make(&clip, arguments);
    let expected = judge::levels(&clip, "scale=out_range=limited,format=yuv420p");
    let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    for track in &title.tracks {
        check_levels(&track.rendition.id, judge::levels(&title.rendition(track), "null"), expected)?;
    }
    Ok(())
}

/// Pictures whose colour cannot be halved as they are, in colours that have to be changed.
fn odd_sides() -> Result<(), Failed> {
    let wide = "-color_primaries bt2020 -colorspace bt2020nc";
    let folder = tempfile::tempdir()?;
    for (file, colours) in [
        ("pq.mkv", format!("-color_trc smpte2084 {wide} -pix_fmt yuv420p10le")),
        ("pq444.mkv", format!("-color_trc smpte2084 {wide} -pix_fmt yuv444p10le")),
        ("wide.mkv", format!("-color_trc bt709 {wide} -pix_fmt yuv420p")),
        ("ycgco.mkv", "-colorspace ycgco -pix_fmt yuv444p".to_owned()),
    ] {
        let clip = folder.path().join(file);
        judge::make(&clip, &format!("-f lavfi -i testsrc2=size=161x121:rate=25:duration=1 {colours} -c:v libx264 -qp 10"));
        let out = folder.path().join(format!("{file}.out"));
        std::fs::create_dir(&out)?;
        let title = driver::encode(&clip, &out).map_err(|failure| format!("{file}: {failure:?}"))?;
        if title.reports.iter().map(|report| report.frames).sum::<u64>() != 25 {
            return Err(format!("{file}: frames are missing").into());
        }
    }
    Ok(())
}

fn check_levels(what: &str, found: (u32, u32), expected: (u32, u32)) -> Result<(), Failed> {
    if found.0.abs_diff(expected.0) <= LUMA_TOLERANCE && found.1.abs_diff(expected.1) <= LUMA_TOLERANCE {
        Ok(())
    } else {
        Err(format!("{what}: luma {found:?}, not {expected:?}").into())
    }
}

/// An HDR picture that is larger than the largest rung: scaled, then tone-mapped.
fn hdr_ranges_agree() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut levels = Vec::new();
    for range in ["pc", "tv"] {
        let clip = folder.path().join(format!("{range}.mkv"));
        judge::make(
            &clip,
            &format!(
                "-f lavfi -i nullsrc=size=2560x1440:{RAMP} -vf scale=out_range={range} -color_range {range} \
                 -color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc -pix_fmt yuv420p10le -c:v libx264 -qp 4"
            ),
        );
        let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
        if !title.plan.picture.tone_map || title.source.video.full_range != (range == "pc") {
            return Err(format!("{:?}", title.source.video).into());
        }
        levels.push(judge::levels(&title.rendition(&title.tracks[0]), "null"));
    }
    check_levels("full range", levels[0], levels[1])
}
