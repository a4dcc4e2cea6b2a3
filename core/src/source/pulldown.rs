//! Whether a film was shot at 24 frames a second and made interlaced by 3:2 pulldown: of each four frames one is shown for three fields
//! instead of two, so that of five frames two are woven of two moments, and two have a field that the frame before had.

use super::{FieldOrder, Ratio, Shown, fields::counts_frames};

/// Frames of a cycle, and those that they were made of.
pub const CYCLE: u32 = 5;
/// See [`CYCLE`].
pub const CYCLE_FILMED: u32 = 4;

/// Places in a cycle: of the frames that are woven of two moments; of the one that is of one moment, as its neighbours are of others; and
/// of those that repeat a field. What is like a field of a neighbour may look combed beside it.
const COMBED: [usize; 2] = [2, 3];
const PROGRESSIVE: usize = 0;
const REPEATS_FIRST: usize = 2;
const REPEATS_SECOND: usize = 4;
/// Frames that follow each other, at least, or they tell nothing of a cycle.
const FRAMES_MIN: usize = 8;
/// The same of those that move.
const MOVING_MIN: usize = 3;
/// Frames among them that must show the cycle, at least: combed ones, ones of one moment, and ones that repeat a field.
const COMBED_MIN: usize = 3;
const WHOLE_MIN: usize = 1;
const REPEATS_MIN: usize = 2;
/// Places in a film where it must be seen.
const PLACES_MIN: u32 = 3;

/// What a picture shows beside its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many moments.
    pub shown: Shown,
    /// The field that is that of the picture before, by the order in which it would come first.
    pub repeats: Option<FieldOrder>,
}

/// What was seen of cycles here and there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pulldown {
    top: u32,
    bottom: u32,
    /// Places that show something else.
    others: u32,
}

impl Pulldown {
    /// Takes note of pictures that follow each other in one place.
    pub(super) fn place(&mut self, seen: &[Seen]) {
        let fits = |order| (0..CYCLE as usize).any(|phase| is_cycle(seen, order, phase));
        let moving = seen.iter().filter(|seen| seen.shown != Shown::Nothing).count();
        if seen.len() < FRAMES_MIN || moving < MOVING_MIN {
            return;
        }
        match (fits(FieldOrder::Top), fits(FieldOrder::Bottom)) {
            (true, false) => self.top += 1,
            (false, true) => self.bottom += 1,
            _ => self.others += 1,
        }
    }

    /// The order of its fields if a film of so many frames a second is taken for one: if nothing else was seen anywhere.
    pub(super) fn judge(self, frame_rate: Ratio) -> Option<FieldOrder> {
        let is_usual = frame_rate.as_f64() > 29.0 && counts_frames(frame_rate) && frame_rate.num.is_multiple_of(CYCLE);
        match (is_usual && self.others == 0, self.top, self.bottom) {
            (true, PLACES_MIN.., 0) => Some(FieldOrder::Top),
            (true, 0, PLACES_MIN..) => Some(FieldOrder::Bottom),
            _ => None,
        }
    }
}

/// Whether pictures are those of cycles of which the first picture is at `phase`.
fn is_cycle(seen: &[Seen], order: FieldOrder, phase: usize) -> bool {
    let (mut combed, mut whole, mut repeats) = (0, 0, 0);
    for (number, seen) in seen.iter().enumerate() {
        let place = (number + phase) % CYCLE as usize;
        match seen.shown {
            Shown::Combed(found) if place != PROGRESSIVE && found == order => combed += usize::from(COMBED.contains(&place)),
            Shown::Progressive if !COMBED.contains(&place) => whole += usize::from(place == PROGRESSIVE),
            Shown::Nothing => continue,
            Shown::Combed(_) | Shown::Progressive => return false,
        }
        match seen.repeats {
            None => {}
            Some(found) if place == REPEATS_FIRST && found == order => repeats += 1,
            Some(found) if place == REPEATS_SECOND && found != order => repeats += 1,
            Some(_) => return false,
        }
    }
    combed >= COMBED_MIN && whole >= WHOLE_MIN && repeats >= REPEATS_MIN
}

