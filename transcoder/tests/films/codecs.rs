//! Ladders in HEVC and AV1 beside that of H.264: they have its times, its seams and its keyframes, and decode as well.

use crate::{
    driver::{self, Title},
    judge,
};
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    job::Failure,
    object::{self, Track},
    plan::{Codec, Ladder, Plan, Recipe},
    presentation::Presentation,
    source::Source,
};
use marquee_packager::gate::{self, Severity};
use std::{fs, path::Path};

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=8 -c:v libx264 -preset veryfast -crf 16 -g 37";
const VARIABLE: &str = "-vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr";
const FAST: &str = "-f lavfi -i testsrc2=size=320x180:rate=50:duration=8 -c:v libx264 -preset veryfast -crf 16 -g 61";
/// How alike a frame is to its original, and to the same frame of an encode without seams.
const SAME: f64 = 0.97;
/// What a segment may take beyond the cap, which holds over the second that the buffer lasts.
const ABOVE_CAP: f64 = 1.1;

pub(crate) fn trials() -> Vec<Trial> {
    let seams = |name: &str, arguments: String| Trial::test(format!("codecs::{name}"), move || seams(&arguments));
    vec![
        seams("every_frame_is_at_its_time_over_seams", PICTURE.to_owned()),
        seams("a_variable_rate_is_kept", format!("{PICTURE} {VARIABLE}")),
        seams("every_second_frame_of_a_fast_film", FAST.to_owned()),
        Trial::test("codecs::the_cap_holds", the_cap_holds),
        Trial::test("codecs::the_same_is_made_twice", the_same_is_made_twice),
        Trial::test("codecs::trials_in_every_codec_are_measured", trials_are_measured),
    ]
}

/// The recipe with every codec that Marquee ships, at presets for tests.
pub(crate) fn recipe(ladder: Ladder) -> Recipe {
    let mut recipe: Recipe = toml::from_str(include_str!("../../recipes/archive.toml")).expect("the recipe is valid");
    "veryfast".clone_into(&mut recipe.preset);
    if let Some(per_title) = &mut recipe.per_title {
        "veryfast".clone_into(&mut per_title.preset);
    }
    for ladder in &mut recipe.additional {
        ladder.preset = if ladder.codec == Codec::Av1 { "11".into() } else { "ultrafast".into() };
    }
    recipe.with_ladder(ladder)
}

/// A plan of the three fixed ladders, good enough that a neighbouring frame is told apart from the right one.
fn good(source: &Source) -> Plan {
    let mut plan = Plan::new(source, &recipe(Ladder::Fixed));
    for rung in &mut plan.rungs {
        rung.crf = if rung.codec == Codec::Av1 { 24.0 } else { 14.0 };
        rung.max_bitrate_bps = 20_000_000;
    }
    plan
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
pub(crate) fn failed(failure: Failure) -> Failed {
    format!("{failure:?}").into()
}

/// A clip of several chunks in every codec.
fn seams(arguments: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, whole) = (folder.path().join("clip.mkv"), folder.path().join("whole"));
    fs::create_dir(&whole)?;
    judge::make(&clip, arguments);
    let source = driver::inspect(&clip).map_err(failed)?;
    let plan = good(&source);
    let codecs: Vec<Codec> = plan.rungs.iter().map(|rung| rung.codec).collect();
    if plan.chunks.len() < 2 || codecs != [Codec::H264, Codec::Hevc, Codec::Av1] {
        return Err(format!("{} chunks, {codecs:?}", plan.chunks.len()).into());
    }
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source.clone(), plan.clone()).map_err(failed)?;
    passes_the_gate(&title)?;
    let unchunked = plan.for_workers(&source, 1);
    let unchunked = driver::encode_plan(&driver::host(), &clip, &whole, source, unchunked).map_err(failed)?;
    let expected = judge::frames(&title.rendition(&title.tracks[0]), 0).times.ok_or("a frame has no time")?;
    if expected.len() < 165 {
        return Err(format!("{} frames", expected.len()).into());
    }
    for (track, same) in std::iter::zip(&title.tracks, &unchunked.tracks) {
        let (id, film, other) = (&track.rendition.id, title.rendition(track), unchunked.rendition(same));
        let complaints = judge::complaints(&film);
        let times = judge::frames(&film, 0).times.ok_or("a frame has no time")?;
        if !complaints.is_empty() || times != expected {
            return Err(format!("{id}: {} frames of {}, {complaints}", times.len(), expected.len()).into());
        }
        if fs::read(folder.path().join(object::init_path(Track::Video, id)))?
            != fs::read(whole.join(object::init_path(Track::Video, id)))?
        {
            return Err(format!("{id}: the init segment depends on the chunk").into());
        }
        let alike = judge::similarities(&other, 0, "null", &film, 2000);
        let least = alike.iter().copied().fold(1.0, f64::min);
        if alike.len() != expected.len() || least < SAME {
            return Err(format!("{id}: {} frames compared with an encode without seams: {least}", alike.len()).into());
        }
    }
    looks_right(&clip, &title, &expected)
}

