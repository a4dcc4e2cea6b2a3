use super::*;
use crate::source::{Ratio, VideoTrack};
use crate::testing;

pub(super) fn recipe() -> Recipe {
    let rung = |height, max_bitrate_bps| RungChoice { height, crf: 23.0, max_bitrate_bps };
    Recipe {
        preset: "veryfast".into(),
        rungs: vec![rung(1080, 6_000_000), rung(720, 3_500_000), rung(540, 2_000_000), rung(360, 800_000), rung(234, 120_000)],
        audio: vec![AudioChoice { bitrate_bps: 128_000 }, AudioChoice { bitrate_bps: 64_000 }],
    }
}

/// A film of that size, of 30000/1001 frames a second, whose clock begins at 1400.
fn film(width: u32, height: u32) -> Source {
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
fn rotation_and_pixel_shape_decide_the_display_size() {
    let mut portrait = film(1920, 1080);
    portrait.video.rotation_degrees = 90;
    assert_eq!(sizes(&Plan::new(&portrait, &recipe()))[..2], [(1080, 1920), (608, 1080)]);
    let mut wide = film(320, 240);
    wide.video.sample_aspect = Ratio::new(4, 3);
    assert_eq!(sizes(&Plan::new(&wide, &recipe())), [(416, 234)]);
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
fn rounded_times_snap_to_the_frame_grid_and_odd_ones_stay() {
    let video = film(1280, 720).video;
    let timeline = Timeline::of(&video);
    for frame in 0..1000_i64 {
        let rounded_ms = (frame * 1001 * 1000 + 15_000) / 30_000;
        assert_eq!(timeline.tick(&video, 1400 + rounded_ms), frame * 1001);
    }
    assert_eq!(timeline.tick(&video, 1400 + 10), 300);
    assert_eq!(timeline.tick(&video, 1300), -3003);
}

#[test]
fn every_audio_track_is_in_every_group_with_a_unique_name() {
    let track = |stream, title: Option<&str>| AudioTrack {
        stream,
        codec: "aac".into(),
        channels: 6,
        sample_rate_hz: 48_000,
        language: "eng".into(),
        title: title.map(Into::into),
        default: stream == 2,
    };
    let mut film = film(1280, 720);
    film.audio = vec![track(1, None), track(2, None), track(3, Some("Director"))];
    let plan = Plan::new(&film, &recipe());
    assert_eq!(plan.audio.len(), 6);
    let names: Vec<_> = plan.audio.iter().filter(|a| a.group == "aac-64").map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["eng 1", "eng 2", "Director"]);
    assert!(plan.audio.iter().all(|a| a.default == (a.stream == 2)));
}
