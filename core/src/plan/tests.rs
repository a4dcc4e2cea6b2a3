use super::*;
use crate::source::{Ratio, Seek, VideoTrack};
use crate::testing;

pub(super) fn recipe() -> Recipe {
    let rung = |height, max_bitrate_bps| RungChoice { height, crf: 23.0, max_bitrate_bps };
    Recipe {
        preset: "veryfast".into(),
        deinterlace: Deinterlace::Fields,
        rungs: vec![rung(1080, 6_000_000), rung(720, 3_500_000), rung(540, 2_000_000), rung(360, 800_000), rung(234, 120_000)],
        per_title: None,
        additional: Vec::new(),
        audio: vec![AudioChoice { bitrate_bps: 128_000 }, AudioChoice { bitrate_bps: 64_000 }],
        surround: None,
        loudness: None,
        judging: Judging::default(),
    }
}

fn timeline_of(video: &VideoTrack) -> Timeline {
    Timeline::of(video, video.frame_rate)
}

/// A film of that size, of 30000/1001 frames a second, whose clock begins at 1400.
pub(super) fn film(width: u32, height: u32) -> Source {
    let source = testing::source();
    let video = VideoTrack {
        width,
        height,
        frame_rate: Ratio::new(30_000, 1001),
        origin: 1400,
        end: 36_400,
        frames: 1049,
        ..source.video
    };
    Source { video, ..source }
}

fn sizes(plan: &Plan) -> Vec<(u32, u32)> {
    plan.rungs.iter().map(|rung| (rung.width, rung.height)).collect()
}

#[test]
fn a_full_hd_film_gets_the_whole_ladder_and_a_small_one_its_own_size() {
    let plan = Plan::new(&film(1920, 1080), &recipe());
    assert_eq!(sizes(&plan), [(1920, 1080), (1280, 720), (960, 540), (640, 360), (416, 234)]);
    assert_eq!(sizes(&Plan::new(&film(854, 480), &recipe())), [(854, 480), (640, 360), (416, 234)]);
    assert_eq!(sizes(&Plan::new(&film(161, 121), &recipe())), [(162, 122)]);
    assert_eq!(sizes(&Plan::new(&film(3840, 2160), &recipe()))[0], (1920, 1080));
}

#[test]
fn a_picture_that_is_too_thin_is_enlarged_and_keeps_its_shape() {
    assert_eq!(sizes(&Plan::new(&film(8, 400), &recipe())), [(16, 800)]);
    assert_eq!(sizes(&Plan::new(&film(400, 8), &recipe())), [(800, 16)]);
    assert_eq!(sizes(&Plan::new(&film(3, 401), &recipe())), [(16, 2140)]);
    assert_eq!(sizes(&Plan::new(&film(2, 2), &recipe())), [(16, 16)]);
    assert_eq!(sizes(&Plan::new(&film(1, 4000), &recipe())).len(), 1);
}

#[test]
fn rotation_and_pixel_shape_decide_the_display_size() {
    let mut portrait = film(1920, 1080);
    portrait.video.rotation_degrees = 90;
    assert_eq!(sizes(&Plan::new(&portrait, &recipe()))[..2], [(1080, 1920), (608, 1080)]);
    let mut wide = film(320, 240);
    wide.video.sample_aspect = Ratio::new(4, 3);
    assert_eq!(sizes(&Plan::new(&wide, &recipe())), [(416, 234)]);
}

/// Width and height.
type Size = (u32, u32);

#[test]
fn no_shape_is_without_a_rung_that_can_be_encoded() {
    let table: [(Size, &[Size]); 6] = [
        // 2.39:1, and so wide that the lowest height alone would be a large picture.
        ((1920, 804), &[(1920, 804), (1720, 720), (1290, 540), (860, 360), (558, 234)]),
        ((3840, 480), &[(3840, 480), (2880, 360), (1872, 234), (880, 110)]),
        ((8192, 100), &[(2786, 34)]),
        ((30_000, 2), &[(4096, 16)]),
        ((2, 30_000), &[(16, 4096)]),
        ((1, 1), &[(16, 16)]),
    ];
    for ((width, height), expected) in table {
        assert_eq!(sizes(&Plan::new(&film(width, height), &recipe())), expected, "{width}×{height}");
    }
    // What would be more than any level of H.264 that players know at 240 frames a second is shown at 60.
    let mut fast = film(2048, 1080);
    fast.video.frame_rate = Ratio::new(240, 1);
    assert_eq!(sizes(&Plan::new(&fast, &recipe()))[0], (2048, 1080));
}

