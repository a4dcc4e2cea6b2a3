//! Closed captions in the pictures of a film (CTA-608 and CTA-708): pictures of every rung say the same at the same times, whatever becomes of the
//! film's frames.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::source::CaptionChannel;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Seconds from one caption to the next: words, not the codes before them, are said over the seams of chunks at 2 and 14 seconds.
const EVERY_S: f64 = 1.7;
const SECONDS: u32 = 17;
/// Control codes, each sent twice as is usual: roll-up of two rows, carriage return, the lowest row.
const BEGIN: [[u8; 2]; 6] = [[0x14, 0x25], [0x14, 0x25], [0x14, 0x2d], [0x14, 0x2d], [0x14, 0x70], [0x14, 0x70]];
/// How far a caption may be from its time, in seconds: two fields.
const TIME_TOLERANCE_S: f64 = 0.04;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, film: &'static Captioned| Trial::test(format!("captions::{name}"), || film.says_the_same());
    vec![
        trial("go_with_every_frame", &PROGRESSIVE),
        trial("of_frames_that_are_left_out_go_with_the_next", &TWICE_AS_FAST),
        trial("of_fields_that_become_frames_are_said_once", &INTERLACED),
        Trial::test("captions::are_missed_by_nobody_where_there_are_none", none),
    ]
}

struct Captioned {
    file: &'static str,
    picture: &'static str,
    coded: &'static str,
    rate: &'static str,
    frames_per_s: f64,
    /// Of how many frames one says something: the last of them.
    step: usize,
}

const PROGRESSIVE: Captioned = Captioned {
    file: "a.mp4",
    picture: "testsrc2=size=480x270:rate=30000/1001",
    coded: "",
    rate: "30000/1001",
    frames_per_s: 30.0 / 1.001,
    step: 1,
};
const TWICE_AS_FAST: Captioned = Captioned {
    picture: "testsrc2=size=640x360:rate=60000/1001",
    rate: "60000/1001",
    frames_per_s: 60.0 / 1.001,
    step: 2,
    ..PROGRESSIVE
};
const INTERLACED: Captioned = Captioned {
    file: "a.mkv",
    picture: "testsrc2=size=640x360:rate=60000/1001,format=yuv420p,interlace=lowpass=off",
    coded: ":tff=1",
    ..PROGRESSIVE
};

impl Captioned {
    /// The film: coded alone first, so that captions can be put between its pictures.
    fn make(&self, folder: &Path) -> PathBuf {
        let (plain, captioned, film) = (folder.join("plain.h264"), folder.join("captioned.h264"), folder.join(self.file));
        let coded = format!("-c:v libx264 -preset ultrafast -x264-params aud=1:bframes=0:keyint=30:slices=1{}", self.coded);
        judge::make(&plain, &format!("-f lavfi -i {} -t {SECONDS} -pix_fmt yuv420p {coded}", self.picture));
        fs::write(&captioned, self.captioned(&fs::read(&plain).expect("read"))).expect("written");
        judge::make(&film, &format!("-fflags +genpts -r {} -f h264 -i {} -c copy", self.rate, captioned.display()));
        film
    }

    /// `pictures` with captions after each access unit delimiter.
    fn captioned(&self, pictures: &[u8]) -> Vec<u8> {
        let said = self.said();
        let starts: Vec<usize> =
            (0..pictures.len().saturating_sub(3)).filter(|at| pictures[*at..].starts_with(&[0, 0, 1])).collect();
        let (mut out, mut frame) = (Vec::new(), 0);
        for (place, start) in starts.iter().enumerate() {
            let end = starts.get(place + 1).copied().unwrap_or(pictures.len());
            out.extend_from_slice(&pictures[*start..end]);
            if pictures[start + 3] & 31 == 9 {
                out.extend(message(said.get(frame).copied().unwrap_or_default()));
                frame += 1;
            }
        }
        assert!(frame as f64 >= f64::from(SECONDS - 1) * self.frames_per_s, "{frame} frames");
        out
    }

