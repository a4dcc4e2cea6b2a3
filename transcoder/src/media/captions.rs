//! Closed captions that pictures carry (CEA-608, in the user data of ATSC A/53 part 4): two characters a picture and field. They are taken
//! out of the frames of a source and given to the pictures of each rung in their order, each once, whatever becomes of the frames: one
//! that a rung leaves out, or that is shown twice, would lose characters or double them. What frames say that a rung leaves out goes with
//! the picture before them, which is in the same chunk: each group of pictures begins with one that is shown.

use super::Stop;
use ffmpeg_next::{
    ffi,
    frame::{self, side_data::Type},
};
use marquee_core::source::CaptionChannel;
use std::{collections::VecDeque, ops::RangeInclusive};

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
/// First bytes of control codes of a field's first channel, without the bit of parity (ANSI/CTA-608). In the second field other
/// things are sent besides, such as the programme's name.
const CONTROL: RangeInclusive<u8> = 0x10..=0x17;

/// The channels that a frame has something of. The first field counts whatever it says: who sends captions sends them all the time, and
/// a look of some frames meets few words.
pub(super) fn channels(frame: &frame::Video) -> impl Iterator<Item = CaptionChannel> {
    let (mut one, mut two) = (None, None);
    for [head, first, _] in triplets(frame) {
        match head & KIND {
            FIELD_ONE => one = Some(CaptionChannel::Cc1),
            FIELD_TWO if CONTROL.contains(&(first & 0x7f)) => two = Some(CaptionChannel::Cc3),
            _ => {}
        }
    }
    one.into_iter().chain(two)
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

    #[test]
    fn channels_are_what_fields_say() {
        let of = |triplets: &[Triplet]| channels(&frame(triplets)).collect::<Vec<_>>();
        assert_eq!(channels(&frame::Video::empty()).count(), 0);
        assert_eq!(of(&[[VALID | FIELD_ONE, 0x80, 0x80], [VALID | FIELD_TWO, 0x80, 0x80]]), [CaptionChannel::Cc1]);
        assert_eq!(of(&[[VALID | FIELD_TWO, 0x15, 0x2c]]), [CaptionChannel::Cc3]);
        assert_eq!(of(&[[VALID | FIELD_TWO, 0x01, 0x03], [VALID | FIELD_TWO, 0x9d, 0x2c]]), [], "a programme's name, and CC4");
        assert_eq!(of(&[[FIELD_ONE, 0x94, 0x2c], [VALID | 2, 1, 1], [VALID | 3, 1, 1]]), []);
    }
}