#[test]
fn fast_films_keep_their_rate_on_large_rungs_and_lose_every_second_frame_on_small_ones() {
    let rates = |num, den| {
        let mut film = film(1920, 1080);
        film.video.frame_rate = Ratio::new(num, den);
        let plan = Plan::new(&film, &recipe());
        let noted = plan.notes.iter().any(|note| note.code == "frames_left_out");
        let rates = plan.rungs.iter().map(|rung| rung.frame_rate(film.video.frame_rate));
        (rates.map(|rate| (rate.num, rate.den)).collect::<Vec<_>>(), noted)
    };
    assert_eq!(rates(30, 1), (vec![(30, 1); 5], false));
    assert_eq!(rates(50, 1), (vec![(50, 1), (50, 1), (25, 1), (25, 1), (25, 1)], false));
    let (fast, slow) = ((60_000, 1001), (30_000, 1001));
    assert_eq!(rates(60_000, 1001), (vec![fast, fast, slow, slow, slow], false));
    assert_eq!(rates(120_000, 1001), (vec![fast, fast, slow, slow, slow], true));
    assert_eq!(rates(75, 2), (vec![(75, 2), (75, 2), (75, 4), (75, 4), (75, 4)], false));
    assert_eq!(rates(240, 1).0, [(60, 1), (60, 1), (30, 1), (30, 1), (30, 1)]);
}

#[test]
fn the_lowest_variant_is_for_cellular_networks_whatever_the_film() {
    let shapes = [(1920, 1080), (1920, 804), (2560, 1080), (1080, 1920), (640, 480), (3840, 480), (8192, 100), (161, 121)];
    let rates = [(24, 1), (30, 1), (60_000, 1001), (60, 1), (120, 1), (240, 1)];
    for ((width, height), (num, den)) in shapes.into_iter().flat_map(|shape| rates.map(|rate| (shape, rate))) {
        let mut film = film(width, height);
        film.video.frame_rate = Ratio::new(num, den);
        let plan = Plan::new(&film, &recipe());
        let rung = plan.rungs.last().unwrap();
        let lowest = rung.max_bitrate_bps;
        // The peak of a segment of 3 s, that of the sound, and what the container adds: see `ladder`.
        let boxes = rung.frame_rate(film.video.frame_rate).as_f64() * 96.0 + 2000.0;
        let peak = f64::from(lowest) * 4.0 / 3.0 + 64_000.0 * 1.04 + boxes;
        assert!(lowest >= 64_000 && peak <= 192_000.0, "{width}×{height} at {num}/{den}: {lowest} peaks at {peak}");
    }
    let lowest = |film: &Source| Plan::new(film, &recipe()).rungs.last().unwrap().max_bitrate_bps;
    assert_eq!(lowest(&film(1280, 720)), 90_000, "what sound leaves of 192 kb/s");
    let mut thrifty = recipe();
    thrifty.rungs[4].max_bitrate_bps = 80_000;
    assert_eq!(Plan::new(&film(1280, 720), &thrifty).rungs.last().unwrap().max_bitrate_bps, 80_000, "no more than it wants");
}

#[test]
fn the_plan_and_not_the_machine_says_how_many_threads_encode() {
    let plan = Plan::new(&film(1280, 720), &recipe());
    assert_eq!(plan.encoder_threads, 1);
}

#[test]
fn plans_that_were_stored_before_mean_what_they_meant() {
    let mut plan = Plan::new(&film(1920, 1080), &recipe());
    let mut earlier = serde_json::to_value(&plan).unwrap();
    for added in ["encoder_threads", "start", "loudness", "accept_damaged", "provisional"] {
        assert!(earlier.as_object_mut().unwrap().remove(added).is_some());
    }
    assert!(earlier["timeline"].as_object_mut().unwrap().remove("first_lacks_gops").is_some());
    for rung in earlier["rungs"].as_array_mut().unwrap() {
        assert!(rung.as_object_mut().unwrap().remove("frame_step").is_some());
    }
    (plan.start, plan.timeline.first_lacks_gops) = (None, 0);
    assert_eq!(serde_json::from_value::<Plan>(earlier).unwrap(), plan);
}

