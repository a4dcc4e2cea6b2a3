//! Headers of frames (AV1 specification, section 5.9): where they end, and what the tiles after them are. What a header says depends on
//! the frames before it.

use super::{
    quantizers::{Quantizers, Segments},
    tiles::{Tiling, signed},
    tools,
};
use crate::{bits::Bits, cmaf::av1::Sequence, malformed};
use marquee_core::Result;

/// `frame_type`.
const KEY: u32 = 0;
const INTRA_ONLY: u32 = 2;
const SWITCH: u32 = 3;
/// Frames that are kept for others, and frames that one refers to.
const KEPT: usize = 8;
pub(super) const REFERENCES: usize = 7;
/// `primary_ref_frame` of a frame that begins anew.
const NO_PRIMARY: u32 = 7;
/// Widths are scaled by eighths: 8 over 9 at least (section 5.9.8).
const SCALE: u32 = 8;
const SCALE_MIN: u32 = 9;

/// What is kept of a frame.
#[derive(Clone, Debug, Default)]
struct Kept {
    kind: u32,
    order: u32,
    /// Width, before it is scaled down, and height.
    size: [u32; 2],
    segments: Segments,
}

/// The frames before, as far as headers depend on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Frames([Kept; KEPT]);

/// What comes first in a header.
pub(super) struct Frame {
    pub(super) kind: u32,
    pub(super) is_shown: bool,
    is_showable: bool,
    pub(super) is_resilient: bool,
    is_screen_content: bool,
    pub(super) order: u32,
    primary: u32,
    refresh: u32,
    has_size: bool,
    /// Whether what its tiles learn of their symbols may be kept.
    keeps_statistics: bool,
    /// Places of the frames that it refers to, among those that are kept.
    references: [usize; REFERENCES],
    /// Width, before it is scaled down, and height.
    size: [u32; 2],
    /// The width that is coded.
    coded_width: u32,
    pub(super) has_block_copy: bool,
    pub(super) has_precise_motion: bool,
}

impl Frame {
    pub(super) fn is_intra(&self) -> bool {
        matches!(self.kind, KEY | INTRA_ONLY)
    }

    /// Whether a picture is made of it, now or later.
    pub(super) fn can_be_shown(&self) -> bool {
        self.is_shown || self.is_showable
    }

    /// Whether it is an ordinary one that refers to others.
    pub(super) fn is_inter(&self) -> bool {
        !self.is_intra() && self.kind != SWITCH
    }
}

impl Frames {
    /// Reads a header up to its end; `None` if it only shows a frame that was there.
    pub(super) fn header(&mut self, sequence: &Sequence, bits: &mut Bits<'_>) -> Result<Option<Tiling>> {
        if bits.flag()? {
            let shown = &self.0[bits.take(3)? as usize];
            if shown.kind == KEY {
                self.0 = std::array::from_fn(|_| shown.clone());
            }
            return Ok(None);
        }
        let mut frame = self.start(sequence, bits)?;
        if frame.is_intra() {
            Self::size(sequence, bits, &mut frame)?;
            frame.has_block_copy = frame.is_screen_content && frame.size[0] == frame.coded_width && bits.flag()?;
        } else {
            self.references(sequence, bits, &mut frame)?;
        }
        let (tiling, segments) = self.rest(sequence, bits, &frame)?;
        for place in (0..KEPT).filter(|place| frame.refresh >> place & 1 == 1) {
            self.0[place] = Kept { kind: frame.kind, order: frame.order, size: frame.size, segments: segments.clone() };
        }
        Ok(Some(tiling))
    }

    /// From the kind of the frame to which ones it takes the place of.
    fn start(&mut self, sequence: &Sequence, bits: &mut Bits<'_>) -> Result<Frame> {
        let tools = &sequence.tools;
        let (kind, is_shown) = (bits.take(2)?, bits.flag()?);
        let is_showable = if is_shown { kind != KEY } else { bits.flag()? };
        let begins_anew = kind == SWITCH || kind == KEY && is_shown;
        let is_resilient = begins_anew || bits.flag()?;
        let keeps_statistics = !bits.flag()?;
        let is_intra = matches!(kind, KEY | INTRA_ONLY);
        let is_screen_content = tools.is_screen_content.map_or_else(|| bits.flag(), Ok)?;
        let mut is_integer = is_screen_content && tools.has_integer_motion.map_or_else(|| bits.flag(), Ok)?;
        is_integer |= is_intra;
        let has_size = kind == SWITCH || bits.flag()?;
        let order = bits.take(tools.order_bits)?;
        let primary = if is_intra || is_resilient { NO_PRIMARY } else { bits.take(3)? };
        let refresh = if begins_anew { (1 << KEPT) - 1 } else { bits.take(KEPT as u32)? };
        if (!is_intra || refresh != (1 << KEPT) - 1) && is_resilient && tools.order_bits > 0 {
            for kept in &mut self.0 {
                kept.order = bits.take(tools.order_bits)?;
            }
        }
        Ok(Frame {
            kind,
            is_shown,
            is_showable,
            is_resilient,
            is_screen_content,
            order,
            primary,
            refresh,
            has_size,
            keeps_statistics,
            references: [0; REFERENCES],
            size: [0; 2],
            coded_width: 0,
            has_block_copy: false,
            has_precise_motion: !is_integer,
        })
    }

