//! Ladders chosen by what real films were measured to have.

use super::{Analysis, Codec, Measure, Rung};
use crate::plan::{AdditionalLadder, Common, LowestChoice, PerTitle, Plan, Recipe, RungChoice, StartChoice, tests::recipe};
use crate::source::{Source, VideoTrack};
use crate::testing;

/// Rate in kb/s and VMAF of a size at the three qualities that it is tried at.
type Tried = [(f64, f64); 3];

/// Tears of Steel at 1080, 720, 540 and 360 lines.
const LIVE_ACTION: [Tried; 4] = [
    [(3136.0, 100.0), (1724.0, 94.9), (1044.0, 81.1)],
    [(1904.0, 92.0), (1079.0, 82.9), (624.0, 65.7)],
    [(1322.0, 83.0), (766.0, 71.9), (433.0, 53.8)],
    [(779.0, 65.6), (460.0, 53.1), (257.0, 35.7)],
];
/// Big Buck Bunny at the same sizes: sharp edges cost it much where it is small.
const ANIMATION: [Tried; 4] = [
    [(4398.0, 89.0), (1867.0, 76.0), (791.0, 56.9)],
    [(2402.0, 78.5), (922.0, 64.0), (375.0, 42.6)],
    [(1559.0, 68.3), (575.0, 52.8), (227.0, 32.6)],
    [(779.0, 50.4), (283.0, 33.7), (113.0, 17.4)],
];

/// Ten minutes of 1080 lines at `bitrate_bps`.
fn film(bitrate_bps: u64) -> Source {
    let source = testing::source();
    let frames = 18_000;
    let end = source.video.origin + 600 * i64::from(source.video.time_base.den) / i64::from(source.video.time_base.num);
    let video = VideoTrack { width: 1920, height: 1080, end, frames, ..source.video };
    Source { video, size_bytes: bitrate_bps / 8 * 600, ..source }
}

fn per_title(start: Vec<StartChoice>) -> Recipe {
    let per_title = PerTitle {
        preset: "superfast".into(),
        options: "trellis=1".into(),
        work: 1.17,
        effort_max: 1.12,
        between: vec![432],
        lowest: None,
        start,
    };
    Recipe { per_title: Some(per_title), ..recipe() }
}

fn start() -> Vec<StartChoice> {
    vec![StartChoice { height: 540, crf: 27.0 }, StartChoice { height: 360, crf: 28.0 }]
}

/// What a child would answer for `film`.
fn answers(analysis: &Analysis, film: &[Tried]) -> Vec<Measure> {
    let measure = |(kbps, vmaf): (f64, f64)| Measure { bitrate_bps: kbps * 1000.0, vmaf };
    let between =
        |a: (f64, f64), b: (f64, f64), share: f64| ((a.0 * (b.0 / a.0).powf(share)).round(), (a.1 + (b.1 - a.1) * share).round());
    let mut measures: Vec<Measure> = film[..2].iter().flatten().copied().map(measure).collect();
    for [fine, middle, coarse] in &film[2..] {
        let places = [(*fine, *middle, 1.0 / 3.0), (*middle, *coarse, 1.0 / 3.0), (*middle, *coarse, 4.0 / 3.0)];
        measures.extend(places.map(|(a, b, share)| measure(between(a, b, share))));
    }
    assert!(analysis.is_answered_by(&measures));
    measures
}

/// The plan of a film of that rate whose samples come to `measured`; on many workers if `given` is false.
fn decided(measured: &[Tried], bitrate_bps: u64, given: bool) -> Plan {
    let source = film(bitrate_bps);
    let plan = Plan::new(&source, &per_title(start()));
    let plan = if given { plan } else { plan.for_workers(&source, 2) };
    let measures = answers(plan.undecided().expect("an analysis"), measured);
    plan.decide(measures, 5000)
}

fn names(rungs: &[Rung]) -> Vec<&str> {
    rungs.iter().map(|rung| rung.id.as_str()).collect()
}

