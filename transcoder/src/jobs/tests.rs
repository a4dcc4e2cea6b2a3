use super::{
    inspect::Found,
    piece::{Piece, pieces, refuse_damage},
    shelf::Shelf,
};
use crate::{
    child::{Output, Report, Sink},
    recipe,
};
use bytes::Bytes;
use marquee_backends::blobs::FileBlobs;
use marquee_core::{
    blobs::Blobs,
    id::{EncodeId, VideoId},
    job::{Class, Failure, Job},
    object::{Layout, Track},
    plan::{Ladder, Plan},
    source::{Note, Ratio, Source, SubtitleTrack},
    testing,
};
use marquee_packager::model::{Media, Rendition, Segment};
use std::sync::Arc;

/// A film with sound in two languages; the second is the default.
fn source() -> Source {
    let mut source = testing::source();
    source.audio = vec![source.audio[0].clone(); 2];
    (source.audio[1].stream, source.audio[0].default) = (2, false);
    source
}

fn plan() -> Plan {
    Plan::new(&source(), &recipe::load(recipe::STANDARD, None).expect("the standard recipe").with_ladder(Ladder::Fixed))
}

#[test]
fn a_plan_becomes_one_job_per_chunk_and_sound_track_first_things_first() {
    let encode = EncodeId(Default::default());
    let jobs: Vec<Job> = pieces(&plan()).iter().map(|piece| piece.job(encode)).collect();
    let picture = |chunk| Job::Encode { encode, chunk, rungs: vec!["360p".into(), "234p".into()] };
    let sound = |stream| Job::Audio { encode, stream };
    assert_eq!(jobs, [picture(0), sound(2), sound(1), picture(1), picture(2)]);
}

fn subtitles() -> SubtitleTrack {
    SubtitleTrack {
        stream: 3,
        codec: "subrip".into(),
        language: "en".into(),
        title: None,
        forced: false,
        hearing_impaired: false,
    }
}

#[test]
fn low_rungs_lead_over_the_first_chunks_and_later_chunks_are_decoded_once() {
    let mut source = source();
    (source.video.width, source.video.height, source.video.end) = (1920, 1080, source.video.end * 3);
    source.subtitles = vec![subtitles()];
    let plan = Plan::new(&source, &recipe::load(recipe::STANDARD, None).expect("the standard recipe").with_ladder(Ladder::Fixed));
    let pieces = pieces(&plan);
    let told = pieces.iter().map(|piece| match piece {
        Piece::Picture { chunk, rungs } => (Some(*chunk), rungs.join(" "), piece.class(&plan)),
        Piece::Sound { stream } => (None, stream.to_string(), piece.class(&plan)),
        Piece::Text | Piece::File { .. } => (None, "text".into(), piece.class(&plan)),
    });
    let (low, high) = ("540p 360p", "1080p 720p 234p");
    let first = [(Some(0), low), (None, "2"), (None, "1"), (Some(1), low), (Some(2), low)];
    let rest = [(Some(0), high), (Some(1), high), (Some(2), high)];
    let text = [(None, "text")];
    let later = (3..plan.chunks.len() as u32).map(|chunk| (Some(chunk), "1080p 720p 540p 360p 234p"));
    assert!(later.len() > 0);
    let expected = first
        .map(|piece| (piece, Class::Urgent))
        .into_iter()
        .chain(text.into_iter().chain(later).chain(rest).map(|piece| (piece, Class::Normal)));
    let expected = expected.map(|((chunk, rungs), class)| (chunk, rungs.to_owned(), class));
    assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let sum: f64 = pieces.iter().filter(|piece| matches!(piece, Piece::Picture { .. })).map(|piece| piece.weight(&plan)).sum();
    let once = plan.duration_ticks as f64;
    assert!(sum > once && sum < once * 1.1, "decoding the first chunks twice is work too: {}", sum / once);
}

#[test]
fn of_a_film_that_is_not_known_yet_what_a_viewer_waits_for_is_made_and_nothing_of_that_twice() {
    let mut whole = source();
    whole.video.end *= 100;
    whole.subtitles = vec![subtitles()];
    let encode = EncodeId(Default::default());
    for (size, recipe) in [((1920, 1080), recipe::STANDARD), ((1920, 1080), "archive"), ((640, 360), "archive")] {
        (whole.video.width, whole.video.height) = size;
        let seen = Source { seen_until: Some(40_000), ..whole.clone() };
        let recipe = recipe::load(recipe, None).expect("a recipe").with_ladder(Ladder::Fixed);
        let plan = Plan::new(&seen, &recipe);
        let begun = pieces(&plan);
        let told: Vec<_> = begun.iter().map(Piece::chunk).collect();
        assert_eq!(told, [0, 0, 0, 1, 2], "a chunk, sound in two languages, two chunks: {begun:?}");
        assert_eq!(begun[4].segments(&plan), 4..=7);
        let complete = plan.complete(&seen, &whole).expect("what was promised");
        let keys = |pieces: &[Piece]| pieces.iter().map(|piece| piece.job(encode).dedup_key()).collect::<Vec<_>>();
        let (before, after) = (keys(&begun), keys(&pieces(&complete)));
        assert!(before.iter().all(|key| after.contains(key)), "{before:?} {after:?}");
        assert_eq!(after, keys(&pieces(&Plan::new(&whole, &recipe))));
    }
}

