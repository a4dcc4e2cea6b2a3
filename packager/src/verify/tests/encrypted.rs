//! What tells of encrypted samples, as it would be if these could be encrypted: each has a vector of its own, and of pictures only whole
//! blocks are.

use super::boxes::boxed;

/// A marked segment, told so. Vectors count from `first` on; sound in blocks needs nothing of it.
pub(super) fn told(segment: &[u8], first: u64, (counted, is_sound): (bool, bool)) -> Vec<u8> {
    if is_sound && !counted {
        return segment.to_vec();
    }
    let mut next = first;
    let told = |(kind, whole): (&[u8], &[u8])| match kind {
        b"moof" => moof(whole, &mut next, (counted, is_sound)),
        _ => whole.to_vec(),
    };
    boxes(segment).into_iter().flat_map(told).collect()
}

/// Kinds, and whole boxes.
fn boxes(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (whole, rest) = bytes.split_at(number(bytes, 0));
        found.push((&whole[4..8], whole));
        bytes = rest;
    }
    found
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn moof(whole: &[u8], next: &mut u64, (counted, is_sound): (bool, bool)) -> Vec<u8> {
    let outer = boxes(&whole[8..]);
    let (mfhd, traf) = (outer[0].1, boxes(&outer[1].1[8..]));
    let kept = |is: &dyn Fn(&[u8]) -> bool| -> Vec<u8> {
        traf.iter().filter(|(kind, _)| is(kind)).flat_map(|(_, whole)| whole.to_vec()).collect()
    };
    let (times, mut trun) = (kept(&|kind| [b"tfhd", b"tfdt"].iter().any(|of| kind == *of)), kept(&|kind| kind == b"trun"));
    let known: [&[u8]; 6] = [b"tfhd", b"tfdt", b"trun", b"senc", b"saio", b"saiz"];
    let groups = kept(&|kind| !known.contains(&kind));
    let entries: Vec<_> = (0..number(&trun, 12)).map(|index| entry(&trun, index, next, (counted, is_sound))).collect();
    let count = (entries.len() as u32).to_be_bytes();
    let flags = u32::from(!is_sound) * 2;
    let offset = 8 + mfhd.len() + 8 + times.len() + trun.len() + 16;
    let senc = boxed(b"senc", &[&flags.to_be_bytes()[..], &count, &entries.concat()].concat());
    let saio = boxed(b"saio", &[0, 1, offset as u32].map(u32::to_be_bytes).concat());
    let saiz = boxed(b"saiz", &[&[0; 4][..], &[entries[0].len() as u8], &count].concat());
    let added = [senc, saio, saiz, groups].concat();
    let grown = (8 + mfhd.len() + 8 + times.len() + trun.len() + added.len()).wrapping_sub(whole.len());
    let data = number(&trun, 16).wrapping_add(grown) as u32;
    trun[16..20].copy_from_slice(&data.to_be_bytes());
    boxed(b"moof", &[mfhd.to_vec(), boxed(b"traf", &[times, trun, added].concat())].concat())
}

/// What is said of one sample: its vector, and of pictures how many bytes are in the clear before whole blocks.
fn entry(trun: &[u8], index: usize, next: &mut u64, (counted, is_sound): (bool, bool)) -> Vec<u8> {
    let mut said = Vec::new();
    if counted {
        said.extend_from_slice(&next.to_be_bytes());
        *next += 1;
    }
    if !is_sound {
        // Sizes and offsets of pictures follow the flags of the first.
        let size = number(trun, 24 + index * 8) as u32;
        let protected = (size - 16) / 16 * 16;
        said.extend_from_slice(&[0, 1]);
        said.extend_from_slice(&((size - protected) as u16).to_be_bytes());
        said.extend_from_slice(&protected.to_be_bytes());
    }
    said
}