#[test]
fn until_it_is_decided_a_plan_has_what_leads_and_what_to_measure() {
    let plan = Plan::new(&film(20_000_000), &per_title(start()));
    assert_eq!(names(&plan.rungs), ["540p", "360p"]);
    assert_eq!(plan.start.as_ref().map(|start| start.rungs.as_slice()), Some(&["540p".to_owned(), "360p".to_owned()][..]));
    let analysis = plan.undecided().expect("an analysis");
    assert_eq!(analysis.trials.len(), 4 * 3);
    assert!(analysis.trials.iter().all(|trial| trial.options == "trellis=1"));
    let second = u64::from(plan.timeline.timescale);
    assert!((9..=11).contains(&analysis.samples.len()), "{}", analysis.samples.len());
    for (sample, next) in std::iter::zip(&analysis.samples, analysis.samples.iter().skip(1)) {
        assert!(sample.end_ticks <= next.start_ticks && sample.start_ticks.is_multiple_of(plan.timeline.gop_ticks));
        assert!((sample.end_ticks - sample.start_ticks).abs_diff(second / 2) < second / 20);
    }
    let spread = analysis.samples.last().expect("samples").start_ticks - analysis.samples[0].start_ticks;
    assert!(spread > plan.duration_ticks * 3 / 4, "samples tell of the whole film");
}

#[test]
fn a_small_film_leads_with_its_lowest_rung_and_a_tiny_one_has_nothing_to_choose() {
    let mut small = film(1_000_000);
    (small.video.width, small.video.height) = (640, 360);
    let plan = Plan::new(&small, &per_title(start()));
    assert_eq!((names(&plan.rungs), plan.undecided().is_some()), (vec!["234p"], true));
    (small.video.width, small.video.height) = (320, 180);
    let plan = Plan::new(&small, &per_title(start()));
    assert_eq!((names(&plan.rungs), plan.undecided().is_some()), (vec!["180p"], false));
}

#[test]
fn the_top_cannot_be_told_from_the_source_and_all_of_it_is_less_work_and_less_to_store() {
    let plan = decided(&LIVE_ACTION, 20_000_000, false);
    let (top, lowest) = (&plan.rungs[0], plan.rungs.last().expect("a rung"));
    assert!((25.0..28.5).contains(&top.crf) && top.height == 1080, "{top:?}");
    assert!(top.reason.contains("cannot be told"), "{}", top.reason);
    assert_eq!((lowest.id.as_str(), lowest.max_bitrate_bps), ("234p", 90_000));
    assert!((4..=8).contains(&plan.rungs.len()), "{:?}", names(&plan.rungs));
    assert!(plan.rungs.windows(2).all(|pair| pair[0].max_bitrate_bps > pair[1].max_bitrate_bps));
    let analysis = plan.analysis.as_ref().expect("an analysis");
    let choice = analysis.choose(&[]).expect("measures");
    assert!(choice.bitrate_bps < 0.75 * choice.fixed_bitrate_bps, "{} {}", choice.bitrate_bps, choice.fixed_bitrate_bps);
    // A coarser picture is less work.
    let easier = |rung: &Rung| 1.0 - (f64::from(rung.crf) - 22.0) * 0.015;
    let work = |rungs: &[Rung], each: f64| rungs.iter().map(|rung| rung.pixels_a_frame() * easier(rung) * each).sum::<f64>();
    assert!(work(&plan.rungs, 1.17) < 1.12 * work(&analysis.fixed, 1.0));
    assert!(plan.notes.iter().any(|note| note.code == "ladder_chosen" && note.message.contains("less to store")));
    assert!(plan.undecided().is_none());
}

#[test]
fn whoever_climbs_a_ladder_never_sees_a_smaller_picture_and_nothing_is_chosen_where_nobody_looked() {
    for measured in [LIVE_ACTION, ANIMATION] {
        for bitrate_bps in [20_000_000, 3_000_000] {
            let plan = decided(&measured, bitrate_bps, false);
            let told: Vec<_> = plan.rungs.iter().map(|rung| (rung.height, rung.crf)).collect();
            assert!(told.is_sorted_by(|a, b| a.0 >= b.0), "{told:?}");
            // Beyond the worst trials of large and small sizes.
            assert!(told.iter().all(|(height, crf)| *crf <= if *height > 540 { 35.5 } else { 37.5 }), "{told:?}");
        }
    }
}