#[test]
fn other_codecs_come_last_each_chunk_in_one_codec_and_weigh_more() {
    let recipe = recipe::load("archive", None).expect("a recipe").with_ladder(Ladder::Fixed);
    let plan = Plan::new(&source(), &recipe);
    let pieces = pieces(&plan);
    let told = |piece: &Piece| match piece {
        Piece::Picture { chunk, rungs } => format!("{chunk}: {}", rungs.join(" ")),
        Piece::Sound { stream } => format!("sound {stream}"),
        Piece::Text | Piece::File { .. } => "text".to_owned(),
    };
    let h264 = ["0: 360p 234p", "sound 2", "sound 1", "1: 360p 234p", "2: 360p 234p"];
    let others = ["0: 360p-hevc", "1: 360p-hevc", "2: 360p-hevc", "0: 360p-av1", "1: 360p-av1", "2: 360p-av1"];
    assert_eq!(pieces.iter().map(told).collect::<Vec<_>>(), [&h264[..], &others[..]].concat());
    assert!(pieces[5..].iter().all(|piece| piece.class(&plan) == Class::Normal), "nobody waits for them");
    let weight = |place: usize| pieces[place].weight(&plan);
    assert!(weight(3) * 3.0 < weight(9), "{} {}", weight(3), weight(9));
    let sum: f64 = pieces.iter().filter(|piece| matches!(piece, Piece::Picture { .. })).map(|piece| piece.weight(&plan)).sum();
    assert!(sum < plan.duration_ticks as f64 * 1.1, "{sum} of {}", plan.duration_ticks);
}

#[test]
fn what_a_job_cost_is_shared_out_without_loss() {
    let report = Report { frames: 180, damaged: 2, cpu_ms: 101, notes: vec![Note::new("a", "b")], ..Report::default() };
    let rows = Piece::Picture { chunk: 1, rungs: vec!["360p".into(), "234p".into()] }.finished(&plan(), &report);
    let told: Vec<_> = rows.iter().map(|row| (row.rendition.as_str(), row.chunk, row.frames, row.damaged, row.cpu_ms)).collect();
    assert_eq!(told, [("360p", 1, 180, 2, 51), ("234p", 1, 180, 2, 50)]);
    let rows = Piece::Sound { stream: 2 }.finished(&plan(), &report);
    assert_eq!(rows.iter().map(|row| row.rendition.as_str()).collect::<Vec<_>>(), ["aac-128-1", "aac-64-1"]);
}

#[test]
fn one_frame_in_a_hundred_may_be_damaged_and_no_more() {
    assert!(refuse_damage(&source(), &plan(), 10).is_ok());
    assert!(matches!(refuse_damage(&source(), &plan(), 11), Err(Failure::Fail { code, .. }) if code == "damaged"));
    assert!(refuse_damage(&source(), &Plan { accept_damaged: true, ..plan() }, 1000).is_ok());
}

#[tokio::test]
async fn a_child_is_believed_only_what_can_be_true() {
    let told = async |change: fn(&mut Source)| {
        let (mut found, mut source) = (Found::default(), source());
        change(&mut source);
        found.accept(Output::Source(Box::new(source))).await.expect("taken");
        found.source(1, false)
    };
    assert!(told(|_| ()).await.is_ok());
    let endless = told(|source| {
        (source.video.origin, source.video.end) = (-(1 << 62), 1 << 62);
        source.duration_ms = source.video.duration_ms();
    });
    assert!(matches!(endless.await, Err(Failure::Fail { code, .. }) if code == "limits_exceeded"));
    let timeless = told(|source| source.video.time_base = Ratio { num: 1, den: 0 });
    assert!(matches!(timeless.await, Err(Failure::Fail { code, .. }) if code == "damaged"));
    assert!(matches!(told(|source| source.size_bytes = u64::MAX).await, Err(Failure::Retry(_))));
    let cut_off = |source: &mut Source| source.missing_ms = 35_000;
    assert!(matches!(told(cut_off).await, Err(Failure::Fail { code, .. }) if code == "truncated"));
    let mut found = Found::default();
    found.accept(Output::Source(Box::new(Source { missing_ms: 35_000, ..source() }))).await.expect("taken");
    assert!(found.source(1, true).is_ok(), "what is readable is accepted");
    for (seen_until, is_whole) in [(None, true), (Some(5000), false)] {
        let mut found = Found::default();
        found.accept(Output::Source(Box::new(Source { seen_until, ..source() }))).await.expect("taken");
        assert_eq!(found.whole_source(1, false).is_ok(), is_whole, "{seen_until:?}");
    }
    assert!(matches!(Found::default().source(1, false), Err(Failure::Retry(_))));
}

