//! Posters and tiles of clips made for one question each.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    plan::Plan,
    source::{Seek, Source},
    thumbnails::{Tiles, poster_size},
};
use marquee_transcoder::child::{Image, Report, Task};
use std::{fs, path::Path, process::Command};

/// Colours that follow each other every ten seconds, as R, G and B: far apart, and of different brightness.
const COLOURS: [(&str, [u8; 3]); 4] =
    [("red", [255, 0, 0]), ("lime", [0, 255, 0]), ("blue", [0, 0, 255]), ("yellow", [255, 255, 0])];
/// How far a component of a colour may be off: by compression, and where colours meet.
const COLOUR_TOLERANCE: i32 = 14;

pub(crate) fn trials() -> Vec<Trial> {
    let colours = |name: &str, file: &'static str, coded: &'static str, seek: Seek| {
        Trial::test(format!("tiles::show_their_time_in_{name}"), move || tiles_show_their_time(file, coded, seek))
    };
    let x264 = "-c:v libx264 -preset ultrafast -qp 12 -bf 2 -g 50";
    let (keyframe, from_start) = (Seek::Keyframe, Seek::FromStart);
    vec![
        colours("mp4", "a.mp4", x264, keyframe),
        colours("mkv", "a.mkv", "-c:v libx264 -preset ultrafast -qp 12 -x264-params open-gop=1:keyint=75:bframes=3", keyframe),
        colours("ts", "a.ts", "-c:v libx264 -preset ultrafast -qp 12 -g 50 -output_ts_offset 700", keyframe),
        colours("avi", "a.avi", "-c:v mpeg4 -q:v 2 -bf 2 -g 50", Seek::InOrder),
        colours("mpg", "a.mpg", "-c:v mpeg2video -q:v 2 -bf 2", from_start),
        colours("one_group", "b.mp4", "-c:v libx264 -preset ultrafast -qp 12 -g 9999 -sc_threshold 0", from_start),
        Trial::test("tiles::of_a_turned_film_are_upright", turned_films_are_upright),
        Trial::test("tiles::fill_as_many_sheets_as_the_film_needs", tiles_fill_sheets),
        Trial::test("posters::of_a_film_that_begins_black_are_not_black", no_poster_is_black),
        Trial::test("posters::are_sharp_where_the_film_is", posters_are_sharp),
        Trial::test("posters::of_an_interlaced_film_have_no_combs", posters_have_no_combs),
        Trial::test("posters::of_a_black_film_are_black", a_black_film_has_a_poster),
        Trial::test("posters::of_an_hdr_film_are_no_hdr", hdr_is_tone_mapped),
        Trial::test("thumbnails::of_a_film_without_a_picture_are_refused", what_cannot_be_decoded_is_refused),
    ]
}

/// What was made of a clip.
struct Made {
    source: Source,
    tiles: Tiles,
    sheets: Vec<image::Rgb>,
    posters: Vec<(u64, image::Rgb)>,
    report: Report,
}

fn make(clip: &Path) -> Result<Made, Failed> {
    let source = driver::inspect(clip).map_err(|failure| format!("{failure:?}"))?;
    let plan = Plan::new(&source, &driver::recipe());
    let tiles = Tiles::of(&source.video, plan.duration_ms());
    let mut folder = driver::Folder::default();
    let task = Task::Thumbnails { source: source.clone(), plan };
    let report = driver::run(&driver::host(), &task, clip, &mut folder).map_err(|failure| format!("{failure:?}"))?;
    let (mut sheets, mut posters) = (Vec::new(), Vec::new());
    for (number, (image, bytes)) in folder.images.iter().enumerate() {
        let file = clip.with_file_name(format!("image-{number}.jpg"));
        fs::write(&file, bytes)?;
        match image {
            Image::Sheet { number } => {
                assert_eq!(*number as usize, sheets.len() + 1, "sheets come in order, before the posters");
                sheets.push(image::Rgb::read(&file, tiles.sheet_size())?);
            }
            Image::Poster { time_ms } => posters.push((*time_ms, image::Rgb::read(&file, poster_size(&source.video))?)),
        }
    }
    assert_eq!(sheets.len(), tiles.sheets() as usize);
    assert!(!posters.is_empty() && posters.len() <= 5, "{} posters", posters.len());
    Ok(Made { source, tiles, sheets, posters, report })
}

impl Made {
    /// Colour in the middle of a tile.
    fn tile(&self, number: u32) -> [u8; 3] {
        let place = self.tiles.place(number);
        self.sheets[place.sheet as usize - 1].at(place.x + self.tiles.width / 2, place.y + self.tiles.height / 2)
    }
}

/// JPEGs as the ffmpeg program decodes them, into the colours of screens.
mod image {
    use super::{Command, Failed, Path};

    pub(super) struct Rgb {
        pub(super) width: u32,
        pub(super) height: u32,
        pub(super) pixels: Vec<u8>,
    }

