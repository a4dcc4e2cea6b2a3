//! Whether a film is interlaced: by what its pictures show, and by what its frames say only where those do not tell.

use super::{
    Note, Ratio,
    pulldown::{Pulldown, Seen},
};
use serde::{Deserialize, Serialize};

/// Pictures that move, at least, or they tell nothing.
const MOVING_MIN: u32 = 8;
/// Share of the moving pictures that is combed from which on a film is interlaced, if only in parts.
const COMBED_MIN: f64 = 0.15;
/// Share of them that may be combed in a film that is said to be interlaced and is not.
const COMBED_BY_CHANCE: f64 = 0.05;
/// Share of all pictures that move, at least, where what the frames say is not believed.
const MOVING_SHARE_MIN: f64 = 0.25;
/// Share of them below which the content team is told that not all of an interlaced film is.
const COMBED_WHOLE: f64 = 0.75;
/// How much more often one order of fields is seen than the other, at least.
const ORDER_MIN: u32 = 3;
/// Frames a second of an interlaced picture at most, or it is its fields that are counted.
const FRAME_RATE_MAX: f64 = 31.0;

/// Which of the two fields of a frame was taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldOrder {
    /// The upper lines.
    Top,
    /// The lower lines.
    Bottom,
}

/// What a picture shows beside its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Two moments.
    Combed(FieldOrder),
    /// One moment.
    Progressive,
    /// Nothing that moves enough to tell.
    Nothing,
}

/// What was seen of a film here and there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Frames, and those that say that they are interlaced.
    frames: u32,
    marked: u32,
    /// Pictures that were compared with their neighbours, by what they show.
    top: u32,
    bottom: u32,
    progressive: u32,
    still: u32,
    /// Combed ones that say that they are, and those of them that say in which order, as it is seen.
    marked_combs: u32,
    right_combs: u32,
    pulldown: Pulldown,
}

/// What a film is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interlacing {
    /// Whether it is interlaced.
    pub interlaced: bool,
    /// The order of its fields where its frames do not say it, or wrongly.
    pub field_order: Option<FieldOrder>,
    /// The order of its fields if they are those of a film of 24 frames a second (3:2 pulldown).
    pub pulldown: Option<FieldOrder>,
    /// What the content team should know of that.
    pub notes: Vec<Note>,
}

/// Whether the frames of an interlaced film are counted, and not its fields: some transport streams have a packet for each.
#[must_use]
pub(crate) fn counts_frames(frame_rate: Ratio) -> bool {
    frame_rate.as_f64() <= FRAME_RATE_MAX
}

impl Fields {
    /// Takes note of what a frame says of itself: the order of its fields, if it has two.
    pub fn says(&mut self, order: Option<FieldOrder>) {
        self.frames += 1;
        self.marked += u32::from(order.is_some());
    }

    /// Takes note of what a picture shows, and of what its frame says.
    pub fn shows(&mut self, shown: Shown, said: Option<FieldOrder>) {
        match shown {
            Shown::Combed(order) => {
                match order {
                    FieldOrder::Top => self.top += 1,
                    FieldOrder::Bottom => self.bottom += 1,
                }
                self.marked_combs += u32::from(said.is_some());
                self.right_combs += u32::from(said == Some(order));
            }
            Shown::Progressive => self.progressive += 1,
            Shown::Nothing => self.still += 1,
        }
    }

    /// Takes note of pictures that follow each other in one place.
    pub fn follow(&mut self, seen: &[Seen]) {
        self.pulldown.place(seen);
    }

    /// What a film of so many frames a second is taken for.
    #[must_use]
    pub fn judge(&self, frame_rate: Ratio) -> Interlacing {
        let marked = self.marked * 2 > self.frames;
        let (most, least) = (self.top.max(self.bottom), self.top.min(self.bottom));
        let moving = most + least + self.progressive;
        let tells = |by: f64| moving >= MOVING_MIN && share(moving, moving + self.still) >= by;
        // Movement may look like combs by chance, but then in either order.
        if tells(0.0) && share(most, moving) >= COMBED_MIN && most >= ORDER_MIN * least {
            return self.combed(self.pulldown.judge(frame_rate));
        }
        if marked && tells(MOVING_SHARE_MIN) && share(most + least, moving) <= COMBED_BY_CHANCE && counts_frames(frame_rate) {
            let message = "the film says that it is interlaced, but its pictures are progressive: they stay as they are";
            let notes = vec![Note::new("interlaced_by_mistake", message)];
            return Interlacing { interlaced: false, field_order: None, pulldown: None, notes };
        }
        Interlacing { interlaced: marked, field_order: None, pulldown: None, notes: Vec::new() }
    }

