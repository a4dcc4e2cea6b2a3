//! `marquee encode`, without any service.

use crate::film::{Film, frames_of};
use marquee_core::{
    job::Failure,
    plan::{Ladder, Scope},
};
use marquee_transcoder::{
    child::Host,
    local::{Options, Outcome, encode},
};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

pub(crate) fn options() -> Options {
    Options {
        recipe: "standard".into(),
        ladder: Ladder::Fixed,
        preset: Some("ultrafast".into()),
        threads: Some(2),
        quality: None,
        accept_damaged: false,
        subtitles: Vec::new(),
        protection: None,
        plan_only: false,
    }
}

pub(crate) fn host() -> Host {
    Host::new(std::env::current_exe().expect("this program has a path"))
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) async fn a_film_becomes_a_folder() {
    let (film, folder) = (Film::new("640x360", 44), tempfile::tempdir().expect("a folder"));
    let out = folder.path().join("new").join("film");
    let told = Mutex::new(Vec::new());
    let progress = |done| told.lock().unwrap_or_else(PoisonError::into_inner).push(done);
    let many = Options { threads: Some(4), quality: Some(Scope::Full), ..options() };
    let planned = Options { plan_only: true, ..many.clone() };
    let planned = encode(host(), &film.path(), &out, planned, |_| (), CancellationToken::new()).await;
    assert!(matches!(&planned, Ok(Outcome::Planned(plan)) if plan.chunks.len() == 2), "{planned:?}");
    let outcome = encode(host(), &film.path(), &out, many, progress, CancellationToken::new()).await;
    let Ok(Outcome::Encoded(summary)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.duration_ms, summary.report.frames, summary.report.damaged), (44_000, 1100, 0));
    assert!(summary.report.cpu_ms > 0 && summary.first_segment_ms.expect("a segment") < summary.elapsed_ms);
    let quality = &summary.report.quality;
    assert_eq!(quality.rungs.iter().map(|rung| rung.pictures).collect::<Vec<_>>(), [1100, 1100], "every frame of every rung");
    assert!((1..summary.report.cpu_ms).contains(&quality.cpu_ms), "{}", quality.cpu_ms);
    assert_eq!(entries(&out), ["a", "manifest.mpd", "master.m3u8", "thumbs", "v"]);
    let made = summary.thumbnails.as_ref().expect("thumbnails");
    assert_eq!((made.tiles.count, made.posters.len()), (5, 5));
    assert_eq!(entries(&out.join("thumbs")).len(), 2 + 5 + 1, "two indexes, posters, a sheet");
    let cost = summary.report.cost;
    assert!(cost.inspect_cpu_ms > 0 && cost.sound_cpu_ms > 0 && cost.thumbnails_cpu_ms > 0, "{cost:?}");
    assert!(cost.picture_cpu_ms > cost.sound_cpu_ms && cost.total_cpu_ms() == summary.report.cpu_ms, "{cost:?}");
    assert_eq!(entries(&out.join("v/360p")).len(), 3 + 8, "init, two playlists, eight segments");
    for rung in ["360p", "234p"] {
        assert_eq!(frames_of(&out.join("v").join(rung).join("playlist.m3u8")), 1100, "{rung}");
    }
    assert_eq!(entries(&folder.path().join("new")), ["film"], "nothing else is left");
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(told.len() > 5 && told.iter().all(|done| (0.0..=1.0).contains(done)) && told.last() == Some(&1.0), "{told:?}");
    let text = summary.to_string();
    assert!(text.contains("v/360p") && text.contains("44.0 s of film"), "{text}");

    let again = encode(host(), &film.path(), &out, options(), |_| (), CancellationToken::new()).await;
    assert!(matches!(&again, Err(Failure::Retry(error)) if error.code() == "out_not_empty"), "{again:?}");
}

/// A wide picture at sixty frames a second, too busy for any rate, with noise for sound: the worst there is for 192 kb/s.
pub(crate) async fn the_lowest_variant_stays_under_its_bound() {
    let picture = "-f lavfi -i testsrc2=size=560x234:rate=60";
    let arguments = format!("{picture} -f lavfi -i anoisesrc -t 9 -c:v libx264 -preset ultrafast -crf 10 -c:a pcm_s16le");
    let (film, folder) = (Film::made("busy.mkv", &arguments), tempfile::tempdir().expect("a folder"));
    let out = folder.path().join("out");
    encode(host(), &film.path(), &out, options(), |_| (), CancellationToken::new()).await.expect("encoded");
    let master = std::fs::read_to_string(out.join("master.m3u8")).expect("a playlist");
    let variants = master.lines().filter_map(|line| line.strip_prefix("#EXT-X-STREAM-INF:BANDWIDTH="));
    let rates: Vec<u32> =
        variants.map(|rest| rest.split(',').next().and_then(|rate| rate.parse().ok()).expect("a rate")).collect();
    let lowest = rates.iter().min().expect("a variant");
    assert!((150_000..192_000).contains(lowest), "{rates:?}");
}

