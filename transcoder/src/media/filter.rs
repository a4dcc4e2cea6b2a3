//! The filter graph between decoder and encoders: upright, progressive, BT.709, square pixels, one picture per rung.

use super::{Stop, colour};
use ffmpeg_next::{self as ffmpeg, Rational, filter, format::Pixel, frame};
use marquee_core::{
    plan::{Picture, Rung, Timeline},
    source::{FieldOrder, VideoTrack},
};
use std::fmt::Write;

/// A rung's picture is scaled from the smallest larger rung that is at least this much larger: nearly as good as from the
/// source itself, and much cheaper.
const CASCADE_STEP: f64 = 1.3;
/// Threads that map tones, which is much work. They cut a picture into as many slices, at whose edges it comes out otherwise: so their
/// number is not the machine's.
const TONE_MAP_THREADS: i32 = 2;
/// How all pictures are scaled and converted, where libavfilter does so by itself included: exactly, and alike on all processors.
const SCALER: &str = "sws_flags=bicubic+accurate_rnd+bitexact";

/// A configured graph. Frames go in with their tick as presentation time, and come out of one sink per rung.
pub(super) struct Filters {
    graph: filter::Graph,
    rungs: usize,
    shape: Shape,
    /// Ticks per second, as the frames that go in have them.
    time_base: Rational,
}

/// What a graph is configured for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    format: Pixel,
    width: u32,
    height: u32,
    colour: colour::Colour,
}

impl Shape {
    fn of(frame: &frame::Video) -> Self {
        Self { format: frame.format(), width: frame.width(), height: frame.height(), colour: colour::of(frame) }
    }
}

impl Filters {
    /// A graph for frames like `first`, with sinks in the order of `rungs`.
    pub(super) fn new(
        first: &frame::Video,
        track: &VideoTrack,
        picture: &Picture,
        rungs: &[&Rung],
        timeline: &Timeline,
    ) -> Result<Self, Stop> {
        let shape = Shape::of(first);
        let time_base = Rational::new(1, i32::try_from(timeline.timescale).unwrap_or(i32::MAX));
        let fault = || Stop::fault("filter graph");
        let mut graph = on_threads(if picture.tone_map { TONE_MAP_THREADS } else { 1 });
        let format = shape.format.descriptor().map_or("none", |descriptor| descriptor.name());
        let arguments = format!(
            "video_size={}x{}:pix_fmt={format}:time_base=1/{}:pixel_aspect={}/{}",
            shape.width,
            shape.height,
            time_base.denominator(),
            track.sample_aspect.num.max(1),
            track.sample_aspect.den
        );
        graph.add(&find("buffer")?, "in", &arguments).map_err(fault())?;
        let sink = find("buffersink")?;
        for index in 0..rungs.len() {
            graph.add(&sink, &format!("out{index}"), "").map_err(fault())?;
        }
        let mut parser = graph.output("in", 0).map_err(fault())?;
        for index in 0..rungs.len() {
            parser = parser.input(&format!("out{index}"), 0).map_err(fault())?;
        }
        let description = describe(&shape, track, picture, rungs, timeline);
        parser.parse(&description).map_err(|error| Stop::Fault(format!("filter graph {description}: {error}")))?;
        graph.validate().map_err(|error| Stop::Fault(format!("filter graph {description}: {error}")))?;
        Ok(Self { graph, rungs: rungs.len(), shape, time_base })
    }

    /// Whether this graph was made for frames like `frame`.
    pub(super) fn fits(&self, frame: &frame::Video) -> bool {
        self.shape == Shape::of(frame)
    }

    /// Puts a frame in; the graph takes a reference to it.
    pub(super) fn push(&mut self, frame: &frame::Video) -> Result<(), Stop> {
        let mut input = self.graph.get("in").ok_or_else(|| Stop::Fault("the graph lost its input".into()))?;
        input.source().add(frame).map_err(Stop::fault("filter"))
    }

