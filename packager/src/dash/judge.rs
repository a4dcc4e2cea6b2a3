//! The ffmpeg program as an independent judge: by the manifest it must find every picture and every sample, from zero on.

use super::manifest;
use crate::{
    cmaf::{
        MediaSegment,
        judge::{judge, package_sound, package_video},
    },
    gate,
    model::{Media, Presentation, Rendition, Track},
};
use marquee_core::{object, source::Ratio};
use std::path::Path;

/// Writes a track's objects under their names.
fn store(directory: &Path, rendition: Rendition, init: &[u8], segments: &[MediaSegment]) -> Track {
    let (folder, id) = (rendition.folder(), rendition.id.clone());
    let write = |path: &str, bytes: &[u8]| {
        let file = directory.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    };
    write(&object::init_path(folder, &id), init);
    assert_eq!(gate::check_init(&rendition, init), []);
    let row = |(number, segment): (u32, &MediaSegment)| {
        write(&object::segment_path(folder, &id, number), &segment.bytes);
        gate::read_segment(&rendition, number, &segment.bytes).unwrap()
    };
    let segments = (1..).zip(segments).map(row).collect();
    Track { rendition, segments }
}

#[test]
fn a_manifest_leads_to_every_picture_and_sample_from_zero_on() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (picture, pictures) = package_video(directory);
    let (sound, sounds) = package_sound(directory);
    let rendition = |id: &str, codec: &str, timescale, edit_ticks, media| Rendition {
        id: id.to_owned(),
        codec: codec.to_owned(),
        timescale,
        edit_ticks,
        max_bitrate_bps: 1_000_000,
        media,
    };
    let size = Media::Video { width: 320, height: 180, frame_rate: Ratio::new(25, 1) };
    let stereo = Media::Audio {
        group: "aac".into(),
        name: "English".into(),
        language: "en".into(),
        default: true,
        channels: 2,
        sample_rate_hz: 48_000,
    };
    let init = picture.init_segment().unwrap();
    let codec = crate::cmaf::read::init(&init).unwrap().codec.to_string();
    let low = store(directory, rendition("180p", &codec, 12_800, picture.edit_ticks, size.clone()), &init, &pictures);
    let twin = store(directory, rendition("180p-2", &codec, 12_800, picture.edit_ticks, size), &init, &pictures);
    let sound = store(directory, rendition("eng", "mp4a.40.2", 48_000, 1024, stereo), &sound.init_segment().unwrap(), &sounds);
    let title = Presentation { tracks: vec![low, twin, sound], ..Presentation::default() };
    let text = manifest(&title, None);
    assert_eq!(gate::check_manifest(&title, None, &text), [], "{text}");
    std::fs::write(directory.join("manifest.mpd"), text).unwrap();

    let times = |stream: &str| -> Vec<f64> {
        let read = judge(
            "ffprobe",
            directory,
            &format!("-select_streams {stream} -show_entries frame=pts_time -of csv=p=0 manifest.mpd"),
        );
        read.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
    };
    for stream in ["v:0", "v:1"] {
        let shown = times(stream);
        let right = shown.iter().zip(0..).all(|(time, frame)| (time - f64::from(frame) / 25.0).abs() < 1e-3);
        assert!(shown.len() == 200 && right, "{stream}: {shown:?}");
    }
    let heard = times("a:0");
    let frames = sounds.iter().map(|segment| segment.duration_ticks / 1024).sum::<u64>() as usize;
    assert!(heard[0].abs() < 0.022 && heard.len() >= frames - 1, "{} of {frames} from {} s", heard.len(), heard[0]);
}