pub(crate) async fn files_of_subtitles_are_beside_the_film() {
    let (film, folder) = (Film::new("160x120", 7), tempfile::tempdir().expect("a folder"));
    let (out, file) = (folder.path().join("out"), folder.path().join("words.srt"));
    std::fs::write(&file, "1\n00:00:01,000 --> 00:00:02,000\n<b>Hej</b>\n").expect("written");
    let choices = Options { subtitles: vec![(file.clone(), "swe".into())], ..options() };
    encode(host(), &film.path(), &out, choices, |_| (), CancellationToken::new()).await.expect("encoded");
    let master = std::fs::read_to_string(out.join("master.m3u8")).expect("a playlist");
    assert!(master.contains("NAME=\"Svenska\"") && master.contains("LANGUAGE=\"sv\""), "{master}");
    let texts = entries(&out.join("s"));
    let first = std::fs::read_to_string(out.join("s").join(&texts[0]).join("000001.vtt")).expect("a segment");
    assert!(texts.len() == 1 && first.ends_with("00:00:01.000 --> 00:00:02.000\n<b>Hej</b>\n"), "{first}");
    for (text, language, code) in [("1\nnever\n-->\n", "sv", "subtitle_faults"), ("", "klingon", "unknown_language")] {
        std::fs::write(&file, text).expect("written");
        let choices = Options { subtitles: vec![(file.clone(), language.into())], ..options() };
        let refused = encode(host(), &film.path(), &folder.path().join("no"), choices, |_| (), CancellationToken::new()).await;
        assert!(matches!(&refused, Err(Failure::Retry(error)) if error.code() == code), "{refused:?}");
    }
    assert!(!folder.path().join("no").exists());
}

pub(crate) async fn a_plan_alone_writes_nothing() {
    let (film, folder) = (Film::new("160x120", 7), tempfile::tempdir().expect("a folder"));
    let plan_only = Options { plan_only: true, ..options() };
    let outcome = encode(host(), &film.path(), &folder.path().join("out"), plan_only, |_| (), CancellationToken::new()).await;
    let Ok(Outcome::Planned(plan)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((plan.chunks.len(), plan.rungs[0].preset.as_str()), (1, "ultrafast"));
    assert_eq!(entries(folder.path()), [""; 0]);
}

pub(crate) async fn a_failure_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let text = Film::of(b"not a film");
    let outcome = encode(host(), &text.path(), &out, options(), |_| (), CancellationToken::new()).await;
    assert!(matches!(outcome, Err(Failure::Fail { .. })), "{outcome:?}");
    let scarred = Film::new("640x360", 20).scarred();
    let there = tempfile::tempdir().expect("a folder");
    for out in [out.as_path(), there.path()] {
        let outcome = encode(host(), &scarred.path(), out, options(), |_| (), CancellationToken::new()).await;
        assert!(matches!(&outcome, Err(Failure::Fail { code, .. }) if code == "damaged"), "{outcome:?}");
    }
    assert_eq!(entries(there.path()), [""; 0]);
    let missing = encode(host(), &folder.path().join("none.mp4"), &out, options(), |_| (), CancellationToken::new()).await;
    assert!(matches!(&missing, Err(Failure::Retry(error)) if error.message().contains("none.mp4")), "{missing:?}");
    assert_eq!(entries(folder.path()), [""; 0]);
}

/// What a playlist says of its length.
fn seconds_of(playlist: &Path) -> f64 {
    let text = std::fs::read_to_string(playlist).expect("a playlist");
    let lengths = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok());
    lengths.sum()
}

pub(crate) async fn what_can_be_read_is_enough_where_that_is_accepted() {
    let film = Film::new("640x360", 20);
    let bytes = film.bytes();
    let (cut, scarred) = (Film::of(&bytes[..bytes.len() * 6 / 10]), film.scarred());
    let folder = tempfile::tempdir().expect("a folder");
    let accepting = Options { accept_damaged: true, ..options() };
    let encode = async |film: &Film, options: Options, name: &str| {
        encode(host(), &film.path(), &folder.path().join(name), options, |_| (), CancellationToken::new()).await
    };
    let refused = encode(&cut, options(), "cut").await;
    assert!(matches!(&refused, Err(Failure::Fail { code, .. }) if code == "truncated"), "{refused:?}");
    for (film, name, code) in [(&cut, "cut", "damage_end_missing"), (&scarred, "scarred", "damage_concealed")] {
        let Ok(Outcome::Encoded(summary)) = encode(film, accepting.clone(), name).await else { panic!("{name} is accepted") };
        let notes = &summary.report.notes;
        assert!(notes.iter().any(|note| note.code == code), "{name}: {notes:?}");
        let playlist = folder.path().join(name).join("v/360p/playlist.m3u8");
        let (frames, seconds) = (frames_of(&playlist), seconds_of(&playlist));
        assert!((seconds - summary.duration_ms as f64 / 1000.0).abs() < 0.05, "{seconds} s of {} ms", summary.duration_ms);
        if name == "cut" {
            assert!((8.0..16.0).contains(&seconds) && frames == (seconds * 25.0).round() as u64, "{frames} in {seconds} s");
        } else {
            assert!((19.9..20.1).contains(&seconds) && frames > 250, "{frames} in {seconds} s");
            // Zeros are from 8 to 12 s.
            let told = notes.iter().find(|note| note.message.contains(" at 0:")).expect("it is told when");
            assert!(["at 0:07", "at 0:08"].iter().any(|time| told.message.contains(time)), "{}", told.message);
        }
    }
}

pub(crate) async fn a_cancelled_encode_leaves_nothing_behind() {
    let (film, folder) = (Film::new("640x360", 20), tempfile::tempdir().expect("a folder"));
    let cancel = CancellationToken::new();
    let progress = |_| cancel.cancel();
    let outcome = encode(host(), &film.path(), &folder.path().join("out"), options(), progress, cancel.clone()).await;
    assert!(matches!(&outcome, Err(Failure::Retry(error)) if error.code() == "cancelled"), "{outcome:?}");
    assert_eq!(entries(folder.path()), [""; 0]);
}
