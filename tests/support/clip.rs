//! Clips made by the ffmpeg program. Each picture carries its number as a row of black and white blocks, so that a judge can
//! say which frame of the source it shows.

use super::client::Chapter;
use std::{ffi::OsStr, path::PathBuf, process::Command, sync::Mutex};

/// Blocks in the row: frames up to 4095 can be told apart.
pub(crate) const BITS: u32 = 12;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clip {
    pub(crate) seconds: u32,
    pub(crate) frames_per_second: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A film of at least three chunks.
pub(crate) const FILM: Clip = Clip { seconds: 36, frames_per_second: 30, width: 1280, height: 720 };
/// A clip that is encoded quickly.
pub(crate) const SHORT: Clip = Clip { seconds: 5, frames_per_second: 25, width: 640, height: 360 };

/// Two tests may want the same clip at the same time.
static MAKING: Mutex<()> = Mutex::new(());

impl Clip {
    /// Frames in the clip.
    pub(crate) fn frames(self) -> u64 {
        u64::from(self.seconds * self.frames_per_second)
    }

    /// The file, made if it is not there from an earlier run.
    pub(crate) fn file(self) -> PathBuf {
        let Self { seconds, frames_per_second, width, height } = self;
        let name = format!("clip-{width}x{height}-{frames_per_second}fps-{seconds}s-with-words-and-intro.mp4");
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _making = MAKING.lock().expect("no test panics while it makes a clip");
        if !file.exists() {
            let unfinished = file.with_extension("unfinished.mp4");
            let picture =
                format!("testsrc2=size={width}x{height}:rate={frames_per_second}:duration={seconds},{}", number_blocks());
            let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
            let (words, chapters) = (file.with_extension("srt"), file.with_extension("chapters"));
            std::fs::write(&words, self.words()).expect("words are written");
            std::fs::write(&chapters, self.chapters()).expect("chapters are written");
            let status = Command::new("ffmpeg")
                .args(["-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
                .args([OsStr::new("-i"), words.as_os_str(), OsStr::new("-i"), chapters.as_os_str()])
                .args(["-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3", "-c:s", "mov_text"])
                .args(["-metadata:s:s:0", "language=eng"])
                .args([
                    "-c:v",
                    "libx264",
                    "-preset",
                    "ultrafast",
                    "-crf",
                    "16",
                    "-pix_fmt",
                    "yuv420p",
                    "-c:a",
                    "aac",
                    "-b:a",
                    "96k",
                ])
                .arg(&unfinished)
                .status()
                .expect("the ffmpeg program is installed");
            assert!(status.success(), "ffmpeg makes the clip");
            std::fs::rename(unfinished, &file).expect("the clip gets its name");
        }
        file
    }

    /// The same clip with sound in a second language, French, which is higher.
    pub(crate) fn in_two_languages(self) -> PathBuf {
        let one = self.file();
        let file = one.with_extension("two-languages.mp4");
        let _making = MAKING.lock().expect("no test panics while it makes a clip");
        if !file.exists() {
            let unfinished = file.with_extension("unfinished.mp4");
            let sound = format!("sine=frequency=880:sample_rate=48000:duration={}", self.seconds);
            let status = Command::new("ffmpeg")
                .args(["-v", "error", "-y", "-nostdin", "-i"])
                .arg(&one)
                .args(["-f", "lavfi", "-i", &sound, "-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "0:s"])
                .args(["-c", "copy", "-c:a:1", "aac", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"])
                .arg(&unfinished)
                .status()
                .expect("the ffmpeg program is installed");
            assert!(status.success(), "ffmpeg makes the clip");
            std::fs::rename(unfinished, &file).expect("the clip gets its name");
        }
        file
    }

    /// What its subtitles say, as SubRip: from half a second to two and a half seconds of every three, which number that is.
    fn words(self) -> String {
        let cue = |number: u32| {
            let clock = |ms: u32| format!("00:{:02}:{:02},{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000);
            let start_ms = number * 3000 + 500;
            format!("{}\n{} --> {}\n<i>Words</i> {number}\n\n", number + 1, clock(start_ms), clock(start_ms + 2000))
        };
        (0..self.seconds / 3).map(cue).collect()
    }

    /// The same as start and end in seconds, and words.
    pub(crate) fn cues(self) -> Vec<(f64, f64, String)> {
        let start = |number: u32| f64::from(number * 3) + 0.5;
        (0..self.seconds / 3).map(|number| (start(number), start(number) + 2.0, format!("<i>Words</i> {number}"))).collect()
    }

    /// Its chapters.
    pub(crate) fn chapters_shown(self) -> [Chapter; 2] {
        let chapter = |title: &str, start_ms, end_ms| Chapter { start_ms, end_ms, title: title.into() };
        [chapter("Intro", 0, 2000), chapter("Two", 2000, u64::from(self.seconds) * 1000)]
    }

    /// Two chapters, as the ffmpeg program reads them.
    fn chapters(self) -> String {
        let chapter =
            |title: &str, start: u32, end: u32| format!("[CHAPTER]\nTIMEBASE=1/1\nSTART={start}\nEND={end}\ntitle={title}\n");
        format!(";FFMETADATA1\n{}{}", chapter("Intro", 0, 2), chapter("Two", 2, self.seconds))
    }
}

/// A filter that draws the frame's number across the top quarter, lowest bit at the left.
fn number_blocks() -> String {
    let black = "drawbox=x=0:y=0:w=iw:h=ih/4:color=black:t=fill".to_owned();
    let block = |bit: u32| {
        let on = format!("gt(bitand(n\\,{})\\,0)", 1 << bit);
        format!("drawbox=x=iw*{bit}/{BITS}:y=0:w=iw/{BITS}:h=ih/4:color=white:t=fill:enable={on}")
    };
    std::iter::once(black).chain((0..BITS).map(block)).collect::<Vec<_>>().join(",")
}
