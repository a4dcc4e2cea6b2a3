//! Films that list nothing of what they hold begin by what their ends promise, and become what a whole reading makes of them.

use crate::{driver, index, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    plan::{Plan, Recipe},
    source::{Seek, Source},
};
use marquee_transcoder::child::Task;
use std::{fs, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

/// 300 kB a second.
const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=30000/1001:duration=40";
const SOUND: &str = "-f lavfi -i sine=sample_rate=48000:duration=40";
const H264: &str = "-c:v libx264 -preset ultrafast -b:v 2300k -minrate 2300k -maxrate 2300k -bufsize 1M -nal-hrd cbr -g 60 -bf 3";
/// Of seven frames six are there.
const VARIABLE: &str = "-vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr";
/// Some fifteen seconds.
const ENDS_BYTES: u64 = 5 << 20;
/// What is read ahead, and to find out what the streams are.
const BESIDE_BYTES: u64 = 6 << 20;
/// Bytes that are read for a chunk, in those of its share: what finds its beginning costs as much of a small film as of a large one.
const CHUNK_SHARE_MAX: f64 = 2.0;

pub(crate) fn trials() -> Vec<Trial> {
    let film = |name: &str, file: &'static str, coded: &str, seek| {
        let coded = coded.to_owned();
        Trial::test(format!("ends::{name}"), move || grows(file, &coded, seek))
    };
    let h264 = format!("{H264} -c:a aac");
    let mpeg4 = "-c:v mpeg4 -b:v 2300k -minrate 2300k -maxrate 2300k -bufsize 1M -bf 2 -c:a mp3";
    let vp8 = "-vf noise=alls=40:allf=t -c:v libvpx -deadline realtime -cpu-used 8 -b:v 2300k -minrate 2300k -maxrate 2300k -g 60 -c:a libopus";
    let wmv = "-c:v wmv2 -b:v 2300k -minrate 2300k -maxrate 2300k -bufsize 1M -c:a wmav2";
    let mpeg2 = "-c:v mpeg2video -b:v 2300k -minrate 2300k -maxrate 2300k -bufsize 1M -bf 2 -c:a mp2";
    vec![
        film("h264_ts", "a.ts", &h264, Seek::Keyframe),
        film("wrapped_times_ts", "b.ts", &format!("{h264} -output_ts_offset 95420"), Seek::Keyframe),
        film("mpeg2_ts", "c.ts", mpeg2, Seek::Keyframe),
        film("mpeg2_ps", "a.mpg", mpeg2, Seek::FromStart),
        film("h264_mkv", "a.mkv", &h264, Seek::Keyframe),
        film("mpeg4_avi", "a.avi", mpeg4, Seek::InOrder),
        film("h264_flv", "a.flv", &format!("{h264} -flvflags add_keyframe_index"), Seek::Keyframe),
        film("unlisted_flv", "b.flv", &h264, Seek::Keyframe),
        film("live_mkv", "b.mkv", &format!("{h264} -live 1"), Seek::Keyframe),
        film("live_webm", "a.webm", &format!("{vp8} -live 1"), Seek::Keyframe),
        film("variable_rate_live_mkv", "c.mkv", &format!("{VARIABLE} {h264} -live 1"), Seek::Keyframe),
        film("fragments_mp4", "a.mp4", &format!("{h264} -movflags frag_keyframe+empty_moov"), Seek::Keyframe),
        film(
            "variable_rate_fragments_mp4",
            "b.mp4",
            &format!("{VARIABLE} {h264} -movflags frag_keyframe+empty_moov"),
            Seek::Keyframe,
        ),
        film("short_fragments_mp4", "c.mp4", &format!("{h264} -frag_duration 700000 -movflags empty_moov"), Seek::Keyframe),
        film("cmaf_mp4", "d.mp4", &format!("{h264} -movflags cmaf+frag_keyframe"), Seek::Keyframe),
        film("listed_fragments_mp4", "e.mp4", &format!("{h264} -movflags cmaf+frag_keyframe+global_sidx"), Seek::Keyframe),
        film("wmv2_asf", "a.wmv", wmv, Seek::Keyframe),
        Trial::test("ends::variable_rate", || is_read_whole("a.ts", &format!("{VARIABLE} {H264} -c:a aac"))),
        Trial::test("ends::another_rate_at_the_end", another_rate_at_the_end),
        Trial::test("ends::another_rate_in_the_middle", another_rate_in_the_middle),
        Trial::test("ends::cut", cut),
        Trial::test("ends::however_long", however_long),
    ]
}

fn h264_and_sound() -> String {
    format!("{H264} -c:a aac")
}

fn recipe() -> Recipe {
    Recipe { preset: "ultrafast".into(), ..driver::recipe() }
}

