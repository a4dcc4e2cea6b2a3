//! Subtitles and chapters: every format that is text says the same words at the same times.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    object,
    plan::Plan,
    source::{Chapter, Source},
};
use marquee_packager::{
    gate,
    webvtt::{self, Cue},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=14";
const X264: &str = "-c:v libx264 -preset ultrafast";
/// What the clips say. The second cue is shown over the end of the first segment, the last one longer than the film lasts.
const WORDS: &str = "1\n00:00:00,500 --> 00:00:01,500\nFirst <i>words</i>,\nsecond line\n\n\
                     2\n00:00:01,700 --> 00:00:04,250\n{\\an8}A & B\n\n\
                     3\n00:00:09,000 --> 00:00:30,000\nTo the end\n\n";

pub(crate) fn trials() -> Vec<Trial> {
    let format = |name: &str, file: &'static str, codec: &'static str, place: &'static str| {
        Trial::test(format!("words::{name}"), move || says_the_words(file, codec, place))
    };
    vec![
        format("subrip_mkv", "a.mkv", "srt", "line:0"),
        format("ass_mkv", "b.mkv", "ass", "line:0"),
        // Neither says where its words are once the ffmpeg program has written it.
        format("webvtt_mkv", "c.mkv", "webvtt", ""),
        format("webvtt_webm", "d.webm", "webvtt", ""),
        format("mov_text_mp4", "e.mp4", "mov_text", ""),
        format("mov_text_mov", "f.mov", "mov_text", ""),
        Trial::test("words::of_a_film_that_was_cut", words_of_a_cut_film),
        Trial::test("words::in_latin_1", latin_words),
        Trial::test("words::several_tracks_keep_their_languages_titles_and_flags", several_tracks),
        Trial::test("words::a_track_without_words_is_noted", no_words),
        Trial::test("chapters::are_kept_by_the_titles_clock", chapters),
        Trial::test("chapters::too_many_are_refused", too_many_chapters),
    ]
}

/// A clip with `words` beside its picture, made with `arguments`.
fn clip(folder: &Path, file: &str, words: impl AsRef<[u8]>, arguments: &str) -> PathBuf {
    let (script, clip) = (folder.join("words.srt"), folder.join(file));
    fs::write(&script, words).expect("the words are written");
    judge::make(&clip, &format!("{PICTURE} -i {} {arguments}", script.display()));
    clip
}

/// A source, each subtitle track's cues, and the codes of what was noted.
type Extracted = (Source, Vec<Vec<Cue>>, Vec<String>);

/// Extracts all subtitles; their segments are checked on the way.
fn extract(file: &Path, folder: &Path) -> Result<Extracted, Failed> {
    let source = driver::inspect(file).map_err(|failure| format!("{failure:?}"))?;
    let plan = Plan::new(&source, &driver::recipe());
    let task = marquee_transcoder::child::Task::Subtitles { source: source.clone(), plan: plan.clone() };
    let mut sink = driver::Folder { folder: folder.to_owned(), ..driver::Folder::default() };
    let report = driver::run(&driver::host(), &task, file, &mut sink).map_err(|failure| format!("{failure:?}"))?;
    let mut tracks = Vec::new();
    for (kind, track) in &sink.tracks {
        let mut cues: Vec<Cue> = Vec::new();
        let mut ticks = 0;
        for segment in &track.segments {
            assert_eq!(segment.start_ticks, ticks, "segments follow each other");
            ticks += segment.duration_ticks;
            let bytes = fs::read(folder.join(object::segment_path(*kind, &track.rendition.id, segment.number)))?;
            assert_eq!(gate::check_segment(&track.rendition, segment, &bytes), []);
            for cue in webvtt::read(&bytes)?.cues {
                if !cues.contains(&cue) {
                    cues.push(cue);
                }
            }
        }
        assert_eq!(ticks, plan.duration_ticks, "text is as long as the title");
        assert_eq!(track.segments.len() as u32, plan.last_segment());
        tracks.push(cues);
    }
    let notes = plan.notes.iter().chain(&report.notes).map(|note| note.code.clone()).collect();
    Ok((source, tracks, notes))
}

/// Times, places and words, for comparison.
fn plain(cues: &[Cue]) -> Vec<(u64, u64, &str, &str)> {
    cues.iter().map(|cue| (cue.start_ms, cue.end_ms, cue.settings.as_str(), cue.text.as_str())).collect()
}

fn says_the_words(file: &str, codec: &str, place: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let picture = if file.ends_with("webm") { "-c:v libvpx -b:v 300k -deadline realtime" } else { X264 };
    let clip = clip(folder.path(), file, WORDS, &format!("{picture} -c:s {codec} -metadata:s:s:0 language=fra"));
    let (source, tracks, notes) = extract(&clip, folder.path())?;
    assert_eq!(source.subtitles.len(), 1, "{:?}", source.notes);
    assert_eq!((source.subtitles[0].language.as_str(), source.subtitles[0].forced), ("fr", false));
    assert_eq!(notes, ["no_sound", "subtitle_tracks"]);
    assert_eq!(
        plain(&tracks[0]),
        [(500, 1500, "", "First <i>words</i>,\nsecond line"), (1700, 4250, place, "A &amp; B"), (9000, 14_000, "", "To the end"),]
    );
    let first = fs::read_to_string(folder.path().join("s/text-0/000001.vtt"))?;
    let second = fs::read_to_string(folder.path().join("s/text-0/000002.vtt"))?;
    assert!(first.contains("00:00:01.700 --> 00:00:04.250"), "{first}");
    assert!(second.contains("00:00:01.700 --> 00:00:04.250"), "what is shown over a seam is in both segments: {second}");
    Ok(())
}

