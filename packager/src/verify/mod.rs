//! The conformance gate as a judge from outside: a package is read from nothing but its files, and held to the public rules.
//!
//! Independent of the writer: it has readers of its own for playlists, boxes and words, and knows of no layout but that there is a
//! multivariant playlist. Every finding names its rule: `HLS-AUTH` is the Apple HLS Authoring Specification, `8216bis` the draft that
//! follows RFC 8216, `CMAF` ISO/IEC 23000-19, `CENC` ISO/IEC 23001-7, `IMP` the Image Media Playlist specification. Musts that depend
//! on the source, not on the packager, are warnings, and say why.

mod across;
mod boxes;
mod contents;
mod dates;
mod declared;
mod deep;
mod entry;
mod files;
mod fragment;
mod groups;
mod hdr;
mod iframes;
mod init;
mod keys;
mod ladder;
mod levels;
mod loudness;
mod m3u8;
mod master;
mod media;
mod mpd;
mod rates;
mod renditions;
mod report;
mod segment;
mod senc;
mod session;
mod sps;
mod steering;
#[cfg(test)]
mod tests;
mod text;
mod tiles;
mod track;
mod trick;

pub use files::{Delivery, Files, Part, REDIRECTED, decoded};
pub use report::{Finding, Place, Verdict};

use marquee_core::{Error, Result};
use master::Master;
use media::{Kind, Playlist};
use report::Report;
use segment::whole;
use std::collections::BTreeMap;
use track::Track;

/// Files that are read at a time.
const CONCURRENT_MAX: usize = 8;
/// Largest playlist: ten hours of I-frames have a tenth of it.
const PLAYLIST_BYTES_MAX: u64 = 16 << 20;
/// Playlists of one package.
const PLAYLISTS_MAX: usize = 256;

/// Judges the package whose multivariant playlist is `master`; `deep` looks at every sample.
///
/// # Errors
/// What kept the multivariant playlist from being read. Everything else is in the verdict.
pub async fn verify<F: Files>(files: &F, master: &str, deep: bool) -> Result<Verdict> {
    let mut report = Report::default();
    let first = files.read(master, 0..PLAYLIST_BYTES_MAX).await?;
    if first.size_bytes > PLAYLIST_BYTES_MAX {
        return Err(Error::invalid("malformed_media", format!("{master} is too large to be a playlist")));
    }
    if let Some(delivery) = &first.delivery {
        delivered(&mut report, master, delivery);
    }
    report.playlists += 1;
    report.read_bytes += first.bytes.len() as u64;
    let offered = master::read(&mut report, master, &first.bytes);
    session::check(&mut report, files, master, &offered.files).await;
    let mut tracks = Vec::new();
    let mut trick = Vec::new();
    for (path, kind) in named(&mut report, master, &offered) {
        let Some(playlist) = fetch(&mut report, files, &path, kind).await else { continue };
        match kind {
            Kind::Iframes | Kind::Images => trick.push((playlist, kind)),
            _ => tracks.push(track::read(&mut report, files, playlist, kind, deep).await),
        }
    }
    let pictures = tracks.iter().filter(|track| track.kind == Some(Kind::Video));
    let duration_s = pictures.filter_map(Track::span_s).map(|(start_s, end_s)| end_s - start_s).reduce(f64::max);
    let (known, mut costs) = (iframes::Known::of(&tracks), Vec::new());
    for (playlist, kind) in &trick {
        if *kind == Kind::Images {
            let stream = offered.images.iter().find(|stream| stream.path.as_ref() == Some(&playlist.path));
            tiles::playlist(&mut report, files, playlist, stream.and_then(|stream| stream.resolution), duration_s).await;
            continue;
        }
        let pieces = iframes::check(&mut report, files, playlist, (master, &offered.iframes), &known).await;
        costs.extend(rates::of(&pieces, playlist).map(|bitrate| (playlist.path.clone(), bitrate)));
    }
    across::check(&mut report, master, &offered, &tracks);
    keys::check(&mut report, master, &tracks);
    declared::check(&mut report, master, &offered, &tracks);
    rates::check(&mut report, master, &offered, &tracks, &costs);
    trick::check(&mut report, master, (&offered, &tracks), (&trick, &costs));
    let cut = tiles::index(&mut report, files, duration_s).await;
    mpd::check(&mut report, files, (&offered, &tracks, &cut), duration_s).await;
    Ok(report.verdict(deep))
}