/// Encodes what `source` and `plan` know: the chunks of which `wanted` says so, and perhaps the sound.
fn make(clip: &Path, sink: &mut driver::Folder, source: &Source, plan: &Plan, wanted: impl Fn(usize) -> bool, sound: bool) {
    let rungs: Vec<String> = plan.rungs.iter().map(|rung| rung.id.clone()).collect();
    let picture = plan.chunks.iter().filter(|chunk| wanted(chunk.index as usize)).map(|chunk| Task::Video {
        source: source.clone(),
        plan: plan.clone(),
        chunk: chunk.index,
        rungs: rungs.clone(),
    });
    let sounds = source.audio.iter().filter(|_| sound);
    let sounds = sounds.map(|track| Task::Audio { source: source.clone(), plan: plan.clone(), stream: track.stream });
    for task in picture.chain(sounds) {
        driver::run(&driver::host(), &task, clip, sink).expect("made");
    }
}

/// A film whose first chunks and sound are made by its ends, and the others by all of it, is the one that all of it makes.
fn grows(file: &str, coded: &str, seek: Seek) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    judge::make(&clip, &format!("{PICTURE} {SOUND} {coded}"));
    let (ends, read_bytes) = index::inspect(&clip, Some(ENDS_BYTES))?;
    let (whole, _) = index::inspect(&clip, None)?;
    if ends.seen_until.is_none() || read_bytes > 2 * ENDS_BYTES + BESIDE_BYTES || read_bytes >= whole.size_bytes {
        return Err(format!("{read_bytes} bytes are read of {}: {ends:?}, {whole:?}", whole.size_bytes).into());
    }
    let whole = whole.in_words_of(&ends);
    let is_counted = ends.video.frames == whole.video.frames || !whole.video.constant_rate;
    // What has to be tried is not, of the ends.
    let is_as_known = ends.video.seek == seek || ends.video.seek == Seek::FromStart;
    if whole.video.seek != seek || !is_as_known || !is_counted {
        return Err(format!("{:?} and {:?}", ends.video, whole.video).into());
    }
    let (early, expected) = (Plan::new(&ends, &recipe()), Plan::new(&whole, &recipe()));
    let complete = early.clone().complete(&ends, &whole).ok_or_else(|| format!("{:?} became {:?}", ends.video, whole.video))?;
    if early.chunks.len() != 2 || complete != expected {
        return Err(format!("{early:?} became {complete:?} instead of {expected:?}").into());
    }
    let mut made = Vec::new();
    for (name, at_once) in [("grown", false), ("made", true)] {
        let folder = folder.path().join(name);
        fs::create_dir_all(&folder)?;
        let mut sink = driver::Folder { folder, ..driver::Folder::default() };
        if at_once {
            make(&clip, &mut sink, &whole, &expected, |_| true, true);
        } else {
            make(&clip, &mut sink, &ends, &early, |_| true, true);
            make(&clip, &mut sink, &whole, &complete, |chunk| chunk >= early.chunks.len(), false);
        }
        let rung = sink.folder.join(format!("{}.mp4", expected.rungs[0].id));
        let sound = sink.folder.join(format!("{}.mp4", expected.audio[0].id));
        made.push((fs::read(rung)?, fs::read(sound)?, sink.tracks));
    }
    let [grown, made] = &made[..] else { return Err("two were made".into()) };
    let segments = |tracks: &[(_, marquee_packager::model::Track)]| -> Vec<(String, u32, u64, u64)> {
        let of = |track: &marquee_packager::model::Track| {
            let id = track.rendition.id.clone();
            track.segments.clone().into_iter().map(move |it| (id.clone(), it.number, it.start_ticks, it.duration_ticks))
        };
        let mut all: Vec<_> = tracks.iter().flat_map(|(_, track)| of(track)).collect();
        all.sort();
        all
    };
    if segments(&grown.2) != segments(&made.2) || grown.0 != made.0 || grown.1 != made.1 {
        return Err("what grew is not what was made at once".into());
    }
    Ok(())
}

/// A film whose ends do not promise the rest is read whole, and found to be what it is.
fn is_read_whole(file: &str, coded: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    judge::make(&clip, &format!("{PICTURE} {SOUND} {coded}"));
    same_as_whole(&clip)
}

fn same_as_whole(clip: &Path) -> Result<(), Failed> {
    let (found, whole) = (index::inspect(clip, Some(1 << 20))?.0, index::inspect(clip, None)?.0);
    if found == whole { Ok(()) } else { Err(format!("{found:?} instead of {whole:?}").into()) }
}

/// What the ends of a film promise, if they do, is what it is.
pub(crate) fn keep_their_promise(clip: &Path) -> Result<(), Failed> {
    let ends_bytes = fs::metadata(clip)?.len() / 10;
    match (index::inspect(clip, Some(ends_bytes)), index::inspect(clip, None)) {
        (Ok((ends, _)), Ok((whole, _))) => {
            let kept = if ends.seen_until.is_some() { ends.foresaw(&whole) } else { ends == whole };
            if kept { Ok(()) } else { Err(format!("{ends:?} instead of {whole:?}").into()) }
        }
        (Err(_), Err(_)) => Ok(()),
        (ends, whole) => Err(format!("{ends:?} instead of {whole:?}").into()),
    }
}