/// Tears of Steel as its analysis measures it.
const MEASURED: [(f64, f64); 12] = [
    (3220.0, 99.8),
    (1787.0, 96.2),
    (1103.0, 84.9),
    (1940.0, 92.5),
    (1113.0, 84.7),
    (650.0, 69.5),
    (1163.0, 81.9),
    (673.0, 69.8),
    (385.0, 50.7),
    (682.0, 63.5),
    (399.0, 49.9),
    (220.0, 31.3),
];

#[test]
fn steps_are_as_even_as_the_work_allows_and_the_lowest_rung_is_made_with_care() {
    let mut recipe = per_title(start());
    let steps = |recipe: &Recipe| {
        let source = film(20_000_000);
        let plan = Plan::new(&source, recipe).for_workers(&source, 2);
        let measures = MEASURED.map(|(kbps, vmaf)| Measure { bitrate_bps: kbps * 1000.0, vmaf });
        let plan = plan.decide(measures.to_vec(), 5000);
        let vmaf = |rung: &Rung| rung.reason.split("VMAF ").nth(1)?.split(',').next()?.parse::<f64>().ok();
        let vmafs: Vec<f64> = plan.rungs.iter().filter_map(vmaf).collect();
        let largest = vmafs.windows(2).map(|pair| pair[0] - pair[1]).fold(0.0, f64::max);
        (largest, *vmafs.last().expect("a rung"), plan.rungs)
    };
    let (largest, worst, rungs) = steps(&recipe);
    assert!(largest <= 20.0 && worst < 50.0, "{rungs:?}");
    assert_eq!(names(&rungs).last(), Some(&"234p"));
    let settings = recipe.per_title.as_mut().expect("ladders are chosen");
    settings.lowest = Some(LowestChoice { height: 288, preset: "fast".into() });
    settings.effort_max = 2.0;
    let (largest, _, rungs) = steps(&recipe);
    assert!(largest <= 12.0 && rungs.len() <= 8, "{rungs:?}");
    assert!(rungs.iter().any(|rung| rung.height == 432), "a size that was not tried: {:?}", names(&rungs));
    let lowest = rungs.last().expect("a rung");
    assert_eq!((lowest.id.as_str(), lowest.max_bitrate_bps, lowest.preset.as_str()), ("288p", 90_000, "fast"));
}

#[test]
fn no_rung_takes_more_than_the_source() {
    let top = |bitrate_bps| {
        let plan = decided(&ANIMATION, bitrate_bps, false);
        (plan.rungs[0].height, plan.rungs[0].crf)
    };
    let (rich, poor) = (top(20_000_000), top(1_500_000));
    assert_eq!(rich.0, 1080);
    assert!(rich.1 < 22.5, "as good as the cap allows: {rich:?}");
    assert!(poor.1 > 28.0 || poor.0 < 1080, "{poor:?}");
}

#[test]
fn a_picture_that_is_larger_than_what_it_shows_is_made_smaller() {
    let mut upscaled = LIVE_ACTION;
    // What 1080 lines show 720 show as well.
    upscaled[1] = [(1904.0, 99.5), (1079.0, 94.0), (624.0, 80.0)];
    assert_eq!(decided(&upscaled, 20_000_000, false).rungs[0].height, 720);
}

#[test]
fn what_leads_stays_as_it_is_and_others_get_other_names() {
    for measured in [LIVE_ACTION, ANIMATION] {
        let before = Plan::new(&film(20_000_000), &per_title(start()));
        let plan = decided(&measured, 20_000_000, true);
        for rung in &before.rungs {
            let kept = plan.rung(&rung.id).expect("it is still there");
            assert_eq!(Rung { reason: rung.reason.clone(), ..kept.clone() }, *rung);
        }
        let mut unique = names(&plan.rungs);
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), plan.rungs.len());
        assert!(plan.rungs.len() > before.rungs.len() && plan.rungs[0].height == 1080);
    }
}

