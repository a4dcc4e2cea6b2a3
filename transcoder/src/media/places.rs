//! Places in a container that lists none of them, found by looking into its bytes: where a cluster of Matroska, a fragment of MP4 or a
//! keyframe of FLV begins, and when.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that tell whether there is a mark.
const MARK_BYTES: usize = 12;
/// Bytes that are looked at together.
const WINDOW_BYTES: usize = 64 << 10;
/// Bytes in which a mark is looked for: what lies between two is no more, or the film is better read in order.
const SEARCH_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a fragment's description; of longer ones nothing is known.
const FRAGMENT_BYTES_MAX: u64 = 4 << 20;
/// Looks for one place at most.
const LOOKS_MAX: u32 = 24;
/// Bytes and seconds before the wanted time from where on reading is as cheap as looking further.
const NEAR_BYTES: u64 = 1 << 20;
const NEAR_SECONDS: f64 = 4.0;
/// Elements at the beginning of a cluster among which its time is.
const ELEMENTS_MAX: u32 = 5;

/// How places are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// Clusters of Matroska (RFC 9559 section 5.1.3).
    Clusters,
    /// Movie fragments that hold samples of this track (ISO/IEC 14496-12 section 8.8).
    Fragments(u32),
    /// Tags of FLV with keyframes (Adobe Flash Video File Format Specification 10.1 annex E.4).
    Tags,
}

/// A place where reading can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it lies in the file.
    pub(super) position: u64,
    /// When its first packet is decoded, as the container counts.
    pub(super) time: i64,
}

/// The places of one film.
pub(super) struct Places<S> {
    source: S,
    size_bytes: u64,
    marks: Marks,
    /// Seconds per unit of their times.
    unit_seconds: f64,
    /// The first and the last of them, once they were looked for.
    ends: Option<(Place, Place)>,
}

impl<S: Read + Seek> Places<S> {
    pub(super) fn new(source: S, size_bytes: u64, marks: Marks, unit_seconds: f64) -> Self {
        Self { source, size_bytes, marks, unit_seconds, ends: None }
    }

    /// The first place from `from` on that lies before `until`.
    pub(super) fn next(&mut self, from: u64, until: u64) -> io::Result<Option<Place>> {
        let until = until.min(self.size_bytes).min(from.saturating_add(SEARCH_BYTES_MAX));
        let (mut at, mut window) = (from, vec![0; WINDOW_BYTES]);
        while at < until {
            let bytes = self.read(at, &mut window)?;
            let marked = bytes.windows(MARK_BYTES).enumerate().filter(|(_, bytes)| self.marks.begin(bytes));
            let found: Vec<u64> = marked.map(|(offset, _)| at + offset as u64).take_while(|found| *found < until).collect();
            let is_end = bytes.len() < WINDOW_BYTES;
            for position in found {
                if let Some(time) = self.time(position)? {
                    return Ok(Some(Place { position, time }));
                }
            }
            if is_end {
                break;
            }
            at += (WINDOW_BYTES + 1 - MARK_BYTES) as u64;
        }
        Ok(None)
    }

    /// A place at or before `time`, hardly earlier than it has to be; `None` if there is none.
    pub(super) fn before(&mut self, time: i64) -> io::Result<Option<Place>> {
        let Some((mut low, mut high)) = self.ends()? else { return Ok(None) };
        if time < low.time {
            return Ok(None);
        }
        if time >= high.time {
            return Ok(Some(high));
        }
        for _ in 0..LOOKS_MAX {
            let length = high.position.saturating_sub(low.position);
            let elapsed = time.saturating_sub(low.time) as f64;
            if length <= NEAR_BYTES || elapsed * self.unit_seconds <= NEAR_SECONDS {
                break;
            }
            // As if all seconds had as many bytes. A little earlier, since what comes next is found; but far enough to get on.
            let share = elapsed / high.time.saturating_sub(low.time).max(1) as f64;
            let guess = (length as f64 * share.clamp(0.05, 0.95)) as u64;
            let from = low.position + guess.saturating_sub(NEAR_BYTES / 2).max(1);
            match self.next(from, high.position)? {
                Some(place) if place.time <= time => low = place,
                Some(place) => high = place,
                None => high.position = from,
            }
        }
        Ok(Some(low))
    }

    /// The first and the last place.
    fn ends(&mut self) -> io::Result<Option<(Place, Place)>> {
        if self.ends.is_none() {
            let Some(first) = self.next(0, u64::MAX)? else { return Ok(None) };
            let mut last = first;
            let backwards = (0..).map(|doubled| NEAR_BYTES << doubled).take_while(|bytes| *bytes <= SEARCH_BYTES_MAX);
            for bytes in backwards {
                let mut from = self.size_bytes.saturating_sub(bytes).max(first.position + 1);
                while let Some(place) = self.next(from, u64::MAX)? {
                    (last, from) = (place, place.position + 1);
                }
                if last != first {
                    break;
                }
            }
            self.ends = Some((first, last));
        }
        Ok(self.ends)
    }

