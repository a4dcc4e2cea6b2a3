//! Real films: those that must become titles, and those that must not.

use crate::{
    driver::{self, Title},
    ends, judge,
};
use libtest_mimic::{Failed, Trial};
use marquee_core::job::Failure;
use marquee_packager::model::Media;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the films are, from the root of the workspace. Without them these tests say so and pass.
const FOLDER: &str = "../../shared/media";
/// Frames of each rendition that are compared with the source.
const FRAMES_COMPARED: u32 = 24;
/// Similarity that renditions reach on every compared frame, and the smallest with its 90 kb/s.
const SIMILAR: f64 = 0.80;
const SIMILAR_SMALL: f64 = 0.65;
/// How far a frame may be from its time, in seconds.
const TIME_TOLERANCE: f64 = 0.01;
/// Films of the unusual kind that have no picture.
const WITHOUT_PICTURE: [&str; 2] = ["ax_sample_audio_only_15s.mp4", "ax_sample_ac3_aac.mp4"];

/// What must come of the files that are broken or mean harm: a code of refusal, or of a note about what is missing.
const HOSTILE: &[(&str, &str)] = &[
    ("ax_sample_malformed_free_box.mp4", "damaged"),
    ("ax_sample_mdat_too_long.mp4", "damage_container"),
    ("ax_sample_missing_stsd.mp4", "audio_left_out"),
    ("decord_corrupted.mp4", "damage_concealed"),
    ("handmade_html_error_page.mp4", "not_a_video"),
    ("handmade_pixelbomb_16384x8704.avi", "limits_exceeded"),
    ("handmade_ssrf_hls_file.mp4", "not_a_video"),
    ("handmade_trunc_60pct_faststart.mp4", "truncated"),
    ("handmade_zero_bytes.mp4", "empty_file"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    if !root.is_dir() {
        return vec![Trial::test("films::are_not_here", || Ok(())).with_ignored_flag(true)];
    }
    let trial = |kind: &str, file: PathBuf, check: fn(&Path) -> Result<(), Failed>| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("?");
        Trial::test(format!("{kind}::{name}"), move || check(&file))
    };
    let mut trials: Vec<Trial> = files(&root.join("good")).map(|file| trial("good", file, good)).collect();
    trials.extend(files(&root.join("hard")).map(|file| trial("hard", file, hard)));
    let valid = files(&root.join("good")).chain(files(&root.join("hard")));
    trials.extend(valid.map(|file| trial("ends_of", file, ends::keep_their_promise)));
    trials.extend(files(&root.join("hostile")).map(|file| trial("hostile", file, hostile)));
    trials
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path())
}

/// A film that must become a title with every frame, upright, in sync.
fn good(file: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let title = driver::encode(file, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    check_frames(file, &title)?;
    check_sound(&title)?;
    check_look(file, &title)
}

/// A valid film of an unusual kind: what becomes of it must play; a refusal must say why.
fn hard(file: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    match driver::encode(file, folder.path()) {
        Ok(title) => {
            check_frames(file, &title)?;
            check_sound(&title)?;
            check_look(file, &title)
        }
        Err(Failure::Fail { code, .. })
            if code == "no_video_track" && WITHOUT_PICTURE.iter().any(|name| file.ends_with(name)) =>
        {
            Ok(())
        }
        Err(failure) => Err(format!("{failure:?}").into()),
    }
}

/// A file that must be refused, or become a title that says what is wrong with it.
fn hostile(file: &Path) -> Result<(), Failed> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("?");
    let Some((_, expected)) = HOSTILE.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let codes: Vec<String> = match driver::encode(file, folder.path()) {
        Ok(title) => {
            check_renditions(&title)?;
            title.notes().map(|note| note.code.clone()).collect()
        }
        Err(Failure::Fail { code, message }) => {
            if message.len() < 20 {
                return Err(format!("nobody understands {message:?}").into());
            }
            vec![code]
        }
        Err(failure) => return Err(format!("{failure:?}").into()),
    };
    if codes.iter().any(|code| code == expected) { Ok(()) } else { Err(format!("{expected} is not among {codes:?}").into()) }
}

/// Every rendition decodes without a complaint.
fn check_renditions(title: &Title) -> Result<(), Failed> {
    for track in &title.tracks {
        let complaints = judge::complaints(&title.rendition(track));
        if !complaints.is_empty() {
            return Err(format!("{}: {complaints}", track.rendition.id).into());
        }
    }
    Ok(())
}

