//! What was made of the same bytes in the same way is copied: for another upload of the film, and for another encode of a title.

use crate::{
    converge,
    faults::Moment,
    film::{Film, frames_of},
    worker::{EVERYTHING, Worker, copies_alone, files, is_manifest},
};
use marquee_backends::db::{ledger::Ledger, subtitles::NewSubtitle};
use marquee_core::{
    OsRandom, SystemClock,
    id::{EncodeId, JobId, SubtitleId},
    job::{Kind, Order},
    object::{MASTER, TILES, Track},
    plan::{RungChange, SubtitleFile},
    source::Chapter,
    video::Status,
};
use marquee_packager::webvtt::{self, Cue};

/// A title of that film that is ready.
async fn ready(film: &Film) -> Worker {
    let worker = Worker::new(film).await.choosing_ladders();
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    worker.work(&EVERYTHING).await.expect("made");
    assert_eq!(worker.status().await, Status::Ready);
    worker
}

async fn ledger(worker: &Worker) -> Ledger {
    worker.db.ledger(worker.encode().await.id).await.expect("ledger")
}

/// Orders another encode of the title that makes `rungs` of the one it shows anew.
async fn order(worker: &Worker, rungs: Vec<RungChange>) -> EncodeId {
    let encode = EncodeId::new(&SystemClock, &OsRandom);
    let like = (!rungs.is_empty()).then_some(worker.encode().await.id);
    let order = Order { encode, recipe: None, ladder: None, like, rungs, protection: None, chapters: None };
    let job = JobId::new(&SystemClock, &OsRandom);
    worker.db.order_encode(worker.title.video, &order, job).await.expect("ordered");
    encode
}

pub(crate) async fn another_upload_of_a_film_is_copied() {
    let film = Film::new("640x360", 20);
    let mut worker = ready(&film).await;
    let (folder, first) = (worker.folder().await, worker.encode().await);
    worker.upload_again(&film).await;
    copies_alone(&worker).await;
    assert_eq!(worker.status().await, Status::Ready);
    let second = worker.encode().await;
    assert_ne!(second.id, first.id);
    assert_eq!(second.plan.rungs, first.plan.rungs);
    assert!(second.plan.rungs.len() > 1, "{:?}", second.plan.rungs);
    assert_eq!(files(&worker.folder().await), files(&folder));
    assert!(folder.join(TILES).is_file() && folder.join(MASTER).is_file());
    let report = second.report.expect("published");
    let cost = report.cost;
    let made = cost.picture_cpu_ms + cost.sound_cpu_ms + cost.judge_cpu_ms + cost.analyse_cpu_ms;
    assert_eq!((made, report.frames), (0, 500), "{cost:?}");
    assert!(report.notes.iter().any(|note| note.code == "copied"), "{:?}", report.notes);
    assert_eq!(report.quality.rungs, first.report.expect("published").quality.rungs, "what was judged of it still holds");
}

pub(crate) async fn a_rung_is_made_anew_and_all_else_copied() {
    let worker = ready(&Film::new("640x360", 12)).await;
    let (before, folder, first) = (ledger(&worker).await, worker.folder().await, worker.encode().await);
    let rung = first.plan.rungs[0].id.clone();
    let next = order(&worker, vec![RungChange { id: rung.clone(), crf: Some(35.0), ..RungChange::default() }]).await;
    worker.work(&[Kind::Inspect]).await.expect("planned");
    let video = worker.db.video(worker.title.video).await.expect("video");
    assert_eq!((video.status, video.encode), (Status::Ready, Some(first.id)), "it goes on to show what it shows");
    worker.work(&EVERYTHING).await.expect("made");
    let video = worker.db.video(worker.title.video).await.expect("video");
    assert_eq!((video.status, video.encode, video.change), (Status::Ready, Some(next), None));

    let after = ledger(&worker).await;
    let took = |ledger: &Ledger, id: &str| -> u64 {
        ledger.finished.iter().filter(|done| done.track == Track::Video && done.rendition == id).map(|done| done.cpu_ms).sum()
    };
    for other in &first.plan.rungs {
        assert!(took(&before, &other.id) > 0);
        assert_eq!(took(&after, &other.id) > 0, other.id == rung, "{}", other.id);
    }
    let (ours, theirs) = (files(&worker.folder().await), files(&folder));
    let is_other = |name: &str| name.starts_with(&format!("v/{rung}/")) && name.ends_with("m4s");
    for (name, bytes) in theirs.iter().filter(|(name, _)| !is_manifest(name)) {
        assert_eq!(ours.get(name) == Some(bytes), !is_other(name), "{name}");
    }
    assert_eq!(frames_of(&worker.folder().await.join("v").join(&rung).join("playlist.m3u8")), 300);
    let plan = worker.encode().await.plan;
    assert_eq!((plan.rungs[0].crf, plan.rungs[0].edition, plan.rungs.len()), (35.0, 1, first.plan.rungs.len()));
}

