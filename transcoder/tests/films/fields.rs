//! Interlaced films: what moves fifty times a second goes on doing so, whether the film says that it is interlaced or not.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    plan::{Deinterlace, Plan},
    source::FieldOrder,
};
use std::path::Path;

/// A picture that moves at each of fifty fields a second.
const PICTURE: &str = "-f lavfi -i testsrc2=size=640x360:rate=50:duration=8";
const FIELDS: usize = 400;
/// Of so many of them it is to be seen that they are not the one before or after.
const CLOSER_MIN: usize = 371;
/// How alike a picture made of one field and its original are at least; the one before or after is less.
const SAME: f64 = 0.9;
/// How far a frame may be from its time, in seconds.
const TIME_TOLERANCE: f64 = 0.0025;

/// How these are coded if they say that they are interlaced, or do not.
const MPEG2: &str = "-c:v mpeg2video -q:v 2 -flags +ildct+ilme -g 12 -bf 2";
const TOP_FIRST: &str = "-c:v libx264 -preset ultrafast -crf 12 -x264-params tff=1:keyint=48";
const BOTTOM_FIRST: &str = "-c:v libx264 -preset ultrafast -crf 12 -x264-params bff=1:keyint=48";
const UNMARKED: &str = "-c:v libx264 -preset ultrafast -crf 12 -x264-params keyint=48";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, file: &'static str, scan: &'static str, coded: &'static str, order: Option<FieldOrder>| {
        Trial::test(format!("fields::{name}"), move || each_field_becomes_a_frame(file, scan, coded, order))
    };
    let films = KINDS.iter().map(|kind| Trial::test(format!("fields::{}", kind.name), || kind.is_seen()));
    let others = vec![
        trial("of_mpeg2_ts_become_frames", "a.ts", "tff", MPEG2, None),
        trial("of_h264_mkv_become_frames", "a.mkv", "tff", TOP_FIRST, None),
        trial("that_are_not_marked_become_frames", "a.mp4", "tff", UNMARKED, Some(FieldOrder::Top)),
        trial("of_the_other_order_become_frames", "b.mkv", "bff", UNMARKED, Some(FieldOrder::Bottom)),
        trial("marked_in_the_wrong_order_become_frames", "b.ts", "bff,setfield=tff", TOP_FIRST, Some(FieldOrder::Bottom)),
        Trial::test("fields::of_a_telecined_film_become_its_frames", || a_film_comes_out("a.mp4", "top", UNMARKED)),
        Trial::test("fields::of_a_telecined_film_of_the_other_order_do_so", || a_film_comes_out("a.ts", "bottom", MPEG2)),
        Trial::test("fields::stay_together_where_the_recipe_says_so", || frames_stay_frames(MPEG2)),
    ];
    films.chain(others).collect()
}

/// A film, and what it has to be taken for.
struct Kind {
    name: &'static str,
    file: &'static str,
    picture: &'static str,
    coded: &'static str,
    interlaced: bool,
    order: Option<FieldOrder>,
    /// Codes of what is said of that.
    notes: &'static [&'static str],
}

const PROGRESSIVE: Kind =
    Kind { name: "", file: "a.mp4", picture: "", coded: UNMARKED, interlaced: false, order: None, notes: &[] };
const MISTAKE: &[&str] = &["interlaced_by_mistake"];
/// Two kinds of pictures one after the other, of a source that moves fifty times a second.
const HALVES: &str = "testsrc2=size=720x576:rate=50:duration=24,format=yuv420p,split[a][b];\
                      [a]trim=end=12,fps=25[p];[b]trim=start=12,setpts=PTS-STARTPTS,interlace=lowpass=off[i];[p][i]concat";
const MOSTLY_PROGRESSIVE: &str = "testsrc2=size=720x576:rate=50:duration=60,format=yuv420p,split[a][b];\
                      [a]trim=end=57,fps=25[p];[b]trim=start=57,setpts=PTS-STARTPTS,interlace=lowpass=off[i];[p][i]concat";

