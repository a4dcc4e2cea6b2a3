//! How loud titles are, whatever their sources were.

use crate::{
    driver::{self, Folder, Title},
    judge::{self, Loudness},
};
use async_trait::async_trait;
use libtest_mimic::{Failed, Trial};
use marquee_core::{Error, Result, plan::Plan, source::Note};
use marquee_transcoder::child::{Output, Sink, Task};
use std::path::Path;

/// What the recipe that Marquee ships asks for, and how close to it sound that was heard whole comes.
const TARGET_LKFS: f64 = -24.0;
const PEAK_MAX_DBTP: f64 = -2.0;
const TOLERANCE_LU: f64 = 0.5;
/// How far what a track says of its loudness may be from what it is: it is said in quarters, before it is encoded.
const SAID_TOLERANCE_LU: f64 = 0.5;
/// What is said of sound whose peaks are so far above the rest that they keep it from its target.
const HELD_BACK: &str = "its peaks are held back";
/// Twenty seconds of nearly nothing to see.
const PICTURE: &str = "-f lavfi -i color=size=64x64:rate=1:duration=20";
/// A film of forty minutes whose loudness goes up and down by scenes, sentences and syllables.
const LONG_SECONDS: f64 = 2400.0;
const LONG_ENVELOPE: &str = "pow(10\\,(9*sin(t/97+1)+7*sin(t/13.7)+5*sin(t/1.3)-30)/20)";
/// How far from its target a long film may be.
const LONG_TOLERANCE_LU: f64 = 1.0;

pub(crate) fn trials() -> Vec<Trial> {
    // Noise of an amplitude, changed by a filter.
    let noise = |amplitude: &str, filter: &str| {
        format!(
            "-f lavfi -i anoisesrc=color=pink:seed=7:sample_rate=48000:duration=20:amplitude={amplitude} -af lowpass=5000,{filter}"
        )
    };
    let pan = "pan=stereo|c0=c0|c1=0.7*c0";
    // A tone with a click of a quarter of a millisecond every five seconds, far above it and between two samples.
    let clicks = "-f lavfi -i aevalsrc=0.02*sin(2*PI*500*t)+lt(mod(t\\,5)\\,0.00025)*0.5*sin(2*PI*12000*t+PI/4):s=48000:d=20";
    let trial = |name: &str, sound: String, about: &'static str| {
        Trial::test(format!("loudness::{name}"), move || is_normalised(&sound, about))
    };
    vec![
        trial("loud_sound_is_made_quieter", noise("1", pan), "dB quieter"),
        trial("quiet_sound_is_made_louder", noise("0.05", pan), "dB louder"),
        trial("mono_is_measured_as_it_is", noise("0.6", "anull"), "dB quieter"),
        trial("another_rate", noise("1", "aresample=44100"), "dB quieter"),
        trial("silence_does_not_count", noise("0.8", "volume=lt(t\\,8):eval=frame"), "dB"),
        trial("peaks_are_held_below_the_limit", clicks.to_owned(), "dB louder"),
        trial("many_peaks_are_held_too", noise("1", "volume=if(lt(mod(t\\,5)\\,0.05)\\,1\\,0.05):eval=frame"), HELD_BACK),
        trial("surround_is_measured_as_surround", noise("0.7", "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=2*c0|BL=c0|BR=c0"), "in 5.1 was"),
        Trial::test("loudness::what_is_almost_silent_is_no_noise", silence_stays),
        Trial::test("loudness::nothing_is_done_unasked", unasked),
        Trial::test("loudness::a_long_film_is_measured_here_and_there", long_films),
    ]
}

/// Encodes the sound of a clip.
fn encode(folder: &Path, sound: &str, change: impl Fn(&mut Plan)) -> std::result::Result<(Loudness, Title), Failed> {
    let clip = folder.join("clip.mkv");
    judge::make(&clip, &format!("{PICTURE} {sound} -map 0:v -map 1:a -c:v libx264 -preset ultrafast -c:a flac -sample_fmt s32"));
    let title = driver::encode_sound(&clip, folder, change).map_err(|failure| format!("{failure:?}"))?;
    Ok((judge::loudness(&clip), title))
}

/// The loudness that a rendition's `ludt` box says (ISO/IEC 14496-12 section 12.2.7), which has to be a measured one.
fn said(path: &Path) -> std::result::Result<f64, Failed> {
    let bytes = std::fs::read(path)?;
    let tlou = bytes.windows(4).position(|window| window == b"tlou").ok_or("no tlou")?;
    // Behind version, ids and peaks: one measure, of the whole programme, in quarters of a LU, by BS.1770-4.
    match bytes.get(tlou + 14..tlou + 18) {
        Some([1, 1, value, 0x23]) => Ok(f64::from(*value) / 4.0 - 57.75),
        other => Err(format!("tlou says {other:?}").into()),
    }
}

fn notes(title: &Title) -> Vec<&Note> {
    title.notes().filter(|note| note.code == "loudness").collect()
}