    /// Sizes, of what is coded and of what is shown.
    fn size(sequence: &Sequence, bits: &mut Bits<'_>, frame: &mut Frame) -> Result<()> {
        frame.size = sequence.size;
        if frame.has_size {
            frame.size = [bits.take(sequence.size_bits[0])? + 1, bits.take(sequence.size_bits[1])? + 1];
        }
        scaled_width(sequence, bits, frame)?;
        if bits.flag()? {
            bits.take(32)?;
        }
        Ok(())
    }

    /// Which frames it refers to, and what of their motion it takes.
    fn references(&self, sequence: &Sequence, bits: &mut Bits<'_>, frame: &mut Frame) -> Result<()> {
        if sequence.tools.order_bits > 0 && bits.flag()? {
            return Err(malformed("frames do not say which they refer to, which our encoder does"));
        }
        for place in &mut frame.references {
            *place = bits.take(3)? as usize;
        }
        let mut found = None;
        if frame.has_size && !frame.is_resilient {
            for place in frame.references {
                if bits.flag()? {
                    found = Some(place);
                    break;
                }
            }
        }
        match found {
            Some(place) => {
                frame.size = self.0[place].size;
                scaled_width(sequence, bits, frame)?;
            }
            None => Self::size(sequence, bits, frame)?,
        }
        frame.has_precise_motion = frame.has_precise_motion && bits.flag()?;
        // The filter between pixels: chosen by block, or one of four.
        if !bits.flag()? {
            bits.take(2)?;
        }
        bits.flag()?;
        if !frame.is_resilient && sequence.tools.has_reference_motion {
            bits.flag()?;
        }
        Ok(())
    }

    /// Everything after the references, and the segments that are kept of the frame.
    fn rest(&self, sequence: &Sequence, bits: &mut Bits<'_>, frame: &Frame) -> Result<(Tiling, Segments)> {
        if frame.keeps_statistics {
            bits.flag()?;
        }
        let [_, height] = frame.size;
        let tiling = Tiling::parse(bits, sequence.tools.has_large_blocks, frame.coded_width, height)?;
        let before = frame.references.get(frame.primary as usize).map(|place| &self.0[*place].segments);
        let quantizers = Quantizers::parse(bits, sequence)?;
        let segments = Segments::parse(bits, before)?;
        quantizers.parse_deltas(bits, frame.has_block_copy)?;
        let is_lossless = quantizers.is_lossless(&segments);
        tools::filters(bits, sequence, frame, is_lossless, frame.coded_width == frame.size[0])?;
        if !is_lossless {
            bits.flag()?;
        }
        let has_compound = !frame.is_intra() && bits.flag()?;
        if has_compound && sequence.tools.order_bits > 0 && self.can_skip(frame, sequence.tools.order_bits) {
            bits.flag()?;
        }
        if !frame.is_intra() && !frame.is_resilient && sequence.tools.has_warped_motion {
            bits.flag()?;
        }
        bits.flag()?;
        if !frame.is_intra() {
            tools::global_motion(bits, frame.has_precise_motion)?;
        }
        if sequence.has_film_grain && frame.can_be_shown() {
            tools::film_grain(bits, frame.is_inter())?;
        }
        Ok((tiling, segments))
    }

    /// Whether blocks can be passed over that are predicted from two frames: there is one before and one after, or two before
    /// (section 5.9.22).
    fn can_skip(&self, frame: &Frame, order_bits: u32) -> bool {
        let distances = frame.references.map(|place| distance(self.0[place].order, frame.order, order_bits));
        let nearest = distances.into_iter().filter(|distance| *distance < 0).max();
        let has_after = distances.iter().any(|distance| *distance > 0);
        let Some(nearest) = nearest else { return false };
        let is_before = |place: &usize| {
            let nearest = frame.order.wrapping_add_signed(nearest);
            distance(self.0[*place].order, nearest, order_bits) < 0
        };
        has_after || frame.references.iter().any(is_before)
    }
}

/// The width that is coded of the one that is shown.
fn scaled_width(sequence: &Sequence, bits: &mut Bits<'_>, frame: &mut Frame) -> Result<()> {
    frame.coded_width = frame.size[0];
    if sequence.has_super_resolution && bits.flag()? {
        let scale = bits.take(3)? + SCALE_MIN;
        frame.coded_width = (frame.size[0] * SCALE + scale / 2) / scale;
    }
    Ok(())
}

/// How far `a` is after `b` in an order that begins again (section 5.9.3).
fn distance(a: u32, b: u32, order_bits: u32) -> i32 {
    signed(a.wrapping_sub(b), order_bits)
}