/// Words keep their distance from the picture where a film does not begin at zero.
fn words_of_a_cut_film() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let whole = clip(folder.path(), "whole.mkv", WORDS, &format!("{X264} -g 25 -c:s srt"));
    let late = folder.path().join("late.mkv");
    judge::make(&late, &format!("-i {} -c copy -output_ts_offset 100", whole.display()));
    let (source, tracks, _) = extract(&late, folder.path())?;
    assert!(source.video.origin > 0, "it begins late: {}", source.video.origin);
    assert_eq!(plain(&tracks[0])[1], (1700, 4250, "line:0", "A &amp; B"));
    Ok(())
}

fn latin_words() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let utf8 = clip(folder.path(), "utf8.mkv", "1\n00:00:01,000 --> 00:00:02,000\nGar__on\n\n", &format!("{X264} -c:s srt"));
    let mut bytes = fs::read(&utf8)?;
    let place = bytes.windows(7).position(|window| window == b"Gar__on").expect("the words are in the file as they are");
    bytes[place..place + 7].copy_from_slice(b"Gar\xe7\xe7on");
    let latin = folder.path().join("latin.mkv");
    fs::write(&latin, bytes)?;
    let (_, tracks, notes) = extract(&latin, folder.path())?;
    assert_eq!(plain(&tracks[0]), [(1000, 2000, "", "Garççon")]);
    assert!(notes.iter().any(|code| code == "subtitle_charset"), "{notes:?}");
    Ok(())
}

fn several_tracks() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let other = folder.path().join("other.srt");
    fs::write(&other, "1\n00:00:03,000 --> 00:00:04,000\nSchild\n\n")?;
    let tags = "-metadata:s:s:0 language=eng -metadata:s:s:0 title=Full -metadata:s:s:1 language=ger -disposition:s:1 forced \
                -metadata:s:s:2 language=eng -metadata:s:s:2 title=SDH -disposition:s:2 hearing_impaired";
    let arguments = format!("-i {} -map 0 -map 1 -map 2 -map 1 {X264} -c:s srt {tags}", other.display());
    let clip = clip(folder.path(), "a.mkv", WORDS, &arguments);
    let (source, tracks, _) = extract(&clip, folder.path())?;
    let plan = Plan::new(&source, &driver::recipe());
    let described: Vec<_> = plan
        .subtitles
        .iter()
        .map(|one| (one.id.as_str(), one.language.as_str(), one.name.as_str(), one.forced, one.hearing_impaired))
        .collect();
    assert_eq!(
        described,
        [("text-0", "en", "Full", false, false), ("text-1", "de", "Deutsch", true, false), ("text-2", "en", "SDH", false, true)]
    );
    assert_eq!(tracks.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 3]);
    assert_eq!(plain(&tracks[1]), [(3000, 4000, "", "Schild")]);
    Ok(())
}

fn no_words() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = clip(folder.path(), "a.mkv", "1\n00:00:20,000 --> 00:00:21,000\nToo late\n\n", &format!("{X264} -c:s srt"));
    let (_, tracks, notes) = extract(&clip, folder.path())?;
    assert_eq!(tracks, [[]]);
    assert!(notes.iter().any(|code| code == "subtitle_empty"), "{notes:?}");
    Ok(())
}

/// A clip with chapters as the ffmpeg program reads them.
fn with_chapters(folder: &Path, file: &str, chapters: &str, arguments: &str) -> PathBuf {
    let (list, clip) = (folder.join("chapters"), folder.join(file));
    fs::write(&list, format!(";FFMETADATA1\n{chapters}")).expect("the chapters are written");
    judge::make(&clip, &format!("{PICTURE} -i {} -map_metadata 1 {X264} {arguments}", list.display()));
    clip
}

fn chapter(start_ms: u64, end_ms: u64, title: &str) -> Chapter {
    Chapter { start_ms, end_ms, title: title.into() }
}

fn chapters() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let list = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4500\ntitle=Opening\n\
                [CHAPTER]\nTIMEBASE=1/1000\nSTART=4500\nEND=99000\ntitle=Ünd das Ende\n";
    let expected = [chapter(0, 4500, "Opening"), chapter(4500, 14_000, "Ünd das Ende")];
    for file in ["a.mp4", "a.mov", "a.mkv"] {
        let clip = with_chapters(folder.path(), file, list, "");
        assert_eq!(driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?.chapters, expected, "{file}");
    }
    Ok(())
}

fn too_many_chapters() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let one = |number: u32| format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\n", number * 10, number * 10 + 10);
    let clip = with_chapters(folder.path(), "a.mkv", &(0..1001).map(one).collect::<String>(), "");
    let Err(marquee_core::job::Failure::Fail { code, message }) = driver::inspect(&clip) else {
        return Err("a film of 1001 chapters is refused".into());
    };
    assert_eq!(code, "limits_exceeded");
    assert!(message.contains("chapters"), "{message}");
    Ok(())
}