    /// A film of which so many pictures are combed that it is interlaced.
    fn combed(&self, pulldown: Option<FieldOrder>) -> Interlacing {
        let combs = self.top + self.bottom;
        let (order, first) = if self.top > self.bottom { (FieldOrder::Top, "upper") } else { (FieldOrder::Bottom, "lower") };
        let is_said = self.marked_combs * 2 > combs;
        let is_wrong = self.right_combs * ORDER_MIN < self.marked_combs;
        let mut notes = Vec::new();
        if !is_said {
            let message = format!("the pictures are interlaced, the {first} field first, though the film does not say so");
            notes.push(Note::new("interlaced_unmarked", message));
        } else if is_wrong {
            let message = format!("the {first} field of the pictures comes first, though the film says the other");
            notes.push(Note::new("field_order_wrong", message));
        }
        let combed = share(combs, combs + self.progressive);
        if pulldown.is_some() {
            let message = "the film was made interlaced from 24 frames a second, by 3:2 pulldown";
            notes.push(Note::new("telecined", message));
        } else if combed <= COMBED_WHOLE {
            let message =
                format!("{:.0} % of the moving pictures that were looked at are interlaced, the others not", combed * 100.0);
            notes.push(Note::new("partly_interlaced", message));
        }
        Interlacing { interlaced: true, field_order: (!is_said || is_wrong).then_some(order), pulldown, notes }
    }
}

fn share(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use FieldOrder::{Bottom, Top};

    const PAL: Ratio = Ratio { num: 25, den: 1 };

    /// Of a film whose frames say `said`: so many pictures that are combed, in either order, progressive, and still.
    fn seen(said: Option<FieldOrder>, [top, bottom, progressive, still]: [u32; 4]) -> Fields {
        let mut fields = Fields::default();
        let kinds = [Shown::Combed(Top), Shown::Combed(Bottom), Shown::Progressive, Shown::Nothing];
        for (shown, count) in kinds.into_iter().zip([top, bottom, progressive, still]) {
            for _ in 0..count {
                fields.says(said);
                fields.shows(shown, said);
            }
        }
        fields
    }

    /// What is made of it: whether it is interlaced, the order that frames do not say, and codes of notes.
    fn judged(said: Option<FieldOrder>, counts: [u32; 4]) -> (bool, Option<FieldOrder>, String) {
        let Interlacing { interlaced, field_order, notes, .. } = seen(said, counts).judge(PAL);
        (interlaced, field_order, notes.into_iter().map(|note| note.code).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_pictures_show_goes_before_what_frames_say() {
        let nothing = String::new;
        assert_eq!(judged(Some(Top), [50, 0, 5, 5]), (true, None, nothing()), "as it says");
        assert_eq!(judged(None, [0, 0, 60, 0]), (false, None, nothing()), "as it says");
        assert_eq!(judged(None, [0, 40, 10, 10]), (true, Some(Bottom), "interlaced_unmarked".into()));
        assert_eq!(judged(Some(Bottom), [1, 0, 39, 20]), (false, None, "interlaced_by_mistake".into()));
        assert_eq!(judged(Some(Bottom), [40, 2, 2, 16]), (true, Some(Top), "field_order_wrong".into()));
        assert_eq!(judged(None, [24, 0, 36, 0]), (true, Some(Top), "interlaced_unmarked partly_interlaced".into()), "telecined");
        assert_eq!(judged(Some(Top), [24, 0, 36, 0]), (true, None, "partly_interlaced".into()));
    }

    #[test]
    fn where_pictures_do_not_tell_frames_are_believed() {
        for said in [None, Some(Top)] {
            let as_said = (said.is_some(), None, String::new());
            assert_eq!(judged(said, [0, 0, 0, 1]), as_said, "nothing moves");
            assert_eq!(judged(said, [7, 0, 0, 53]), as_said, "too little moves");
            assert_eq!(judged(said, [30, 20, 10, 0]), as_said, "no order");
            assert_eq!(judged(said, [4, 0, 56, 0]), as_said, "a little of both");
        }
        assert_eq!(judged(Some(Top), [0, 0, 10, 50]), (true, None, String::new()), "too little moves to contradict");
        let fields = seen(Some(Top), [0, 0, 60, 0]);
        assert!(fields.judge(Ratio::new(50, 1)).interlaced, "each field has a packet of its own");
    }

    #[test]
    fn frames_that_say_what_they_are_among_others_that_are_not_are_believed() {
        let mut mixed = seen(None, [0, 0, 40, 0]);
        let interlaced = seen(Some(Top), [20, 0, 0, 0]);
        mixed.frames += interlaced.frames;
        mixed.marked += interlaced.marked;
        (mixed.top, mixed.marked_combs, mixed.right_combs) = (interlaced.top, interlaced.marked_combs, interlaced.right_combs);
        let Interlacing { interlaced, field_order, notes, .. } = mixed.judge(PAL);
        assert_eq!((interlaced, field_order, notes.len()), (true, None, 1));
    }
}