/// Frames a second of the film that one of `frame_rate` was made of.
#[must_use]
pub(crate) fn filmed_rate(frame_rate: Ratio) -> Ratio {
    Ratio::new(frame_rate.num / CYCLE * CYCLE_FILMED, frame_rate.den)
}

#[cfg(test)]
mod tests {
    use super::*;
    use FieldOrder::{Bottom, Top};

    const NTSC: Ratio = Ratio { num: 30_000, den: 1001 };

    /// Pictures as letters: combed, progressive or still. In capitals if one repeats a field: `C` and `P` or `D`, which is combed, the
    /// other one.
    fn place(text: &str, order: FieldOrder) -> Vec<Seen> {
        let other = if order == Top { Bottom } else { Top };
        let seen = |letter: char| match letter {
            'c' => Seen { shown: Shown::Combed(order), repeats: None },
            'C' => Seen { shown: Shown::Combed(order), repeats: Some(order) },
            'p' => Seen { shown: Shown::Progressive, repeats: None },
            'P' => Seen { shown: Shown::Progressive, repeats: Some(other) },
            'D' => Seen { shown: Shown::Combed(order), repeats: Some(other) },
            _ => Seen { shown: Shown::Nothing, repeats: None },
        };
        text.chars().map(seen).collect()
    }

    fn judged(places: &[&str], order: FieldOrder) -> Option<FieldOrder> {
        let mut pulldown = Pulldown::default();
        places.iter().for_each(|text| pulldown.place(&place(text, order)));
        pulldown.judge(NTSC)
    }

    #[test]
    fn a_cycle_that_is_seen_everywhere_is_one() {
        for order in [Top, Bottom] {
            assert_eq!(judged(&["ppCcPppCcP", "cPppCcPppC", "PppCcPppCc"], order), Some(order));
            assert_eq!(judged(&["pcCcDpcCcD", "cDpcCcDpcC", "PpcCcPppCc"], order), Some(order), "beside half a neighbour");
            assert_eq!(
                judged(&["ppCcPppCcP", "-p----c---", "pp-cPpp-cPppCcp", "PppCcPppCc"], order),
                Some(order),
                "some are still"
            );
            assert_eq!(judged(&["ppCcPppCcP", "cPppCcPppC"], order), None, "too few places");
            assert_eq!(judged(&["ppCcPppCcP", "cPppCcPppC", "PppCcPppCc", "cccccccccc"], order), None, "partly video");
            assert_eq!(judged(&["ppCcPppCcP", "cPppCcPppC", "PppCcPppCc", "pppppppppp"], order), None, "partly progressive");
            assert_eq!(judged(&["ppCcPpppCcP", "cPppCcPpppC", "PppCcPpppCc"], order), None, "no such cycle");
            assert_eq!(judged(&["ppccpppccp", "ppccpppccp", "ppccpppccp"], order), None, "no field is repeated");
            assert_eq!(judged(&["ppCcP", "cPppC", "PppCc"], order), None, "too short");
        }
    }

    #[test]
    fn only_films_of_thirty_frames_are_taken_for_telecined() {
        let mut pulldown = Pulldown { top: 5, ..Pulldown::default() };
        assert_eq!(pulldown.judge(NTSC), Some(Top));
        assert_eq!((pulldown.judge(Ratio::new(25, 1)), pulldown.judge(Ratio::new(60_000, 1001))), (None, None));
        pulldown.bottom = 1;
        assert_eq!(pulldown.judge(NTSC), None, "either order");
        assert_eq!((filmed_rate(NTSC), filmed_rate(Ratio::new(30, 1))), (Ratio::new(24_000, 1001), Ratio::new(24, 1)));
    }
}