#[test]
fn chunks_start_short_and_cover_the_title() {
    let plan = Plan::new(&film(1280, 720), &recipe());
    assert_eq!(plan.timeline.frame_ticks, Some(1001));
    assert_eq!(plan.timeline.gop_ticks, 60 * 1001);
    assert!(plan.chunks.len() >= 3, "a 35 s film has at least three chunks");
    for pair in plan.chunks.windows(2) {
        assert_eq!(pair[0].end_ticks, Some(pair[1].start_ticks));
    }
    assert_eq!(plan.chunks.last().and_then(|chunk| chunk.end_ticks), None);
}

#[test]
fn the_first_segment_is_short_and_the_others_are_whole() {
    let mut timeline = timeline_of(&film(1280, 720).video);
    let gop = timeline.gop_ticks;
    let starts = |timeline: &Timeline| [1, 2, 3, 4].map(|number| timeline.segment_start(number) / gop);
    assert_eq!(starts(&timeline), [0, 1, 4, 7]);
    let numbers = |timeline: &Timeline| [0, gop - 1, gop, 4 * gop - 1, 4 * gop].map(|tick| timeline.segment_of(tick));
    assert_eq!(numbers(&timeline), [1, 1, 2, 2, 3]);
    timeline.first_lacks_gops = 0;
    assert_eq!((starts(&timeline), numbers(&timeline)), ([0, 3, 6, 9], [1, 1, 1, 2, 2]), "plans that were stored before");
}

#[test]
fn low_rungs_lead_where_others_cost_much_more() {
    let leads = |width, height| {
        let plan = Plan::new(&film(width, height), &recipe());
        plan.start.map(|start| (start.rungs.iter().map(|id| id.trim_end_matches('p').parse().unwrap()).collect(), start.chunks))
    };
    assert_eq!(leads(1920, 1080), Some((vec![540, 360], 3)));
    assert_eq!(leads(720, 1280), Some((vec![720, 540], 3)), "upright");
    assert_eq!(leads(854, 480), None);
    let film = film(1920, 1080);
    assert_eq!(Plan::new(&film, &recipe()).for_workers(&film, 2).start, None, "nobody waits");
}

#[test]
fn known_workers_get_as_few_chunks_as_keep_them_busy() {
    let mut film = film(1280, 720);
    let lengths = |film: &Source, workers| {
        let plan = Plan::new(film, &recipe()).for_workers(film, workers);
        assert_eq!(plan.chunks.last().and_then(|chunk| chunk.end_ticks), None);
        assert!(plan.chunks.windows(2).all(|pair| pair[0].end_ticks == Some(pair[1].start_ticks)));
        let ends = plan.chunks.iter().skip(1).map(|next| next.first_segment).chain([plan.last_segment() + 1]);
        plan.chunks.iter().zip(ends).map(|(chunk, end)| end - chunk.first_segment).collect::<Vec<u32>>()
    };
    assert_eq!(lengths(&film, 1), [7]);
    assert_eq!(lengths(&film, 0), [7]);
    assert_eq!(lengths(&film, 8), [4, 3], "no shorter than what is worth a start");
    film.video.frames *= 10;
    film.video.end *= 10;
    assert_eq!(lengths(&film, 1), [20, 20, 20, 2], "no longer than a child may work");
    assert_eq!(lengths(&film, 8), [8, 8, 8, 8, 8, 8, 8, 6]);
}

