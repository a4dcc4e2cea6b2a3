//! Closed captions that pictures carry (CTA-608 and CTA-708, in the user data of ATSC A/53 part 4): two bytes a picture and field of the
//! former, and packets of the latter. They are taken out of the frames of a source and given to the pictures of each rung in their order, each once, whatever becomes of the frames: one
//! that a rung leaves out, or that is shown twice, would lose characters or double them. What frames say that a rung leaves out goes with
//! the picture before them, which is in the same chunk: each group of pictures begins with one that is shown.

use super::Stop;
use ffmpeg_next::{
    ffi,
    frame::{self, side_data::Type},
};
use marquee_core::source::CaptionChannel;
use std::{
    collections::{BTreeSet, VecDeque},
    ops::RangeInclusive,
};

/// A kind, whether it is valid, and two bytes (ANSI/CTA-708).
type Triplet = [u8; 3];

/// Triplets of one picture at most: their count has five bits.
const TRIPLETS_MAX: usize = 31;
/// Triplets that wait for a rung's next picture at most.
const WAITING_MAX: usize = 64 * TRIPLETS_MAX;
/// In the first byte: the kind's two bits, and whether what follows is valid.
const KIND: u8 = 0b011;
const VALID: u8 = 0b100;
const FIELD_ONE: u8 = 0;
const FIELD_TWO: u8 = 1;
const PACKET_GOES_ON: u8 = 2;
const PACKET_BEGINS: u8 = 3;
/// Without the bit of parity, first bytes of control codes of a field's first channel, and of its second one (ANSI/CTA-608). In the
/// second field other things are sent besides, such as the programme's name.
const CONTROL: RangeInclusive<u8> = 0x10..=0x17;
const CONTROL_OF_SECOND: RangeInclusive<u8> = 0x18..=0x1f;
/// Bytes of the largest packet, which says that it has none (ANSI/CTA-708 section 5).
const PACKET_BYTES_MAX: usize = 128;
/// The number of services whose own number is in the next byte (ANSI/CTA-708 section 6.2.2).
const EXTENDED: u8 = 7;

/// Which channels and services frames say something in, heard one after the other.
#[derive(Default)]
pub(super) struct Heard {
    channels: BTreeSet<CaptionChannel>,
    /// What came so far of a packet.
    packet: Vec<u8>,
}

impl Heard {
    /// Hears what `frame` says. The first field counts whatever it says: who sends captions sends them all the time, and a look of some
    /// frames meets few words.
    pub(super) fn hear(&mut self, frame: &frame::Video) {
        for [head, first, second] in triplets(frame) {
            let code = first & 0x7f;
            match head & KIND {
                FIELD_ONE => {
                    self.channels.insert(CaptionChannel::Cc1);
                    self.channels.extend(CONTROL_OF_SECOND.contains(&code).then_some(CaptionChannel::Cc2));
                }
                FIELD_TWO => {
                    self.channels.extend(CONTROL.contains(&code).then_some(CaptionChannel::Cc3));
                    self.channels.extend(CONTROL_OF_SECOND.contains(&code).then_some(CaptionChannel::Cc4));
                }
                PACKET_BEGINS => {
                    self.packet.clear();
                    self.take([first, second]);
                }
                PACKET_GOES_ON if !self.packet.is_empty() => self.take([first, second]),
                _ => {}
            }
        }
    }

    /// What comes next is from another place.
    pub(super) fn cut(&mut self) {
        self.packet.clear();
    }

    pub(super) fn channels(self) -> Vec<CaptionChannel> {
        self.channels.into_iter().collect()
    }

    /// Takes two more bytes of a packet, and looks into it once it is whole.
    fn take(&mut self, bytes: [u8; 2]) {
        self.packet.extend(bytes);
        let size = match usize::from(self.packet[0] & 0x3f) {
            0 => PACKET_BYTES_MAX,
            pairs => pairs * 2,
        };
        if self.packet.len() >= size {
            self.channels.extend(services(&self.packet[1..size]));
            self.packet.clear();
        }
    }
}

