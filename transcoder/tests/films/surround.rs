//! Every channel of a source comes out in its place.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::presentation::Media;
use std::f64::consts::TAU;

const PICTURE: &str = "-f lavfi -i color=size=64x64:rate=1:duration=6";
/// One tone for each channel of 7.1 in libav's order: front left and right, centre, LFE, back left and right, side left and right.
const TONES_HZ: [f64; 8] = [310.0, 470.0, 730.0, 50.0, 970.0, 1290.0, 1610.0, 1930.0];
/// What a channel may hold of a tone that is not its own, in decibels below it.
const CROSSTALK_DB: f64 = 40.0;

pub(crate) fn trials() -> Vec<Trial> {
    // Which tones are heard in which channel of 5.1.
    let own: [&[usize]; 6] = [&[0], &[1], &[2], &[3], &[4], &[5]];
    // Order of the source's channels, by tone.
    let trial =
        |name: &str, layout: &'static str, codec: &'static str, source: &'static [usize], expected: [&'static [usize]; 6]| {
            Trial::test(format!("surround::{name}"), move || channels(layout, codec, source, &expected))
        };
    let without_lfe: [&[usize]; 6] = [&[0], &[1], &[2], &[], &[4], &[5]];
    vec![
        trial("flac_5_1", "5.1", "flac", &[0, 1, 2, 3, 4, 5], own),
        trial("aac_5_1", "5.1", "aac -b:a 384k", &[0, 1, 2, 3, 4, 5], own),
        trial("ac3_with_side_channels", "5.1(side)", "ac3 -b:a 640k", &[0, 1, 2, 3, 4, 5], own),
        trial("without_lfe", "5.0", "flac", &[0, 1, 2, 4, 5], without_lfe),
        trial("flac_7_1", "7.1", "flac", &[0, 1, 2, 3, 4, 5, 6, 7], [&[0], &[1], &[2], &[3], &[4, 6], &[5, 7]]),
        Trial::test("surround::the_downmix_keeps_dialogue_and_does_not_clip", downmix),
    ]
}

/// Each channel of the 5.1 rendition has the tones that belong there, as loud as each other's, and nothing else; and there is stereo.
fn channels(layout: &str, codec: &str, source: &[usize], expected: &[&[usize]; 6]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mkv");
    let tones: Vec<String> = source.iter().map(|tone| format!("0.2*sin(2*PI*{}*t)", TONES_HZ[*tone])).collect();
    let tones = tones.join("|");
    let sound = format!("-f lavfi -i aevalsrc={tones}:c={layout}:s=48000:d=6");
    judge::make(&clip, &format!("{PICTURE} {sound} -c:v libx264 -preset ultrafast -c:a {codec}"));
    let title = driver::encode_sound(&clip, folder.path(), |_| ()).map_err(|failure| format!("{failure:?}"))?;
    let counts: Vec<u16> = title.tracks.iter().map(|track| channel_count(&track.rendition.media)).collect();
    if counts != [2, 2, 6] {
        return Err(format!("renditions of {counts:?} channels").into());
    }
    let path = title.rendition(&title.tracks[2]);
    let show = ["-v", "error", "-show_entries", "stream=channel_layout", "-of", "csv=p=0"];
    let (described, _) = judge::call("ffprobe", &[&show[..], &[path.to_str().ok_or("a path in UTF-8")?]].concat());
    if described.trim() != "5.1" {
        return Err(format!("the layout is {described:?}").into());
    }
    for (channel, (samples, own)) in judge::samples(&path, 6.0).iter().zip(expected).enumerate() {
        // The middle: neither what encoder nor what limiter do at the ends.
        let levels = TONES_HZ.map(|hz| level_db(&samples[48_000..4 * 48_000], hz));
        let reference = level_db(&judge::samples(&path, 6.0)[0][48_000..4 * 48_000], TONES_HZ[0]);
        for (tone, level) in levels.iter().enumerate() {
            // A side channel is mixed 3 dB below what is there already.
            let wanted = if tone >= 6 { reference - 3.0 } else { reference };
            let right = if own.contains(&tone) { (level - wanted).abs() < 1.0 } else { *level < reference - CROSSTALK_DB };
            if !right {
                return Err(format!("channel {channel} has tones at {levels:.1?} dB, expected {own:?} at {reference:.1}").into());
            }
        }
    }
    Ok(())
}

fn channel_count(media: &Media) -> u16 {
    match media {
        Media::Audio { channels, .. } => *channels,
        Media::Video { .. } | Media::Text { .. } => 0,
    }
}

/// Level of one tone in decibels of full scale.
fn level_db(samples: &[f32], hz: f64) -> f64 {
    let turn = TAU * hz / 48_000.0;
    let project = |wave: fn(f64) -> f64| {
        let products = samples.iter().zip(0_u32..).map(|(sample, index)| f64::from(*sample) * wave(turn * f64::from(index)));
        products.sum::<f64>() * 2.0 / samples.len() as f64
    };
    20.0 * project(f64::cos).hypot(project(f64::sin)).max(1e-9).log10()
}

/// In stereo the centre is in both channels, surround on its side, each 3 dB below the front; all channels at full scale at once
/// stay below it.
fn downmix() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mkv");
    let encode = |tones: String| {
        let sound = format!("-f lavfi -i aevalsrc={tones}:c=5.1:s=48000:d=6");
        judge::make(&clip, &format!("{PICTURE} {sound} -c:v libx264 -preset ultrafast -c:a flac"));
        // Not even where nobody measures loudness.
        let title = driver::encode_sound(&clip, folder.path(), |plan| plan.loudness = None);
        title.map(|title| judge::samples(&title.rendition(&title.tracks[0]), 6.0)).map_err(|failure| format!("{failure:?}"))
    };
    let tones: Vec<String> = TONES_HZ[..6].iter().map(|hz| format!("0.2*sin(2*PI*{hz}*t)")).collect();
    let stereo = encode(tones.join("|"))?;
    for (side, samples) in stereo.iter().enumerate() {
        let levels = TONES_HZ.map(|hz| level_db(&samples[48_000..4 * 48_000], hz));
        let beside = |tone: usize| levels[tone] - levels[side];
        let right = (beside(2) + 3.0).abs() < 0.5 && (beside(4 + side) + 3.0).abs() < 0.5;
        if !right || beside(3) > -CROSSTALK_DB || beside(1 - side) > -CROSSTALK_DB || beside(5 - side) > -CROSSTALK_DB {
            return Err(format!("channel {side} has tones at {levels:.1?} dB").into());
        }
    }
    let full = encode(["sin(2*PI*440*t)"; 6].join("|"))?;
    let peak = full.iter().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if (0.9..1.01).contains(&peak) { Ok(()) } else { Err(format!("full scale became {peak}").into()) }
}