/// The longest stretch that is decoded before a chunk and not shown, and how many segments chunks have, the last one left out.
fn cost(film: &Source) -> (f64, Vec<u32>) {
    let plan = Plan::new(film, &recipe());
    let seconds = |ticks: u64| ticks as f64 / f64::from(plan.timeline.timescale);
    let keyframes: Vec<f64> = film.video.keyframes.iter().map(|pts| (pts - film.video.origin) as f64 / 1000.0).collect();
    let lead_in = |chunk: &Chunk| {
        let start = seconds(chunk.start_ticks);
        // Containers round to milliseconds: what is this close counts as on the grid.
        start - keyframes.iter().copied().filter(|time| *time <= start + 0.0021).fold(0.0, f64::max)
    };
    let lengths = plan.chunks.windows(2).map(|pair| pair[1].first_segment - pair[0].first_segment).collect();
    (plan.chunks.iter().skip(6).map(lead_in).fold(0.0, f64::max), lengths)
}

#[test]
fn later_chunks_begin_soon_after_keyframes_of_the_source() {
    let mut film = film(1280, 720);
    film.video.end = film.video.origin + 3_600_000;
    // Every 250 frames, as encoders do by default.
    film.video.keyframes = (0..432).map(|number| film.video.origin + number * 8342).collect();
    let (lead_in_seconds, lengths) = cost(&film);
    assert!(lead_in_seconds < 3.0, "{lead_in_seconds}");
    assert!(lengths[2..].iter().all(|length| (4..=8).contains(length)), "{lengths:?}");
    film.video.keyframes.clear();
    assert!(cost(&film).1[2..].iter().all(|length| *length == 4), "where nobody has looked");
    let chunks = |film: &Source, workers| Plan::new(film, &recipe()).for_workers(film, workers).chunks.len();
    let unknown = chunks(&film, 30);
    film.video.keyframes = (0..432).map(|number| film.video.origin + number * 8342).collect();
    assert!((unknown * 4 / 5..=unknown).contains(&chunks(&film, 30)), "workers are kept busy");
}

#[test]
fn a_source_that_is_always_decoded_from_its_beginning_gets_long_chunks() {
    let mut film = film(1280, 720);
    film.video.end = film.video.origin + 12 * 3_600_000;
    for seek in [Seek::FromStart, Seek::InOrder] {
        film.video.seek = seek;
        let plan = Plan::new(&film, &recipe());
        let decoded: u64 = plan.chunks.iter().map(|chunk| chunk.end_ticks.unwrap_or(plan.duration_ticks)).sum();
        assert!(decoded < 95 * plan.duration_ticks, "{}", decoded / plan.duration_ticks);
        let short = Plan { duration_ticks: plan.duration_ticks / 8, ..plan }.for_workers(&film, 1);
        let film_length = short.duration_ticks;
        let decoded: u64 = short.chunks.iter().map(|chunk| chunk.end_ticks.unwrap_or(short.duration_ticks)).sum();
        assert!(decoded < 14 * film_length, "{}", decoded / film_length);
    }
}

#[test]
fn no_length_makes_work_without_bound() {
    let short = film(1280, 720);
    let timeline = timeline_of(&short.video);
    for duration_ticks in [0, 1, u64::from(u32::MAX) * timeline.segment_ticks(), u64::MAX] {
        let chunks = chunk::cut(Vec::new(), &timeline, duration_ticks, &short.video);
        assert!((1..=2702).contains(&chunks.len()), "{duration_ticks}: {}", chunks.len());
        assert!(chunks.windows(2).all(|pair| pair[0].end_ticks == Some(pair[1].start_ticks)));
    }
    // Every film of twelve hours fits whole, at whatever rate.
    for (num, den) in [(1, 10), (7499, 10_000), (25, 1), (240, 1)] {
        let mut film = film(1280, 720);
        (film.video.frame_rate, film.video.end) = (Ratio::new(num, den), film.video.origin + 12 * 3600 * 1000);
        let plan = Plan::new(&film, &recipe());
        assert!(plan.timeline.segment_start(plan.last_segment() + 1) >= plan.duration_ticks, "{num}/{den}");
    }
}