/// All renditions of a sound come out as loud as they should, and the title says what was done.
fn is_normalised(sound: &str, about: &str) -> std::result::Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (source, title) = encode(folder.path(), sound, |_| ())?;
    for track in &title.tracks {
        let found = judge::loudness(&title.rendition(track));
        let is_target = (found.lkfs - TARGET_LKFS).abs() <= TOLERANCE_LU;
        if is_target == (about == HELD_BACK) || found.peak_dbtp > PEAK_MAX_DBTP {
            return Err(format!("{}: {source:?} became {found:?}, {:?}", track.rendition.id, notes(&title)).into());
        }
        let said = said(&title.rendition(track))?;
        if (said - found.lkfs).abs() > SAID_TOLERANCE_LU {
            return Err(format!("{} says {said} LKFS and is {found:?}", track.rendition.id).into());
        }
    }
    let notes = notes(&title);
    let note = notes.iter().find(|note| note.message.contains(about)).ok_or_else(|| format!("{notes:?} of {source:?}"))?;
    let said = note.message.split("was at ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    // A downmix is as loud as it is: only what keeps its channels can be compared with the source.
    let is_mix = title.source.audio[0].channels > 2 && !note.message.contains("5.1");
    if is_mix || said.is_some_and(|said| (said - source.lkfs).abs() <= 0.15) {
        Ok(())
    } else {
        Err(format!("{} of {source:?}", note.message).into())
    }
}

/// What is below the gate stays; what is little above it is raised by twenty decibels and no more.
fn silence_stays() -> std::result::Result<(), Failed> {
    let noise = |amplitude: f64| format!("-f lavfi -i anoisesrc=color=pink:seed=7:duration=20:amplitude={amplitude}");
    for (sound, gain, about) in [
        ("-f lavfi -i anullsrc=d=20".to_owned(), 0.0, "is played no louder"),
        (noise(0.0003), 0.0, "is played no louder"),
        (noise(0.004), 20.0, "20.0 dB louder"),
    ] {
        let folder = tempfile::tempdir()?;
        let (source, title) = encode(folder.path(), &sound, |_| ())?;
        let found = judge::loudness(&title.rendition(&title.tracks[0]));
        let [note] = notes(&title)[..] else { return Err(format!("{:?}", notes(&title)).into()) };
        if (found.lkfs - source.lkfs - gain).abs() > 0.5 || !note.message.contains(about) {
            return Err(format!("{source:?} became {found:?}, {}", note.message).into());
        }
    }
    Ok(())
}

/// A plan that does not mention loudness leaves it alone.
fn unasked() -> std::result::Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let sound = "-f lavfi -i anoisesrc=color=pink:seed=7:duration=20:amplitude=0.5 -af lowpass=5000";
    let (source, title) = encode(folder.path(), sound, |plan| plan.loudness = None)?;
    let found = judge::loudness(&title.rendition(&title.tracks[0]));
    if (found.lkfs - source.lkfs).abs() < 0.3 && notes(&title).is_empty() {
        Ok(())
    } else {
        Err(format!("{source:?} became {found:?}, {:?}", notes(&title)).into())
    }
}

/// A film that is too long to be heard before its first segment is there gets nearly the right gain, in every container.
fn long_films() -> std::result::Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let made = folder.path().join("made.mkv");
    let picture = format!("-f lavfi -i color=size=64x64:rate=5:duration={LONG_SECONDS}");
    let sound = format!("-f lavfi -i anoisesrc=color=pink:seed=7:sample_rate=48000:duration={LONG_SECONDS}");
    let coded = "-c:v libx264 -preset ultrafast -g 50 -c:a ac3 -b:a 128k";
    judge::make(&made, &format!("{picture} {sound} -af volume={LONG_ENVELOPE}:eval=frame {coded}"));
    let expected = TARGET_LKFS - judge::loudness(&made).lkfs;
    for (file, codecs) in [
        ("a.mkv", "-c copy"),
        ("one-keyframe.mkv", "-c:v libx264 -preset ultrafast -g 99999 -c:a copy"),
        ("a.mp4", "-c copy"),
        ("a.ts", "-c copy"),
        ("a.avi", "-c:v mpeg4 -c:a copy"),
        ("a.flv", "-c:v copy -c:a libmp3lame"),
    ] {
        let clip = folder.path().join(file);
        judge::make(&clip, &format!("-i {} {codecs}", made.display()));
        let gain = first_gain(&clip, folder.path())?;
        if (gain - expected).abs() > LONG_TOLERANCE_LU {
            return Err(format!("{file} is played {gain:.2} dB louder, not {expected:.2}").into());
        }
    }
    Ok(())
}

/// By how much the first segment of a film's sound is louder than the film.
fn first_gain(clip: &Path, folder: &Path) -> std::result::Result<f64, Failed> {
    let source = driver::inspect(clip).map_err(|failure| format!("{}: {failure:?}", clip.display()))?;
    let plan = Plan::new(&source, &driver::recipe());
    let mut sink = FirstSegment(Folder { folder: folder.to_owned(), ..Folder::default() });
    let task = Task::Audio { stream: source.audio[0].stream, source, plan };
    let ended = driver::run(&driver::host(), &task, clip, &mut sink);
    let rendition = folder.join("aac-128-0.mp4");
    let level = |path: &Path| {
        let samples = judge::samples(path, 1.5).swap_remove(0);
        10.0 * (samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64).log10()
    };
    if ended.is_ok() { Err("it did not end with the first segment".into()) } else { Ok(level(&rendition) - level(clip)) }
}

/// Has enough when it has one segment.
struct FirstSegment(Folder);

#[async_trait]
impl Sink for FirstSegment {
    async fn accept(&mut self, output: Output) -> Result<()> {
        let enough = matches!(output, Output::Segment { .. });
        self.0.accept(output).await?;
        if enough { Err(Error::internal("enough")) } else { Ok(()) }
    }
}
