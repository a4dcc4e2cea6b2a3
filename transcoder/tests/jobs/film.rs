//! Films made by the ffmpeg program, which also judges what became of them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A film in a folder that goes with it.
pub(crate) struct Film {
    folder: TempDir,
    name: &'static str,
}

impl Film {
    /// `seconds` of a moving picture of `size` (such as `160x120`) at 25 frames a second, with a tone. Its index comes first.
    pub(crate) fn new(size: &str, seconds: u32) -> Self {
        let sources = format!(
            "-f lavfi -i testsrc2=size={size}:rate=25:duration={seconds} -f lavfi -i sine=frequency=440:duration={seconds}"
        );
        let coded = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -movflags +faststart";
        Self::made("film.mp4", &format!("{sources} {coded}"))
    }

    /// A film called `name`, made by the ffmpeg program with these arguments.
    pub(crate) fn made(name: &'static str, arguments: &str) -> Self {
        let film = Self { folder: tempfile::tempdir().expect("a folder"), name };
        let status = Command::new("ffmpeg").args(["-v", "error"]).args(arguments.split_whitespace()).arg(film.path()).status();
        assert!(status.expect("ffmpeg is installed").success(), "{arguments}");
        film
    }

    /// A film of exactly these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let film = Self { folder: tempfile::tempdir().expect("a folder"), name: "film.mp4" };
        std::fs::write(film.path(), bytes).expect("written");
        film
    }

    /// This film with zeros from 40 to 60 % of its bytes.
    pub(crate) fn scarred(&self) -> Self {
        let mut bytes = self.bytes();
        let length = bytes.len();
        bytes[length * 4 / 10..length * 6 / 10].fill(0);
        Self::of(&bytes)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("read")
    }
}

/// Frames that the ffmpeg program decodes from a playlist; it must not complain.
pub(crate) fn frames_of(playlist: &Path) -> u64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-allowed_extensions", "ALL", "-count_frames", "-select_streams", "v:0"])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
        .arg(playlist)
        .output()
        .expect("ffprobe is installed");
    let (text, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && complaints.trim().is_empty(), "{}: {complaints}", playlist.display());
    let first = text.trim().lines().next().unwrap_or_default().trim_matches(',').to_owned();
    first.parse().unwrap_or_else(|_| panic!("{}: {text}", playlist.display()))
}