/// The services that have a block in a packet (ANSI/CTA-708 section 6.2).
fn services(packet: &[u8]) -> Vec<CaptionChannel> {
    let (mut services, mut rest) = (Vec::new(), packet);
    while let Some((head, after)) = rest.split_first() {
        let (mut number, size) = (head >> 5, usize::from(head & 0x1f));
        rest = after;
        if number == EXTENDED && size > 0 {
            let Some((extended, after)) = rest.split_first() else { break };
            (number, rest) = (extended & 0x3f, after);
        }
        // The block of no service fills what is left.
        if number == 0 || rest.len() < size {
            break;
        }
        services.extend((size > 0).then_some(CaptionChannel::Service(number)));
        rest = &rest[size..];
    }
    services
}

/// What a frame says; what is not valid only fills its message.
fn triplets(frame: &frame::Video) -> Vec<Triplet> {
    let all = frame.side_data(Type::A53CC).map_or(Vec::new(), |aside| aside.data().as_chunks().0.to_vec());
    all.into_iter().filter(|[head, ..]: &Triplet| head & VALID != 0).collect()
}

/// What is on its way from frames to the pictures of each rung.
pub(super) struct Captions {
    waiting: Vec<VecDeque<(u64, Triplet)>>,
}

impl Captions {
    pub(super) fn new(rungs: usize) -> Self {
        Self { waiting: vec![VecDeque::new(); rungs] }
    }

    /// Keeps what `frame` says, which is shown at `tick`.
    pub(super) fn keep(&mut self, frame: &frame::Video, tick: u64) {
        for triplet in triplets(frame) {
            for waiting in &mut self.waiting {
                waiting.push_back((tick, triplet));
                if waiting.len() > WAITING_MAX {
                    waiting.pop_front();
                }
            }
        }
    }

    /// Gives what is said before `until` to a picture of a rung.
    pub(super) fn give(&mut self, rung: usize, until: u64, picture: &mut frame::Video) -> Result<(), Stop> {
        let Some(waiting) = self.waiting.get_mut(rung) else { return Ok(()) };
        let due = waiting.iter().take(TRIPLETS_MAX).take_while(|(shown, _)| *shown < until).count();
        let bytes: Vec<u8> = waiting.drain(..due).flat_map(|(_, triplet)| triplet).collect();
        if bytes.is_empty() { Ok(()) } else { put(picture, &bytes) }
    }
}

/// Takes them off a frame.
pub(super) fn strip(frame: &mut frame::Video) {
    frame.remove_side_data(Type::A53CC);
}

