//! `pssh` boxes, which tell a licence system which keys are meant (ISO/IEC 23001-7 section 8.1), and what systems put into them.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use marquee_core::{
    Result,
    protection::{Scheme, System},
};
use uuid::{Uuid, uuid};

/// The common form that any system of a browser takes (W3C "cenc" Initialization Data Format).
pub const COMMON: Uuid = uuid!("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b");
/// Clear Key (DASH-IF).
pub const CLEAR_KEY: Uuid = uuid!("e2719d58-a985-b3c9-781a-b030af78d30e");
/// Widevine.
pub const WIDEVINE: Uuid = uuid!("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed");
/// PlayReady.
pub const PLAYREADY: Uuid = uuid!("9a04f079-9840-4286-ab92-e65be0885f95");
/// FairPlay Streaming.
pub const FAIRPLAY: Uuid = uuid!("94ce86fb-07ff-4f43-adb8-93d2fa968ca2");

/// The id of a system.
#[must_use]
pub fn id(system: &System) -> Uuid {
    match system {
        System::ClearKey { .. } => CLEAR_KEY,
        System::Widevine { .. } => WIDEVINE,
        System::PlayReady { .. } => PLAYREADY,
        System::FairPlay { .. } => FAIRPLAY,
    }
}

/// Protocol buffers: a field's number, and that its value is bytes or a number.
const KEY_IDS_FIELD: u8 = 2 << 3 | 2;
const CONTENT_ID_FIELD: u8 = 4 << 3 | 2;
const SCHEME_FIELD: u8 = 9 << 3;
/// `Type` of a PlayReady header in its object.
const RIGHTS_MANAGEMENT_HEADER: u16 = 1;

/// A box of version 0 if there are no key ids, else of version 1.
#[must_use]
pub fn pssh(system: Uuid, key_ids: &[Uuid], data: &[u8]) -> Bytes {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(b"pssh");
    bytes.extend_from_slice(&[u8::from(!key_ids.is_empty()), 0, 0, 0]);
    bytes.extend_from_slice(system.as_bytes());
    if !key_ids.is_empty() {
        bytes.extend_from_slice(&(key_ids.len() as u32).to_be_bytes());
        bytes.extend(key_ids.iter().flat_map(Uuid::as_bytes));
    }
    bytes.extend_from_slice(&(data.len() as u32).to_be_bytes());
    bytes.extend_from_slice(data);
    let size = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size.to_be_bytes());
    bytes.into()
}

/// The common box of some keys.
#[must_use]
pub fn common(key_ids: &[Uuid]) -> Bytes {
    pssh(COMMON, key_ids, &[])
}

/// Widevine's box: `WidevinePsshData` with key ids, an id of the content if it has one, and the scheme.
#[must_use]
pub fn widevine(scheme: Scheme, key_ids: &[Uuid], content_id: &[u8]) -> Bytes {
    let mut data = Vec::new();
    for id in key_ids {
        field(&mut data, KEY_IDS_FIELD, id.as_bytes());
    }
    if !content_id.is_empty() {
        field(&mut data, CONTENT_ID_FIELD, content_id);
    }
    data.push(SCHEME_FIELD);
    let name = scheme.name().bytes().fold(0, |name, byte| name << 8 | u64::from(byte));
    varint(&mut data, name);
    pssh(WIDEVINE, &[], &data)
}

fn field(data: &mut Vec<u8>, field: u8, value: &[u8]) {
    data.push(field);
    varint(data, value.len() as u64);
    data.extend_from_slice(value);
}

/// A number in groups of seven bits, the lowest first.
fn varint(data: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        data.push(value as u8 | 0x80);
        value >>= 7;
    }
    data.push(value as u8);
}

