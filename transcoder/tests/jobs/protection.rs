//! Protected titles: nothing of them is ever stored in the clear, a clear title becomes a protected one and the other way round without
//! being encoded again, and what is stored opens with its keys, for ffmpeg too.

use crate::{
    converge,
    faults::Moment,
    film::Film,
    local::{host, options},
    worker::{Worker, copies_alone, files, is_manifest},
};
use marquee_backends::testing::{self, SpekeServer, key_server, key_server_with};
use marquee_core::{
    Error, OsRandom, Result, SeededRandom, SystemClock,
    config::Protection,
    id::{EncodeId, JobId},
    job::{Failure, Kind, Order},
    protection::{Choice, ContentKeys, KeyName, KeyPolicy, Protected, Scheme, System, Told, Wish},
    video::Status,
};
use marquee_packager::{
    protect::{Opener, cpix, pssh},
    verify::{Files, Part, verify},
};
use marquee_transcoder::local::{Options, Outcome, encode};
use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

const CBCS: Choice = Choice { scheme: Scheme::Cbcs, keys: KeyPolicy::PerTrackType, rotation_segments: None };
/// Keys that change with every segment.
fn rotating(scheme: Scheme) -> Choice {
    Choice { scheme, rotation_segments: NonZeroU32::new(1), ..CBCS }
}

const CENC: Choice = Choice { scheme: Scheme::Cenc, keys: KeyPolicy::PerTitle, rotation_segments: None };

/// Files of the title that the worker has, and the keys that they are protected with.
async fn stored(worker: &Worker) -> (BTreeMap<String, Vec<u8>>, Option<ContentKeys>) {
    let encode = worker.encode().await;
    let keys = match &encode.plan.protected {
        Some(protected) => Some(key_server().open(&worker.db, encode.id, protected).await.expect("opened")),
        None => None,
    };
    (files(&worker.folder().await), keys)
}

/// What is stored, as somebody from outside reads it.
struct Package(BTreeMap<String, Vec<u8>>);

impl Files for Package {
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let bytes = self.0.get(path).ok_or_else(|| Error::not_found("file"))?;
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()));
        let part = bytes[start..end.max(start)].to_vec().into();
        Ok(Part { bytes: part, size_bytes: bytes.len() as u64, delivery: None })
    }
}

/// The folder of a track that a file is in, if it is one of picture or sound.
fn track(name: &str) -> Option<&str> {
    name.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| folder.starts_with("v/") || folder.starts_with("a/"))
}

/// What it is when opened. Manifests, which tell of bytes that are others, are left out.
async fn opened(worker: &Worker) -> BTreeMap<String, Vec<u8>> {
    let (files, keys) = stored(worker).await;
    let ledger = worker.db.ledger(worker.encode().await.id).await.expect("ledger");
    let mut clear = BTreeMap::new();
    for (name, bytes) in files.iter().filter(|(name, _)| !is_manifest(name)) {
        let (Some(folder), Some(keys)) = (track(name), &keys) else {
            clear.insert(name.clone(), bytes.clone());
            continue;
        };
        let stored = ledger.renditions.iter().find(|stored| folder.ends_with(&format!("/{}", stored.rendition.id)));
        assert!(stored.is_some(), "a rendition");
        let plan = worker.encode().await.plan;
        let keys = keys.of_periods(plan.protected.as_ref().expect("protected").choice, plan.last_segment());
        let opener = Opener::with_keys(&files[&format!("{folder}/init.mp4")], &keys).expect("a protected track");
        let is_init = name.ends_with("init.mp4");
        let bytes = if is_init { opener.init().clone() } else { opener.segment(bytes).expect("protected").bytes };
        clear.insert(name.clone(), bytes.to_vec());
    }
    clear
}

async fn protect(worker: &Worker, choice: Option<Choice>) {
    let (encode, job) = (EncodeId::new(&SystemClock, &OsRandom), JobId::new(&SystemClock, &OsRandom));
    let like = Some(worker.encode().await.id);
    let protection = Some(choice.map_or(Wish::Clear, Wish::Protect));
    let order = Order { encode, recipe: None, ladder: None, like, rungs: Vec::new(), protection, chapters: None };
    worker.db.order_encode(worker.title.video, &order, job).await.expect("ordered");
    copies_alone(worker).await;
    assert_eq!(worker.db.video(worker.title.video).await.expect("video").protection, choice, "it says what it shows");
    assert_eq!(worker.encode().await.id, encode);
    assert_eq!(worker.status().await, Status::Ready);
}

