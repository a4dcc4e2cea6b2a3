//! What pictures show of fields: each is compared with the one before it and the one after it.

use super::{
    Stop,
    filter::{PICTURES, one_way, valid},
    pictures::share,
};
use ffmpeg_next::{self as ffmpeg, filter, format::Pixel, frame};
use marquee_core::source::{FieldOrder, Seen, Shown};

/// How much better lines fit between those of one neighbour than between those of the other before they are taken for fields. At
/// libavfilter's own threshold, 1.04, small progressive pictures with movement in them are.
const FIELDS_FIT: f64 = 1.2;
/// The same of progressive pictures: how much better lines fit between their own.
const LINES_FIT: f64 = 1.5;
/// Where the filter leaves what it found.
const FOUND: &str = "lavfi.idet.single.current_frame";
const REPEATED: &str = "lavfi.idet.repeated.current_frame";

/// The order of its fields that a frame states, if it says that it has two.
pub(super) fn order(frame: &frame::Video) -> Option<FieldOrder> {
    frame.is_interlaced().then(|| if frame.is_top_first() { FieldOrder::Top } else { FieldOrder::Bottom })
}

/// Compares frames that follow each other.
#[derive(Default)]
pub(super) struct Comparison {
    graph: Option<(filter::Graph, Shape)>,
    /// What the newest frame says of itself: the filter, which answers one frame later, sets that to what it found.
    said: Option<FieldOrder>,
    frames: u32,
}

type Shape = (Pixel, u32, u32);

impl Comparison {
    /// Takes the next frame. Answers what the one before it shows and says, if it has two neighbours.
    pub(super) fn push(&mut self, frame: &frame::Video) -> Result<Option<(Seen, Option<FieldOrder>)>, Stop> {
        let shape = (frame.format(), frame.width(), frame.height());
        if self.graph.as_ref().is_none_or(|(_, known)| *known != shape) {
            (self.graph, self.frames) = (graph(shape)?.map(|graph| (graph, shape)), 0);
        }
        let said = std::mem::replace(&mut self.said, order(frame));
        let Some((graph, _)) = &mut self.graph else { return Ok(None) };
        self.frames += 1;
        let lost = || Stop::Fault("the graph lost its ends".into());
        // The filter changes what a frame says.
        let own = share(frame)?;
        graph.get("in").ok_or_else(lost)?.source().add(&own).map_err(Stop::fault("compare fields"))?;
        let mut compared = frame::Video::empty();
        match graph.get("out").ok_or_else(lost)?.sink().frame(&mut compared) {
            // The first frame is compared with itself.
            Ok(()) if self.frames > 2 => {}
            Ok(()) | Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => return Ok(None),
            Err(error) => return Err(Stop::fault("compare fields")(error)),
        }
        let shown = match compared.metadata().get(FOUND) {
            Some("tff") => Shown::Combed(FieldOrder::Top),
            Some("bff") => Shown::Combed(FieldOrder::Bottom),
            Some("progressive") => Shown::Progressive,
            _ => Shown::Nothing,
        };
        let repeats = match compared.metadata().get(REPEATED) {
            Some("top") => Some(FieldOrder::Top),
            Some("bottom") => Some(FieldOrder::Bottom),
            _ => None,
        };
        Ok(Some((Seen { shown, repeats }, said)))
    }
}

/// A graph for frames of that shape; `None` if they cannot be compared.
fn graph((format, width, height): Shape) -> Result<Option<filter::Graph>, Stop> {
    let Some(format) = format.descriptor() else { return Ok(None) };
    let format = format.name();
    let arguments = format!("video_size={width}x{height}:pix_fmt={format}:time_base=1/25:pixel_aspect=1/1");
    let graph = one_way(PICTURES, &arguments, &format!("idet=intl_thres={FIELDS_FIT}:prog_thres={LINES_FIT}"))?;
    Ok(valid(graph).ok())
}