#[test]
fn what_cannot_be_measured_gets_the_fixed_ladder() {
    let insane = Measure { bitrate_bps: f64::NAN, vmaf: 90.0 };
    for measures in [Vec::new(), vec![insane; 12], vec![Measure { bitrate_bps: 1e6, vmaf: 90.0 }; 3]] {
        let plan = Plan::new(&film(20_000_000), &per_title(start())).decide(measures, 0);
        assert_eq!(names(&plan.rungs), ["1080p", "720p", "540p", "360p", "234p"]);
        assert_eq!((plan.rungs[2].crf, plan.rungs[2].options.as_str()), (27.0, "trellis=1"), "what leads is made already");
        assert!(plan.notes.iter().any(|note| note.code == "ladder_fixed"));
    }
}

#[test]
fn a_decided_plan_reads_back_and_one_without_analysis_is_as_it_was() {
    let plan = decided(&LIVE_ACTION, 20_000_000, true);
    let json = serde_json::to_string(&plan).expect("JSON");
    assert_eq!(serde_json::from_str::<Plan>(&json).expect("a plan"), plan);
    let fixed = Plan::new(&film(20_000_000), &recipe());
    assert!(fixed.analysis.is_none() && fixed.clone().decide(Vec::new(), 1) == fixed);
}

#[test]
fn whatever_a_child_answers_a_ladder_comes_of_it() {
    let plan = Plan::new(&film(20_000_000), &per_title(start()));
    let answer = |bitrate_bps: f64, vmaf: f64| vec![Measure { bitrate_bps, vmaf }; 12];
    for measures in [answer(1e10, 50.0), answer(1.0, 0.0), answer(1e6, 100.0), answer(90_000.0, 110.0), answer(5e6, 0.0)] {
        for plan in [plan.clone(), plan.clone().for_workers(&film(20_000_000), 2)] {
            let plan = plan.decide(measures.clone(), u64::MAX);
            assert!(plan.rungs.len() >= 2 && plan.rungs.last().expect("a rung").id == "234p", "{:?}", plan.rungs);
            assert!(plan.rungs.iter().all(|rung| rung.max_bitrate_bps >= 64_000), "{:?}", plan.rungs);
        }
    }
}

#[test]
fn the_slowest_rung_is_known_before_the_ladder_is_decided() {
    let mut wide = film(20_000_000);
    (wide.video.width, wide.video.height, wide.video.frame_rate) = (3840, 480, crate::source::Ratio::new(60, 1));
    let plan = Plan::new(&wide, &per_title(start()));
    assert_eq!(plan.rungs.iter().map(|rung| rung.frame_step).max(), Some(1), "what leads is large");
    let before = plan.least_frame_rate(&wide.video);
    assert_eq!(before, crate::source::Ratio::new(30, 1));
    assert_eq!(plan.decide(Vec::new(), 0).least_frame_rate(&wide.video), before);
}

#[test]
fn what_leads_may_take_more_than_the_source() {
    let plan = decided(&LIVE_ACTION, 300_000, true);
    assert!(plan.rungs[0].height >= 540 && plan.rungs.windows(2).all(|pair| pair[0].id != pair[1].id), "{:?}", plan.rungs);
    assert!(plan.rung("540p").expect("it leads").reason.contains("leads"));
}

#[test]
fn a_short_film_gets_the_fixed_ladder_at_once() {
    let mut short = film(20_000_000);
    short.video.end = short.video.origin + 4 * i64::from(short.video.time_base.den) / i64::from(short.video.time_base.num);
    assert!(Plan::new(&short, &per_title(start())).undecided().is_none());
}

/// A recipe with AV1 beside H.264, and what was measured of it at the trials of its sizes: rate in kb/s and VMAF.
fn with_av1() -> Recipe {
    let rung = |height, max_bitrate_bps| RungChoice { height, crf: 44.0, max_bitrate_bps };
    let rungs = vec![rung(1080, 4_000_000), rung(720, 2_200_000), rung(540, 1_300_000), rung(360, 500_000)];
    let ladder = AdditionalLadder { codec: Codec::Av1, preset: "9".into(), options: String::new(), rungs };
    Recipe { additional: vec![ladder], ..per_title(start()) }
}

