//! Films that benches work on.

use std::{path::PathBuf, process::Command};

/// A film of 1080 lines with movement, detail and sound: `seconds` of it, its picture changed by the filters `look` and encoded at
/// `rate` (options of the ffmpeg program). It is kept as `name` for the next time.
pub(crate) fn made(name: &str, seconds: u32, look: &str, rate: [&str; 2]) -> PathBuf {
    let film = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !film.exists() {
        let picture = format!("mandelbrot=size=1920x1080:rate=30:maxiter=400,{look}");
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", "sine=sample_rate=48000"])
            .args(["-t", &seconds.to_string(), "-c:v", "libx264", "-preset", "veryfast"])
            .args(rate)
            .args(["-c:a", "aac", "-b:a", "128k"])
            .arg(&film)
            .status()
            .expect("the ffmpeg program is installed");
        assert!(status.success(), "ffmpeg makes the film");
    }
    film
}

/// The films that the caller of the bench names.
pub(crate) fn named() -> Vec<PathBuf> {
    std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect()
}
