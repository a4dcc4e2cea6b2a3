//! Posters and tiles of a film, from its keyframes: upright, with square pixels, and in BT.709, as its renditions are.

use super::{
    Stop,
    filter::Filters,
    jpeg::{self, Coarseness},
    looks::{EveryFrame, Glimpse, Keyframes, Looks},
    pictures::share,
    poster::Candidates,
    video::Job,
};
use crate::child::{Image, Link, Output, RemoteSource, Report};
use bytes::Bytes;
use ffmpeg_next::{format::Pixel, frame};
use marquee_core::{
    plan::{Picture, Rung},
    thumbnails::{Place, Tiles, poster_size},
};

/// Pixels of the longer side of a picture that is judged: what is blurred on a large screen is sharp on a tile.
const JUDGED_SIDE: u32 = 640;
/// Tiles that may show one and the same picture, on the mean, before every frame is decoded to find others.
const ALIKE_MAX: u32 = 4;
const SHEET_COARSENESS: Coarseness = Coarseness(5);
const POSTER_COARSENESS: Coarseness = Coarseness(3);

/// Makes the title's posters and tiles and hands them over: the sheets in order, then the posters, best first.
pub(super) fn make(link: &Link, source: RemoteSource, job: &Job<'_>) -> Result<Report, Stop> {
    let mut album = Album::new(job)?;
    album.fill(link, &mut Keyframes::open(source.clone(), job)?)?;
    if !album.is_telling() {
        album = Album::new(job)?;
        album.fill(link, &mut EveryFrame::open(source, job)?)?;
    }
    let report = Report { frames: album.seen.into(), ..Report::default() };
    album.hand_over(link)?;
    Ok(report)
}

/// Pictures while they are gathered.
struct Album<'a> {
    job: &'a Job<'a>,
    duration_ms: u64,
    tiles: Tiles,
    /// Sizes in which each picture is looked at: large enough to judge it, and as a tile.
    rungs: [Rung; 2],
    candidates: Candidates,
    /// Different pictures so far.
    seen: u32,
    /// The newest of them as a tile.
    tile: Option<frame::Video>,
    /// What is being filled.
    sheet: frame::Video,
    sheets: Vec<Bytes>,
}

impl<'a> Album<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self, Stop> {
        let duration_ms = job.plan.duration_ms();
        let tiles = Tiles::of(&job.source.video, duration_ms);
        let (width, height) = poster_size(&job.source.video);
        let (share, longer) = (JUDGED_SIDE.min(width.max(height)), width.max(height));
        let judged = |side: u32| (u64::from(side) * u64::from(share) / u64::from(longer)).max(16) as u32 & !1;
        let rungs = [rung(job, (judged(width), judged(height)))?, rung(job, (tiles.width, tiles.height))?];
        let candidates = Candidates::new(job.plan.duration_ticks);
        let sheet = empty_sheet(&tiles);
        Ok(Self { job, duration_ms, tiles, rungs, candidates, seen: 0, tile: None, sheet, sheets: Vec::new() })
    }

    /// Whether there is a picture to show for the title, and not the same one on most tiles.
    fn is_telling(&self) -> bool {
        self.candidates.are_telling() && self.seen.saturating_mul(ALIKE_MAX) >= self.tiles.count
    }

    fn fill(&mut self, link: &Link, looks: &mut dyn Looks) -> Result<(), Stop> {
        let timescale = u64::from(self.job.plan.timeline.timescale);
        for (tile, times_ms) in (0..).zip(self.tiles.looks_ms(self.duration_ms)) {
            let middle = times_ms.len() / 2;
            for (place, time_ms) in times_ms.into_iter().enumerate() {
                if let Some(glimpse) = looks.at(time_ms * timescale / 1000)? {
                    self.see(glimpse)?;
                }
                if place == middle {
                    self.put(tile)?;
                }
            }
            link.output(Output::Progress((tile + 1) as f32 / self.tiles.count as f32))?;
        }
        Ok(())
    }

    fn see(&mut self, glimpse: Glimpse) -> Result<(), Stop> {
        let [judged, tile] = &self.rungs;
        let mut pictures = shown(self.job, &glimpse.frame, &[judged, tile])?;
        self.tile = pictures.pop().flatten().or(self.tile.take());
        if let Some(judged) = pictures.pop().flatten() {
            self.seen += 1;
            self.candidates.offer(glimpse.frame, glimpse.tick, &judged);
        }
        Ok(())
    }

    /// Puts the newest picture where the tile with that number belongs, and ends a sheet that is full.
    fn put(&mut self, number: u32) -> Result<(), Stop> {
        if let Some(tile) = &self.tile {
            copy(tile, &mut self.sheet, self.tiles.place(number));
        }
        if (number + 1).is_multiple_of(self.tiles.per_sheet()) || number + 1 == self.tiles.count {
            self.sheets.push(jpeg::encode(&self.sheet, SHEET_COARSENESS)?);
            self.sheet = empty_sheet(&self.tiles);
        }
        Ok(())
    }

    fn hand_over(self, link: &Link) -> Result<(), Stop> {
        if self.seen == 0 {
            return Err(Stop::refuse("damaged", "not one picture of the film could be decoded by itself"));
        }
        for (number, bytes) in (1..).zip(self.sheets) {
            link.output(Output::Image { image: Image::Sheet { number }, bytes })?;
        }
        let poster = rung(self.job, poster_size(&self.job.source.video))?;
        for candidate in self.candidates.chosen() {
            let time_ms = self.job.plan.timeline.ticks_to_ms(candidate.tick).min(self.duration_ms.saturating_sub(1));
            for picture in shown(self.job, &candidate.frame, &[&poster])?.into_iter().flatten() {
                let bytes = jpeg::encode(&picture, POSTER_COARSENESS)?;
                link.output(Output::Image { image: Image::Poster { time_ms }, bytes })?;
            }
        }
        Ok(())
    }
}