const AV1_TRIED: [(f64, f64); 10] = [
    (2900.0, 99.9),
    (1600.0, 98.0),
    (720.0, 87.0),
    (1700.0, 96.0),
    (980.0, 90.0),
    (430.0, 73.0),
    (880.0, 87.0),
    (360.0, 71.0),
    (420.0, 63.0),
    (170.0, 47.0),
];

fn of(rungs: &[Rung], codec: Codec) -> Vec<&Rung> {
    rungs.iter().filter(|rung| rung.codec == codec).collect()
}

#[test]
fn another_codec_gets_a_ladder_of_its_own_beside_h264() {
    let source = film(20_000_000);
    let plan = Plan::new(&source, &with_av1()).for_workers(&source, 2);
    let analysis = plan.undecided().expect("an analysis");
    assert_eq!(analysis.trials.len(), 4 * 3 + 2 * 3 + 2 * 2);
    assert!(analysis.trials[12..].iter().all(|trial| (trial.codec, trial.preset.as_str()) == (Codec::Av1, "9")));
    let h264 = Plan::new(&source, &per_title(start())).for_workers(&source, 2);
    let mut measures = answers(h264.undecided().expect("an analysis"), &LIVE_ACTION);
    let alone = h264.decide(measures.clone(), 0);
    measures.extend(AV1_TRIED.map(|(kbps, vmaf)| Measure { bitrate_bps: kbps * 1000.0, vmaf }));
    let plan = plan.decide(measures, 0);
    assert_eq!(plan.rungs[..alone.rungs.len()], alone.rungs, "H.264 is as it would be alone");
    let av1 = of(&plan.rungs, Codec::Av1);
    assert!((3..=5).contains(&av1.len()), "{:?}", names(&plan.rungs));
    assert!(av1.iter().all(|rung| rung.id.contains("p-av1") && rung.crf.fract() == 0.0 && !rung.reason.is_empty()), "{av1:?}");
    assert!(av1[0].height == 1080 && (46.0..54.0).contains(&av1[0].crf), "{:?}", av1[0]);
    assert!(av1[0].reason.contains("cannot be told"), "{}", av1[0].reason);
    let lowest = av1.last().expect("a rung");
    assert!(lowest.height == 360 && lowest.max_bitrate_bps < 400_000 && lowest.reason.contains("slow lines"), "{lowest:?}");
    assert!(av1.windows(2).all(|pair| pair[0].max_bitrate_bps > pair[1].max_bitrate_bps), "{av1:?}");
    let mut unique = names(&plan.rungs);
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), plan.rungs.len());
}

#[test]
fn what_leads_is_h264_and_the_fixed_ladder_has_all_codecs() {
    let source = film(20_000_000);
    let plan = Plan::new(&source, &with_av1());
    assert_eq!(names(&plan.rungs), ["540p", "360p"]);
    let fixed = plan.decide(Vec::new(), 0);
    let all = ["1080p", "720p", "540p", "360p", "234p", "1080p-av1", "720p-av1", "540p-av1", "360p-av1"];
    assert_eq!(names(&fixed.rungs), all);
    let plan = Plan::new(&source, &with_av1().with_ladder(crate::plan::Ladder::Fixed));
    assert_eq!(names(&plan.rungs), all);
    assert!(plan.start.is_some_and(|start| start.rungs.iter().all(|id| !id.contains("av1"))));
    // What an encoder cannot make is left out; a small film has its own size.
    let of_size = |width, height| {
        let mut film = film(1_000_000);
        (film.video.width, film.video.height) = (width, height);
        let rungs = Plan::new(&film, &with_av1().with_ladder(crate::plan::Ladder::Fixed)).rungs;
        of(&rungs, Codec::Av1).iter().map(|rung| (rung.width, rung.height)).collect::<Vec<_>>()
    };
    assert_eq!(of_size(320, 180), [(320, 180)]);
    assert_eq!(of_size(1000, 50), []);
}