pub(crate) async fn a_title_is_protected_before_anything_is_stored() {
    for choice in [CBCS, CENC] {
        let film = Film::new("640x360", 9);
        let worker = Worker::new(&film).await;
        testing::protect(&worker.db, worker.title.video, choice).await;
        worker.work(&Kind::ALL).await.expect("made");
        assert_eq!(worker.status().await, Status::Ready);
        let encode = worker.encode().await;
        assert_eq!(encode.plan.protected.as_ref().expect("protected").choice, choice);
        let (files, keys) = stored(&worker).await;
        let (keys, opened) = (keys.expect("keys"), opened(&worker).await);
        let mut tracks = 0;
        for (name, bytes) in files.iter().filter(|(name, _)| !is_manifest(name) && track(name).is_some()) {
            assert_ne!(&opened[name], bytes, "{name}");
            tracks += usize::from(name.ends_with("init.mp4"));
        }
        assert_eq!(tracks, 4, "two rungs, two qualities of sound");
        for bytes in files.values() {
            let tells = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
            assert!(keys.0.iter().all(|(_, key)| !tells(key.secret.expose())), "a secret is in what viewers get");
        }
        // Another title of the same film, in the clear, is opened and not encoded again: byte for byte what it would have been.
        let mut other = worker;
        other.upload_again(&film).await;
        copies_alone(&other).await;
        assert!(other.encode().await.plan.protected.is_none());
        let plain = files_of_a_clear_title(&film).await;
        let (clear, _) = stored(&other).await;
        for (name, bytes) in plain.iter().filter(|(name, _)| !name.starts_with("thumbs/")) {
            assert_eq!(clear.get(name), Some(bytes), "{name}");
        }
    }
}

async fn files_of_a_clear_title(film: &Film) -> BTreeMap<String, Vec<u8>> {
    let worker = Worker::new(film).await;
    worker.work(&Kind::ALL).await.expect("made");
    files(&worker.folder().await)
}

pub(crate) async fn a_clear_title_becomes_a_protected_one_and_back_without_being_encoded() {
    let worker = Worker::new(&Film::new("640x360", 9)).await;
    worker.work(&Kind::ALL).await.expect("made");
    let clear = opened(&worker).await;
    protect(&worker, Some(CBCS)).await;
    let (first, _) = stored(&worker).await;
    assert_eq!(opened(&worker).await, clear);
    // Once more, with other keys.
    protect(&worker, Some(CBCS)).await;
    let (second, _) = stored(&worker).await;
    assert_eq!(opened(&worker).await, clear);
    let differ = |name: &String| first[name] != second[name];
    assert!(first.keys().filter(|name| track(name).is_some() && name.ends_with("m4s")).all(differ), "keys are for one encode");
    let report = worker.encode().await.report.expect("published");
    assert!(report.notes.iter().any(|note| note.code == "copied"), "{:?}", report.notes);
    protect(&worker, Some(CENC)).await;
    assert_eq!(opened(&worker).await, clear);
    // With keys that change, and from these to others.
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        protect(&worker, Some(rotating(scheme))).await;
        assert_eq!(opened(&worker).await, clear);
        let verdict = verify(&Package(stored(&worker).await.0), "master.m3u8", true).await.expect("a verdict");
        assert!(verdict.is_good(), "{verdict}");
        let rung = worker.encode().await.plan.rungs[0].id.clone();
        let playlist = stored(&worker).await.0[&format!("v/{rung}/playlist.m3u8")].clone();
        let playlist = String::from_utf8_lossy(&playlist).into_owned();
        assert!(playlist.matches("#EXT-X-KEY:").count() > 1, "{playlist}");
    }
    protect(&worker, None).await;
    assert_eq!((stored(&worker).await.1, opened(&worker).await), (None, clear));
}