const KINDS: &[Kind] = &[
    Kind { name: "are_not_seen_in_a_test_picture", picture: "testsrc2=size=720x576:rate=25:duration=8", ..PROGRESSIVE },
    Kind { name: "are_not_seen_in_a_small_picture", picture: "testsrc2=size=320x180:rate=30:duration=8", ..PROGRESSIVE },
    Kind { name: "are_not_seen_in_large_movements", picture: "testsrc2=size=1280x720:rate=5:duration=16", ..PROGRESSIVE },
    Kind {
        name: "are_not_seen_in_fine_lines_that_roll",
        picture: "testsrc=size=640x480:rate=25:duration=8,geq=lum=if(mod(Y+N\\,2)\\,235\\,16):cb=128:cr=128",
        ..PROGRESSIVE
    },
    Kind {
        name: "are_not_seen_in_text_that_rolls",
        picture: "testsrc=size=640x480:rate=25:duration=8,scroll=vertical=0.00313",
        ..PROGRESSIVE
    },
    Kind { name: "are_not_seen_in_a_still", picture: "smptebars=size=720x576:rate=25:duration=8", ..PROGRESSIVE },
    Kind {
        name: "are_not_seen_in_noise",
        picture: "testsrc2=size=720x576:rate=25:duration=8,noise=alls=50:allf=t",
        ..PROGRESSIVE
    },
    Kind {
        name: "of_one_moment_stay_together_in_h264",
        picture: "testsrc2=size=720x576:rate=25:duration=8",
        coded: TOP_FIRST,
        notes: MISTAKE,
        ..PROGRESSIVE
    },
    Kind {
        name: "of_one_moment_stay_together_in_mpeg2",
        file: "a.ts",
        picture: "testsrc2=size=1920x1080:rate=25:duration=8",
        coded: MPEG2,
        notes: MISTAKE,
        ..PROGRESSIVE
    },
    Kind {
        name: "of_one_moment_stay_together_in_a_program_stream",
        file: "a.mpg",
        picture: "testsrc2=size=720x576:rate=25:duration=8",
        coded: MPEG2,
        notes: MISTAKE,
        ..PROGRESSIVE
    },
    Kind {
        name: "are_believed_in_where_nothing_moves",
        picture: "smptebars=size=720x576:rate=25:duration=8",
        coded: BOTTOM_FIRST,
        interlaced: true,
        ..PROGRESSIVE
    },
    Kind {
        name: "are_seen_as_they_are_marked",
        picture: "testsrc2=size=720x576:rate=50:duration=8,format=yuv420p,interlace=scan=bff:lowpass=complex",
        coded: BOTTOM_FIRST,
        interlaced: true,
        ..PROGRESSIVE
    },
    Kind {
        name: "are_seen_in_a_telecined_film",
        picture: "testsrc2=size=720x480:rate=24000/1001:duration=10,format=yuv420p,telecine=pattern=23",
        interlaced: true,
        order: Some(FieldOrder::Top),
        notes: &["interlaced_unmarked", "telecined"],
        ..PROGRESSIVE
    },
    Kind {
        name: "are_seen_in_half_of_a_film",
        file: "a.avi",
        picture: HALVES,
        interlaced: true,
        order: Some(FieldOrder::Top),
        notes: &["interlaced_unmarked", "partly_interlaced"],
        ..PROGRESSIVE
    },
    Kind { name: "of_a_few_seconds_of_a_film_stay_together", picture: MOSTLY_PROGRESSIVE, ..PROGRESSIVE },
];

impl Kind {
    fn is_seen(&self) -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let clip = folder.path().join(self.file);
        judge::make(&clip, &format!("-f lavfi -i {} -pix_fmt yuv420p {}", self.picture, self.coded));
        let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
        let codes = ["interlaced_by_mistake", "interlaced_unmarked", "field_order_wrong", "partly_interlaced", "telecined"];
        let notes = source.notes.iter().map(|note| note.code.as_str()).filter(|code| codes.contains(code));
        let (track, notes) = (&source.video, notes.collect::<Vec<_>>());
        if (track.interlaced, track.field_order, &*notes) == (self.interlaced, self.order, self.notes) {
            return Ok(());
        }
        Err(format!("{} {:?} {:?}", track.interlaced, track.field_order, source.notes).into())
    }
}

fn make(clip: &Path, scan: &str, coded: &str) {
    judge::make(clip, &format!("{PICTURE} -vf format=yuv420p,interlace=lowpass=off:scan={scan} {coded}"));
}