/// A rung of nothing but a size.
fn rung(job: &Job<'_>, (width, height): (u32, u32)) -> Result<Rung, Stop> {
    let any = job.plan.rungs.first().ok_or_else(|| Stop::Fault("the plan has no rungs".into()))?;
    Ok(Rung { width, height, frame_step: 1, ..any.clone() })
}

/// One frame as a viewer sees it, in the sizes of `rungs`.
fn shown(job: &Job<'_>, frame: &frame::Video, rungs: &[&Rung]) -> Result<Vec<Option<frame::Video>>, Stop> {
    let Job { source, plan } = job;
    let mut lone = share(frame)?;
    let is_said = plan.picture.deinterlace && (plan.picture.field_order.is_some() || frame.is_interlaced());
    if is_said || plan.picture.pulldown.is_some() {
        keep_one_field(&mut lone);
    }
    lone.set_pts(Some(0));
    // A graph of its own: what deinterlaces or tone-maps a film would hold a lone picture back.
    let picture = Picture { deinterlace: false, ..plan.picture.clone() };
    let mut filters = Filters::new(&lone, &source.video, &picture, rungs, &plan.timeline)?;
    filters.push(&lone)?;
    filters.flush()?;
    let mut pictures: Vec<Option<frame::Video>> = rungs.iter().map(|_| None).collect();
    filters.pull(|rung, _, picture| {
        pictures[rung] = Some(picture);
        Ok(())
    })?;
    Ok(pictures)
}

/// Makes a view of every other line of an interlaced picture, which has no neighbours to be deinterlaced with.
fn keep_one_field(frame: &mut frame::Video) {
    // SAFETY: the frame is ours, and lines that are twice as far apart and half as many end where the picture does.
    #[expect(unsafe_code, reason = "ffmpeg-next has no setters for these fields")]
    unsafe {
        let raw = frame.as_mut_ptr();
        for size in &mut (*raw).linesize {
            *size *= 2;
        }
        (*raw).height = ((*raw).height / 2).max(1);
    }
}

fn empty_sheet(tiles: &Tiles) -> frame::Video {
    let (width, height) = tiles.sheet_size();
    let mut sheet = frame::Video::new(Pixel::YUV420P, width, height);
    for (plane, black) in [16, 128, 128].into_iter().enumerate() {
        sheet.data_mut(plane).fill(black);
    }
    sheet
}

/// Copies a tile to its place. Widths, heights and places are even.
fn copy(tile: &frame::Video, sheet: &mut frame::Video, place: Place) {
    for plane in 0..3 {
        let half = usize::from(plane > 0);
        let scaled = |pixels: u32| pixels as usize >> half;
        let (width, height, from, to) = (scaled(tile.width()), scaled(tile.height()), tile.stride(plane), sheet.stride(plane));
        let start = scaled(place.y) * to + scaled(place.x);
        let rows = tile.data(plane).chunks(from).take(height);
        for (row, line) in rows.zip(sheet.data_mut(plane)[start..].chunks_mut(to)) {
            line[..width].copy_from_slice(&row[..width]);
        }
    }
}