/// Every frame of the source is there once, at its time, and nothing else but what fills pauses; segments follow each other
/// without a gap; keyframes agree; the title is as long as its picture.
fn check_frames(file: &Path, title: &Title) -> Result<(), Failed> {
    check_renditions(title)?;
    let source = judge::frames(file, title.source.video.stream);
    let picture = &title.plan.picture;
    let frame_seconds = 1.0 / picture.frame_rate(&title.source.video).as_f64();
    let expected = source.count + repeats(title);
    // Among interlaced frames there may be others, which are shown once.
    let expected = if picture.fields { expected..=2 * expected } else { expected..=expected };
    let mut keyframes: Option<Vec<u64>> = None;
    for track in &title.tracks {
        let Media::Video { .. } = track.rendition.media else { continue };
        let id = &track.rendition.id;
        let found = judge::frames(&title.rendition(track), 0);
        let step = title.plan.rung(id).ok_or("the plan has no such rung")?.frame_step;
        if step == 1 && !expected.contains(&found.count) {
            return Err(format!("{id}: {} frames, expected {expected:?}", found.count).into());
        }
        if let (Some(times), Some(source)) = (&found.times, &source.times) {
            let frame_seconds = frame_seconds * f64::from(step);
            let check = if step == 1 { check_times(times, source) } else { check_thinned(times, source, frame_seconds) };
            check.map_err(|complaint| format!("{id}: {complaint}"))?;
            let span = (times.last().copied().unwrap_or(0.0) - times.first().copied().unwrap_or(0.0)) + frame_seconds;
            let length = title.plan.duration_ms() as f64 / 1000.0;
            if title.source.video.constant_rate && (span - length).abs() > frame_seconds {
                return Err(format!("{id}: its frames last {span} s, the title {length} s").into());
            }
        }
        let mut end = 0;
        for (index, segment) in track.segments.iter().enumerate() {
            if (segment.number, segment.start_ticks) != (index as u32 + 1, end) {
                return Err(format!("{id}: segment {segment:?} does not follow {end}").into());
            }
            end += segment.duration_ticks;
        }
        if end.abs_diff(title.plan.duration_ticks) > u64::from(title.plan.timeline.timescale) / 20 {
            return Err(format!("{id}: ends at {end}, the title at {}", title.plan.duration_ticks).into());
        }
        let grid: Vec<u64> =
            track.segments.iter().flat_map(|segment| &segment.iframes).map(|iframe| iframe.start_ticks).collect();
        if keyframes.get_or_insert_with(|| grid.clone()) != &grid {
            return Err(format!("{id}: its keyframes are elsewhere").into());
        }
    }
    Ok(())
}

/// How often a frame is shown again to fill a pause, as the title's notes say.
fn repeats(title: &Title) -> usize {
    let filled = title.notes().filter(|note| note.code == "pause_filled");
    filled.filter_map(|note| note.message.split(' ').find_map(|word| word.parse::<usize>().ok())).sum()
}

/// Every time of the source is among `times`, in its place.
fn check_times(times: &[f64], source: &[f64]) -> Result<(), String> {
    let mut source = source.to_vec();
    source.sort_by(f64::total_cmp);
    let origin = source.first().copied().unwrap_or(0.0);
    let mut ours = times.iter();
    for time in source {
        // Between two frames of the source there may be repeats of the first.
        if !ours.any(|ours| (ours - (time - origin)).abs() < TIME_TOLERANCE) {
            return Err(format!("no frame is shown at {}", time - origin));
        }
    }
    Ok(())
}

/// Each of `times` is one of the source's, the first among them, and they are about `pace` seconds apart.
fn check_thinned(times: &[f64], source: &[f64], pace: f64) -> Result<(), String> {
    let origin = source.iter().copied().fold(f64::INFINITY, f64::min);
    let is_known = |time: &f64| source.iter().any(|original| (original - origin - time).abs() < TIME_TOLERANCE);
    // Where the rate varies, frames come sooner or later than on average.
    let follows = |pair: &[f64]| pair[1] > pair[0] && pair[1] - pair[0] < 2.0 * pace + TIME_TOLERANCE;
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Err("no frame is shown".into()) };
    let expected = (last - first) / pace + 1.0;
    let few = (times.len() as f64 - expected).abs() <= 1.0 + expected * 0.2;
    if *first < TIME_TOLERANCE && times.iter().all(is_known) && times.windows(2).all(follows) && few {
        return Ok(());
    }
    Err(format!("frames should be {pace} s apart, these are shown: {times:?}"))
}

/// Sound is as long as the title, and cut where the picture is.
fn check_sound(title: &Title) -> Result<(), Failed> {
    let seconds = title.plan.duration_ms() as f64 / 1000.0;
    for track in &title.tracks {
        let Media::Audio { sample_rate_hz, .. } = track.rendition.media else { continue };
        let found = judge::sound_seconds(&title.rendition(track), sample_rate_hz);
        if (found - seconds).abs() > 2.5 * 1024.0 / f64::from(sample_rate_hz) {
            return Err(format!("{}: {found} s of sound in a title of {seconds} s", track.rendition.id).into());
        }
    }
    Ok(())
}

/// Every rendition looks like the source as ffmpeg shows it, and more so than any other way round.
fn check_look(file: &Path, title: &Title) -> Result<(), Failed> {
    let rungs = &title.plan.rungs;
    for rung in rungs {
        let Some(track) = title.tracks.iter().find(|track| track.rendition.id == rung.id) else {
            return Err(format!("{} is missing", rung.id).into());
        };
        let film = title.rendition(track);
        let picture = &title.plan.picture;
        let mode = if picture.fields { "send_field" } else { "send_frame" };
        let deinterlace = if picture.deinterlace { format!("bwdif=mode={mode}:deint=interlaced,") } else { String::new() };
        let similar = |turn: &str, frames: u32| {
            let thin = format!("select=not(mod(n\\,{})),", rung.frame_step);
            let filter = format!("{deinterlace}{thin}scale={}:{}{turn}", rung.width, rung.height);
            judge::similarities(file, title.source.video.stream, &filter, &film, frames)
        };
        // Where the rate varies, nothing but the beginning says which frames were left out.
        let is_known = rung.frame_step == 1 || title.source.video.constant_rate;
        let upright = similar("", if is_known { FRAMES_COMPARED } else { 1 });
        let least = upright.iter().copied().fold(1.0, f64::min);
        // Tone mapping changes brightness: then only the way round can be compared.
        if !picture.tone_map && least < if Some(rung) == rungs.last() { SIMILAR_SMALL } else { SIMILAR } {
            return Err(format!("{}: similarity {least}", rung.id).into());
        }
        for turn in [",hflip", ",vflip", ",hflip,vflip"] {
            if similar(turn, 1)[0] > upright[0] {
                return Err(format!("{}: looks more like the source with {turn}", rung.id).into());
            }
        }
    }
    Ok(())
}