pub(crate) async fn files_of_subtitles_are_added_and_all_else_copied() {
    let worker = ready(&Film::new("640x360", 12)).await;
    let (folder, first, owner) = (worker.folder().await, worker.encode().await, worker.db.video(worker.title.video).await);
    let id = SubtitleId::new(&SystemClock, &OsRandom);
    let file = SubtitleFile { id, language: "pt-BR".into(), name: None, forced: false, hearing_impaired: true };
    let cue = |start_ms, end_ms| Cue { start_ms, end_ms, settings: "line:0".into(), text: "<i>Olá</i>".into() };
    let said = [cue(500, 1500), cue(5900, 6100), cue(11_000, 90_000), cue(50_000, 60_000)];
    let by = owner.expect("video").owner;
    let new = NewSubtitle { file, format: "SRT".into(), cues: 4, notes: Vec::new(), text: webvtt::segment(&said), by };
    worker.db.add_subtitle(worker.title.video, &new, None).await.expect("added");
    let next = EncodeId::new(&SystemClock, &OsRandom);
    let order = || worker.db.order_due_subtitles(worker.title.video, next, JobId::new(&SystemClock, &OsRandom));
    assert!(order().await.expect("ordered") && !order().await.expect("it is on its way"));
    copies_alone(&worker).await;
    let video = worker.db.video(worker.title.video).await.expect("video");
    assert_eq!((video.status, video.encode, video.change), (Status::Ready, Some(next), None));
    let encode = worker.encode().await;
    assert_eq!((encode.encoder_version, encode.plan.rungs), (first.encoder_version, first.plan.rungs));

    let text = format!("s/text-{}/", id.0.simple());
    let (ours, theirs) = (files(&worker.folder().await), files(&folder));
    for (name, bytes) in theirs.iter().filter(|(name, _)| !is_manifest(name)) {
        assert_eq!(ours.get(name), Some(bytes), "{name}");
    }
    let master = String::from_utf8_lossy(&ours[MASTER]).into_owned();
    assert!(master.contains("LANGUAGE=\"pt-BR\"") && master.contains("NAME=\"Português (BR)\""), "{master}");
    // Beside them there are a playlist, and all of it in one file.
    let is_segment = |name: &str| name.strip_prefix(&text).is_some_and(|name| name.starts_with('0'));
    let segments: Vec<_> = ours.iter().filter(|(name, _)| is_segment(name)).collect();
    let shown: Vec<Vec<_>> = segments
        .iter()
        .map(|(_, bytes)| webvtt::read(bytes).expect("WebVTT").cues.iter().map(|cue| (cue.start_ms, cue.end_ms)).collect())
        .collect();
    assert_eq!(shown.len(), encode.plan.timeline.segment_of(encode.plan.duration_ticks - 1) as usize);
    assert_eq!(shown.first(), Some(&vec![(500, 1500)]));
    assert_eq!(shown.last(), Some(&vec![(11_000, 12_000)]), "no longer than the film");
    assert!(shown.concat().contains(&(5900, 6100)));
    let report = encode.report.expect("published");
    assert!(report.notes.iter().any(|note| note.code == "subtitle_late"), "{:?}", report.notes);

    // It goes as it came.
    worker.db.remove_subtitle(worker.title.video, id).await.expect("removed");
    let last = EncodeId::new(&SystemClock, &OsRandom);
    let ordered = worker.db.order_due_subtitles(worker.title.video, last, JobId::new(&SystemClock, &OsRandom)).await;
    assert!(ordered.expect("ordered"));
    copies_alone(&worker).await;
    assert_eq!(worker.encode().await.id, last);
    assert!(!files(&worker.folder().await).keys().any(|name| name.starts_with("s/")));
}