/// Frames of HEVC and AV1 look like those of H.264, which other tests compare with their originals.
fn looks_right(clip: &Path, title: &Title, expected: &[f64]) -> Result<(), Failed> {
    let reference = title.rendition(&title.tracks[0]);
    for track in &title.tracks[1..] {
        let alike = judge::similarities(&reference, 0, "null", &title.rendition(track), 2000);
        let (frame, least) = alike.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).ok_or("nothing was compared")?;
        if alike.len() != expected.len() || *least < SAME {
            let (id, count) = (&track.rendition.id, alike.len());
            return Err(format!("{}: frame {frame} of {count} of {id}: {least}", clip.display()).into());
        }
    }
    Ok(())
}

/// All rungs share one grid, and every object is what a player expects.
fn passes_the_gate(title: &Title) -> Result<(), Failed> {
    let mut findings = gate::check(&Presentation { tracks: title.tracks.clone(), ..Presentation::default() });
    for track in &title.tracks {
        let read = |path: String| fs::read(title.folder.join(path));
        findings.extend(gate::check_init(&track.rendition, &read(object::init_path(Track::Video, &track.rendition.id))?));
        for segment in &track.segments {
            let bytes = read(object::segment_path(Track::Video, &track.rendition.id, segment.number))?;
            findings.extend(gate::check_segment(&track.rendition, segment, &bytes));
        }
    }
    // A clip of testsrc2 takes most of its bits at its beginning.
    findings.retain(|finding| finding.severity == Severity::Error || finding.rule != "HLS-AUTH 1.30");
    if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}").into()) }
}

/// Noise at the best quality, which takes whatever it may.
fn the_cap_holds() -> Result<(), Failed> {
    const CAP_BPS: u32 = 400_000;
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("noise.mkv");
    judge::make(
        &clip,
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=8,noise=alls=40:allf=t -c:v libx264 -preset ultrafast -crf 12",
    );
    let source = driver::inspect(&clip).map_err(failed)?;
    let mut plan = good(&source);
    for rung in &mut plan.rungs {
        rung.max_bitrate_bps = CAP_BPS;
    }
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan).map_err(failed)?;
    for track in &title.tracks {
        for segment in &track.segments[1..] {
            let seconds = segment.duration_ticks as f64 / f64::from(track.rendition.timescale);
            let rate = segment.size_bytes as f64 * 8.0 / seconds;
            if rate > f64::from(CAP_BPS) * ABOVE_CAP || rate < f64::from(CAP_BPS) * 0.5 {
                return Err(format!("segment {} of {} takes {rate:.0} b/s", segment.number, track.rendition.id).into());
            }
        }
    }
    Ok(())
}

/// Two children make the same bytes of the same chunk: an attempt may adopt what another stored.
fn the_same_is_made_twice() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mkv");
    judge::make(&clip, PICTURE);
    let source = driver::inspect(&clip).map_err(failed)?;
    let mut plan = good(&source);
    plan.chunks.truncate(2);
    let make = |name: &str| -> Result<Title, Failed> {
        let out = folder.path().join(name);
        fs::create_dir(&out)?;
        driver::encode_plan(&driver::host(), &clip, &out, source.clone(), plan.clone()).map_err(failed)
    };
    let (first, second) = (make("first")?, make("second")?);
    for (a, b) in std::iter::zip(&first.tracks, &second.tracks) {
        if fs::read(first.rendition(a))? != fs::read(second.rendition(b))? {
            return Err(format!("{} differs", a.rendition.id).into());
        }
    }
    Ok(())
}

/// Samples are tried in every codec, and the ladders that are chosen by that have rungs of each.
fn trials_are_measured() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("film.mp4");
    judge::make(&clip, "-f lavfi -i mandelbrot=size=640x360:rate=25:maxiter=300 -t 12 -c:v libx264 -preset ultrafast -crf 12");
    let source = driver::inspect(&clip).map_err(failed)?;
    let plan = Plan::new(&source, &recipe(Ladder::Auto));
    let asked = plan.undecided().ok_or("nothing to measure")?.trials.clone();
    let mut sink = driver::Folder { folder: folder.path().to_owned(), ..driver::Folder::default() };
    let task = marquee_transcoder::child::Task::Analyse { source, plan: plan.clone() };
    let report = driver::run(&driver::host(), &task, &clip, &mut sink).map_err(failed)?;
    for (pair, tried) in std::iter::zip(asked.windows(2), sink.measures.windows(2)) {
        let falls = tried[0].bitrate_bps > tried[1].bitrate_bps && tried[0].vmaf >= tried[1].vmaf;
        if (pair[0].codec, pair[0].height) == (pair[1].codec, pair[1].height) && !falls {
            return Err(format!("{} and {}: {tried:?}", pair[0].id, pair[1].id).into());
        }
    }
    let plan = plan.decide(sink.measures, report.cpu_ms);
    for codec in [Codec::H264, Codec::Hevc, Codec::Av1] {
        if !plan.rungs.iter().any(|rung| rung.codec == codec && !rung.reason.is_empty()) {
            return Err(format!("{codec:?} is not among {:?}", plan.rungs).into());
        }
    }
    Ok(())
}
