//! Films that are repeated until they are long.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// `film` again and again for that many seconds, without encoding it anew, under its own name in `folder`.
pub(crate) fn repeated(film: &Path, seconds: f64, folder: &Path) -> PathBuf {
    let name = film.file_stem().unwrap_or_default().to_string_lossy();
    let long = folder.join(format!("{name}-{seconds}.mp4"));
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i"]).arg(film);
    let status = command.args(["-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-t", &seconds.to_string()]).arg(&long).status();
    assert!(status.expect("the ffmpeg program is installed").success(), "ffmpeg repeats the film");
    long
}