pub(crate) async fn chapters_are_given_and_all_else_copied() {
    let worker = ready(&Film::new("160x120", 9)).await;
    let (before, like) = (files(&worker.folder().await), worker.encode().await.id);
    let chapter = |start_ms, end_ms, title: &str| Chapter { start_ms, end_ms, title: title.to_owned() };
    let chapters = vec![chapter(0, 2000, "Intro"), chapter(2000, 7000, "Far away"), chapter(7000, 9000, "Credits")];
    let give = async |like, chapters| {
        let encode = EncodeId::new(&SystemClock, &OsRandom);
        let (recipe, ladder, rungs, protection) = (None, None, Vec::new(), None);
        let order = Order { encode, recipe, ladder, like: Some(like), rungs, protection, chapters };
        let job = JobId::new(&SystemClock, &OsRandom);
        worker.db.order_encode(worker.title.video, &order, job).await.expect("ordered");
        copies_alone(&worker).await;
        assert_eq!((worker.encode().await.id, worker.status().await), (encode, Status::Ready));
        encode
    };
    let next = give(like, Some(chapters.clone())).await;
    let after = files(&worker.folder().await);
    for (name, bytes) in before.iter().filter(|(name, _)| !is_manifest(name)) {
        assert_eq!(after.get(name), Some(bytes), "{name}");
    }
    let rung = worker.encode().await.plan.rungs[0].id.clone();
    let playlist = String::from_utf8_lossy(&after[&format!("v/{rung}/playlist.m3u8")]).into_owned();
    for class in ["chapter", "intro", "credits"] {
        assert!(playlist.contains(&format!("CLASS=\"org.marquee.{class}\"")), "{class} in {playlist}");
    }
    assert!(String::from_utf8_lossy(&after["chapters.json"]).contains("Far away"));
    // They stay until others are given, or none.
    let last = give(next, None).await;
    assert_eq!(worker.encode().await.source.chapters, chapters);
    give(last, Some(Vec::new())).await;
    assert!(!files(&worker.folder().await).contains_key("chapters.json"));
}

pub(crate) async fn an_order_that_no_encoder_can_follow_fails_and_the_title_stays() {
    let worker = ready(&Film::new("160x120", 3)).await;
    let shown = worker.encode().await.id;
    let encode = EncodeId::new(&SystemClock, &OsRandom);
    let order = Order {
        encode,
        recipe: Some("cinema".into()),
        ladder: None,
        like: None,
        rungs: Vec::new(),
        protection: None,
        chapters: None,
    };
    let job = JobId::new(&SystemClock, &OsRandom);
    worker.db.order_encode(worker.title.video, &order, job).await.expect("ordered");
    worker.work(&[Kind::Inspect]).await.expect_err("there is no such recipe");
    let video = worker.db.video(worker.title.video).await.expect("video");
    assert_eq!((video.status, video.encode), (Status::Ready, Some(shown)));
    let failure = video.change.expect("a change").failure.expect("failed");
    assert_eq!(failure.0, "unknown_recipe");
    assert!(failure.1.contains("standard"), "{failure:?}");
}