    /// Says that no more frames come; what the graph holds back comes out.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        let mut input = self.graph.get("in").ok_or_else(|| Stop::Fault("the graph lost its input".into()))?;
        input.source().flush().map_err(Stop::fault("filter"))
    }

    /// Hands every picture that is ready to `take`, with its rung's position and its tick.
    pub(super) fn pull(&mut self, mut take: impl FnMut(usize, u64, frame::Video) -> Result<(), Stop>) -> Result<(), Stop> {
        for index in 0..self.rungs {
            let Some(mut output) = self.graph.get(&format!("out{index}")) else { continue };
            let mut sink = output.sink();
            // Deinterlacing halves the time base.
            let scale = f64::from(sink.time_base()) / f64::from(self.time_base);
            loop {
                let mut picture = frame::Video::empty();
                match sink.frame(&mut picture) {
                    Ok(()) => {}
                    Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => break,
                    Err(error) => return Err(Stop::Fault(format!("filter: {error}"))),
                }
                let tick = picture.pts().map_or(0.0, |pts| pts as f64 * scale).round();
                // What is shown before the title helped to deinterlace its first frame.
                if tick >= 0.0 {
                    take(index, tick as u64, picture)?;
                }
            }
        }
        Ok(())
    }
}

/// What pictures and sound go into a graph by, and come out of it.
pub(super) const PICTURES: [&str; 2] = ["buffer", "buffersink"];
pub(super) const SOUND: [&str; 2] = ["abuffer", "abuffersink"];

/// A graph of one way, which is `description`, from "in", of which `arguments` tell what comes, to "out". It has one thread: encoders
/// already use the others. Nobody has asked yet whether its filters take what comes.
pub(super) fn one_way([source, sink]: [&str; 2], arguments: &str, description: &str) -> Result<filter::Graph, Stop> {
    let fault = |error: ffmpeg::Error| Stop::Fault(format!("filter graph {arguments} {description}: {error}"));
    let mut graph = on_threads(1);
    graph.add(&find(source)?, "in", arguments).map_err(fault)?;
    graph.add(&find(sink)?, "out", "").map_err(fault)?;
    graph.output("in", 0).and_then(|ends| ends.input("out", 0)?.parse(description)).map_err(fault)?;
    Ok(graph)
}

/// The same graph, if its filters take what comes.
pub(super) fn valid(mut graph: filter::Graph) -> Result<filter::Graph, Stop> {
    graph.validate().map_err(Stop::fault("filter graph"))?;
    Ok(graph)
}

fn find(name: &str) -> Result<ffmpeg::Filter, Stop> {
    filter::find(name).ok_or_else(|| Stop::Fault(format!("libavfilter lacks the filter {name}")))
}

/// A graph without anything in it.
fn on_threads(count: i32) -> filter::Graph {
    let mut graph = filter::Graph::new();
    // SAFETY: the graph is new and ours.
    #[expect(unsafe_code, reason = "ffmpeg-next has no setter for this field")]
    unsafe {
        (*graph.as_mut_ptr()).nb_threads = count;
    }
    graph
}

/// The graph in libavfilter's language.
fn describe(shape: &Shape, track: &VideoTrack, picture: &Picture, rungs: &[&Rung], timeline: &Timeline) -> String {
    let mut steps = Vec::new();
    let thinning = Thinning::new(timeline, track, picture);
    if picture.deinterlace {
        let mode = if picture.fields { "send_field" } else { "send_frame" };
        let which = match picture.field_order {
            None => "parity=auto:deint=interlaced",
            Some(FieldOrder::Top) => "parity=tff:deint=all",
            Some(FieldOrder::Bottom) => "parity=bff:deint=all",
        };
        steps.push(format!("bwdif=mode={mode}:{which}"));
    }
    let turned = picture.rotation_degrees % 180 == 90;
    let largest = rungs.iter().max_by_key(|rung| rung.width).map_or((0, 0), |rung| (rung.width, rung.height));
    let (width, height) = if turned { (largest.1, largest.0) } else { largest };
    let range = if shape.colour.full_range { "full" } else { "limited" };
    // Whatever converts first brings the range to limited; nothing after it may do so again.
    let converted = if picture.tone_map {
        // Floating point is slow: not one pixel more of it than the largest rung has.
        if width < shape.width {
            steps.push(format!("scale={width}:{height}:in_range={range}:out_range={range}"));
        }
        Some(tone_map(shape, track, range))
    } else {
        to_bt709(shape, range)
    };
    let range = if converted.is_some() { "limited" } else { range };
    steps.extend(converted);
    match picture.rotation_degrees {
        90 => steps.push("transpose=clock".into()),
        180 => steps.push("hflip,vflip".into()),
        270 => steps.push("transpose=cclock".into()),
        _ => {}
    }
    if picture.mirrored {
        steps.push("hflip".into());
    }
    steps.push("setsar=1".into());
    cascade(&steps.join(","), range, rungs, &thinning)
}