/// The media playlists that are named, each once, and as what.
fn named(report: &mut Report, path: &str, master: &Master) -> Vec<(String, Kind)> {
    let streams = |streams: &[master::Stream], kind| -> Vec<(Option<String>, Kind)> {
        let kind = |stream: &master::Stream| if kind == Kind::Video && !stream.is_video() { Kind::Audio } else { kind };
        streams.iter().map(|stream| (stream.path.clone(), kind(stream))).collect()
    };
    let renditions = master.renditions.iter().map(|rendition| {
        let kind = match rendition.kind.as_str() {
            "AUDIO" => Kind::Audio,
            "VIDEO" => Kind::Video,
            _ => Kind::Text,
        };
        (rendition.path.clone(), kind)
    });
    let mut known = BTreeMap::new();
    let mut named = Vec::new();
    let all = streams(&master.streams, Kind::Video).into_iter().chain(renditions);
    let all = all.chain(streams(&master.iframes, Kind::Iframes)).chain(streams(&master.images, Kind::Images));
    for (playlist, kind) in all.filter_map(|(playlist, kind)| Some((playlist?, kind))) {
        match known.insert(playlist.clone(), kind) {
            None => named.push((playlist, kind)),
            Some(before) => {
                report.must(before == kind, "RFC 8216 4.3.4", path, || format!("names {playlist} as {before:?} and as {kind:?}"));
            }
        }
    }
    report.must(named.len() <= PLAYLISTS_MAX, "RFC 8216 10", path, || format!("names {} playlists", named.len()));
    named.truncate(PLAYLISTS_MAX);
    named
}

async fn fetch<F: Files>(report: &mut Report, files: &F, path: &str, kind: Kind) -> Option<Playlist> {
    let bytes = whole(report, files, (path, None), PLAYLIST_BYTES_MAX, "RFC 8216 10").await?;
    report.playlists += 1;
    media::read(report, path, &bytes, kind)
}

/// How a file came over HTTP (HLS-AUTH 10.1 and 10.4, 11 and 12).
fn delivered(report: &mut Report, path: &str, delivery: &Delivery) {
    // A must of Apple's for what is on the air; servers are looked at before that, too.
    report.should(delivery.is_secure, "HLS-AUTH 12.1", path, || "came without TLS".to_owned());
    report.should(delivery.is_issued, "HLS-AUTH 12.4", path, || {
        "has an address that looks the same to everybody, for ever: nothing in it is like a token".to_owned()
    });
    let name = path.split('?').next().unwrap_or(path);
    let (playlist, init) = (name.ends_with(".m3u8"), name.ends_with(".mp4"));
    // A must, too; but it is the server's to keep, and what gzip makes no smaller is rightly sent as it is.
    report.should(!playlist || delivery.gzip, "HLS-AUTH 10.1", path, || {
        "is not compressed by gzip: let the server do it".to_owned()
    });
    let expected: &[&str] = match name.rsplit('.').next() {
        Some("m3u8") => &["application/vnd.apple.mpegurl", "application/x-mpegurl"],
        Some("mpd") => &["application/dash+xml"],
        Some("m4s") => &["video/iso.segment", "video/mp4", "audio/mp4"],
        Some("vtt") => &["text/vtt"],
        Some("jpg") => &["image/jpeg"],
        _ if init => &["video/mp4", "audio/mp4"],
        _ => return,
    };
    let is = delivery.content_type.to_ascii_lowercase();
    report.should(expected.contains(&is.as_str()), "HLS-AUTH 10.4", path, || format!("is delivered as {is:?}"));
}
