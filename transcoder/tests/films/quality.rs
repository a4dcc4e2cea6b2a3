//! Pictures are judged before they are stored: as the ffmpeg program sees them, always the same ones, and what is poor is made again.

use crate::{
    codecs::{self, failed},
    driver::{self, Title},
    judge,
};
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    object::{Track, segment_path},
    plan::{Judging, Ladder, Plan, Scope},
    quality::{Judged, mean_vmaf},
    source::Source,
};
use std::{collections::BTreeMap, fs, path::Path};

/// Every frame differs from its neighbours, and needs no change of size or colour.
const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=8 -vf noise=alls=12:allf=t -pix_fmt yuv420p \
                       -colorspace bt709 -color_primaries bt709 -color_trc bt709 -c:v libx264 -preset veryfast -crf 14 -g 60";
/// Still, except from two to eight seconds.
const CHANGING: &str = "-f lavfi -i testsrc=size=320x180:rate=25:duration=14 -vf noise=alls=60:allf=t:enable=between(t\\,2\\,7.99) \
                        -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 -color_trc bt709 -c:v libx264 -crf 10 -g 60";
/// What is written of a PSNR has two digits.
const PSNR_TOLERANCE_DB: f64 = 0.011;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("quality::all_pictures_are_judged_as_ffmpeg_sees_them_in_every_codec", all_are_judged),
        Trial::test("quality::a_sample_is_the_same_pictures_however_the_film_is_cut", a_sample_is_the_same),
        Trial::test("quality::what_is_poor_is_made_again_and_nothing_else", poor_is_made_again),
        Trial::test("quality::nothing_is_judged_if_nobody_asks", nothing_is_judged),
    ]
}

/// A made film, and its plan in every codec.
fn film(folder: &Path, arguments: &str, scope: Scope) -> Result<(std::path::PathBuf, Source, Plan), Failed> {
    let clip = folder.join("clip.mkv");
    judge::make(&clip, arguments);
    let source = driver::inspect(&clip).map_err(failed)?;
    let mut plan = Plan::new(&source, &codecs::recipe(Ladder::Fixed));
    plan.judging = Judging { scope, floor_vmaf: None };
    Ok((clip, source, plan))
}

fn all_are_judged() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, source, plan) = film(folder.path(), PICTURE, Scope::Full)?;
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan).map_err(failed)?;
    if title.plan.chunks.len() < 2 || title.tracks.len() != 3 {
        return Err(format!("{} chunks, {} tracks", title.plan.chunks.len(), title.tracks.len()).into());
    }
    let cpu_ms = |of: fn(&marquee_transcoder::child::Report) -> u64| title.reports.iter().map(of).sum::<u64>();
    let (quality_ms, all_ms) = (cpu_ms(|report| report.quality_cpu_ms), cpu_ms(|report| report.cpu_ms));
    if quality_ms == 0 || quality_ms >= all_ms {
        return Err(format!("{quality_ms} ms of {all_ms} ms").into());
    }
    let frame_ticks = u64::from(title.plan.timeline.frame_ticks.ok_or("no constant rate")?);
    for track in &title.tracks {
        let id = &track.rendition.id;
        let judged = &title.judged[id];
        let seen = judge::psnr_db(&clip, title.source.video.stream, &title.rendition(track));
        if judged.len() != 8 * 25 || seen.len() != judged.len() {
            return Err(format!("{id}: {} pictures judged, {} seen", judged.len(), seen.len()).into());
        }
        for ((number, judged), seen) in (0..).zip(judged).zip(seen) {
            let agrees = (judged.psnr_db - seen).abs() <= PSNR_TOLERANCE_DB;
            if judged.tick != number * frame_ticks || !agrees || !(20.0..=100.0).contains(&judged.vmaf) {
                return Err(format!("{id}: {judged:?} where ffmpeg sees {seen} in picture {number}").into());
            }
        }
    }
    Ok(())
}