    /// What lies at `position`, as much of it as there is room and file.
    fn read<'a>(&mut self, position: u64, room: &'a mut [u8]) -> io::Result<&'a [u8]> {
        self.source.seek(SeekFrom::Start(position))?;
        let mut length = 0;
        while length < room.len() {
            match self.source.read(&mut room[length..])? {
                0 => break,
                count => length += count,
            }
        }
        Ok(&room[..length])
    }

    /// The time of what begins at `position`, if it is what its mark says.
    fn time(&mut self, position: u64) -> io::Result<Option<i64>> {
        let mut head = [0; WINDOW_BYTES / 1024];
        match self.marks {
            Marks::Clusters => Ok(cluster_time(self.read(position, &mut head)?)),
            Marks::Fragments(track) => {
                let size = u64::from(self.read(position, &mut head)?.first_chunk().map_or(0, |size| u32::from_be_bytes(*size)));
                if size > FRAGMENT_BYTES_MAX {
                    return Ok(None);
                }
                let mut fragment = vec![0; size as usize];
                Ok(fragment_time(self.read(position, &mut fragment)?, track))
            }
            Marks::Tags => {
                let Some((length, time)) = tag(self.read(position, &mut head)?) else { return Ok(None) };
                let size = self.read(position + u64::from(length), &mut head)?.first_chunk().copied().map(u32::from_be_bytes);
                Ok((size == Some(length)).then_some(time))
            }
        }
    }
}

impl Marks {
    /// Whether `bytes` are the beginning of what may be one.
    fn begin(self, bytes: &[u8]) -> bool {
        match self {
            Self::Clusters => bytes.starts_with(b"\x1f\x43\xb6\x75"),
            Self::Fragments(_) => bytes[4..].starts_with(b"moof"),
            Self::Tags => bytes[0] == 9 && bytes[8..11] == [0; 3] && bytes[11] >> 4 == 1,
        }
    }
}

/// The time of a cluster, which is among its first elements.
fn cluster_time(bytes: &[u8]) -> Option<i64> {
    let (_, mut rest) = number(bytes.get(4..)?)?;
    for _ in 0..ELEMENTS_MAX {
        // All that may come before have short names.
        let (id, after) = rest.split_first()?;
        let (size, content) = number(after)?;
        let content = content.split_at_checked(usize::try_from(size).ok()?);
        match (id, content?) {
            (0xe7, (time, _)) if time.len() <= 8 => {
                return i64::try_from(time.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))).ok();
            }
            (0xbf | 0xec | 0xa7 | 0xab, (_, next)) => rest = next,
            _ => return None,
        }
    }
    None
}

/// A number of variable length (RFC 8794 section 4), and what comes after it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let (digits, rest) = bytes.split_at_checked(length).filter(|_| length <= 8)?;
    let marker = 1_u64 << (7 * length);
    let value = digits.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    Some((value & (marker - 1), rest))
}

/// When the first sample of `track` in a movie fragment is decoded, if that is stated (ISO/IEC 14496-12 section 8.8.12).
fn fragment_time(bytes: &[u8], track: u32) -> Option<i64> {
    let (_, fragment, _) = next_box(bytes)?;
    let mut rest = fragment;
    while let Some((kind, content, after)) = next_box(rest) {
        rest = after;
        if kind == b"traf" && part(content, b"tfhd")?.get(4..8)? == track.to_be_bytes() {
            let time = part(content, b"tfdt")?;
            let _ = part(content, b"trun")?;
            let (version, time) = (time.first()?, time.get(4..)?);
            return match version {
                0 => Some(i64::from(u32::from_be_bytes(*time.first_chunk()?))),
                _ => i64::try_from(u64::from_be_bytes(*time.first_chunk()?)).ok(),
            };
        }
    }
    None
}

/// The content of the first box called `kind` in `bytes`.
fn part<'a>(mut bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let (found, content, rest) = next_box(bytes)?;
        if found == kind {
            return Some(content);
        }
        bytes = rest;
    }
}

/// The kind and the content of the box that `bytes` begin with, and what comes after it.
fn next_box(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let size = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
    let (whole, rest) = bytes.split_at_checked(size)?;
    let (kind, content) = whole.get(4..)?.split_first_chunk()?;
    Some((kind, content, rest))
}

