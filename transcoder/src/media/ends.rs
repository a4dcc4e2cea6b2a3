//! Reads the two ends of a source that lists nothing of what it holds: enough to begin with, if they are so regular that they promise
//! what lies between.

use super::{Stop, index, input::Input, scan::Scan};
use ffmpeg_next::{Packet, ffi};

/// Seconds of the beginning that are read at most: the chunks that are made first end before.
const BEGINNING_SECONDS: f64 = 90.0;
/// Of what may be read of the end, the part that is: one in so many bytes, or more where the container can only be entered earlier.
const END_PARTS: u64 = 8;

/// Scans no more than `ends_bytes` of the beginning and of the end of `input`, which has `size_bytes`; `early` sees the first packets of the
/// picture until it has enough. `None` if there is no way to the end but through everything, or if they do not belong together.
pub(super) fn scan(
    input: &mut Input,
    stream: usize,
    (size_bytes, ends_bytes): (u64, u64),
    mut early: impl FnMut(Option<&Packet>) -> Result<bool, Stop>,
) -> Result<Option<Scan>, Stop> {
    let unit = input.context().stream(stream).map_or(1.0, |stream| f64::from(stream.time_base()));
    let mut scan = Scan::new(input, stream);
    let (mut read_bytes, mut curious) = (0, true);
    while read_bytes < ends_bytes && scan.length() as f64 * unit < BEGINNING_SECONDS {
        let Some(packet) = input.read()? else { return Ok(None) };
        // Some demuxers do not say where packets lie, and some streams are mostly padding.
        let position = u64::try_from(packet.position()).unwrap_or(0);
        read_bytes = (read_bytes + packet.size() as u64).max(position);
        scan.packet(&packet, stream)?;
        if packet.stream() == stream {
            curious = curious && early(Some(&packet))?;
        }
    }
    let beginning = scan.times.len();
    let mut other = None;
    if curious || !go_to_end(input, &mut other, stream, (size_bytes, ends_bytes))? {
        return Ok(None);
    }
    let end = other.as_mut().unwrap_or(input);
    while let Some(packet) = end.read()? {
        // Where the container knew no place there, it went to another.
        if u64::try_from(packet.position()).is_ok_and(|position| position.saturating_add(ends_bytes) < size_bytes) {
            return Ok(None);
        }
        scan.packet(&packet, stream)?;
    }
    if other.is_some_and(|end| end.is_damaged()) {
        return Ok(None);
    }
    scan.beginning = Some(beginning);
    Ok((scan.ascending && scan.keyframes > 1 && scan.times.len() > beginning).then_some(scan))
}

/// Goes to a place within the last `ends_bytes`, in `input` or in what it leaves in `other`; false if there is none.
fn go_to_end(
    input: &mut Input,
    other: &mut Option<Input>,
    stream: usize,
    (size_bytes, ends_bytes): (u64, u64),
) -> Result<bool, Stop> {
    let from = |parts: u64| size_bytes.saturating_sub(ends_bytes / parts);
    let wanted = from(END_PARTS);
    if input.seek_byte(wanted) {
        return Ok(true);
    }
    // Matroska reads its list of places when it is first asked to go to one.
    let _ = input.seek_any(stream, i64::MIN / 2);
    let Some(picture) = input.context().stream(stream) else { return Ok(false) };
    let listed = index::entries(&picture).map(|entry| (u64::try_from(entry.bytes.0).unwrap_or(0), entry.time));
    let near: Vec<(u64, i64)> = listed.filter(|(position, _)| *position >= from(1)).collect();
    if let Some((_, time)) = near.iter().find(|(position, _)| *position >= wanted).or(near.last()) {
        return Ok(input.seek_any(stream, *time).is_ok());
    }
    if input.marks(stream).is_none() {
        return Ok(go_by_time(input, stream, wanted as f64 / size_bytes as f64));
    }
    for parts in [END_PARTS, END_PARTS / 2, END_PARTS / 4, 1] {
        let Some(places) = input.places(stream) else { return Ok(false) };
        if let Some(place) = places.next(from(parts), size_bytes)? {
            if input.is_brief() {
                *other = Some(input.reopened(place.position)?);
                return Ok(true);
            }
            // Behind its last place, some demuxers find nothing.
            if input.list(stream, place) && input.seek_any(stream, place.time).is_ok() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Goes to the time that is as far in the film as `share` says, if the container says how long it is and finds its times by itself.
fn go_by_time(input: &mut Input, stream: usize, share: f64) -> bool {
    let Some(picture) = input.context().stream(stream).filter(|_| matches!(input.context().format().name(), "asf" | "ogg"))
    else {
        return false;
    };
    let whole = input.context().duration() as f64 / f64::from(ffi::AV_TIME_BASE) / f64::from(picture.time_base());
    let duration = if picture.duration() > 0 { picture.duration() as f64 } else { whole };
    let start = picture.start_time().max(0);
    duration > 0.0 && input.seek(stream, start.saturating_add((duration * share) as i64)).is_ok()
}