/// What a server protects a content with that gives keys ids of its own: others for each content, the same for the same.
fn protected_by(document: &str) -> (Protected, ContentKeys) {
    let (_, content) = document.split_once("contentId=\"").expect("the content has a name");
    let name = content.bytes().take_while(|byte| *byte != b'"');
    let seed = name.fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let systems = vec![System::Widevine { licence_url: None }, System::FairPlay { key_uri: "skd://theirs/".to_owned() }];
    let (protected, keys) = Protected::generate(CBCS, systems, &SeededRandom::new(seed));
    let told = |key| vec![Told { system: pssh::WIDEVINE, pssh: Some(their_box(key)), key: None }];
    let names = keys.0.iter().map(|(of, key)| KeyName { told: told(key.id), ..KeyName::new(*of, key) }).collect();
    (Protected { names, ..protected }, keys)
}

/// The `pssh` box that it gives players of Widevine.
fn their_box(key: Uuid) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(pssh::widevine(Scheme::Cbcs, &[key], b"their content"))
}

pub(crate) async fn keys_come_from_a_key_server_of_others() {
    let server = SpekeServer::start(|document| {
        let (protected, keys) = protected_by(document);
        Ok(cpix::export("film", &protected, &keys, 1))
    });
    let server = server.await;
    let config = |url: &Url| Protection {
        key_server_url: Some(url.clone()),
        clear_key: false,
        widevine: true,
        fairplay_uri: Some("skd://ours/".to_owned()),
        ..Protection::default()
    };
    let film = Film::new("160x120", 7);
    let worker = Worker::new(&film).await.with_keys_of(key_server_with(config(server.url())));
    testing::protect(&worker.db, worker.title.video, CBCS).await;
    worker.work(&Kind::ALL).await.expect("made");
    assert_eq!(worker.status().await, Status::Ready);
    let (files, keys) = stored(&worker).await;
    let asked = server.asked();
    let [first] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(keys.as_ref(), Some(&protected_by(first.body()).1), "with their ids, secrets and vectors");
    let clear = opened(&worker).await;
    let sound = keys.expect("keys").0[0].1.id;
    let (master, manifest) = (&files["master.m3u8"], &files["manifest.mpd"]);
    let says = |file: &[u8], text: &str| String::from_utf8_lossy(file).contains(text);
    assert!(says(master, &format!("skd://theirs/{sound}")) && !says(master, "skd://ours"));
    assert!(says(master, &their_box(sound)) && says(manifest, &their_box(sound)), "in both manifests");
    assert!(!says(master, "org.w3.clearkey"), "nobody gets the keys themselves");

    // Another encode of the same title is another content.
    protect(&worker, Some(CBCS)).await;
    assert_eq!(server.asked().len(), 2);
    assert_eq!(opened(&worker).await, clear);
    assert_ne!(stored(&worker).await.0, files);

    let refusing = SpekeServer::start(|_| Err((403, "who are you?".to_owned()))).await;
    let worker = Worker::new(&film).await.with_keys_of(key_server_with(config(refusing.url())));
    testing::protect(&worker.db, worker.title.video, CBCS).await;
    let failed = worker.work(&Kind::ALL).await.expect_err("there are no keys");
    let Failure::Fail { code, message } = failed else { panic!("{failed:?} may get better") };
    assert!(code == "key_server_refused" && message.contains("403"), "{code}: {message}");
    assert_eq!(worker.status().await, Status::Failed);
}

pub(crate) async fn protecting_that_breaks_anywhere_loses_nothing() {
    let film = Film::new("160x120", 7);
    let mut worker = Worker::new(&film).await;
    worker.work(&Kind::ALL).await.expect("made");
    let clear = opened(&worker).await;
    for moment in [Moment::Before, Moment::After] {
        worker.upload_again(&film).await;
        testing::protect(&worker.db, worker.title.video, CBCS).await;
        converge::work(&worker, moment).await;
        assert!(worker.encode().await.plan.protected.is_some());
        assert_eq!(opened(&worker).await, clear);
    }
}

/// The segments of a rendition, the first one first.
fn segments_of(folder: &Path) -> Vec<PathBuf> {
    let mut segments: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "m4s"));
    segments.sort();
    segments
}