fn each_field_becomes_a_frame(file: &str, scan: &str, coded: &str, order: Option<FieldOrder>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, original) = (folder.path().join(file), folder.path().join("original.mkv"));
    make(&clip, scan, coded);
    judge::make(&original, &format!("{PICTURE} -c:v ffv1"));
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    if !source.video.interlaced || source.video.field_order != order {
        return Err(format!("{} {:?}", source.video.interlaced, source.video.field_order).into());
    }
    let mut plan = Plan::new(&source, &driver::recipe());
    quicken(&mut plan);
    let steps: Vec<u32> = plan.rungs.iter().map(|rung| rung.frame_step).collect();
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan);
    let title = title.map_err(|failure| format!("{failure:?}"))?;
    if title.plan.chunks.len() < 2 || title.damaged() > 0 {
        return Err(format!("{} chunks, {} damaged frames", title.plan.chunks.len(), title.damaged()).into());
    }
    for (track, step) in title.tracks.iter().zip(steps) {
        let times = judge::frames(&title.rendition(track), 0).times.ok_or("a frame has no time")?;
        let expected = |frame: usize| frame as f64 * f64::from(step) / 50.0;
        let stray = times.iter().enumerate().find(|(frame, time)| (*time - expected(*frame)).abs() > TIME_TOLERANCE);
        if times.len() != FIELDS / step as usize || stray.is_some() {
            return Err(format!("{}: {} frames, {stray:?} among them", track.rendition.id, times.len()).into());
        }
    }
    let (film, rung) = (title.rendition(&title.tracks[0]), &title.plan.rungs[0]);
    let shape = format!("scale={}:{}:in_color_matrix=bt601:out_color_matrix=bt709", rung.width, rung.height);
    let same = judge::similarities(&original, 0, &shape, &film, 2000);
    let other = judge::similarities(&original, 0, &format!("select=gte(n\\,1),{shape}"), &film, 2000);
    let least = same.iter().copied().fold(1.0, f64::min);
    let closer = same.iter().zip(&other).filter(|(same, other)| same > other).count();
    if same.len() == FIELDS && least > SAME && closer > CLOSER_MIN {
        return Ok(());
    }
    Err(format!("{} compared, {least} at least, {closer} closer than the next", same.len()).into())
}

/// Makes all rungs good and fast, however much they take.
fn quicken(plan: &mut Plan) {
    for rung in &mut plan.rungs {
        "ultrafast".clone_into(&mut rung.preset);
        (rung.crf, rung.max_bitrate_bps) = (14.0, 20_000_000);
    }
}

fn frames_stay_frames(coded: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("a.ts");
    make(&clip, "tff", coded);
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let recipe = marquee_core::plan::Recipe { deinterlace: Deinterlace::Frames, ..driver::recipe() };
    let plan = Plan::new(&source, &recipe);
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan);
    let title = title.map_err(|failure| format!("{failure:?}"))?;
    let found = judge::frames(&title.rendition(&title.tracks[0]), 0).count;
    if found == FIELDS / 2 { Ok(()) } else { Err(format!("{found} frames of {FIELDS} fields").into()) }
}

/// A film of 24 frames a second that was spread over fields is what it was again: every frame, at its time.
fn a_film_comes_out(file: &str, first: &str, coded: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, original) = (folder.path().join(file), folder.path().join("original.mkv"));
    let picture = "-f lavfi -i testsrc2=size=640x360:rate=24000/1001:duration=10";
    judge::make(&original, &format!("{picture} -c:v ffv1"));
    let made = format!("format=yuv420p,telecine=first_field={first}:pattern=23,setfield={}ff", &first[..1]);
    judge::make(&clip, &format!("{picture} -vf {made} {coded}"));
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let mut plan = Plan::new(&source, &driver::recipe());
    quicken(&mut plan);
    let is_known = source.video.pulldown.is_some() && !plan.picture.deinterlace && plan.timeline.frame_ticks == Some(1001);
    if !is_known || plan.chunks.len() < 2 {
        return Err(format!("{:?} {:?}", source.video, plan.timeline).into());
    }
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan);
    let title = title.map_err(|failure| format!("{failure:?}"))?;
    let film = title.rendition(&title.tracks[0]);
    let times = judge::frames(&film, 0).times.ok_or("a frame has no time")?;
    let stray = times.iter().enumerate().find(|(frame, time)| (*time - *frame as f64 * 1001.0 / 24_000.0).abs() > 1e-5);
    if !(239..=241).contains(&times.len()) || stray.is_some() || title.damaged() > 0 {
        return Err(format!("{} frames, {stray:?} among them, {} damaged", times.len(), title.damaged()).into());
    }
    let rung = &title.plan.rungs[0];
    let shape = format!("scale={}:{}:in_color_matrix=bt601:out_color_matrix=bt709", rung.width, rung.height);
    let same = judge::similarities(&original, 0, &shape, &film, 2000);
    let least = same.iter().copied().fold(1.0, f64::min);
    if same.len() >= 239 && least > SAME { Ok(()) } else { Err(format!("{} compared, {least} at least", same.len()).into()) }
}
