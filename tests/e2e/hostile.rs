//! Sources that are broken or mean harm.

use super::traps;
use crate::support::{
    client::{Client, Video, refused},
    clip::SHORT,
    hls, judge, media,
    node::{Node, show},
};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use reqwest::{Method, multipart};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;

/// What must become of a file, with the code that says why.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Its upload is refused.
    NotTaken(&'static str),
    /// It is refused by who looked at it.
    Failed(&'static str),
    /// It becomes a title, with a note about what is wrong with it.
    Title(&'static str),
}

/// Every file of the collection.
const FATES: [(&str, Fate); 9] = [
    // No index that could be read.
    ("ax_sample_malformed_free_box.mp4", Fate::Failed("damaged")),
    // All pictures and all sound are there; a box claims to be longer than the file.
    ("ax_sample_mdat_too_long.mp4", Fate::Title("damage_container")),
    // All pictures are there; nobody knows what the sound is.
    ("ax_sample_missing_stsd.mp4", Fate::Title("audio_left_out")),
    // A picture in fifty cannot be decoded: more than one in a hundred.
    ("decord_corrupted.mp4", Fate::Failed("damaged")),
    ("handmade_html_error_page.mp4", Fate::Failed("not_a_video")),
    ("handmade_pixelbomb_16384x8704.avi", Fate::Failed("limits_exceeded")),
    ("handmade_ssrf_hls_file.mp4", Fate::Failed("not_a_video")),
    ("handmade_trunc_60pct_faststart.mp4", Fate::Failed("truncated")),
    ("handmade_zero_bytes.mp4", Fate::NotTaken("empty_file")),
];

#[tokio::test]
async fn a_hostile_film_is_refused_with_its_reason_or_its_damage_is_named() {
    let node = Node::start().await;
    let admin = node.admin().await;
    for film in media::films("hostile") {
        let name = film.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = FATES.iter().find(|(known, _)| *known == name);
        let (_, fate) = known.unwrap_or_else(|| panic!("{name} is new: look at what becomes of it, and say so in the table"));
        match fate {
            Fate::NotTaken(code) => assert_eq!(refused_upload(&admin, &film).await, *code, "{name}"),
            Fate::Failed(code) => {
                let id = admin.upload_form(&name, &film).await;
                assert_eq!(failure(&name, &admin.wait_until_settled(&id).await), *code, "{name}");
            }
            Fate::Title(code) => {
                let id = admin.upload_form(&name, &film).await;
                let video = admin.wait_until_ready(&id).await;
                show(&format!("{name}: a title. {:?}", video.notes));
                assert!(video.notes.iter().any(|note| note.code == *code), "{name} should say {code}: {:?}", video.notes);
                let readable = judge::picture(&film.to_string_lossy(), false).frames;
                for rendition in hls::renditions(&admin.hls(&id).await).await.video {
                    assert_eq!(judge::picture(&rendition, true).frames, readable, "{name}: {rendition}");
                }
            }
        }
    }
    node.stop().await;
}

/// Why a video failed: a code that is not ours, and words that tell what to do.
fn failure(name: &str, video: &Video) -> String {
    assert_eq!(video.status, "failed", "{name} became a title");
    let reason = video.failure.as_ref().unwrap_or_else(|| panic!("{name} failed without a reason"));
    assert_ne!(reason.code, "gave_up", "{name} is a bad file, not a fault of ours");
    assert!(reason.message.len() > 20, "{name}: {} does not tell a content team what to do", reason.message);
    show(&format!("{name}: {} ({})", reason.message, reason.code));
    reason.code.clone()
}

/// Uploads a file that is not taken; answers the code of the refusal.
async fn refused_upload(admin: &Client, file: &Path) -> String {
    let part = multipart::Part::bytes(std::fs::read(file).expect("the file is readable")).file_name("film.mp4");
    let form = multipart::Form::new().text("title", "Nothing").part("file", part);
    refused(admin.request(Method::POST, "/v1/videos").multipart(form), 422).await
}

/// A film that nobody may find: it would make a fine title.
struct Bait {
    file: PathBuf,
    url: String,
    /// Who connected to the URL.
    knocks: Arc<AtomicUsize>,
    /// Who so much as opened the file.
    watch: Inotify,
}

impl Bait {
    async fn lay(folder: &Path) -> Self {
        let file = folder.join("bait.mp4");
        std::fs::copy(SHORT.file(), &file).expect("a copy of the clip");
        let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).expect("this is Linux");
        watch.add_watch(&file, AddWatchFlags::IN_OPEN | AddWatchFlags::IN_ACCESS).expect("the bait is there");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/film.mp4", listener.local_addr().expect("an address"));
        let knocks = Arc::new(AtomicUsize::new(0));
        let counter = knocks.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { file, url, knocks, watch }
    }

    /// Whether anybody opened the file or came to the URL since the last call.
    fn is_taken(&self) -> bool {
        let opened = self.watch.read_events().is_ok_and(|events| !events.is_empty());
        self.knocks.swap(0, Ordering::SeqCst) > 0 || opened
    }

    /// Every way to name it.
    fn names(&self) -> [String; 3] {
        [self.url.clone(), format!("file://{}", self.file.display()), self.file.display().to_string()]
    }
}

#[tokio::test]
async fn a_list_of_other_sources_reaches_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bait = Bait::lay(folder.path()).await;
    let node = Node::start().await;
    let admin = node.admin().await;
    for (name, text) in bait.names().iter().flat_map(|bait| traps::texts(bait)) {
        let trap = folder.path().join("film.mp4");
        std::fs::write(&trap, text).expect("the trap is written");
        let id = admin.upload_form(name, &trap).await;
        failure(name, &admin.wait_until_settled(&id).await);
        assert!(!bait.is_taken(), "{name} led somebody to the bait");
    }
    node.stop().await;
}

