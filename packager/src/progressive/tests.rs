//! Files by value, and as the ffmpeg program reads them.

use super::*;
use crate::cmaf::{
    MediaSegment,
    judge::{self, judge},
    read::{self, Head},
};
use marquee_core::{Random, SeededRandom};
use std::path::Path;

/// What the encoder puts before the sound, decoded: 1024 samples of two channels in four bytes.
const PRIMING_BYTES: usize = 1024 * 2 * 4;

/// Eight seconds of picture and sound, and their segments' bytes.
fn film(directory: &Path) -> (Vec<Source>, Vec<Vec<Bytes>>) {
    let (video, pictures) = judge::package_video(directory);
    let (audio, sounds) = judge::package_sound(directory);
    let source = |init: Bytes, segments: &[MediaSegment]| Source {
        init,
        segments: segments.iter().map(|segment| read::segment(&segment.bytes).unwrap()).collect(),
    };
    let sources = vec![source(video.init_segment().unwrap(), &pictures), source(audio.init_segment().unwrap(), &sounds)];
    let bytes = [pictures, sounds].map(|segments| segments.into_iter().map(|segment| segment.bytes).collect());
    (sources, bytes.into())
}

fn bytes(head: &[u8], pieces: &[Piece], stored: &[Vec<Bytes>]) -> Vec<u8> {
    let mut file = head.to_vec();
    for piece in pieces {
        let segment = &stored[piece.source][piece.segment];
        file.extend_from_slice(&segment[piece.range.start as usize..piece.range.end as usize]);
    }
    file
}

#[test]
fn a_file_is_the_film_from_its_first_byte() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (sources, stored) = film(directory);
    let film = Progressive::of(&sources).unwrap();
    let file = bytes(&film.head, &film.pieces, &stored);
    assert_eq!(file.len() as u64, film.size_bytes());
    std::fs::write(directory.join("film.mp4"), &file).unwrap();

    let streams =
        judge("ffprobe", directory, "-show_entries stream=codec_name,start_time,duration,nb_frames -of csv=p=0 film.mp4");
    let expected = "h264,0.000000,8.000000,200\naac,0.000000,8.0";
    assert!(streams.starts_with(expected), "{streams}");
    assert_eq!(judge::pictures(directory, "film.mp4"), judge::pictures(directory, "source.mp4"));
    let (sound, source) = (judge::sound(directory, "film.mp4"), judge::sound(directory, "source.aac"));
    assert!(sound == source[PRIMING_BYTES..], "the sound differs");
    // What a player seeks by: keyframes where they are, and picture and sound of a time near each other.
    let keyframes =
        judge("ffprobe", directory, "-select_streams v -skip_frame nokey -show_entries frame=pts_time -of csv=p=0 film.mp4");
    let keyframes: Vec<f64> = keyframes.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    assert_eq!(keyframes, [0.0, 2.0, 4.0, 6.0]);
    let order: Vec<_> = film.pieces.iter().map(|piece| (piece.source, piece.segment)).collect();
    assert_eq!(order, [(0, 0), (0, 0), (0, 0), (1, 0), (0, 1), (1, 1)]);

    let random = SeededRandom::new(1);
    for _ in 0..500 {
        let place = || u64::from_le_bytes(random_bytes(&random)) % (file.len() as u64 + 1);
        let (a, b) = (place(), place());
        let range = a.min(b)..a.max(b);
        let (head, pieces) = film.slice(range.clone());
        assert_eq!(bytes(&head, &pieces, &stored), file[range.start as usize..range.end as usize], "{range:?}");
    }
}

fn random_bytes(random: &SeededRandom) -> [u8; 8] {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    bytes
}

#[test]
fn heads_of_fragments_say_what_whole_segments_do() {
    let directory = tempfile::tempdir().unwrap();
    let (sources, stored) = film(directory.path());
    for (source, stored) in std::iter::zip(&sources, &stored) {
        for (fragments, segment) in std::iter::zip(&source.segments, stored) {
            let size_bytes = segment.len() as u64;
            // The first one, after the type of the segment.
            assert_eq!(read::head(segment, 0, size_bytes).unwrap(), Head::Fragment(fragments[0].clone()));
            for fragment in fragments {
                let from = &segment[fragment.offset_bytes as usize..];
                let whole = read::head(from, fragment.offset_bytes, size_bytes).unwrap();
                assert_eq!(whole, Head::Fragment(fragment.clone()));
                let Head::Needs(needed) = read::head(&from[..16], fragment.offset_bytes, size_bytes).unwrap() else {
                    panic!("sixteen bytes are enough")
                };
                assert_eq!(read::head(&from[..needed as usize], fragment.offset_bytes, size_bytes).unwrap(), whole);
                let cut = read::head(from, fragment.offset_bytes, fragment.offset_bytes + needed);
                assert!(cut.is_err(), "its samples are not in the segment");
            }
        }
    }
    assert!(read::head(&[], 0, 0).is_err() && read::head(&[0; 64], 0, 64).is_err());
}

#[test]
fn what_is_not_a_track_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (mut sources, _) = film(directory.path());
    let mut backwards = sources.clone();
    backwards[0].segments.reverse();
    assert!(Progressive::of(&backwards).is_err(), "time goes back");
    sources[1].init = Bytes::from_static(b"no init segment");
    assert!(Progressive::of(&sources).is_err());
}