/// Length and time in milliseconds of the tag that `bytes` begin with. The length follows it once more.
fn tag(bytes: &[u8]) -> Option<(u32, i64)> {
    let [_, a, b, c, low @ .., _, _, _, _] = bytes.first_chunk::<12>()?;
    let [d, e, f, high] = low;
    Some((u32::from_be_bytes([0, *a, *b, *c]) + 11, i64::from(i32::from_be_bytes([*high, *d, *e, *f]))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A cluster at `time` in seconds, with `length` bytes in it.
    fn cluster(time: u16, length: usize) -> Vec<u8> {
        let [high, low] = time.to_be_bytes();
        let mut bytes = vec![0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        // A checksum, the time, and a block.
        bytes.extend([0xbf, 0x84, 1, 2, 3, 4, 0xe7, 0x82, high, low, 0xa3]);
        bytes.extend(vec![0x1f; length]);
        bytes
    }

    fn fragment(track: u32, time: u64) -> Vec<u8> {
        let boxed = |kind: &[u8; 4], content: &[u8]| {
            let size = 8 + content.len() as u32;
            [&size.to_be_bytes()[..], kind, content].concat()
        };
        let (tfhd, tfdt) = ([&[0; 4], &track.to_be_bytes()[..]].concat(), [&[1, 0, 0, 0], &time.to_be_bytes()[..]].concat());
        let traf = [boxed(b"tfhd", &tfhd), boxed(b"tfdt", &tfdt), boxed(b"trun", &[0; 8])].concat();
        [boxed(b"moof", &[boxed(b"mfhd", &[0; 8]), boxed(b"traf", &traf)].concat()), boxed(b"mdat", &[7; 3000])].concat()
    }

    fn flv_tag(kind: u8, time_ms: u32, frame: u8, length: usize) -> Vec<u8> {
        let (size, time) = ((length as u32).to_be_bytes(), time_ms.to_be_bytes());
        let mut bytes = vec![kind, size[1], size[2], size[3], time[1], time[2], time[3], time[0], 0, 0, 0];
        bytes.push(frame);
        bytes.extend(vec![9; length - 1]);
        bytes.extend((length as u32 + 11).to_be_bytes());
        bytes
    }

    fn places(file: &[u8], marks: Marks, unit_seconds: f64) -> Places<Cursor<&[u8]>> {
        Places::new(Cursor::new(file), file.len() as u64, marks, unit_seconds)
    }

    #[test]
    fn clusters_are_found_by_their_times() {
        let mut file = b"header \x1f\x43\xb6\x75 not one".to_vec();
        let mut starts = Vec::new();
        for second in 0..300_u16 {
            starts.push(file.len() as u64);
            // The second half is much larger.
            file.extend(cluster(second * 10, if second < 150 { 10_000 } else { 90_000 }));
        }
        let mut places = places(&file, Marks::Clusters, 1.0);
        for wanted in [0, 5, 900, 1495, 1505, 2004, 2989, 5000] {
            let place = places.before(wanted).unwrap().unwrap();
            assert_eq!(starts[place.time as usize / 10], place.position);
            let later = starts.get((wanted as usize / 10).min(299)).unwrap();
            assert!(place.time <= wanted && later - place.position <= NEAR_BYTES, "{place:?} for {wanted}");
        }
        assert_eq!(places.before(-1).unwrap(), None);
        let mut none = Places::new(Cursor::new(vec![0x1f; 1 << 20]), 1 << 20, Marks::Clusters, 1.0);
        assert_eq!(none.before(5).unwrap(), None);
    }

    #[test]
    fn fragments_of_a_track_are_found() {
        let parts = [fragment(1, 0), fragment(2, 5), fragment(1, 1 << 33), b"\0\0\0\x08moof".to_vec()];
        let (second, third) = (parts[0].len() as u64, (parts[0].len() + parts[1].len()) as u64);
        let file = parts.concat();
        let mut places = places(&file, Marks::Fragments(1), 1.0);
        assert_eq!(places.next(0, u64::MAX).unwrap(), Some(Place { position: 0, time: 0 }));
        assert_eq!(places.next(1, u64::MAX).unwrap(), Some(Place { position: third, time: 1 << 33 }));
        assert_eq!(places.next(1, third).unwrap(), None);
        places.marks = Marks::Fragments(2);
        assert_eq!(places.next(1, u64::MAX).unwrap(), Some(Place { position: second, time: 5 }));
    }

    #[test]
    fn tags_with_keyframes_are_found() {
        let parts = [
            flv_tag(8, 0, 0x1f, 100),
            flv_tag(9, 10, 0x27, 100),
            flv_tag(9, 0x0123_4567, 0x17, 300),
            // Its length is not repeated: it was none.
            flv_tag(9, 30, 0x17, 100)[..111].to_vec(),
        ];
        let (file, third) = (parts.concat(), (parts[0].len() + parts[1].len()) as u64);
        let mut places = places(&file, Marks::Tags, 0.001);
        assert_eq!(places.next(0, u64::MAX).unwrap(), Some(Place { position: third, time: 0x0123_4567 }));
        assert_eq!(places.next(third + 1, u64::MAX).unwrap(), None);
    }
}