/// Leaves out frames of rungs that have fewer of them, the same ones wherever a chunk begins: of each group of pictures the first
/// frame stays, and then the first in each span of as many frames as one is to stand for.
struct Thinning {
    /// Units in which the graph counts time, for a group of pictures and for a frame.
    group_units: f64,
    frame_units: f64,
}

impl Thinning {
    fn new(timeline: &Timeline, track: &VideoTrack, picture: &Picture) -> Self {
        // Deinterlacing halves the time base.
        let units_per_tick = if picture.deinterlace { 2.0 } else { 1.0 };
        let usual = f64::from(timeline.timescale) / picture.frame_rate(track).as_f64();
        let frame_ticks = timeline.frame_ticks.map_or(usual, f64::from);
        Self { group_units: timeline.gop_ticks as f64 * units_per_tick, frame_units: frame_ticks * units_per_tick }
    }

    /// The filter that lets one of `step` frames through, in front of others.
    fn filter(&self, step: u32) -> String {
        let span = self.frame_units * f64::from(step);
        let place = |time: &str| {
            let group = self.group_units;
            format!("floor({time}/{group})*{}+floor(mod({time},{group})/{span})", (group / span).ceil() + 1.0)
        };
        format!("select='isnan(prev_selected_pts)+gt({},{})',", place("pts"), place("prev_selected_pts"))
    }
}

/// PQ or HLG to BT.709: linear light, BT.709 primaries, highlights rolled off, limited range.
fn tone_map(shape: &Shape, track: &VideoTrack, range: &str) -> String {
    // What a frame does not say the container may; what neither says is BT.2100.
    let stated = |frame: &'static str, track: &str, usual: &str| match (frame, track) {
        ("unknown", "unknown") => usual.to_owned(),
        ("unknown", track) => track.to_owned(),
        (frame, _) => frame.to_owned(),
    };
    let transfer = stated(shape.colour.transfer, &track.transfer, "smpte2084");
    let transfer = if matches!(transfer.as_str(), "smpte2084" | "arib-std-b67") { transfer } else { track.transfer.clone() };
    let primaries = stated(shape.colour.primaries, &track.primaries, "bt2020");
    let matrix = stated(shape.colour.matrix, &track.matrix, "bt2020nc");
    let (primaries, matrix) = (zscale_primaries(&primaries), zscale_matrix(&matrix, shape.format));
    let even = even(shape);
    // Whatever is not named is what the frame says, which may be nothing.
    format!(
        "{even}zscale=tin={transfer}:pin={primaries}:min={matrix}:rin={range}:t=linear:p={primaries}:npl=100,format=gbrpf32le,\
         zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,format=yuv420p"
    )
}

/// The step that zscale needs before it where a side is odd: it cannot halve that for colour.
fn even(shape: &Shape) -> &'static str {
    let is_even = shape.width.is_multiple_of(2) && shape.height.is_multiple_of(2);
    if is_even { "" } else { "scale=ceil(iw/2)*2:ceil(ih/2)*2," }
}

/// zscale's names of primaries.
fn zscale_primaries(name: &str) -> &str {
    match name {
        "bt2020" => "2020",
        "bt470m" | "bt470bg" | "smpte170m" | "smpte240m" | "film" | "smpte428" | "smpte431" | "smpte432" => name,
        _ => "709",
    }
}

/// zscale's names of the matrices that pictures of `format` can have. It has no way from constant luminance, and misspells one name.
fn zscale_matrix(name: &str, format: Pixel) -> &str {
    match name {
        _ if colour::is_rgb(format) => "gbr",
        "gbr" | "bt2020nc" | "bt2020c" => "2020_ncl",
        "smpte240m" => "7",
        "fcc" | "ycgco" | "smpte170m" | "bt470bg" => name,
        _ => "709",
    }
}