fn rendition(id: &str, track: Track) -> Rendition {
    let media = match track {
        Track::Video => Media::Video { width: 640, height: 360, frame_rate: Ratio::new(30, 1) },
        Track::Audio => Media::Audio {
            group: "aac-64".into(),
            name: "en".into(),
            language: "en".into(),
            default: true,
            channels: 2,
            sample_rate_hz: 48_000,
        },
        Track::Text => Media::Text { name: "en".into(), language: "en".into(), forced: false, hearing_impaired: false },
    };
    let codec = "avc1.64001f".into();
    Rendition { id: id.into(), codec, timescale: 10_020, edit_ticks: 0, max_bitrate_bps: 100_000, media }
}

/// What a child that was taken over does to the shelf of `piece`: describes rendition `id`, then sends a segment of each number.
/// How many were taken before one was refused, and what is stored then.
async fn overreach(piece: &Piece, track: Track, id: &str, numbers: &[u32]) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Arc::new(FileBlobs::open(folder.path()).await.expect("a store"));
    let layout = Layout::new(VideoId(Default::default()), EncodeId(Default::default()));
    let mut shelf = Shelf::new(blobs.clone(), layout, &plan(), piece, None).expect("a shelf");
    let mut taken = 0;
    if shelf.put_init(track, rendition(id, track), Bytes::from_static(b"init")).await.is_ok() {
        for number in numbers {
            let segment = Segment { number: *number, start_ticks: 0, duration_ticks: 1, size_bytes: 1, iframes: Vec::new() };
            if shelf.put_segment(track, id, segment, Bytes::from_static(b"x"), Vec::new()).await.is_err() {
                break;
            }
            taken += 1;
        }
    }
    shelf.settle().await.expect("stored");
    let stored = blobs.list("", None, 100).await.expect("listed");
    let scope = format!("media/{}/", layout.scope());
    (taken, stored.iter().map(|key| key.as_str().strip_prefix(&scope).expect("inside its encode").to_owned()).collect())
}

#[tokio::test]
async fn a_shelf_has_room_for_its_piece_and_for_nothing_else() {
    let picture = Piece::Picture { chunk: 1, rungs: vec!["360p".into()] };
    let sound = Piece::Sound { stream: 2 };
    assert_eq!((picture.segments(&plan()), sound.segments(&plan())), (2..=3, 1..=8));
    let (video, audio) = (Track::Video, Track::Audio);
    let all = ["v/360p/000002.m4s", "v/360p/000003.m4s", "v/360p/init.mp4"].map(str::to_owned).to_vec();
    assert_eq!(overreach(&picture, video, "360p", &[2, 3]).await, (2, all));
    // Segments of the chunk before, of the one after, of none at all, one twice, one too late.
    for (numbers, taken) in [(&[1][..], 0), (&[4], 0), (&[0], 0), (&[u32::MAX], 0), (&[2, 2], 1), (&[3, 2], 1)] {
        let (count, stored) = overreach(&picture, video, "360p", numbers).await;
        assert_eq!((count, stored.len()), (taken, taken + 1), "{numbers:?}");
    }
    // Other titles, other rungs, other tracks, renditions of the other kind.
    let foreign = ["../../../vid_1/enc_1/v/360p", "../360p", "..", "", "234p", "aac-64-1", "360p/../234p"];
    for (track, id) in foreign.map(|id| (video, id)).into_iter().chain([(audio, "360p"), (audio, "aac-64-1")]) {
        assert_eq!(overreach(&picture, track, id, &[2]).await, (0, Vec::new()), "{track:?} {id}");
    }
    assert_eq!(overreach(&sound, audio, "aac-64-1", &[1, 2, 8]).await.0, 3);
    assert_eq!(overreach(&sound, audio, "aac-64-1", &[9]).await.0, 0);
    for (track, id) in [(audio, "aac-64-0"), (audio, "../v/360p"), (video, "aac-64-1"), (video, "360p")] {
        assert_eq!(overreach(&sound, track, id, &[1]).await, (0, Vec::new()), "{track:?} {id}");
    }
}

#[tokio::test]
async fn a_rendition_is_described_once_and_as_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Arc::new(FileBlobs::open(folder.path()).await.expect("a store"));
    let layout = Layout::new(VideoId(Default::default()), EncodeId(Default::default()));
    let piece = Piece::Picture { chunk: 0, rungs: vec!["360p".into()] };
    let mut shelf = Shelf::new(blobs, layout, &plan(), &piece, None).expect("a shelf");
    let bytes = Bytes::from_static(b"init");
    assert!(shelf.put_init(Track::Video, rendition("360p", Track::Audio), bytes.clone()).await.is_err());
    assert!(shelf.put_init(Track::Video, rendition("360p", Track::Video), bytes.clone()).await.is_ok());
    assert!(shelf.put_init(Track::Video, rendition("360p", Track::Video), bytes).await.is_err());
}
