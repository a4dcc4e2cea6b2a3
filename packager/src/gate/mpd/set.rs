//! Rules about one adaptation set.

use super::{NUMBER_MAX, Report, Title, addresses, name, track};
use crate::gate::protection;
use crate::{
    bitrate::{Bitrate, Piece, sustains},
    dash::{self, CHANNELS, HARD_OF_HEARING, PURPOSE, ROLE, TILE},
    model::{Media, Track},
};
use dash_mpd_core::{AdaptationSet, Representation};
use marquee_core::source::Ratio;

/// Checks a set; the tracks that it offers.
pub(super) fn check<'a>(report: &mut Report, title: &Title<'a>, set: &AdaptationSet) -> Vec<&'a Track> {
    let id = set.id.as_deref().unwrap_or_default();
    let content = set.contentType.as_deref().unwrap_or_default();
    report.must(!set.representations.is_empty(), "23009-1 5.3.3.3", || format!("set {id} offers nothing"));
    if content == "image" {
        tiles(report, title, set);
        return Vec::new();
    }
    let mut tracks = Vec::new();
    for representation in &set.representations {
        let Some(track) = track(title, content, name(representation)) else {
            report
                .must(false, "23009-1 5.3.5.1", || format!("{:?} is not a {content} track of this title", name(representation)));
            continue;
        };
        bandwidth(report, title, track, representation);
        match &track.rendition.media {
            Media::Video { width, height, frame_rate } => picture(report, set, representation, (*width, *height, *frame_rate)),
            Media::Audio { .. } => sound(report, set, track),
            Media::Text { .. } => text(report, set, track, representation),
        }
        if content != "text" {
            addresses::check(report, title, set, representation, track);
            let codecs = representation.codecs.as_ref().or(set.codecs.as_ref());
            report.must(codecs == Some(&track.rendition.codec), "23009-1 5.3.7.2", || {
                format!("{} is {}, said to be {codecs:?}", track.rendition.id, track.rendition.codec)
            });
        }
        tracks.push(track);
    }
    if content != "text" {
        switching(report, id, set, &tracks);
    }
    protection::set(report, title.presentation, set, &tracks);
    tracks
}

/// Players switch between the tracks of a set at every segment.
fn switching(report: &mut Report, id: &str, set: &AdaptationSet, tracks: &[&Track]) {
    report.must(set.segmentAlignment == Some(true), "23009-1 5.3.3.2", || format!("set {id} does not say that it is aligned"));
    report
        .must(set.startWithSAP == Some(1), "IOP4 3.2.4", || format!("set {id} does not say that each segment can be the first"));
    let families = tracks.windows(2).all(|pair| dash::family(&pair[0].rendition.codec) == dash::family(&pair[1].rendition.codec));
    let edits = tracks.windows(2).all(|pair| pair[0].rendition.edit_ticks == pair[1].rendition.edit_ticks);
    report.must(families && edits, "CMAF 7.3.4", || format!("set {id} has tracks that cannot be switched between"));
}

fn picture(report: &mut Report, set: &AdaptationSet, representation: &Representation, (width, height, rate): (u32, u32, Ratio)) {
    let id = name(representation);
    let mime = representation.mimeType.as_deref().or(set.mimeType.as_deref());
    report.must(mime == Some("video/mp4"), "23009-1 5.3.7.2", || format!("{id} is said to be {mime:?}"));
    let size = (representation.width.or(set.width), representation.height.or(set.height));
    report.must(size == (Some(width.into()), Some(height.into())), "IOP4 3.2.4", || {
        format!("{id} is {width} × {height}, said to be {size:?}")
    });
    let said = representation.frameRate.as_deref().or(set.frameRate.as_deref());
    let right = said.and_then(ratio('/')).is_some_and(|(num, den)| num * u64::from(rate.den) == u64::from(rate.num) * den);
    report.must(right, "IOP4 3.2.4", || format!("{id} has {}/{} frames a second, said to be {said:?}", rate.num, rate.den));
    let square = representation.sar.as_deref().or(set.sar.as_deref()) == Some("1:1");
    report.must(square, "IOP4 3.2.4", || format!("{id} does not say that its pixels are square"));
    // Sides are rounded to even numbers.
    let fits = set.par.as_deref().and_then(ratio(':')).is_some_and(|(across, down)| {
        let (width, height) = (u64::from(width), u64::from(height));
        (across * height).abs_diff(down * width) <= 2 * (across + down)
    });
    report.must(fits, "IOP4 3.2.4", || format!("{id} is {width} × {height} in a set of {:?}", set.par));
    let within = set.maxWidth.is_some_and(|most| most >= width.into()) && set.maxHeight.is_some_and(|most| most >= height.into());
    report.must(within, "23009-1 5.3.3.2", || format!("{id} is larger than its set says"));
}

/// `16:9` or `30000/1001`; a whole number where the separator may be left out.
fn ratio(separator: char) -> impl Fn(&str) -> Option<(u64, u64)> {
    move |text| {
        let (a, b) = text.split_once(separator).or((separator == '/').then_some((text, "1")))?;
        let [a, b] = [a.parse::<u32>().ok()?, b.parse::<u32>().ok()?];
        (b > 0).then_some((a.into(), b.into()))
    }
}

