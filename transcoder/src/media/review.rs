//! Judges pictures of one rung while it is encoded: the groups that hold some are decoded again, and those pictures compared with what the
//! encoder was given.

use super::{Stop, pictures::share, player::Player, vmaf::Judge};
use ffmpeg_next::{Packet, codec, frame};
use marquee_core::{
    plan::{Plan, Rung},
    quality::{Judged, rounded},
};
use std::{collections::VecDeque, time::Duration};

/// Greatest PSNR that is told: of the same pictures it is without bound.
const PSNR_MAX_DB: f64 = 100.0;

/// What is judged of one rung. It holds no more pictures than the encoder and a decoder are behind.
pub(super) struct Review<'a> {
    plan: &'a Plan,
    rung: &'a Rung,
    parameters: codec::Parameters,
    /// The newest picture that the encoder was given, in a group that is judged.
    newest: Option<(u64, frame::Video)>,
    /// Originals of pictures that are to be judged, in order.
    originals: VecDeque<Original>,
    examiner: Option<Examiner>,
    /// The group whose packets come, if it is judged.
    group: Option<Group>,
    judged: Vec<Judged>,
    cpu: Duration,
}

/// A picture that is judged, and its neighbours, as far as they are known.
struct Original {
    tick: u64,
    picture: frame::Video,
    before: Option<frame::Video>,
    after: Option<frame::Video>,
    /// What became of it.
    shown: Option<frame::Video>,
}

/// A group of pictures that is judged.
struct Group {
    number: u64,
    /// Once a picture at this tick or later is shown the rest need not be decoded.
    until: u64,
    is_over: bool,
}

/// What judging needs, made once something is judged.
struct Examiner {
    player: Player,
    judge: Judge,
}

impl<'a> Review<'a> {
    /// A review of `rung`, whose encoder tells decoders these `parameters`.
    pub(super) fn new(plan: &'a Plan, rung: &'a Rung, parameters: codec::Parameters) -> Self {
        Self {
            plan,
            rung,
            parameters,
            newest: None,
            originals: VecDeque::new(),
            examiner: None,
            group: None,
            judged: Vec::new(),
            cpu: Duration::ZERO,
        }
    }

    /// Learns of a picture that the encoder is given, in order.
    pub(super) fn given(&mut self, tick: u64, picture: &frame::Video) -> Result<(), Stop> {
        let before = self.newest.take();
        if let Some(last) = self.originals.back_mut().filter(|last| last.after.is_none()) {
            last.after = Some(share(picture)?);
        }
        if self.plan.judges(self.rung, before.as_ref().map(|(before, _)| *before), tick) {
            let before = before.map(|(_, before)| before);
            self.originals.push_back(Original { tick, picture: share(picture)?, before, after: None, shown: None });
        }
        // Also from just before a group: the first picture of it may be judged.
        if self.judges_around(tick) {
            self.newest = Some((tick, share(picture)?));
        }
        Ok(())
    }

    /// Learns of an encoded picture that is shown at `tick`, in coding order.
    pub(super) fn take(&mut self, packet: &Packet, tick: u64) -> Result<(), Stop> {
        let number = self.plan.timeline.gop_of(tick);
        if packet.is_key() && self.group.as_ref().is_none_or(|group| group.number != number) {
            self.finish()?;
            let until = self.plan.judges_until(self.rung, number);
            self.group = until.map(|until| Group { number, until, is_over: false });
        }
        self.examine(Some(packet))
    }