#[tokio::test]
async fn a_film_whose_samples_are_elsewhere_reaches_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bait = Bait::lay(folder.path()).await;
    let [alias, url] = traps::quicktime(folder.path(), &bait.file);
    assert!(!bait.is_taken());
    // A reader that follows the alias finds the bait, and the watch notices.
    let mut careless = Command::new("ffmpeg");
    careless.args(["-v", "quiet", "-nostdin", "-enable_drefs", "1", "-use_absolute_path", "1", "-i"]).arg(&alias);
    careless.args(["-f", "null", "-"]).status().expect("the ffmpeg program is installed");
    assert!(bait.is_taken(), "the trap catches nobody, or the watch sleeps");

    let node = Node::start().await;
    let admin = node.admin().await;
    for trap in [alias, url] {
        let id = admin.upload_form("Elsewhere", &trap).await;
        assert_eq!(failure("a film elsewhere", &admin.wait_until_settled(&id).await), "damaged");
        assert!(!bait.is_taken(), "{} led somebody to the bait", trap.display());
    }
    node.stop().await;
}

#[tokio::test]
async fn a_film_that_holds_a_playlist_is_a_film_and_reaches_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bait = Bait::lay(folder.path()).await;
    // What is put in the place of the playlist is opened as a file of its own: one packet, "hello".
    let honest = traps::avi_with_subtitles(folder.path());
    let packets = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", "1", "-show_entries", "packet=size", "-of", "csv=p=0"])
        .arg(honest)
        .output();
    let packets = packets.expect("the ffmpeg program is installed").stdout;
    assert!(packets.starts_with(b"5"), "the subtitles are not found: {}", String::from_utf8_lossy(&packets));

    let node = Node::start().await;
    let admin = node.admin().await;
    for name in bait.names() {
        let trap = traps::avi_with_playlist(folder.path(), &name);
        let id = admin.upload_form("Playlist inside", &trap).await;
        let video = admin.wait_until_ready(&id).await;
        assert_eq!(video.duration_ms, Some(1000), "its own second, not the five of the bait");
        assert!(!bait.is_taken(), "{name} was reached");
    }
    node.stop().await;
}
