//! Which pictures of a film are worth standing for it: bright enough, with something to see, and sharp; each from another part.

use ffmpeg_next::frame;
use marquee_core::thumbnails::POSTERS_MAX;

/// Black and white of a picture in limited range.
const BLACK: f64 = 16.0;
const WHITE: f64 = 235.0;
/// How far from black, and from white, a picture is bright and dark enough on the whole.
const LIGHT: f64 = 48.0;
const SHADE: f64 = 40.0;
/// How far brightness is spread in a picture with plenty to see.
const SPREAD: f64 = 45.0;
/// How much neighbouring pixels of a sharp picture differ, on the mean.
const DETAIL: f64 = 6.0;
/// Worth below which a picture tells nothing.
const TELLING: f64 = 0.05;

/// A picture as poster.
pub(super) struct Candidate {
    pub(super) frame: frame::Video,
    pub(super) tick: u64,
    worth: f64,
}

/// The best pictures so far, one for each part of the film.
pub(super) struct Candidates {
    duration_ticks: u64,
    best: [Option<Candidate>; POSTERS_MAX as usize],
}

impl Candidates {
    pub(super) fn new(duration_ticks: u64) -> Self {
        Self { duration_ticks, best: [const { None }; POSTERS_MAX as usize] }
    }

    /// Considers what the film shows at `tick`: `frame`, which as a viewer sees it is `picture`.
    pub(super) fn offer(&mut self, frame: frame::Video, tick: u64, picture: &frame::Video) {
        let parts = self.best.len() as u128;
        let part = u128::from(tick) * parts / u128::from(self.duration_ticks.max(1));
        let best = &mut self.best[part.min(parts - 1) as usize];
        let worth = worth(picture);
        if best.as_ref().is_none_or(|best| best.worth < worth) {
            *best = Some(Candidate { frame, tick, worth });
        }
    }

    /// Whether one of them tells something.
    pub(super) fn are_telling(&self) -> bool {
        self.best.iter().flatten().any(|best| best.worth >= TELLING)
    }

    /// Those that tell something, best first; if none does, the best of them.
    pub(super) fn chosen(self) -> Vec<Candidate> {
        let mut chosen: Vec<Candidate> = self.best.into_iter().flatten().collect();
        chosen.sort_by(|a, b| b.worth.total_cmp(&a.worth));
        let telling = chosen.partition_point(|candidate| candidate.worth >= TELLING);
        chosen.truncate(telling.max(1));
        chosen
    }
}

/// What a picture is worth as poster, 0 to 1.
fn worth(picture: &frame::Video) -> f64 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (stride, luma) = (picture.stride(0), picture.data(0));
    let row = |number: usize| &luma[number * stride..][..width];
    let (mut sum, mut squares, mut edges) = (0_u64, 0_u64, 0_u64);
    for number in 0..height {
        let (above, own, below) = (row(number.saturating_sub(1)), row(number), row((number + 1).min(height - 1)));
        let mut before = own.first().copied().unwrap_or(0);
        for (place, &pixel) in own.iter().enumerate() {
            let after = own.get(place + 1).copied().unwrap_or(pixel);
            let value = i32::from(pixel);
            sum += u64::from(pixel);
            squares += u64::from(pixel) * u64::from(pixel);
            // Laplace's operator: nothing in what is flat or changes evenly, much at an edge, little if that is blurred.
            let around = i32::from(before) + i32::from(after) + i32::from(above[place]) + i32::from(below[place]);
            edges += u64::from((around - 4 * value).unsigned_abs());
            before = pixel;
        }
    }
    let count = (width * height).max(1) as f64;
    let mean = sum as f64 / count;
    let spread = (squares as f64 / count - mean * mean).max(0.0).sqrt();
    let detail = edges as f64 / count;
    let light = ((mean - BLACK) / LIGHT).min((WHITE - mean) / SHADE).clamp(0.0, 1.0);
    light * (spread / SPREAD).min(1.0) * (detail / (detail + DETAIL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffmpeg_next::format::Pixel;

    /// A picture whose brightness at (x, y) is what `pixel` says.
    fn picture(pixel: impl Fn(usize, usize) -> usize) -> frame::Video {
        let mut picture = frame::Video::new(Pixel::YUV420P, 160, 90);
        let stride = picture.stride(0);
        for (y, row) in picture.data_mut(0).chunks_mut(stride).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                *value = pixel(x, y).clamp(16, 235) as u8;
            }
        }
        picture
    }

    /// Stripes whose edges are `blur` pixels wide.
    fn stripes(blur: usize) -> frame::Video {
        picture(|x, _| {
            let (place, half) = (x % 32, 16);
            let rising = (place * 180 / blur).min(180);
            let falling = if place < half { 0 } else { ((place - half) * 180 / blur).min(180) };
            30 + rising - falling
        })
    }

    #[test]
    fn black_white_and_flat_pictures_tell_nothing() {
        for flat in [16, 20, 128, 235] {
            assert!(worth(&picture(|_, _| flat)) < TELLING, "{flat}");
        }
        assert!(worth(&picture(|x, y| 17 + (x * 7 + y * 3) % 12)) < TELLING, "noise in the dark");
        assert!(worth(&stripes(1)) > 4.0 * TELLING);
    }

    #[test]
    fn sharp_pictures_are_worth_more_than_blurred_ones() {
        let worths: Vec<f64> = [1, 4, 8, 15].map(|blur| worth(&stripes(blur))).into();
        assert!(worths.is_sorted_by(|a, b| *a > *b * 1.05), "{worths:?}");
    }

    #[test]
    fn each_part_of_the_film_has_its_best_and_the_best_comes_first() {
        let mut candidates = Candidates::new(1000);
        assert!(!candidates.are_telling());
        for (tick, picture) in [
            (0, picture(|_, _| 16)),
            (250, stripes(8)),
            (399, stripes(1)),
            (390, stripes(4)),
            (990, stripes(4)),
            (1200, picture(|_, _| 235)),
        ] {
            candidates.offer(frame::Video::empty(), tick, &picture);
        }
        assert!(candidates.are_telling());
        let ticks: Vec<u64> = candidates.chosen().iter().map(|chosen| chosen.tick).collect();
        assert_eq!(ticks, [399, 990], "the black beginning is left out");
        let mut black = Candidates::new(1000);
        black.offer(frame::Video::empty(), 5, &picture(|_, _| 16));
        assert!(!black.are_telling());
        assert_eq!(black.chosen().len(), 1, "there is nothing else");
    }
}