    /// Judges what is left of the last group.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.examine(None)?;
        self.group = None;
        Ok(())
    }

    /// What was judged of pictures before `end` and not handed out yet, in order. A group is judged whole once the keyframe of the next
    /// was taken.
    pub(super) fn judged(&mut self, end: u64) -> Vec<Judged> {
        let later = self.judged.partition_point(|judged| judged.tick < end);
        let later = self.judged.split_off(later);
        std::mem::replace(&mut self.judged, later)
    }

    /// Processor time of all that.
    pub(super) fn cpu(&self) -> Duration {
        self.cpu
    }

    fn judges_around(&self, tick: u64) -> bool {
        let group = self.plan.timeline.gop_of(tick);
        (group..=group + 1).any(|group| self.plan.judges_until(self.rung, group).is_some())
    }

    /// Decodes a packet of the group, or what is left of it, and judges those of its pictures that nothing is missing of any more.
    fn examine(&mut self, packet: Option<&Packet>) -> Result<(), Stop> {
        let Some(group) = &mut self.group else { return Ok(()) };
        let began = thread_cpu();
        let Examiner { player, judge } = match &mut self.examiner {
            Some(examiner) => examiner,
            none => none.insert(Examiner { player: Player::open(&self.parameters)?, judge: Judge::new()? }),
        };
        let (originals, was_over) = (&mut self.originals, group.is_over);
        let show = |tick: u64, shown: frame::Video| {
            group.is_over |= tick >= group.until;
            if let Some(original) = originals.iter_mut().find(|original| original.tick == tick) {
                original.shown = Some(shown);
            }
            Ok(())
        };
        match packet {
            _ if was_over => {}
            Some(packet) => player.play(packet, show)?,
            None => player.finish(show)?,
        }
        if group.is_over && !was_over {
            player.forget();
        }
        let timeline = &self.plan.timeline;
        let is_due = |original: &mut Original| match packet {
            Some(_) => original.shown.is_some() && original.after.is_some(),
            None => timeline.gop_of(original.tick) <= group.number,
        };
        while let Some(original) = self.originals.pop_front_if(is_due) {
            self.judged.extend(original.compare(judge)?);
        }
        self.cpu += thread_cpu().saturating_sub(began);
        Ok(())
    }
}

impl Original {
    /// What it came to; `None` if it was lost on the way.
    fn compare(&self, judge: &mut Judge) -> Result<Option<Judged>, Stop> {
        let Some(shown) = &self.shown else { return Ok(None) };
        let (picture, before, after) = (&self.picture, self.before.as_ref(), self.after.as_ref());
        // At an end of a piece the one neighbour stands for both.
        let neighbours = [before.or(after).unwrap_or(picture), picture, after.or(before).unwrap_or(picture)];
        let vmaf = judge.score(shown, neighbours)?;
        Ok(Some(Judged { tick: self.tick, vmaf: rounded(vmaf), psnr_db: rounded(psnr_db(shown, picture)) }))
    }
}

/// Peak signal-to-noise ratio of the brightness of two pictures of one size, of 8 bits.
fn psnr_db(shown: &frame::Video, original: &frame::Video) -> f64 {
    let (width, height) = (original.width() as usize, original.height() as usize);
    let rows = |picture: &frame::Video| picture.stride(0);
    let pairs = shown.data(0).chunks(rows(shown)).zip(original.data(0).chunks(rows(original))).take(height);
    let error: u64 = pairs.map(|(shown, original)| squares(&shown[..width], &original[..width])).sum();
    let mean = error as f64 / (width * height) as f64;
    (10.0 * (255.0 * 255.0 / mean).log10()).min(PSNR_MAX_DB)
}

/// Sum of the squared differences of a row.
fn squares(shown: &[u8], original: &[u8]) -> u64 {
    let square = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b)).pow(2);
    // A row is short enough for the sum.
    u64::from(shown.iter().zip(original).map(square).sum::<u32>())
}

/// Processor time of this thread so far.
fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock is one that every system here has, and it writes to what is ours.
    #[expect(unsafe_code, reason = "the standard library does not know this clock")]
    unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
    }
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffmpeg_next::format::Pixel;

    fn picture(value: impl Fn(usize, usize) -> u8) -> frame::Video {
        let mut picture = frame::Video::new(Pixel::YUV420P, 50, 20);
        let stride = picture.stride(0);
        for (row, pixels) in picture.data_mut(0).chunks_mut(stride).enumerate() {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                // What lies beyond the picture counts for nothing.
                *pixel = if column < 50 { value(row, column) } else { (row * 7 + column) as u8 };
            }
        }
        picture
    }

    #[test]
    fn psnr_is_that_of_the_mean_squared_error() {
        let original = picture(|row, column| (row * 10 + column) as u8);
        let off = |by: u8| picture(|row, column| (row * 10 + column) as u8 + by);
        assert_eq!(psnr_db(&original, &original), PSNR_MAX_DB);
        assert!((psnr_db(&off(1), &original) - 48.1308).abs() < 0.001);
        assert!((psnr_db(&off(4), &original) - psnr_db(&off(1), &original) + 20.0 * 4f64.log10()).abs() < 0.001);
        // One pixel in a hundred off by ten is as far as all off by one.
        let few = picture(|row, column| (row * 10 + column) as u8 + if (row * 50 + column) % 100 == 7 { 10 } else { 0 });
        assert!((psnr_db(&few, &original) - psnr_db(&off(1), &original)).abs() < 0.001);
    }
}