fn a_sample_is_the_same() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, source, plan) = film(folder.path(), PICTURE, Scope::Sample)?;
    let make = |name: &str, plan: Plan| -> Result<Title, Failed> {
        let out = folder.path().join(name);
        fs::create_dir(&out)?;
        driver::encode_plan(&driver::host(), &clip, &out, source.clone(), plan).map_err(failed)
    };
    let full = Plan { judging: Judging { scope: Scope::Full, floor_vmaf: None }, ..plan.clone() };
    let (sample, again, full) = (make("sample", plan.clone())?, make("again", plan.clone())?, make("full", full)?);
    if sample.judged != again.judged {
        return Err(format!("{:?}, and then {:?}", sample.judged, again.judged).into());
    }
    for (id, judged) in &sample.judged {
        let same = |one: &Judged| full.judged[id].contains(one);
        if judged.len() != 4 || !judged.iter().all(same) {
            return Err(format!("{id}: {judged:?} of {:?}", full.judged[id]).into());
        }
    }
    let unchunked = make("unchunked", plan.for_workers(&source, 1))?;
    let ticks = |title: &Title| -> BTreeMap<String, Vec<u64>> {
        let of = |judged: &Vec<Judged>| judged.iter().map(|judged| judged.tick).collect();
        title.judged.iter().map(|(id, judged)| (id.clone(), of(judged))).collect()
    };
    if unchunked.plan.chunks.len() == 1 && ticks(&unchunked) == ticks(&sample) {
        Ok(())
    } else {
        Err(format!("{:?}, and in one piece {:?}", ticks(&sample), ticks(&unchunked)).into())
    }
}

/// Mean VMAF of each segment of a rung.
fn by_segment(title: &Title, id: &str) -> Vec<f64> {
    let track = title.tracks.iter().find(|track| track.rendition.id == id).expect("a track");
    let of = |start: u64, end: u64| {
        let within = title.judged[id].iter().copied().filter(|judged| (start..end).contains(&judged.tick));
        mean_vmaf(&within.collect::<Vec<_>>()).expect("a segment has judged pictures")
    };
    let segments = track.segments.iter();
    segments.map(|segment| of(segment.start_ticks, segment.start_ticks + segment.duration_ticks)).collect()
}

fn poor_is_made_again() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, source, mut plan) = film(folder.path(), CHANGING, Scope::Full)?;
    for rung in &mut plan.rungs {
        rung.crf += 8.0;
        rung.max_bitrate_bps = 20_000_000;
    }
    // One piece, so that what is poor lies in the middle of it.
    let plan = plan.for_workers(&source, 1);
    let (plain, floored) = (folder.path().join("plain"), folder.path().join("floored"));
    for out in [&plain, &floored] {
        fs::create_dir(out)?;
    }
    let before = driver::encode_plan(&driver::host(), &clip, &plain, source.clone(), plan.clone()).map_err(failed)?;
    for track in &before.tracks {
        let id = &track.rendition.id;
        let scores = by_segment(&before, id);
        let (worst, best) = (scores.iter().copied().fold(100.0, f64::min), scores.iter().copied().fold(0.0, f64::max));
        let floor = (worst + best) / 2.0;
        let mut plan = plan.clone();
        plan.judging.floor_vmaf = Some(floor);
        plan.rungs.retain(|rung| rung.id == *id);
        let after = driver::encode_plan(&driver::host(), &clip, &floored, source.clone(), plan).map_err(failed)?;
        let noted = after.notes().any(|note| note.code == "made_again");
        let complaints = judge::complaints(&after.rendition(&after.tracks[0]));
        if !noted || !complaints.is_empty() || after.judged[id].len() != 14 * 25 {
            return Err(format!("{id}: {} judged, noted {noted}, {complaints}", after.judged[id].len()).into());
        }
        let mut poor = 0;
        for (number, (before, after)) in (1..).zip(std::iter::zip(&scores, by_segment(&after, id))) {
            let path = segment_path(Track::Video, id, number);
            let same = fs::read(plain.join(&path))? == fs::read(floored.join(&path))?;
            let is_poor = *before < floor;
            poor += u32::from(is_poor);
            if is_poor == same || (is_poor && after <= before + 1.0) {
                return Err(format!("{id}: segment {number} had {before}, has {after}, floor {floor}, same {same}").into());
            }
        }
        if poor == 0 || poor == scores.len() as u32 {
            return Err(format!("{id}: {scores:?}").into());
        }
    }
    Ok(())
}

fn nothing_is_judged() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, source, plan) = film(folder.path(), PICTURE, Scope::Off)?;
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan).map_err(failed)?;
    let judged: usize = title.judged.values().map(Vec::len).sum();
    let cpu_ms: u64 = title.reports.iter().map(|report| report.quality_cpu_ms).sum();
    if judged == 0 && cpu_ms == 0 { Ok(()) } else { Err(format!("{judged} pictures in {cpu_ms} ms").into()) }
}