pub(crate) async fn what_is_gone_from_the_store_is_made_again() {
    let film = Film::new("160x120", 9);
    let mut worker = ready(&film).await;
    let folder = worker.folder().await;
    let (rung, whole) = (worker.encode().await.plan.rungs[0].id.clone(), files(&folder));
    std::fs::remove_file(folder.join("v").join(&rung).join("000002.m4s")).expect("removed");
    std::fs::remove_file(folder.join(TILES)).expect("removed");
    worker.upload_again(&film).await;
    worker.work(&Kind::ALL).await.expect("made");
    assert_eq!(worker.status().await, Status::Ready);
    assert_eq!(files(&worker.folder().await), whole);
}

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=50";
const CODED: &str = "-c:v libx264 -preset ultrafast -g 25 -bf 2 -x264-params open-gop=1 -pix_fmt yuv420p -movflags +faststart";

/// What of the title's picture and sound was made, and not copied, in its newest encode: chunks of its first rung, and sound.
async fn made(worker: &Worker) -> (Vec<u32>, bool) {
    let (ledger, rung) = (ledger(worker).await, worker.encode().await.plan.rungs[0].id.clone());
    let mut made: Vec<_> = ledger.finished.iter().filter(|done| done.cpu_ms > 0).collect();
    made.sort_by_key(|done| done.chunk);
    let chunks = made.iter().filter(|done| done.rendition == rung).map(|done| done.chunk).collect();
    (chunks, made.iter().any(|done| done.track == Track::Audio))
}

pub(crate) async fn of_a_film_that_is_replaced_what_both_hold_is_copied() {
    let tone = |hertz: u32| format!("-f lavfi -i sine=frequency={hertz}:duration=50");
    let film = Film::made("film.mp4", &format!("{PICTURE} {} {CODED} -c:a aac", tone(440)));
    let mut worker = ready(&film).await;
    let (first, folder) = (worker.encode().await, worker.folder().await);
    let before = files(&folder);

    // Another sound under the same picture.
    let input = format!("-i {} {} -map 0:v -map 1:a", film.path().display(), tone(880));
    let sound = Film::made("film.mp4", &format!("{input} -c:v copy -c:a aac -movflags +faststart"));
    worker.replace(&sound).await;
    worker.work(&Kind::ALL).await.expect("made");
    let second = worker.encode().await;
    assert_ne!((second.id, second.upload), (first.id, first.upload));
    assert_eq!(made(&worker).await, (Vec::new(), true));
    assert_eq!(second.plan.rungs, first.plan.rungs, "it keeps its ladder");
    let after = files(&worker.folder().await);
    for (name, bytes) in before.iter().filter(|(name, _)| !is_manifest(name)) {
        assert_eq!(after.get(name) == Some(bytes), !(name.starts_with("a/") && name.ends_with("m4s")), "{name}");
    }

    // Another end of the picture over the same sound.
    let input = format!("{PICTURE} -i {} -map 0:v -map 1:a -vf negate=enable=gte(t\\,40)", sound.path().display());
    let end = Film::made("film.mp4", &format!("{input} {CODED} -c:a copy"));
    worker.replace(&end).await;
    worker.work(&Kind::ALL).await.expect("made");
    let (chunks, is_sound_new) = made(&worker).await;
    let all = worker.encode().await.plan.chunks.len() as u32;
    assert!(!chunks.is_empty() && chunks[0] >= 2 && *chunks.last().expect("some") == all - 1, "{chunks:?} of {all}");
    assert!(!is_sound_new, "the sound is what it was");
    let rung = worker.encode().await.plan.rungs[0].id.clone();
    assert_eq!(frames_of(&worker.folder().await.join("v").join(&rung).join("playlist.m3u8")), 50 * 25);
}

pub(crate) async fn copying_that_breaks_anywhere_loses_nothing() {
    let film = Film::new("160x120", 7);
    let mut worker = ready(&film).await;
    let whole = files(&worker.folder().await);
    for moment in [Moment::Before, Moment::After] {
        worker.upload_again(&film).await;
        converge::work(&worker, moment).await;
        assert_eq!(files(&worker.folder().await), whole);
        assert_eq!(worker.encode().await.report.expect("published").cost.picture_cpu_ms, 0, "all of it was copied");
    }
}