/// Transport streams of three films, one after the other on one clock; the one in the middle has 24 frames a second.
fn joined(folder: &Path, rates: &[&str]) -> Result<std::path::PathBuf, Failed> {
    let clip = folder.join("joined.ts");
    let mut bytes = Vec::new();
    for (number, rate) in rates.iter().enumerate() {
        let part = folder.join(format!("{number}.ts"));
        let picture = format!("-f lavfi -i testsrc2=size=320x180:rate={rate}:duration=12");
        judge::make(&part, &format!("{picture} {H264} -bf 0 -output_ts_offset {}", number * 12));
        bytes.extend(fs::read(part)?);
    }
    fs::write(&clip, bytes)?;
    Ok(clip)
}

fn another_rate_at_the_end() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    same_as_whole(&joined(folder.path(), &["25", "25", "24"])?)
}

/// Then the ends are wrong, and it is seen that they are.
fn another_rate_in_the_middle() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = joined(folder.path(), &["25", "24", "25"])?;
    let (ends, whole) = (index::inspect(&clip, Some(1 << 20))?.0, index::inspect(&clip, None)?.0);
    let plan = Plan::new(&ends, &recipe());
    match (plan.provisional, plan.complete(&ends, &whole)) {
        (true, None) => Ok(()),
        other => Err(format!("{other:?} of {:?} and {:?}", ends.video, whole.video).into()),
    }
}

/// No more is read of a long film than of a short one, nor of it for a chunk than little more than the chunk's share.
fn however_long() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = |name: &str| folder.path().join(name);
    let read = |name: &str, seconds: u32| {
        let clip = clip(name);
        let picture = format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration={seconds}");
        let muxed = if name.ends_with("mp4") { "-movflags frag_keyframe+empty_moov" } else { "" };
        judge::make(&clip, &format!("{picture} {H264} {muxed}"));
        index::inspect(&clip, Some(2 << 20)).map(|(source, read_bytes)| (source.seen_until, read_bytes))
    };
    for (name, longer) in [("a.ts", "b.ts"), ("a.mkv", "b.mkv"), ("a.flv", "b.flv"), ("a.mp4", "b.mp4")] {
        let ((seen, short), (_, long)) = (read(name, 40)?, read(longer, 160)?);
        if seen.is_none() || long > short + (1 << 20) {
            return Err(format!("{short} and {long} bytes are read of {name}, {seen:?}").into());
        }
        let share = read_for_a_chunk(&clip(longer), folder.path())?;
        if share > CHUNK_SHARE_MAX {
            return Err(format!("{share:.2} of its share is read of {longer} for a chunk").into());
        }
    }
    Ok(())
}

/// Bytes that are read of `clip` for a chunk in its middle, in those that the chunk's pictures and their sound are.
fn read_for_a_chunk(clip: &Path, folder: &Path) -> Result<f64, Failed> {
    let (whole, _) = index::inspect(clip, None)?;
    let plan = Plan::new(&whole, &recipe());
    let chunk = plan.chunks[plan.chunks.len() / 2];
    let reader = Arc::new(index::Counted::of(clip)?);
    let mut sink = driver::Folder { folder: folder.to_owned(), ..driver::Folder::default() };
    let length = chunk.end_ticks.unwrap_or(plan.duration_ticks) - chunk.start_ticks;
    let share = length as f64 / plan.duration_ticks as f64 * whole.size_bytes as f64;
    let rungs = plan.rungs.iter().map(|rung| rung.id.clone()).collect();
    let task = Task::Video { source: whole, plan, chunk: chunk.index, rungs };
    let done = driver::run_on(&driver::host(), &task, reader.clone(), &mut sink, CancellationToken::new());
    done.map_err(|failure| format!("{failure:?}"))?;
    Ok(reader.read_bytes() as f64 / share)
}

/// A film that says how long it is, and where everything lies in it, and was cut off.
fn cut() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("a.mkv");
    judge::make(&clip, &format!("{PICTURE} {SOUND} {} -reserve_index_space 20000 -cues_to_front 1", h264_and_sound()));
    let bytes = fs::read(&clip)?;
    for percent in [60, 98] {
        fs::write(&clip, &bytes[..bytes.len() * percent / 100])?;
        same_as_whole(&clip)?;
        if index::inspect(&clip, Some(1 << 20))?.0.check_whole().is_ok() {
            return Err(format!("{percent} % are taken for the whole film").into());
        }
    }
    // Films that do not say how long they are.
    for (file, muxed) in [("b.mkv", "-live 1"), ("b.flv", ""), ("b.mp4", "-movflags frag_keyframe+empty_moov")] {
        let clip = folder.path().join(file);
        judge::make(&clip, &format!("{PICTURE} {SOUND} {} {muxed}", h264_and_sound()));
        let bytes = fs::read(&clip)?;
        fs::write(&clip, &bytes[..bytes.len() * 89 / 100])?;
        keep_their_promise(&clip)?;
    }
    Ok(())
}
