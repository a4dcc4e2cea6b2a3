//! Whether a container says the same of its packets when it is entered in the middle as when it is read from the beginning: then
//! chunks can be made from there. Some containers are made so that they do; of others it depends on the file, so it is tried.

use super::{Stop, input::Input};
use ffmpeg_next::Packet;

/// Streams that state too few times: what is in between may only seem to be true.
const UNTRUE: [&str; 2] = ["mpeg", "mpegvideo"];
/// Packets that are compared from one place on.
const PACKETS: usize = 24;
/// Places that are tried: the last ones.
const PLACES: usize = 3;
/// Seconds from the beginning to the first place that is kept in mind; the next ones are twice as far, each.
const FIRST_SECONDS: f64 = 4.0;
/// Packets of the picture that may come before the one that was asked for.
const BEFORE_MAX: usize = 1000;

/// What packets said, from some keyframes on.
#[derive(Debug, Default)]
pub(super) struct Entries {
    first: Option<i64>,
    /// Units from the beginning to the next keyframe that is kept in mind.
    distance: i64,
    places: Vec<Vec<Said>>,
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    pts: i64,
    dts: Option<i64>,
    size_bytes: usize,
    is_key: bool,
}

impl Said {
    /// `None` of a packet that does not say when it is shown.
    fn of(packet: &Packet) -> Option<Self> {
        Some(Self { pts: packet.pts()?, dts: packet.dts(), size_bytes: packet.size(), is_key: packet.is_key() })
    }
}

impl Entries {
    /// Of a picture of so many units a second.
    pub(super) fn new(units_a_second: f64) -> Self {
        Self { distance: (units_a_second * FIRST_SECONDS) as i64, ..Self::default() }
    }

    /// Takes the picture's next packet.
    pub(super) fn packet(&mut self, packet: &Packet) {
        let Some(said) = Said::of(packet) else { return };
        let elapsed = said.pts.saturating_sub(*self.first.get_or_insert(said.pts));
        if said.is_key && elapsed >= self.distance.max(1) {
            self.distance = elapsed.saturating_mul(2);
            self.places.push(Vec::with_capacity(PACKETS));
        }
        if let Some(place) = self.places.last_mut().filter(|place| place.len() < PACKETS) {
            place.push(said);
        }
    }

    /// Whether `input`, entered at places of `stream`, says there what it said before.
    pub(super) fn are_true(&self, input: &mut Input, stream: usize) -> Result<bool, Stop> {
        if self.places.is_empty() || UNTRUE.contains(&input.context().format().name()) {
            return Ok(false);
        }
        for place in self.places.iter().rev().take(PLACES) {
            if !says(input, stream, place)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn says(input: &mut Input, stream: usize, place: &[Said]) -> Result<bool, Stop> {
    let Some(first) = place.first() else { return Ok(false) };
    if input.seek(stream, first.pts).is_err() {
        return Ok(false);
    }
    let (mut before, mut expected) = (0, place.iter());
    while let Some(packet) = input.read()? {
        if packet.stream() != stream {
            continue;
        }
        let said = Said::of(&packet);
        let is_begun = expected.len() < place.len();
        if is_begun || said.as_ref() == Some(first) {
            if said.as_ref() != expected.next() {
                return Ok(false);
            }
            if expected.len() == 0 {
                return Ok(true);
            }
        } else {
            before += 1;
            if before == BEFORE_MAX {
                return Ok(false);
            }
        }
    }
    Ok(false)
}