/// Frames of a rendition that ffmpeg decodes with the key of each segment, by its number, and what it complains about. Fragment by
/// fragment: FFmpeg 5.1, unlike its successors, loses count of protected samples where several fragments are in a file.
fn decoded(folder: &Path, key: impl Fn(u32) -> [u8; 16]) -> (u64, String) {
    let init = std::fs::read(folder.join("init.mp4")).expect("read");
    let (file, mut frames, mut complaints) = (folder.join("fragment.mp4"), 0, String::new());
    let segments = segments_of(folder);
    let numbered = segments.iter().zip(1..);
    let all = numbered
        .flat_map(|(path, number)| fragments(&std::fs::read(path).expect("read")).into_iter().map(move |it| (number, it)));
    for (number, fragment) in all {
        std::fs::write(&file, [&init[..], &fragment].concat()).expect("written");
        let arguments = ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"];
        let output =
            Command::new("ffprobe").args(arguments).args(["-decryption_key", &hex::encode(key(number))]).arg(&file).output();
        let output = output.expect("ffprobe");
        frames += String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').parse().unwrap_or(0);
        complaints += &String::from_utf8_lossy(&output.stderr);
    }
    std::fs::remove_file(file).expect("removed");
    (frames, complaints)
}

/// Each `moof` of a segment with its `mdat`.
fn fragments(segment: &[u8]) -> Vec<Vec<u8>> {
    let (mut fragments, mut rest) = (Vec::<Vec<u8>>::new(), segment);
    while let Some((size, kind)) = rest.first_chunk::<4>().zip(rest.get(4..8)) {
        let size = u32::from_be_bytes(*size) as usize;
        match kind {
            b"moof" => fragments.push(rest[..size].to_vec()),
            b"mdat" => fragments.last_mut().expect("a moof").extend_from_slice(&rest[..size]),
            _ => {}
        }
        rest = &rest[size..];
    }
    fragments
}

pub(crate) async fn a_local_film_is_protected_and_ffmpeg_opens_it() {
    let film = Film::new("640x360", 9);
    for choice in [CBCS, CENC, rotating(Scheme::Cbcs), rotating(Scheme::Cenc)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, file) = (folder.path().join("out"), folder.path().join("keys.cpix"));
        let choices = Options { protection: Some((choice, file.clone())), ..options() };
        let outcome = encode(host(), &film.path(), &out, choices.clone(), |_| (), CancellationToken::new()).await;
        assert!(matches!(outcome, Ok(Outcome::Encoded(_))), "{outcome:?}");
        let document = std::fs::read_to_string(&file).expect("keys");
        let keys = secrets(&document);
        let (uses, segments) = (choice.keys.uses().len(), segments_of(&out.join("v/360p")).len() as u32);
        assert_eq!(keys.len(), uses * choice.periods(segments) as usize, "{choice:?} of {segments} segments");
        // The keys of sound and of small pictures come first in each period.
        let of_period = |number, of: usize| keys[choice.period_of(number) as usize * uses + of];
        let (sound, picture) = (|number| of_period(number, 0), |number| of_period(number, uses.min(2) - 1));
        let (frames, complaints) = decoded(&out.join("v/360p"), picture);
        assert_eq!((frames, complaints.as_str()), (225, ""), "{choice:?}");
        let (frames, complaints) = decoded(&out.join("a").join(first_in(&out.join("a"))), sound);
        assert!(frames > 380 && complaints.is_empty(), "{frames} {complaints}");
        let (frames, complaints) = decoded(&out.join("v/360p"), |_| [0; 16]);
        assert!(frames < 225 || !complaints.is_empty(), "another key does not open it");

        let elsewhere = folder.path().join("again");
        let again = encode(host(), &film.path(), &elsewhere, choices, |_| (), CancellationToken::new()).await;
        assert!(again.is_err() && !elsewhere.exists(), "keys are never written over others");
    }
}

fn first_in(folder: &Path) -> String {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    names[0].to_string_lossy().into_owned()
}

/// The secrets of a CPIX document, in its order.
fn secrets(document: &str) -> Vec<[u8; 16]> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let values = document.split("PlainValue>").skip(1).step_by(2).map(|rest| rest.split('<').next().expect("a value"));
    values.map(|value| STANDARD.decode(value).expect("base64").try_into().expect("16 bytes")).collect()
}
