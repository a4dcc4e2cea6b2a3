//! Reads the two ends of a source that lists nothing of what it holds: enough to begin with, if they are so regular that they promise
//! what lies between.

use super::{Stop, index, input::Input, scan::Scan};
use ffmpeg_next::Packet;

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
    if curious || !go_to_end(input, stream, size_bytes, ends_bytes) {
        return Ok(None);
    }
    while let Some(packet) = input.read()? {
        scan.packet(&packet, stream)?;
    }
    scan.beginning = Some(beginning);
    Ok((scan.ascending && scan.keyframes > 1 && scan.times.len() > beginning).then_some(scan))
}

/// Goes to a place within the last `ends_bytes`; false if the container knows none.
fn go_to_end(input: &mut Input, stream: usize, size_bytes: u64, ends_bytes: u64) -> bool {
    let wanted = size_bytes.saturating_sub(ends_bytes / END_PARTS);
    if input.seek_byte(wanted) {
        return true;
    }
    // Matroska reads its list of places when it is first asked to go to one.
    let _ = input.seek_any(stream, i64::MIN / 2);
    let Some(picture) = input.context().stream(stream) else { return false };
    let places = index::entries(&picture).map(|entry| (u64::try_from(entry.bytes.0).unwrap_or(0), entry.time));
    let near: Vec<(u64, i64)> = places.filter(|(position, _)| position.saturating_add(ends_bytes) >= size_bytes).collect();
    let place = near.iter().find(|(position, _)| *position >= wanted).or(near.last());
    place.is_some_and(|(_, time)| input.seek_any(stream, *time).is_ok())
}