#[test]
fn a_segment_lasts_a_group_longer_at_most_where_the_rate_varies() {
    let mut video = film(1280, 720).video;
    let constant = timeline_of(&video);
    assert_eq!(constant.segment_ticks_max(), 180 * 1001);
    video.constant_rate = false;
    let variable = timeline_of(&video);
    assert_eq!((variable.segment_ticks(), variable.segment_ticks_max()), (6 * 90_000, 8 * 90_000));
    // The timescale alone tells which it was.
    for rate in [Ratio::new(30_000, 1001), Ratio::new(90_000, 1000), Ratio::new(90_000, 3003), Ratio::new(25, 1)] {
        (video.frame_rate, video.constant_rate) = (rate, true);
        let constant = timeline_of(&video);
        assert!(constant.frame_ticks.is_some() && constant.timescale >= 10_000);
        assert_eq!(Timeline::of_encoded(rate, constant.timescale), constant, "{rate:?}");
        assert_eq!(Timeline::of_encoded(rate, variable.timescale), variable, "{rate:?}");
    }
}

#[test]
fn times_beyond_any_clock_stay_on_their_side_of_the_title() {
    let mut video = film(1280, 720).video;
    video.time_base = Ratio::new(i32::MAX as u32, 1);
    for constant_rate in [true, false] {
        video.constant_rate = constant_rate;
        let timeline = timeline_of(&video);
        assert!(timeline.tick(&video, i64::MIN) < 0 && timeline.tick(&video, i64::MAX) > 1 << 61);
        assert_eq!(timeline.segment_of(u64::MAX), u32::MAX);
    }
}

#[test]
fn rounded_times_snap_to_the_frame_grid_and_odd_ones_stay() {
    let video = film(1280, 720).video;
    let timeline = timeline_of(&video);
    for frame in 0..1000_i64 {
        let rounded_ms = (frame * 1001 * 1000 + 15_000) / 30_000;
        assert_eq!(timeline.tick(&video, 1400 + rounded_ms), frame * 1001);
    }
    assert_eq!(timeline.tick(&video, 1400 + 10), 300);
    assert_eq!(timeline.tick(&video, 1300), -3003);
}

#[test]
fn each_field_of_an_interlaced_film_becomes_a_frame_unless_the_recipe_wants_frames() {
    let interlaced = |num: u32| {
        let mut film = film(1920, 1080);
        (film.video.interlaced, film.video.frame_rate) = (true, Ratio::new(num, 1001));
        film
    };
    let plan = Plan::new(&interlaced(30_000), &recipe());
    assert_eq!(plan.timeline.frame_ticks.map(|ticks| plan.timeline.timescale / ticks), Some(59));
    let rates =
        plan.rungs.iter().map(|rung| rung.frame_rate(plan.picture.frame_rate(&interlaced(30_000).video)).as_f64().round());
    assert_eq!(rates.collect::<Vec<_>>(), [60.0, 60.0, 30.0, 30.0, 30.0]);
    assert!(plan.notes.iter().any(|note| note.code == "deinterlaced" && note.message.contains("each field")));
    // A packet for each field: they are counted already.
    let counted = interlaced(60_000);
    let plan = Plan::new(&counted, &recipe());
    assert_eq!((plan.picture.fields, plan.picture.frame_rate(&counted.video)), (true, counted.video.frame_rate));
    // The largest rung of a small film is as smooth as it was.
    for (width, height, expected) in [(768, 576, vec![1, 2, 2]), (640, 480, vec![1, 2, 2]), (320, 240, vec![2])] {
        let mut small = interlaced(30_000);
        (small.video.width, small.video.height) = (width, height);
        let plan = Plan::new(&small, &recipe());
        let steps: Vec<u32> = plan.rungs.iter().map(|rung| rung.frame_step).collect();
        assert_eq!(steps, expected, "{width} × {height}: {:?}", plan.rungs);
    }
    let frames = Recipe { deinterlace: Deinterlace::Frames, ..recipe() };
    let plan = Plan::new(&interlaced(30_000), &frames);
    assert_eq!((plan.picture.fields, plan.least_frame_rate(&interlaced(30_000).video)), (false, Ratio::new(30_000, 1001)));
}

/// The film of two hours that is `whole`, as its ends tell of it.
fn ends(whole: &Source, seen_seconds: i64) -> Source {
    let mut ends = Source { seen_until: Some(whole.video.origin + seen_seconds * 1000), ..whole.clone() };
    ends.video.frames += 1;
    ends.video.keyframes.retain(|pts| Some(*pts) <= ends.seen_until);
    ends
}