#[test]
fn whatever_a_child_answers_of_another_codec_a_ladder_comes_of_it() {
    let plan = Plan::new(&film(20_000_000), &with_av1());
    for (bitrate_bps, vmaf) in [(1e10, 50.0), (1.0, 0.0), (1e6, 100.0), (5e6, 0.0), (90_000.0, 110.0)] {
        let rungs = plan.clone().decide(vec![Measure { bitrate_bps, vmaf }; 22], 0).rungs;
        let av1 = of(&rungs, Codec::Av1);
        assert!((1..=5).contains(&av1.len()) && av1.iter().all(|rung| rung.max_bitrate_bps >= 64_000), "{av1:?}");
    }
}

#[test]
fn a_plan_that_does_not_say_its_codecs_means_h264() {
    let plan = decided(&LIVE_ACTION, 20_000_000, true);
    let mut json = serde_json::to_value(&plan).expect("JSON");
    for rung in json["rungs"].as_array_mut().expect("rungs") {
        rung.as_object_mut().expect("a rung").remove("codec");
    }
    assert_eq!(serde_json::from_value::<Plan>(json).expect("a plan").rungs, plan.rungs);
}

#[test]
fn measures_of_the_same_samples_are_asked_for_once() {
    let source = film(20_000_000);
    let undecided = Plan::new(&source, &with_av1());
    let trials = undecided.undecided().expect("undecided").trials.len();
    let decided = undecided.clone().decide(vec![Measure { bitrate_bps: 1e6, vmaf: 80.0 }; trials], 5000);
    assert_eq!(undecided.twin_measures(&decided, &Common::Bytes).map(<[_]>::len), Some(trials));
    assert_eq!(undecided.twin_measures(&undecided, &Common::Bytes), None, "nobody has measured it");
    assert_eq!(decided.twin_measures(&decided, &Common::Bytes), None, "it is decided");
    assert_eq!(
        undecided.twin_measures(&undecided.clone().decide(Vec::new(), 0), &Common::Bytes),
        None,
        "it could not be measured"
    );
    let mut turned = undecided.clone();
    turned.picture.rotation_degrees = 90;
    assert_eq!(turned.twin_measures(&decided, &Common::Bytes), None);
    // What leads in the one is a rung among others in the other.
    let lead = undecided.rungs[0].id.clone();
    assert!(undecided.twin(crate::object::Track::Video, &lead, 0, &decided, &Common::Bytes).is_some());
}

#[test]
fn a_film_that_is_mostly_the_same_keeps_its_ladder() {
    let undecided = Plan::new(&film(20_000_000), &with_av1());
    let trials = undecided.undecided().expect("undecided").trials.len();
    let decided = undecided.decide(vec![Measure { bitrate_bps: 1e6, vmaf: 80.0 }; trials], 5000);
    // Its sound is larger, so that samples would not come to quite the same.
    let other = Plan::new(&film(21_000_000), &with_av1());
    assert_eq!(other.twin_measures(&decided, &Common::Bytes), None);
    let mut longer = film(20_000_000);
    longer.video.end += 2000;
    let longer = Plan::new(&longer, &with_av1());
    assert_eq!(longer.keeping_ladder_of(&decided).rungs, decided.rungs, "a film of another length");
    let kept = other.clone().keeping_ladder_of(&decided);
    assert_eq!((kept.undecided(), &kept.rungs, &kept.start), (None, &decided.rungs, &decided.start));
    assert_eq!(kept.analysis.as_ref().map(|analysis| analysis.cpu_ms), Some(0));
    assert!(kept.notes.iter().any(|note| note.code == "ladder_kept"));
    // Not where the recipe is another one by now, or nothing was chosen.
    let fixed = Plan::new(&film(20_000_000), &with_av1().with_ladder(crate::plan::Ladder::Fixed));
    assert_eq!(other.clone().keeping_ladder_of(&fixed), other);
    let mut dearer = decided;
    dearer.analysis.as_mut().expect("an analysis").trials[0].crf += 1.0;
    assert_eq!(other.clone().keeping_ladder_of(&dearer), other);
}
