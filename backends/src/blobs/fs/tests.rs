use super::*;
use crate::testing::blobs_contract;
use std::time::{Duration, SystemTime};

async fn store() -> (FileBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (FileBlobs::open(&folder.path().join("blobs")).await.expect("opened"), folder)
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

/// Everything below the store's root, relative to it.
fn files(blobs: &FileBlobs) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            found.push(entry.path());
            if entry.path().is_dir() {
                walk(&entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    walk(&blobs.root, &mut found);
    let relative = |path: &PathBuf| path.strip_prefix(&blobs.root).expect("below").display().to_string();
    let mut names: Vec<_> = found.iter().map(relative).collect();
    names.sort();
    names
}

fn age(path: &Path, by: Duration) {
    let file = File::options().write(true).open(path).expect("there");
    let now = fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    file.set_modified(now - by).expect("aged");
}

#[tokio::test]
async fn keeps_the_contract_and_leaves_nothing() {
    let (blobs, _folder) = store().await;
    blobs_contract(&blobs).await;
    assert_eq!(files(&blobs), [".staging"], "no temporary file, no empty folder");
}

#[tokio::test]
async fn folders_are_not_objects() {
    let (blobs, _folder) = store().await;
    blobs.create(&key("a/b"), Bytes::from_static(b"x")).await.expect("created");
    assert_eq!(blobs.head(&key("a")).await.expect_err("a folder").kind(), marquee_core::ErrorKind::NotFound);
    blobs.delete(&key("a/b")).await.expect("deleted");
    assert_eq!(blobs.head(&key("a")).await.expect_err("nothing").kind(), marquee_core::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_key_cannot_be_the_folder_of_another() {
    let (blobs, _folder) = store().await;
    blobs.create(&key("a/b"), Bytes::from_static(b"x")).await.expect("created");
    for bad in ["a", "a/b/c", "a/b/c/d"] {
        let error = blobs.create(&key(bad), Bytes::new()).await.expect_err("refused");
        assert_eq!((error.kind(), error.code()), (marquee_core::ErrorKind::Conflict, "key_is_folder"), "{bad}");
        let missing = blobs.head(&key(bad)).await.expect_err("not an object");
        assert_eq!(missing.kind(), marquee_core::ErrorKind::NotFound, "{bad}");
        blobs.delete(&key(bad)).await.expect("nothing to delete");
    }
    assert_eq!(blobs.head(&key("a/b")).await.expect("untouched").size_bytes, 1);
}

#[tokio::test]
async fn creating_goes_on_while_others_remove_the_empty_folder() {
    let (blobs, _folder) = store().await;
    let work = (0..4).map(|worker| {
        let blobs = blobs.clone();
        tokio::spawn(async move {
            for number in 0..100 {
                let name = key(&format!("shared/folder/{worker}-{number}"));
                assert_eq!(blobs.create(&name, Bytes::from_static(b"x")).await.expect("created"), Created::New);
                blobs.delete(&name).await.expect("deleted");
            }
        })
    });
    for worker in work.collect::<Vec<_>>() {
        worker.await.expect("no worker failed");
    }
    assert_eq!(files(&blobs), [".staging"]);
}

#[tokio::test]
async fn tidying_removes_what_killed_processes_left() {
    let (blobs, _folder) = store().await;
    let staging = staging::folder(&blobs.root);
    let bytes = || futures::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed();
    let (mut known, mut unknown) = (blobs.begin(&key("a")).await.expect("begun"), blobs.begin(&key("b")).await.expect("begun"));
    let young = blobs.begin(&key("c")).await.expect("begun");
    blobs.append(&mut known, bytes()).await.expect("appended");
    blobs.append(&mut unknown, bytes()).await.expect("appended");
    let path = |growing: &Growing| staging.join(growing.state["file"].as_str().expect("a name"));
    for name in ["tmp-old", "tmp-new"] {
        fs::write(staging.join(name), "x").expect("written");
    }
    for old in [staging.join("tmp-old"), path(&known), path(&unknown)] {
        age(&old, Duration::from_secs(2 * 3600));
    }
    blobs.tidy(&[key("a")].into(), Duration::from_secs(3600)).await.expect("tidied");
    assert!(!staging.join("tmp-old").exists());
    assert!(staging.join("tmp-new").exists(), "somebody may be writing it");
    assert!(path(&known).exists(), "uploads end by their own expiry");
    assert!(!path(&unknown).exists());
    assert!(path(&young).exists(), "whoever began it may be about to note it");

    let mut unknown = Growing { size_bytes: 0, ..unknown };
    blobs.append(&mut unknown, bytes()).await.expect("begins anew, for nothing was promised of it");
    assert_eq!(blobs.finish(&unknown).await.expect("finished").size_bytes, 3);
}

#[tokio::test]
async fn finishing_goes_on_after_a_kill_between_its_steps() {
    let (blobs, _folder) = store().await;
    let mut growing = blobs.begin(&key("film")).await.expect("begun");
    blobs.append(&mut growing, futures::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed()).await.expect("appended");
    let staged = staging::folder(&blobs.root).join(growing.state["file"].as_str().expect("a name"));
    fs::hard_link(&staged, blobs.path(&key("film"))).expect("the first step");
    assert_eq!(blobs.finish(&growing).await.expect("finished").size_bytes, 3);
    assert!(!staged.exists());

    let other = blobs.begin(&key("film")).await.expect("begun");
    let error = blobs.finish(&other).await.expect_err("another object has the name");
    assert_eq!(error.kind(), marquee_core::ErrorKind::Conflict);
    assert_eq!(blobs.head(&key("film")).await.expect("untouched").size_bytes, 3);
}

#[tokio::test]
async fn lost_bytes_are_not_papered_over() {
    let (blobs, _folder) = store().await;
    let mut growing = blobs.begin(&key("film")).await.expect("begun");
    blobs.append(&mut growing, futures::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed()).await.expect("appended");
    growing.size_bytes = 10;
    let more = futures::stream::iter([Ok(Bytes::from_static(b"def"))]).boxed();
    assert!(blobs.append(&mut growing, more).await.is_err());
    assert!(blobs.finish(&growing).await.is_err());

    blobs.create(&key("torn"), Bytes::from(vec![1; 1_000_000])).await.expect("created");
    let object = blobs.read(&key("torn"), None).await.expect("opened");
    File::options().write(true).open(blobs.path(&key("torn"))).and_then(|file| file.set_len(10)).expect("torn");
    let body: Vec<_> = object.body.collect().await;
    assert!(body.last().expect("something").is_err(), "a short file never looks like a whole one");
}

#[tokio::test]
async fn states_of_others_are_refused() {
    let (blobs, _folder) = store().await;
    for state in
        [serde_json::json!({}), serde_json::json!({"file": "../../etc/passwd"}), serde_json::json!({"file": "grow-../x"})]
    {
        let growing = Growing { key: "a".into(), size_bytes: 0, state };
        assert!(blobs.abort(&growing).await.is_err());
        assert!(blobs.finish(&growing).await.is_err());
    }
}