fn two_hours() -> Source {
    let mut film = film(1920, 1080);
    film.video.end = film.video.origin + 7_200_000;
    film.video.keyframes = (0..863).map(|number| film.video.origin + number * 8342).collect();
    film.duration_ms = film.video.duration_ms();
    film.notes = vec![Note::new("damage_marked", "found while reading")];
    film
}

#[test]
fn a_plan_of_both_ends_has_the_first_chunks_and_becomes_that_of_the_whole_film() {
    let whole = two_hours();
    let start = vec![StartChoice { height: 540, crf: 26.0 }];
    let per_title = PerTitle {
        preset: "fast".into(),
        options: String::new(),
        work: 2.0,
        effort_max: 1.0,
        between: Vec::new(),
        lowest: None,
        start,
    };
    for per_title in [None, Some(per_title)] {
        let recipe = Recipe { per_title, ..recipe() };
        let expected = Plan::new(&whole, &recipe);
        for (seen_seconds, chunks) in [(1, 0), (13, 1), (40, 3), (90, 5)] {
            let seen = Source { notes: Vec::new(), ..ends(&whole, seen_seconds) };
            let plan = Plan::new(&seen, &recipe);
            assert_eq!((plan.provisional, plan.chunks.len()), (true, chunks), "{seen_seconds} s");
            assert!(plan.chunks.iter().all(|chunk| chunk.end_ticks.is_some()), "none is the last");
            assert_eq!((&plan.timeline, plan.duration_ticks), (&expected.timeline, expected.duration_ticks));
            let complete = plan.clone().complete(&seen, &whole).expect("it is what was promised");
            assert_eq!(complete.chunks[..plan.chunks.len()], plan.chunks[..], "what may be made by now");
            assert_eq!(complete.notes.len(), expected.notes.len());
            let notes = expected.notes.clone();
            assert_eq!(Plan { notes, ..complete }, expected, "{seen_seconds} s");
        }
    }
}

#[test]
fn a_plan_of_both_ends_is_not_that_of_a_film_that_is_otherwise() {
    let whole = two_hours();
    let seen = ends(&whole, 90);
    let plan = Plan::new(&seen, &recipe());
    let becomes = |change: fn(&mut Source)| {
        let mut other = whole.clone();
        change(&mut other);
        plan.clone().complete(&seen, &other).is_some()
    };
    assert!(becomes(|film| (film.video.frames, film.missing_ms) = (9, 5)), "what is missing in the middle moves nothing");
    assert!(becomes(|film| film.video.seek = Seek::FromStart), "it takes longer to reach frames");
    assert!(!becomes(|film| film.video.seek = Seek::InOrder));
    assert!(!becomes(|film| film.video.constant_rate = false));
    assert!(!becomes(|film| film.video.frame_rate = Ratio::new(30, 1)));
    assert!(!becomes(|film| film.video.origin -= 1));
    assert!(!becomes(|film| film.video.end += 1));
    assert!(!becomes(|film| film.audio.clear()));
}

#[test]
fn frames_that_do_not_say_that_they_are_interlaced_are_deinterlaced_all_alike() {
    let unmarked = |num| {
        let mut film = film(1920, 1080);
        (film.video.interlaced, film.video.frame_rate) = (true, Ratio::new(num, 1001));
        film.video.field_order = Some(FieldOrder::Bottom);
        let plan = Plan::new(&film, &recipe());
        (plan.picture.field_order, plan.picture.fields, plan.picture.frame_rate(&film.video).num)
    };
    assert_eq!(unmarked(30_000), (Some(FieldOrder::Bottom), true, 60_000));
    assert_eq!(unmarked(60_000), (Some(FieldOrder::Bottom), false, 60_000), "as fast as fields, and none");
    let mut stored = serde_json::to_value(Plan::new(&film(1920, 1080), &recipe()).picture).unwrap();
    assert!(stored.as_object_mut().unwrap().remove("field_order").is_some());
    assert_eq!(serde_json::from_value::<Picture>(stored).unwrap().field_order, None, "of a plan that was stored before");
}
