//! Init segments (CMAF header, ISO/IEC 23000-19 section 7.3.1).

use super::{
    boxes::{Atom, Fault, Fields, Kind, all, children, first, is_ordered, name},
    contents,
    entry::{self, Entry, Media, Protection},
    loudness::{self, Said},
    report::Report,
    sps,
};

/// The matrix that turns nothing (ISO/IEC 14496-12 section 6.2.2).
const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// `scheme_version` of common encryption: 1.0 (ISO/IEC 23001-7 section 4.2).
const SCHEME_VERSION: u32 = 0x1_0000;
/// `track_enabled`, and the volume of sound (ISO/IEC 14496-12 section 8.3.2).
const ENABLED: u32 = 1;
const FULL_VOLUME: u16 = 0x100;
/// Sizes of `mvhd`'s reserved fields.
const MVHD_RESERVED_BYTES: usize = 10;

/// What an init segment says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Init {
    pub(super) brands: Vec<Kind>,
    pub(super) track_id: u32,
    pub(super) timescale: u32,
    /// ISO 639-2/T code of `mdhd`.
    pub(super) language: String,
    /// Media time at which the presentation starts.
    pub(super) edit_ticks: i64,
    pub(super) entry: Entry,
    /// What it says of how loud its sound is.
    pub(super) loudness: Option<Said>,
    /// Duration, size and flags of samples that say nothing of it themselves.
    pub(super) defaults: [u32; 3],
}

/// Reads and checks the bytes of an init segment. `None` if it says too little to go on with.
pub(super) fn read(report: &mut Report, path: &str, bytes: &[u8]) -> Option<Init> {
    let init = header(report, path, bytes);
    report.keep(init, "CMAF 7.3.1", path).filter(|init| init.timescale > 0)
}

fn header(report: &mut Report, path: &str, bytes: &[u8]) -> Result<Init, Fault> {
    let top = children(bytes)?;
    let brands = ftyp(report, path, &top)?;
    report.must(all(&top, b"moov").len() == 1, "CMAF 7.3.1", path, || "has not exactly one moov".to_owned());
    let moov = children(first(&top, b"moov")?.body)?;
    let ordered = is_ordered(&moov, &[*b"mvhd", *b"trak", *b"mvex", *b"pssh"]);
    report.must(ordered, "CMAF 7.3.1", path, || "has mvhd, trak, mvex and pssh in another order".to_owned());
    mvhd(report, path, first(&moov, b"mvhd")?.body)?;
    let tracks = all(&moov, b"trak");
    report.must(tracks.len() == 1, "CMAF 7.3.1", path, || format!("has {} tracks", tracks.len()));
    let trak = children(first(&moov, b"trak")?.body)?;
    let ordered = is_ordered(&trak, &[*b"tkhd", *b"edts", *b"mdia", *b"udta"]);
    report.must(ordered, "CMAF 7.3.1", path, || "has tkhd, edts, mdia and udta in another order".to_owned());
    let mdia = children(first(&trak, b"mdia")?.body)?;
    let ordered = is_ordered(&mdia, &[*b"mdhd", *b"hdlr", *b"elng", *b"minf"]);
    report.must(ordered, "CMAF 7.3.1", path, || "has mdhd, hdlr, elng and minf in another order".to_owned());
    let (timescale, language) = mdhd(report, path, first(&mdia, b"mdhd")?.body)?;
    report.must(timescale > 0, "CMAF 7.5.5", path, || "has no timescale".to_owned());
    let entry = minf(report, path, first(&mdia, b"minf")?.body)?;
    let track_id = tkhd(report, path, first(&trak, b"tkhd")?.body, &entry)?;
    let handler = Fields(first(&mdia, b"hdlr")?.body.get(8..).unwrap_or_default()).kind()?;
    let fits = match entry.media {
        Media::Video { .. } => &handler == b"vide",
        Media::Audio { .. } => &handler == b"soun",
        Media::Text => [b"text", b"subt", b"sbtl"].contains(&&handler),
    };
    report.must(fits, "CMAF 7.3.1", path, || format!("has {} samples and the handler {}", entry.codec, name(&handler)));
    let edit_ticks = match first(&trak, b"edts") {
        Ok(edts) => elst(report, path, &children(edts.body)?)?,
        Err(_) => 0,
    };
    let defaults = trex(report, path, &moov, track_id)?;
    for (rule, fault) in &entry.faults {
        report.fail(rule, path, fault.clone());
    }
    sps::check(report, path, &entry);
    contents::check(report, path, &top, &entry)?;
    contents::brands(report, path, &brands, &entry);
    if let Some(protection) = &entry.protection {
        protected(report, path, protection, &entry);
    }
    let said = first(&trak, b"udta").map_or(Ok(None), |udta| loudness::read(udta.body));
    let loudness = report.keep(said, "14496-12 12.2.7", path).flatten();
    if let Some(said) = &loudness {
        loudness::check(report, path, said);
    }
    Ok(Init { brands, track_id, timescale, language, edit_ticks, entry, loudness, defaults })
}