fn sound(report: &mut Report, set: &AdaptationSet, track: &Track) {
    let Media::Audio { language, default, channels, sample_rate_hz, .. } = &track.rendition.media else { return };
    let id = &track.rendition.id;
    report.must(set.mimeType.as_deref() == Some("audio/mp4"), "23009-1 5.3.7.2", || {
        format!("{id} is said to be {:?}", set.mimeType)
    });
    spoken(report, set, id, language);
    let rate = set.audioSamplingRate.as_deref().and_then(|rate| rate.parse().ok());
    report.must(rate == Some(*sample_rate_hz), "IOP4 3.2.4", || {
        format!("{id} has {sample_rate_hz} samples a second, said to be {:?}", set.audioSamplingRate)
    });
    let configurations = set.AudioChannelConfiguration.iter().filter(|one| one.schemeIdUri == CHANNELS);
    let said: Vec<_> = configurations.filter_map(|one| one.value.as_deref()?.parse::<u16>().ok()).collect();
    report.must(said.len() == 1 && said.first().copied() == dash::cicp_channels(*channels), "23009-1 5.8.5.4", || {
        format!("{id} has {channels} channels, said to be arranged as {said:?}")
    });
    role(report, set, id, if *default { "main" } else { "alternate" });
}

fn text(report: &mut Report, set: &AdaptationSet, track: &Track, representation: &Representation) {
    let Media::Text { language, forced, hearing_impaired, .. } = &track.rendition.media else { return };
    let id = &track.rendition.id;
    report.must(set.mimeType.as_deref() == Some("text/vtt"), "23009-1 5.3.7.2", || {
        format!("{id} is said to be {:?}", set.mimeType)
    });
    addresses::file(report, track, representation);
    spoken(report, set, id, language);
    role(report, set, id, if *hearing_impaired { "caption" } else { "subtitle" });
    if *forced {
        role(report, set, id, "forced-subtitle");
    }
    let purposes = set.Accessibility.iter().filter(|one| one.schemeIdUri == PURPOSE);
    let told = purposes.filter(|one| one.value.as_deref() == Some(HARD_OF_HEARING)).count() == 1;
    report.must(told == *hearing_impaired, "23009-1 5.8.4.3", || {
        format!("{id} does not say whether it is for the hard of hearing")
    });
}

fn spoken(report: &mut Report, set: &AdaptationSet, id: &str, language: &str) {
    let expected = dash::clean(language).unwrap_or_else(|| "und".to_owned());
    report.must(set.lang.as_deref() == Some(&expected), "IOP4 3.2.4", || {
        format!("{id} is in {expected}, said to be {:?}", set.lang)
    });
}

fn role(report: &mut Report, set: &AdaptationSet, id: &str, expected: &str) {
    let has = set.Role.iter().any(|role| role.schemeIdUri == ROLE && role.value.as_deref() == Some(expected));
    report.must(has, "23009-1 5.8.5.5", || format!("{id} does not have the role {expected}"));
}

/// What is declared is enough to play without a pause, and no tenth more than that or than its own rate.
fn bandwidth(report: &mut Report, title: &Title<'_>, track: &Track, representation: &Representation) {
    let declared = representation.bandwidth.unwrap_or(0);
    let id = &track.rendition.id;
    let mut pieces = Piece::all(track);
    if matches!(track.rendition.media, Media::Text { .. }) {
        // One file, which is no larger than its segments together.
        let size_bytes = pieces.iter().map(|piece| piece.size_bytes).fold(0, u64::saturating_add);
        pieces = vec![Piece { duration_ticks: 0, size_bytes }];
    }
    let enough = |bps| sustains(bps, &pieces, track.rendition.timescale, title.buffer_s);
    let less = declared / 10 * 9;
    let honest = enough(declared) && (!enough(less) || less < Bitrate::of_track(track, title.buffer_s).average_bps);
    let counts = declared > 0 && declared < NUMBER_MAX;
    report.must(honest && counts, "23009-1 5.3.5.2", || format!("{id} declares {declared} b/s, which is not what it needs"));
}

fn tiles(report: &mut Report, title: &Title<'_>, set: &AdaptationSet) {
    let id = set.id.as_deref().unwrap_or_default();
    let (Some(thumbnails), [representation]) = (title.thumbnails, set.representations.as_slice()) else {
        report.must(false, "IOP4 6.2.6", || format!("set {id} offers tiles that are not there"));
        return;
    };
    report
        .must(set.mimeType.as_deref() == Some("image/jpeg"), "IOP4 6.2.6", || format!("tiles are said to be {:?}", set.mimeType));
    let tiles = &thumbnails.tiles;
    let layout = format!("{}x{}", tiles.columns, tiles.rows);
    let essential = set.essential_property.iter().chain(&representation.essential_property);
    let said: Vec<_> = essential.filter(|one| one.schemeIdUri == TILE).filter_map(|one| one.value.as_deref()).collect();
    report.must(said == [layout.as_str()], "IOP4 6.2.6", || format!("sheets have {layout} tiles, said to be {said:?}"));
    let (width, height) = tiles.sheet_size();
    let size = (representation.width, representation.height);
    report.must(size == (Some(width.into()), Some(height.into())), "IOP4 6.2.6", || {
        format!("sheets are {width} × {height}, said to be {size:?}")
    });
    addresses::sheets(report, title, set, tiles);
    let largest = thumbnails.sheets_bytes.iter().copied().max().unwrap_or(0);
    let least = largest.saturating_mul(8) / title.buffer_s.max(1);
    let declared = representation.bandwidth.unwrap_or(0);
    report.must(declared >= least && declared > 0, "23009-1 5.3.5.2", || {
        format!("tiles declare {declared} b/s, and the largest sheet needs {least}")
    });
}