/// The step that brings other matrices and wider primaries to BT.709 and limited range, if one is needed.
fn to_bt709(shape: &Shape, range: &str) -> Option<String> {
    let matrix = colour::likely_matrix(shape.colour.matrix, shape.width, shape.height);
    if matrix == "gbr" || colour::is_rgb(shape.format) {
        return Some("scale=out_color_matrix=bt709:out_range=limited,format=yuv420p".into());
    }
    let is_wide = matches!(shape.colour.primaries, "bt2020" | "smpte431" | "smpte432");
    if is_wide || matrix == "ycgco" {
        let (primaries, matrix) = (zscale_primaries(shape.colour.primaries), zscale_matrix(matrix, shape.format));
        let even = even(shape);
        return Some(format!(
            "{even}zscale=tin=709:pin={primaries}:min={matrix}:rin={range}:t=709:p=709:m=709:r=limited,format=yuv420p"
        ));
    }
    let input = match matrix {
        "bt470bg" | "smpte170m" => "bt601",
        "fcc" => "fcc",
        "smpte240m" => "smpte240m",
        "bt2020nc" | "bt2020c" => "bt2020",
        _ => return None,
    };
    Some(format!("scale=in_color_matrix={input}:out_color_matrix=bt709:in_range={range}:out_range=limited,format=yuv420p"))
}

/// `base`, which leaves pictures in `range`, then every rung scaled from the smallest one that is enough larger.
fn cascade(base: &str, range: &str, rungs: &[&Rung], thinning: &Thinning) -> String {
    let mut order: Vec<usize> = (0..rungs.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(rungs[index].height));
    let far_enough =
        |larger: usize, smaller: usize| f64::from(rungs[larger].height) >= f64::from(rungs[smaller].height) * CASCADE_STEP;
    // Parent of each rung: another rung, or the base.
    let parents: Vec<Option<usize>> = (0..rungs.len())
        .map(|rung| {
            let place = order.iter().position(|&other| other == rung).unwrap_or(0);
            order[..place].iter().rev().copied().find(|&larger| far_enough(larger, rung))
        })
        .collect();
    let children =
        |parent: Option<usize>| -> Vec<usize> { order.iter().copied().filter(|&rung| parents[rung] == parent).collect() };
    let mut text = format!("{SCALER};[in]{base}");
    split(&mut text, None, &children(None));
    for &rung in &order {
        let Rung { width, height, frame_step, .. } = *rungs[rung];
        let range = if parents[rung].is_none() { range } else { "limited" };
        let thinned = parents[rung].map_or(1, |parent| rungs[parent].frame_step);
        let thin = if frame_step > thinned { thinning.filter(frame_step) } else { String::new() };
        let _ =
            write!(text, ";[to{rung}]{thin}scale={width}:{height}:in_range={range}:out_range=limited,format=yuv420p,setsar=1");
        split(&mut text, Some(rung), &children(Some(rung)));
    }
    text
}

/// Ends a chain in a sink (of rung `own`) and in the inputs of `children`.
fn split(text: &mut String, own: Option<usize>, children: &[usize]) {
    let count = children.len() + usize::from(own.is_some());
    if count > 1 {
        let _ = write!(text, ",split={count}");
    }
    if let Some(own) = own {
        let _ = write!(text, "[out{own}]");
    }
    for child in children {
        let _ = write!(text, "[to{child}]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_scaled_from_larger_rungs() {
        let rung = |height: u32| Rung {
            id: format!("{height}p"),
            codec: Default::default(),
            width: height * 16 / 9,
            height,
            crf: 23.0,
            max_bitrate_bps: 1,
            preset: "fast".into(),
            frame_step: if height < 700 { 2 } else { 1 },
            edition: 0,
            options: String::new(),
            reason: String::new(),
        };
        let rungs = [rung(720), rung(1080), rung(648), rung(360)];
        let thinning = Thinning { group_units: 2000.0, frame_units: 20.0 };
        let text = cascade("null", "full", &rungs.iter().collect::<Vec<_>>(), &thinning);
        let place = |time: &str| format!("floor({time}/2000)*51+floor(mod({time},2000)/40)");
        let select = format!("select='isnan(prev_selected_pts)+gt({},{})'", place("pts"), place("prev_selected_pts"));
        assert_eq!(
            text,
            format!(
                "sws_flags=bicubic+accurate_rnd+bitexact;[in]null[to1]\
                 ;[to1]scale=1920:1080:in_range=full:out_range=limited,format=yuv420p,setsar=1,split=3[out1][to0][to2]\
                 ;[to0]scale=1280:720:in_range=limited:out_range=limited,format=yuv420p,setsar=1[out0]\
                 ;[to2]{select},scale=1152:648:in_range=limited:out_range=limited,format=yuv420p,setsar=1,split=2[out2][to3]\
                 ;[to3]scale=640:360:in_range=limited:out_range=limited,format=yuv420p,setsar=1[out3]"
            )
        );
    }
}