    impl Rgb {
        pub(super) fn read(file: &Path, (width, height): (u32, u32)) -> Result<Self, Failed> {
            let size = format!("scale={width}:{height},format=rgb24");
            let mut command = Command::new("ffprobe");
            command.args(["-v", "error", "-show_entries", "stream=width,height,codec_name", "-of", "csv=p=0"]).arg(file);
            let said = String::from_utf8_lossy(&command.output()?.stdout).trim().to_owned();
            if said != format!("mjpeg,{width},{height}") {
                return Err(format!("{said}, not a JPEG of {width}x{height}").into());
            }
            let mut command = Command::new("ffmpeg");
            command.args(["-v", "error", "-i"]).arg(file).args(["-vf", &size, "-f", "rawvideo", "-"]);
            let pixels = command.output()?.stdout;
            assert_eq!(pixels.len(), (width * height * 3) as usize);
            Ok(Self { width, height, pixels })
        }

        pub(super) fn at(&self, x: u32, y: u32) -> [u8; 3] {
            let place = ((y * self.width + x) * 3) as usize;
            [self.pixels[place], self.pixels[place + 1], self.pixels[place + 2]]
        }

        /// Mean brightness, 0 to 255.
        pub(super) fn brightness(&self) -> f64 {
            self.pixels.iter().map(|value| f64::from(*value)).sum::<f64>() / self.pixels.len() as f64
        }

        /// How much lines differ from those `by` lines below, on the mean.
        pub(super) fn change(&self, by: u32) -> f64 {
            let (mut sum, mut count) = (0.0, 0.0);
            for y in 0..self.height - by {
                for x in 0..self.width {
                    sum += f64::from(self.at(x, y)[1].abs_diff(self.at(x, y + by)[1]));
                    count += 1.0;
                }
            }
            sum / count
        }
    }
}

fn check_colour(what: &str, found: [u8; 3], expected: [u8; 3]) -> Result<(), Failed> {
    let off = (0..3).any(|part| (i32::from(found[part]) - i32::from(expected[part])).abs() > COLOUR_TOLERANCE);
    if off { Err(format!("{what} is {found:?}, not {expected:?}").into()) } else { Ok(()) }
}

/// A film of four colours, each for ten seconds, the last for four: one tile of each, in the colours of the film.
fn tiles_show_their_time(file: &str, coded: &str, seek: Seek) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    let parts: String = COLOURS.map(|(name, _)| format!("-f lavfi -i color={name}:size=320x180:rate=25:duration=10 ")).concat();
    let joined = "-filter_complex [0][1][2][3]concat=n=4,scale=out_color_matrix=bt601,format=yuv420p -t 34";
    judge::make(&clip, &format!("{parts} {joined} {coded}"));
    let made = make(&clip)?;
    if made.source.video.seek != seek || made.tiles.count != 4 {
        return Err(format!("{:?}, {} tiles", made.source.video.seek, made.tiles.count).into());
    }
    for (number, (name, colour)) in (0..).zip(COLOURS) {
        check_colour(&format!("the tile of {name}"), made.tile(number), colour)?;
    }
    Ok(())
}

/// A picture whose upper half is red, filmed by a phone that was turned.
fn turned_films_are_upright() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (flat, clip) = (folder.path().join("flat.mp4"), folder.path().join("turned.mp4"));
    // Turned clockwise by a quarter to be shown: what is at the left then is at the top.
    let halves = "-f lavfi -i color=red:size=320x360:rate=25:duration=12 -f lavfi -i color=blue:size=320x360:rate=25:duration=12";
    judge::make(&flat, &format!("{halves} -filter_complex [0][1]hstack -c:v libx264 -preset ultrafast -qp 10 -pix_fmt yuv420p"));
    judge::make(&clip, &format!("-i {} -c copy -metadata:s:v:0 rotate=270", flat.display()));
    let made = make(&clip)?;
    if made.source.video.rotation_degrees != 90 || (made.tiles.width, made.tiles.height) != (136, 240) {
        return Err(format!("turned by {}, {:?}", made.source.video.rotation_degrees, made.tiles).into());
    }
    let (_, poster) = &made.posters[0];
    assert_eq!((poster.width, poster.height), (360, 640));
    check_colour("the top", poster.at(180, 100), [255, 0, 0])?;
    check_colour("the bottom", poster.at(180, 540), [0, 0, 255])?;
    check_colour("the top of a tile", made.sheets[0].at(68, 40), [255, 0, 0])?;
    check_colour("the bottom of a tile", made.sheets[0].at(68, 200), [0, 0, 255])
}

/// Of 291 s: a second sheet that holds five tiles and is black for the rest.
fn tiles_fill_sheets() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("long.mp4");
    judge::make(&clip, "-f lavfi -i testsrc=size=160x90:rate=5:duration=291 -c:v libx264 -preset ultrafast -g 10");
    let made = make(&clip)?;
    assert_eq!((made.tiles.count, made.sheets.len()), (30, 2));
    assert!(made.tile(29) != [0, 0, 0], "the last tile");
    let place = made.tiles.place(30);
    check_colour("what has no tile", made.sheets[1].at(place.x + 80, place.y + 45), [0, 0, 0])?;
    if made.report.frames > 30 || made.posters.len() != 5 {
        return Err(format!("{} keyframes decoded, {} posters", made.report.frames, made.posters.len()).into());
    }
    let mut times: Vec<u64> = made.posters.iter().map(|(time_ms, _)| time_ms / 58_200).collect();
    times.sort_unstable();
    if times == [0, 1, 2, 3, 4] { Ok(()) } else { Err(format!("posters of the fifths {times:?}").into()) }
}