/// PlayReady's object: a header in XML of version 4.3, or 4.2 for AES-CTR, which older clients know (PlayReady Header Specification).
#[must_use]
pub fn playready_object(scheme: Scheme, key_ids: &[Uuid], licence_url: Option<&str>) -> Bytes {
    let (version, algorithm) = match scheme {
        Scheme::Cbcs => ("4.3.0.0", "AESCBC"),
        Scheme::Cenc => ("4.2.0.0", "AESCTR"),
    };
    let kid = |id: &Uuid| format!(r#"<KID ALGID="{algorithm}" VALUE="{}"></KID>"#, BASE64.encode(id.to_bytes_le()));
    let kids: String = key_ids.iter().map(kid).collect();
    let url = licence_url.map_or(String::new(), |url| format!("<LA_URL>{}</LA_URL>", quick_xml::escape::escape(url)));
    let header = format!(
        r#"<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="{version}"><DATA><PROTECTINFO><KIDS>{kids}</KIDS></PROTECTINFO>{url}</DATA></WRMHEADER>"#
    );
    let text: Vec<u8> = header.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Length of the object, one record, its kind and length.
    let mut object = (text.len() as u32 + 10).to_le_bytes().to_vec();
    object.extend_from_slice(&1_u16.to_le_bytes());
    object.extend_from_slice(&RIGHTS_MANAGEMENT_HEADER.to_le_bytes());
    object.extend_from_slice(&(text.len() as u16).to_le_bytes());
    object.extend_from_slice(&text);
    object.into()
}

/// PlayReady's box.
#[must_use]
pub fn playready(scheme: Scheme, key_ids: &[Uuid], licence_url: Option<&str>) -> Bytes {
    pssh(PLAYREADY, &[], &playready_object(scheme, key_ids, licence_url))
}

/// The system and the data of a box that came from somewhere.
///
/// # Errors
/// `malformed_media` if it is no such box, or not one alone.
pub fn parse(bytes: &[u8]) -> Result<(Uuid, &[u8])> {
    let wrong = || crate::malformed("this is no pssh box");
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(wrong)?;
    let (head, rest) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (system, mut rest) = rest.split_first_chunk::<16>().ok_or_else(wrong)?;
    if u32::from_be_bytes(*size) as usize != bytes.len() || !head.starts_with(b"pssh") || head[4] > 1 {
        return Err(wrong());
    }
    if head[4] == 1 {
        let (count, after) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let ids = (u32::from_be_bytes(*count) as usize).checked_mul(16).ok_or_else(wrong)?;
        rest = after.get(ids..).ok_or_else(wrong)?;
    }
    let (size, data) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
    if u32::from_be_bytes(*size) as usize == data.len() { Ok((Uuid::from_bytes(*system), data)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_ID: Uuid = uuid!("00112233-4455-6677-8899-aabbccddeeff");

    #[test]
    fn the_common_box_is_this() {
        let expected = "AAAANHBzc2gBAAAAEHfv7MCyTQKs4zweUuL7SwAAAAEAESIzRFVmd4iZqrvM3e7/AAAAAA==";
        assert_eq!(BASE64.encode(common(&[KEY_ID])), expected, "as another packager writes it");
        assert_eq!(parse(&common(&[KEY_ID, KEY_ID])).unwrap(), (COMMON, &[][..]));
    }

    #[test]
    fn widevine_is_told_key_ids_and_scheme() {
        let bytes = widevine(Scheme::Cbcs, &[KEY_ID], b"id");
        let (system, data) = parse(&bytes).unwrap();
        let expected = [&[0x12, 16][..], KEY_ID.as_bytes(), &[0x22, 2], b"id", &[0x48, 0xf3, 0xc6, 0x89, 0x9b, 0x06]].concat();
        assert_eq!((system, data), (WIDEVINE, &expected[..]));
        assert!(widevine(Scheme::Cenc, &[KEY_ID], &[]).ends_with(&[0x48, 0xe3, 0xdc, 0x95, 0x9b, 0x06]));
    }

    #[test]
    fn playready_reads_ids_in_its_own_order() {
        let bytes = playready(Scheme::Cbcs, &[KEY_ID], Some("https://keys.example/?a=1&b=2"));
        let (system, object) = parse(&bytes).unwrap();
        assert_eq!(system, PLAYREADY);
        assert_eq!(u32::from_le_bytes(object[..4].try_into().unwrap()) as usize, object.len());
        assert_eq!(object[4..8], [1, 0, 1, 0]);
        assert_eq!(u16::from_le_bytes([object[8], object[9]]) as usize, object.len() - 10);
        let units: Vec<_> = object[10..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let header = String::from_utf16(&units).unwrap();
        let id = BASE64.encode([0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
        assert!(header.contains(&format!(r#"<KID ALGID="AESCBC" VALUE="{id}">"#)), "{header}");
        assert!(header.contains("<LA_URL>https://keys.example/?a=1&amp;b=2</LA_URL>") && header.contains(r#"version="4.3.0.0""#));
        let other = playready(Scheme::Cenc, &[KEY_ID], None);
        let text: Vec<u8> = r#"version="4.2.0.0""#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(other.windows(text.len()).any(|window| window == text));
    }

    #[test]
    fn boxes_that_lie_are_refused() {
        for good in [common(&[KEY_ID]), widevine(Scheme::Cenc, &[KEY_ID], b"id")] {
            for length in 0..good.len() {
                assert!(parse(&good[..length]).is_err(), "{length}");
            }
            for place in [3, 4, 8, 31] {
                let mut bad = good.to_vec();
                bad[place] ^= 0xff;
                assert!(parse(&bad).is_err(), "{place}");
            }
        }
    }
}
