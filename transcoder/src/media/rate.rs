//! Frame rate from presentation times: is there a grid that all of them lie on?

use marquee_core::source::Ratio;

/// How far a time may lie from the grid: containers such as Matroska round to milliseconds.
const TOLERANCE_SECONDS: f64 = 0.0021;
/// Share of the grid's places that hold a frame; below this the grid is an accident.
const OCCUPIED_MIN: f64 = 0.9;
/// Rates that films are made in.
const USUAL: [(u32, u32); 14] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (12, 1),
    (15, 1),
    (10, 1),
    (120_000, 1001),
    (120, 1),
];
/// A usual rate is tried when it is this close to the average, or as far above it as missing frames can explain.
const USUAL_DISTANCE: f64 = 0.03;

/// The rate of frames shown at `times` (ascending, in units of `time_base`), and whether it is constant. `stated` are rates
/// that the container suggests, most trusted first.
pub(super) fn of(times: &[i64], time_base: Ratio, stated: &[Ratio]) -> (Ratio, bool) {
    let unit = time_base.as_f64();
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return (Ratio::new(25, 1), false) };
    let seconds = distance(*first, *last) * unit;
    let plausible = |rate: &Ratio| (0.1..=240.0).contains(&rate.as_f64());
    if times.len() < 2 || seconds <= 0.0 {
        return (stated.iter().copied().find(plausible).unwrap_or(Ratio::new(25, 1)), false);
    }
    let average = (times.len() - 1) as f64 / seconds;
    let usual = USUAL.iter().map(|&(num, den)| Ratio::new(num, den));
    let near = usual.filter(|rate| (1.0 - USUAL_DISTANCE..=1.0 / OCCUPIED_MIN).contains(&(rate.as_f64() / average)));
    let constant = stated.iter().copied().chain(near).filter(plausible).find(|rate| is_grid(times, unit, rate.as_f64()));
    match constant {
        Some(rate) => (rate, true),
        None => (Ratio::new((average.clamp(0.1, 240.0) * 1000.0).round() as u32, 1000), false),
    }
}

/// From one time to another, however far apart a hostile container puts them.
pub(super) fn distance(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64
}

/// Whether every time lies on the grid of `rate`, each on a place of its own, and most places are taken.
fn is_grid(times: &[i64], unit: f64, rate: f64) -> bool {
    places(times, unit, rate).is_some_and(|places| times.len() as f64 >= places * OCCUPIED_MIN)
}

/// How many places there are from the first to the last of `times`, if every one lies on the grid of `rate`, on a place of its own.
pub(super) fn places(times: &[i64], unit: f64, rate: f64) -> Option<f64> {
    let first = *times.first()?;
    let tolerance = (TOLERANCE_SECONDS * rate).min(1.0 / 3.0);
    let mut before = -1.0;
    for &time in times {
        let place = distance(first, time) * unit * rate;
        let nearest = place.round();
        if (place - nearest).abs() > tolerance || nearest <= before {
            return None;
        }
        before = nearest;
    }
    Some(before + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(rate: f64, count: u32) -> Vec<i64> {
        (0..count).map(|frame| (f64::from(frame) * 1000.0 / rate).round() as i64 + 42).collect()
    }

    #[test]
    fn times_in_milliseconds_find_their_rate() {
        let ms = Ratio::new(1, 1000);
        for (num, den) in [(24_000, 1001), (25, 1), (30_000, 1001), (60_000, 1001), (12, 1)] {
            let rate = Ratio::new(num, den);
            // Long enough that neighbours such as 29.97 and 30 fall apart.
            assert_eq!(of(&rounded(rate.as_f64(), 3000), ms, &[]), (rate, true));
        }
        let odd = Ratio::new(12_500, 1001);
        assert_eq!(of(&rounded(odd.as_f64(), 500), ms, &[Ratio::new(1000, 1), odd]), (odd, true));
    }

    #[test]
    fn missing_frames_keep_the_grid_and_phone_video_has_none() {
        let ms = Ratio::new(1, 1000);
        let mut times = rounded(30.0, 300);
        times.retain(|time| time % 17 != 0);
        assert_eq!(of(&times, ms, &[]), (Ratio::new(30, 1), true));
        let wobbly: Vec<i64> = (0..300).map(|frame| frame * 33 + (frame % 7) * 3).collect();
        let (rate, constant) = of(&wobbly, ms, &[Ratio::new(30, 1)]);
        assert!(!constant && (rate.as_f64() - 30.0).abs() < 1.0, "{rate:?}");
    }

    #[test]
    fn times_far_apart_tell_whether_a_rate_holds() {
        let ms = 0.001;
        let ntsc = 24_000.0 / 1001.0;
        let mut times = rounded(ntsc, 200_000);
        times.drain(1000..199_000);
        assert_eq!(places(&times, ms, ntsc), Some(200_000.0));
        assert_eq!(places(&times, ms, 24.0), None);
        *times.last_mut().unwrap() += 9;
        assert_eq!(places(&times, ms, ntsc), None);
    }

    #[test]
    fn few_frames_have_no_rate_of_their_own() {
        assert_eq!(of(&[5], Ratio::new(1, 1000), &[Ratio::new(90_000, 1), Ratio::new(24, 1)]), (Ratio::new(24, 1), false));
        assert_eq!(of(&[], Ratio::new(1, 1000), &[]), (Ratio::new(25, 1), false));
    }
}