/// A film that fades in from black after four seconds, and one that does so within its only group of pictures.
fn no_poster_is_black() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (file, seconds, keyframes) in [("a.mp4", 20, "-g 25"), ("b.mp4", 12, "-g 9999 -sc_threshold 0")] {
        let clip = folder.path().join(file);
        let picture = format!("-f lavfi -i testsrc2=size=640x360:rate=25:duration={seconds} -vf fade=in:st=4:d=1");
        judge::make(&clip, &format!("{picture} -c:v libx264 -preset ultrafast {keyframes}"));
        let made = make(&clip)?;
        if let Some((time, poster)) = made.posters.iter().find(|(_, poster)| poster.brightness() < 60.0) {
            return Err(format!("{file}: the poster at {time} ms has a brightness of {}", poster.brightness()).into());
        }
    }
    Ok(())
}

/// A film that is out of focus but for a second in each four.
fn posters_are_sharp() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("focus.mp4");
    let picture = "-f lavfi -i testsrc2=size=1280x720:rate=10:duration=20 -vf gblur=sigma=12:enable=gt(mod(t\\,4)\\,1)";
    judge::make(&clip, &format!("{picture} -c:v libx264 -preset ultrafast -qp 16 -g 5"));
    let made = make(&clip)?;
    assert_eq!(made.posters.len(), 5);
    match made.posters.iter().find(|(time_ms, _)| time_ms % 4000 > 1000) {
        Some((time_ms, _)) => Err(format!("the poster at {time_ms} ms is blurred").into()),
        None => Ok(()),
    }
}

/// Bars that move fast, in fields: what is at every other line is elsewhere.
fn posters_have_no_combs() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("fields.ts");
    let picture = "-f lavfi -i nullsrc=size=720x576:rate=50:duration=6,format=gray,geq=lum=128+100*sin((X+N*24)/18)";
    let coded = "-vf format=yuv420p,interlace=lowpass=off -c:v mpeg2video -q:v 2 -flags +ildct+ilme -g 12";
    judge::make(&clip, &format!("{picture} {coded}"));
    let made = make(&clip)?;
    assert!(made.source.video.interlaced);
    for (time_ms, poster) in &made.posters {
        let (neighbour, field) = (poster.change(1), poster.change(2));
        if neighbour > field + 2.0 {
            return Err(
                format!("at {time_ms} ms lines differ by {neighbour} from the next, by {field} from the one after").into()
            );
        }
    }
    Ok(())
}

fn a_black_film_has_a_poster() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("black.mp4");
    judge::make(&clip, "-f lavfi -i color=black:size=320x180:rate=25:duration=12 -c:v libx264 -preset ultrafast -g 50");
    let made = make(&clip)?;
    assert_eq!(made.posters.len(), 1, "one is as good as the other");
    check_colour("the poster", made.posters[0].1.at(160, 90), [0, 0, 0])
}

/// Grey of 203 nits, white as HDR films have it, is white in SDR and not the dim grey that PQ's code points would be.
fn hdr_is_tone_mapped() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("hdr.mkv");
    judge::make(
        &clip,
        "-f lavfi -i nullsrc=size=640x360:rate=5:duration=4,format=gray,geq=lum=60+X*120/W -vf format=yuv420p10le \
         -color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc -c:v libx264 -qp 4 -g 5",
    );
    let title = make(&clip)?;
    let encoded = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    assert!(encoded.plan.picture.tone_map);
    let film = encoded.rendition(&encoded.tracks[0]);
    let still = folder.path().join("still.jpg");
    judge::make(&still, &format!("-i {} -frames:v 1 -q:v 2", film.display()));
    let (_, poster) = &title.posters[0];
    let still = image::Rgb::read(&still, (poster.width, poster.height))?;
    for x in [80, 320, 560] {
        check_colour(&format!("column {x}"), poster.at(x, 180), still.at(x, 180))?;
    }
    Ok(())
}

/// A film whose pictures are zeros but for the first.
fn what_cannot_be_decoded_is_refused() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("zeros.mp4");
    judge::make(&clip, "-f lavfi -i testsrc2=size=320x180:rate=25:duration=12 -c:v libx264 -preset ultrafast -g 50 -bf 0");
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let mut bytes = fs::read(&clip)?;
    for (position, length) in judge::packets(&clip, "v:0") {
        bytes[position..position + length].fill(0);
    }
    fs::write(&clip, bytes)?;
    let plan = Plan::new(&source, &driver::recipe());
    let task = Task::Thumbnails { source, plan };
    let outcome = driver::run(&driver::host(), &task, &clip, &mut driver::Folder::default());
    match outcome {
        Err(marquee_core::job::Failure::Fail { code, message }) if code == "damaged" && message.contains("picture") => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