fn ftyp(report: &mut Report, path: &str, top: &[Atom<'_>]) -> Result<Vec<Kind>, Fault> {
    let stands = top.first().is_some_and(|atom| &atom.kind == b"ftyp");
    report.must(stands, "CMAF 7.3.1", path, || "does not begin with ftyp".to_owned());
    let body = first(top, b"ftyp")?.body;
    let brands: Vec<Kind> = body
        .chunks_exact(4)
        .enumerate()
        .filter(|(place, _)| *place != 1)
        .filter_map(|(_, brand)| brand.try_into().ok())
        .collect();
    let structural = [b"cmfc", b"cmf2"].iter().any(|brand| body.starts_with(*brand));
    report.must(!structural || body.get(4..8) == Some(&[0; 4]), "CMAF 7.2", path, || {
        "has a minor version of a brand of CMAF".to_owned()
    });
    let iso6 = |brand: &Kind| brand.starts_with(b"iso") && (b'6'..=b'9').contains(&brand[3]) || brand.starts_with(b"cmf");
    report.must(brands.iter().any(iso6), "RFC 8216 3.3", path, || "has no brand iso6 or later".to_owned());
    let cmaf = brands.iter().any(|brand| brand == b"cmfc" || brand == b"cmf2");
    report.must(cmaf, "CMAF 7.2", path, || "has no brand cmfc".to_owned());
    Ok(brands)
}

fn mvhd(report: &mut Report, path: &str, body: &[u8]) -> Result<(), Fault> {
    let mut fields = Fields(body);
    let (version, _) = fields.full()?;
    fields.sized(version)?;
    fields.sized(version)?;
    fields.u32()?;
    let duration = fields.sized(version)?;
    let (rate, volume) = (fields.u32()?, fields.u16()?);
    fields.bytes(MVHD_RESERVED_BYTES)?;
    let plain = rate == 0x1_0000 && volume == 0x100 && matrix(&mut fields)? == UNITY;
    report.must(plain, "CMAF 7.5.1", path, || "mvhd has a rate, volume or matrix of its own".to_owned());
    report.must(duration == 0, "RFC 8216 3.3", path, || format!("mvhd says that it lasts {duration} ticks"));
    Ok(())
}

fn matrix(fields: &mut Fields<'_>) -> Result<[u32; 9], Fault> {
    let mut matrix = [0; 9];
    for value in &mut matrix {
        *value = fields.u32()?;
    }
    Ok(matrix)
}

fn tkhd(report: &mut Report, path: &str, body: &[u8], entry: &Entry) -> Result<u32, Fault> {
    let mut fields = Fields(body);
    let (version, flags) = fields.full()?;
    fields.sized(version)?;
    fields.sized(version)?;
    let track_id = fields.u32()?;
    fields.u32()?;
    let duration = fields.sized(version)?;
    fields.bytes(8)?;
    let (layer, group, volume) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.u16()?;
    report.must(flags & ENABLED != 0, "14496-12 8.3.2", path, || "tkhd says that the track is not enabled".to_owned());
    let audible = matches!(entry.media, Media::Audio { .. });
    let plain = (layer, group) == (0, 0) && volume == if audible { FULL_VOLUME } else { 0 };
    report.must(plain, "CMAF 7.5.4", path, || "tkhd has a layer, group or volume of its own".to_owned());
    let matrix = matrix(&mut fields)?;
    let (width, height) = (fields.u32()? >> 16, fields.u32()? >> 16);
    report.must(duration == 0, "RFC 8216 3.3", path, || format!("tkhd says that it lasts {duration} ticks"));
    report.must(matrix == UNITY, "CMAF 7.5.4", path, || "tkhd turns the picture".to_owned());
    let fits = match entry.media {
        Media::Video { .. } => width > 0 && height > 0,
        Media::Audio { .. } => (width, height) == (0, 0),
        Media::Text => true,
    };
    report.must(fits, "CMAF 7.5.4", path, || format!("tkhd says {width}x{height}"));
    Ok(track_id)
}

fn mdhd(report: &mut Report, path: &str, body: &[u8]) -> Result<(u32, String), Fault> {
    let mut fields = Fields(body);
    let (version, _) = fields.full()?;
    fields.sized(version)?;
    fields.sized(version)?;
    let timescale = fields.u32()?;
    let duration = fields.sized(version)?;
    report.should(duration == 0, "CMAF 7.5.5", path, || format!("mdhd says that it lasts {duration} ticks"));
    let packed = fields.u16()?;
    // Three letters of five bits (ISO/IEC 14496-12 section 8.4.2.3).
    let letter = |shift: u32| char::from(0x60 + (packed >> shift & 0x1f) as u8);
    Ok((timescale, [letter(10), letter(5), letter(0)].iter().collect()))
}

/// The sample entry, and that there are no samples beside it.
fn minf(report: &mut Report, path: &str, body: &[u8]) -> Result<Entry, Fault> {
    let minf = children(body)?;
    let dref = children(first(&minf, b"dinf")?.body).and_then(|dinf| first(&dinf, b"dref"))?;
    let urls = children(dref.body.get(8..).unwrap_or_default())?;
    let contained = matches!(urls[..], [Atom { kind: [b'u', b'r', b'l', b' '], body: [0, 0, 0, 1, ..] }]);
    report.must(contained, "CMAF 7.5.9", path, || "refers to data elsewhere".to_owned());
    let stbl = children(first(&minf, b"stbl")?.body)?;
    let order = [*b"stsd", *b"stts", *b"stsc", *b"stsz", *b"stco", *b"sgpd", *b"stss"];
    report.must(is_ordered(&stbl, &order), "CMAF 7.3.1", path, || "has the tables of stbl in another order".to_owned());
    for (kind, count_at) in [(b"stts", 4), (b"stsc", 4), (b"stsz", 8), (b"stco", 4), (b"stss", 4)] {
        for table in all(&stbl, kind) {
            let count = Fields(table.body.get(count_at..).unwrap_or_default()).u32()?;
            report.must(count == 0, "CMAF 7.5.12", path, || format!("{} has {count} entries", name(kind)));
        }
    }
    let stsd = first(&stbl, b"stsd")?;
    let entries = children(stsd.body.get(8..).unwrap_or_default())?;
    report.must(entries.len() == 1, "CMAF 7.5.10", path, || format!("has {} sample entries", entries.len()));
    entry::read(entries.first().ok_or("there is no sample entry")?)
}

/// The one edit that CMAF allows: from its media time on, at normal speed, without an end.
fn elst(report: &mut Report, path: &str, edts: &[Atom<'_>]) -> Result<i64, Fault> {
    let mut fields = Fields(first(edts, b"elst")?.body);
    let (version, _) = fields.full()?;
    let count = fields.u32()?;
    report.must(count <= 1, "CMAF 7.5.13", path, || format!("has {count} edits"));
    let mut start = 0;
    // More are counted above, and tell nothing more.
    for _ in 0..count.min(2) {
        let duration = fields.sized(version)?;
        let time = if version == 0 { i64::from(fields.u32()?.cast_signed()) } else { fields.u64()?.cast_signed() };
        let rate = fields.u32()?;
        report.must(count > 1 || (duration == 0 && rate == 0x1_0000 && time >= 0), "CMAF 7.5.13", path, || {
            format!("has an edit of {duration} ticks from {time} on at the speed {rate:#x}")
        });
        start = if time < 0 { start } else { time };
    }
    Ok(start)
}

fn trex(report: &mut Report, path: &str, moov: &[Atom<'_>], track_id: u32) -> Result<[u32; 3], Fault> {
    let Ok(mvex) = first(moov, b"mvex") else {
        report.fail("CMAF 7.3.1", path, "has no mvex: no fragments can follow".to_owned());
        return Ok([0; 3]);
    };
    for trex in all(&children(mvex.body)?, b"trex") {
        let mut fields = Fields(trex.body);
        fields.full()?;
        if fields.u32()? == track_id {
            fields.u32()?;
            return Ok([fields.u32()?, fields.u32()?, fields.u32()?]);
        }
    }
    report.fail("CMAF 7.3.1", path, format!("has no trex for track {track_id}"));
    Ok([0; 3])
}

/// Common encryption (ISO/IEC 23001-7; HLS-AUTH 13).
pub(super) fn protected(report: &mut Report, path: &str, protection: &Protection, entry: &Entry) {
    let Protection { scheme, scheme_version, is_protected, pattern, iv_bytes, constant_iv_bytes, key_id } = protection;
    report.must(*is_protected, "CMAF 8.2.3.2", path, || "says that it is not protected, in an entry of what is".to_owned());
    let known = [*b"cenc", *b"cbcs"].contains(scheme);
    report.must(known, "CENC 4.2", path, || format!("is encrypted as {}", name(scheme)));
    report.must(*scheme_version == SCHEME_VERSION, "CENC 4.2", path, || format!("has the scheme's version {scheme_version:#x}"));
    report.must(*key_id != [0; 16], "CENC 8.2", path, || "names no key".to_owned());
    let video = matches!(entry.media, Media::Video { .. });
    if scheme == b"cbcs" {
        let expected = if video { vec![(1, 9)] } else { vec![(0, 0), (1, 0)] };
        report.must(expected.contains(pattern), "HLS-AUTH 13.7", path, || format!("encrypts blocks in the pattern {pattern:?}"));
        let constant = *iv_bytes == 0 && [8, 16].contains(constant_iv_bytes);
        report.must(constant, "CENC 10.4", path, || "has no constant IV of 8 or 16 bytes".to_owned());
    } else if scheme == b"cenc" {
        let own = [8, 16].contains(iv_bytes);
        report.must(own && *pattern == (0, 0), "CENC 10.1", path, || {
            format!("has IVs of {iv_bytes} bytes and the pattern {pattern:?}")
        });
    }
}
