//! What an init segment is made of: how often each box stands, its fixed fields, and that its brands are true (ISO/IEC 23000-19 sections 7.3.1
//! and 7.5, annex A).

use super::{
    boxes::{Atom, Fault, Fields, Kind, all, children, first, is_ordered, name},
    entry::{Entry, Media},
    report::Report,
};
use crate::codec::Codec;

/// Brands of media profiles, and the sample entries that they are about.
const PROFILES: [(&Kind, &[&Kind]); 15] = [
    (b"cfsd", &[b"avc1", b"avc3"]),
    (b"cfhd", &[b"avc1", b"avc3"]),
    (b"chdf", &[b"avc1", b"avc3"]),
    (b"chhd", &[b"hvc1", b"hev1"]),
    (b"cud8", &[b"hvc1", b"hev1"]),
    (b"chh1", &[b"hvc1", b"hev1"]),
    (b"cud1", &[b"hvc1", b"hev1"]),
    (b"chd1", &[b"hvc1", b"hev1"]),
    (b"clg1", &[b"hvc1", b"hev1"]),
    (b"caac", &[b"mp4a"]),
    (b"caaa", &[b"mp4a"]),
    (b"camc", &[b"mp4a"]),
    (b"cwvt", &[b"wvtt"]),
    (b"im1t", &[b"stpp"]),
    (b"im1i", &[b"stpp"]),
];
/// Largest pictures and highest `level_idc` of the profiles of H.264.
const AVC_LIMITS: [(&Kind, u32, u32, u8); 3] = [(b"cfsd", 864, 576, 31), (b"cfhd", 1920, 1080, 40), (b"chdf", 1920, 1080, 42)];

/// Checks the boxes of a whole init segment whose sample entry was read.
///
/// # Errors
/// What keeps a box from being read.
pub(super) fn check(report: &mut Report, path: &str, top: &[Atom<'_>], entry: &Entry) -> Result<(), Fault> {
    for kind in [b"udta", b"meta", b"mdat"] {
        report.must(all(top, kind).is_empty(), "CMAF 7.5.2", path, || format!("has {} beside its moov", name(kind)));
    }
    let moov = children(first(top, b"moov")?.body)?;
    once(report, path, &moov, &[b"mvhd", b"mvex"]);
    if let Ok(mvex) = first(&moov, b"mvex") {
        let mvex = children(mvex.body)?;
        once(report, path, &mvex, &[b"trex"]);
        if let Ok(mehd) = first(&mvex, b"mehd") {
            let mut fields = Fields(mehd.body);
            let (version, _) = fields.full()?;
            let duration = fields.sized(version)?;
            report.must(duration > 0, "CMAF 7.3.2.1", path, || "mehd says that all of it lasts no time".to_owned());
        }
    }
    let trak = children(first(&moov, b"trak")?.body)?;
    once(report, path, &trak, &[b"tkhd", b"mdia"]);
    let mdia = children(first(&trak, b"mdia")?.body)?;
    once(report, path, &mdia, &[b"mdhd", b"hdlr", b"minf"]);
    let minf = children(first(&mdia, b"minf")?.body)?;
    once(report, path, &minf, &[b"dinf", b"stbl"]);
    once(report, path, &children(first(&minf, b"dinf")?.body)?, &[b"dref"]);
    media_header(report, path, &minf, entry)?;
    let stbl = children(first(&minf, b"stbl")?.body)?;
    once(report, path, &stbl, &[b"stsd", b"stts", b"stsc", b"stco"]);
    let sizes = all(&stbl, b"stsz").len() + all(&stbl, b"stz2").len();
    report.must(sizes == 1, "CMAF 7.3.1", path, || format!("has {sizes} tables of sizes"));
    let version = Fields(first(&stbl, b"stsd")?.body).full()?.0;
    report.must(version == 0, "CMAF 7.5.10", path, || format!("has an stsd of version {version}"));
    Ok(())
}

/// Each of the kinds stands exactly once.
fn once(report: &mut Report, path: &str, atoms: &[Atom<'_>], kinds: &[&Kind]) {
    for kind in kinds {
        let count = all(atoms, kind).len();
        report.must(count == 1, "CMAF 7.3.1", path, || format!("has {} {count} times where it belongs once", name(kind)));
    }
}

/// The header that fits the kind of media comes first, and its fields have their defaults.
fn media_header(report: &mut Report, path: &str, minf: &[Atom<'_>], entry: &Entry) -> Result<(), Fault> {
    let kinds: &[&Kind] = match entry.media {
        Media::Video { .. } => &[b"vmhd"],
        Media::Audio { .. } => &[b"smhd"],
        Media::Text => &[b"sthd", b"nmhd"],
    };
    let found: Vec<_> = kinds.iter().flat_map(|kind| all(minf, kind)).collect();
    let ordered = kinds.iter().all(|kind| is_ordered(minf, &[**kind, *b"dinf", *b"stbl"]));
    report.must(found.len() == 1 && ordered, "CMAF 7.3.1", path, || {
        format!("has not one {}, dinf and stbl in its minf, in this order", name(kinds[0]))
    });
    let Some(header) = found.first() else { return Ok(()) };
    let mut fields = Fields(header.body);
    let version = fields.full()?.0;
    match &header.kind {
        b"vmhd" => {
            let plain = version == 0 && fields.bytes(8)? == [0; 8];
            report.must(plain, "CMAF 7.5.6", path, || "vmhd has a mode or colour of its own".to_owned());
        }
        b"smhd" => {
            let balance = fields.u16()?;
            report.must(balance == 0, "CMAF 7.5.7", path, || format!("smhd has the balance {balance}"));
        }
        _ => {}
    }
    Ok(())
}

/// What the brands of a file claim is what it is.
pub(super) fn brands(report: &mut Report, path: &str, brands: &[Kind], entry: &Entry) {
    for (brand, kinds) in PROFILES.iter().filter(|(brand, _)| brands.contains(brand)) {
        report.must(kinds.contains(&&entry.kind), "CMAF A.1", path, || {
            format!("claims the media profile {}, and is {}", name(brand), entry.codec)
        });
    }
    let Media::Video { width, height, .. } = entry.media else { return };
    let Ok(Codec::Avc { level, .. }) = entry.codec.replacen("avc3", "avc1", 1).parse::<Codec>() else { return };
    for (brand, most_width, most_height, most_level) in AVC_LIMITS.iter().filter(|(brand, ..)| brands.contains(brand)) {
        let fits = width <= *most_width && height <= *most_height && level <= *most_level;
        report.must(fits, "CMAF A.2", path, || {
            format!("claims the media profile {}, and is {width}x{height} of level {level}", name(brand))
        });
    }
}