fn put(picture: &mut frame::Video, bytes: &[u8]) -> Result<(), Stop> {
    strip(picture);
    // SAFETY: the frame is ours; what libavutil gives has as many bytes as were asked for.
    #[expect(unsafe_code, reason = "ffmpeg-next lets nobody write what lies beside a frame")]
    unsafe {
        let kind = ffi::AVFrameSideDataType::AV_FRAME_DATA_A53_CC;
        let aside = ffi::av_frame_new_side_data(picture.as_mut_ptr(), kind, bytes.len());
        if aside.is_null() {
            return Err(Stop::Fault("out of memory".into()));
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), (*aside).data, bytes.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(triplets: &[Triplet]) -> frame::Video {
        let mut frame = frame::Video::empty();
        put(&mut frame, triplets.as_flattened()).unwrap();
        frame
    }

    fn said(captions: &mut Captions, rung: usize, until: u64) -> Vec<Triplet> {
        let mut picture = frame::Video::empty();
        captions.give(rung, until, &mut picture).unwrap();
        triplets(&picture)
    }

    #[test]
    fn every_rung_says_everything_once() {
        let mut captions = Captions::new(2);
        let say = |number| [VALID, number, number];
        for tick in 0..4 {
            captions.keep(&frame(&[say(tick as u8), [0, 0, 0]]), tick);
        }
        assert_eq!(said(&mut captions, 0, 1), [say(0)]);
        assert!(said(&mut captions, 0, 1).is_empty(), "a frame that is shown again says nothing new");
        assert_eq!(said(&mut captions, 0, 2), [say(1)]);
        assert_eq!(said(&mut captions, 1, 2), [say(0), say(1)], "what the frame after it would have said");
        assert_eq!(said(&mut captions, 1, u64::MAX), [say(2), say(3)]);
    }

    #[test]
    fn what_one_picture_cannot_say_the_next_one_does() {
        let mut captions = Captions::new(1);
        captions.keep(&frame(&[[VALID, 1, 1]; 40]), 0);
        assert_eq!((said(&mut captions, 0, 1).len(), said(&mut captions, 0, 2).len()), (31, 9));
        for _ in 0..1000 {
            captions.keep(&frame(&[[VALID, 1, 1]; 31]), 2);
        }
        assert!(captions.waiting[0].len() <= WAITING_MAX);
    }

    fn heard(frames: &[&[Triplet]]) -> Vec<CaptionChannel> {
        let mut heard = Heard::default();
        heard.hear(&frame::Video::empty());
        frames.iter().for_each(|triplets| heard.hear(&frame(triplets)));
        heard.channels()
    }

    #[test]
    fn channels_are_what_fields_say() {
        let of = |triplets: &[Triplet]| heard(&[triplets]);
        assert_eq!(of(&[[0, 0, 0]]), []);
        assert_eq!(of(&[[VALID | FIELD_ONE, 0x80, 0x80], [VALID | FIELD_TWO, 0x80, 0x80]]), [CaptionChannel::Cc1]);
        assert_eq!(of(&[[VALID | FIELD_ONE, 0x1c, 0x2c]]), [CaptionChannel::Cc1, CaptionChannel::Cc2]);
        assert_eq!(of(&[[VALID | FIELD_TWO, 0x15, 0x2c]]), [CaptionChannel::Cc3]);
        assert_eq!(of(&[[VALID | FIELD_TWO, 0x01, 0x03], [VALID | FIELD_TWO, 0x9d, 0x2c]]), [CaptionChannel::Cc4]);
        assert_eq!(of(&[[VALID | FIELD_TWO, 0x01, 0x03]]), [], "a programme's name");
        assert_eq!(of(&[[FIELD_ONE, 0x94, 0x2c], [VALID | 2, 1, 1]]), []);
    }

    #[test]
    fn services_are_those_that_packets_have_blocks_of() {
        let (begins, goes_on) = (VALID | PACKET_BEGINS, VALID | PACKET_GOES_ON);
        // Eight bytes: two of service 1, one of service 2, none of service 3, and nothing more.
        let (head, rest) = ([begins, 0x04, 0x22], [[goes_on, b'a', b'b'], [goes_on, 0x41, b'c'], [goes_on, 0x60, 0]]);
        let both = [CaptionChannel::Service(1), CaptionChannel::Service(2)];
        assert_eq!(heard(&[&[head], &rest]), both, "over two frames");
        assert_eq!(heard(&[&[head], &rest[..2]]), [], "its end is not there");
        assert_eq!(heard(&[&rest]), [], "its beginning is not there");
        assert_eq!(heard(&[&[head], &[head, rest[0], rest[1], rest[2]]]), both, "the next one comes early");
        let mut cut = Heard::default();
        cut.hear(&frame(&[head]));
        cut.cut();
        cut.hear(&frame(&rest));
        assert_eq!(cut.channels(), []);
        assert_eq!(services(&[0xe1, 63, b'a', 0xe1, 9]), [CaptionChannel::Service(63)], "numbers above six");
        assert_eq!(services(&[0x00, 0x21, b'a']), [], "nothing follows the block of no service");
        assert_eq!(services(&[0x25, b'a']), [], "a block longer than its packet");
        assert_eq!(services(&[0xe1]), []);
        let random: Vec<Triplet> = (0..=u8::MAX).map(|byte| [begins ^ (byte % 2), byte, byte.wrapping_mul(31)]).collect();
        assert!(heard(&[&random]).iter().all(|one| matches!(one, CaptionChannel::Service(1..=63))));
    }
}