    /// What each frame says in the first field.
    fn said(&self) -> Vec<[u8; 2]> {
        let mut said = vec![[0; 2]; (f64::from(SECONDS) * self.frames_per_s) as usize];
        for number in 0..(f64::from(SECONDS) / EVERY_S) as usize - 1 {
            let words = format!("Caption number {number} of this film");
            let pairs = words.as_bytes().chunks(2).map(|pair| [pair[0], pair.get(1).copied().unwrap_or(0)]);
            let first = (number as f64 * EVERY_S * self.frames_per_s) as usize / self.step;
            for (place, pair) in BEGIN.into_iter().chain(pairs).enumerate() {
                said[(first + place) * self.step + self.step - 1] = pair;
            }
        }
        said
    }

    fn says_the_same(&self) -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let film = self.make(folder.path());
        let expected = captions(&film);
        assert!(expected.len() >= 8 && expected[7].1.contains("Caption number 7 of this film"), "{expected:?}");
        let title = driver::encode(&film, folder.path()).map_err(|failure| format!("{failure:?}"))?;
        assert_eq!(title.plan.captions, [CaptionChannel::Cc1, CaptionChannel::Service(1)]);
        assert_eq!(title.plan.rungs.iter().any(|rung| rung.frame_step > 1), self.step > 1 || !self.coded.is_empty());
        for track in &title.tracks {
            let said = captions(&title.rendition(track));
            let id = &track.rendition.id;
            let words = |captions: &[(f64, String)]| captions.iter().map(|(_, words)| words.clone()).collect::<Vec<_>>();
            assert_eq!(words(&said), words(&expected), "{id}");
            for ((time, words), (wanted, _)) in said.iter().zip(&expected) {
                assert!((time - wanted).abs() <= TIME_TOLERANCE_S, "{id} says {words:?} at {time} s, not {wanted} s");
            }
        }
        Ok(())
    }
}

/// A message beside a picture (ITU-T H.264 annex D, ATSC A/53 part 4) that says `pair` in the first field, nothing in the second, and
/// a letter in the first service.
fn message(pair: [u8; 2]) -> Vec<u8> {
    let odd = |byte: u8| if byte.count_ones().is_multiple_of(2) { byte | 0x80 } else { byte };
    let [first, second] = pair.map(odd);
    let head = [0, 0, 0, 1, 6, 4, 23, 0xb5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0x44, 0xff];
    let packet = [0xff, 0x02, 0x21, 0xfe, b'a', 0x00];
    [&head[..], &[0xfc, first, second, 0xfd, 0x80, 0x80], &packet, &[0xff, 0x80]].concat()
}

/// When a film's captions begin, in seconds, and what they say, as the ffmpeg program reads them.
fn captions(film: &Path) -> Vec<(f64, String)> {
    let graph = format!("movie={}[out0+subcc]", film.display());
    let (script, complaints) =
        judge::call("ffmpeg", &["-v", "error", "-f", "lavfi", "-i", &graph, "-map", "0:s", "-f", "srt", "-"]);
    assert_eq!(complaints, "", "{}", film.display());
    let seconds = |time: &str| {
        let parts: Vec<f64> = time.replace(',', ".").split(':').map(|part| part.trim().parse().expect("a number")).collect();
        parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]
    };
    let caption = |block: &str| {
        let mut lines = block.lines().skip_while(|line| !line.contains("-->"));
        let (begin, _) = lines.next()?.split_once("-->")?;
        Some((seconds(begin), lines.collect::<Vec<_>>().join("\n")))
    };
    script.split("\n\n").filter_map(caption).collect()
}

fn none() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let film = folder.path().join("a.mp4");
    judge::make(&film, "-f lavfi -i testsrc2=size=640x360:rate=30:duration=3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p");
    let title = driver::encode(&film, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    assert_eq!((title.plan.captions.len(), captions(&title.rendition(&title.tracks[0]))), (0, Vec::new()));
    Ok(())
}
