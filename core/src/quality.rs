//! What judged pictures say of a title: how good each rung is, over time, and where it is worst.

use serde::{Deserialize, Serialize};

/// Points of a curve at most.
const POINTS_MAX: u64 = 120;
/// Worst moments that are named, and how far apart they are at least.
const WORST_MAX: usize = 10;
const WORST_APART_MS: u64 = 5_000;
/// Of so many pictures one is worse than the low score.
const LOW_OF: usize = 20;

/// One picture as it is shown, compared with what the encoder was given, in the rung's own size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// When it is shown, in the rendition's timescale.
    pub tick: u64,
    /// As people see it: VMAF (model v0.6.1), 0 to 100.
    pub vmaf: f64,
    /// Peak signal-to-noise ratio of its brightness, at most 100.
    pub psnr_db: f64,
}

/// How good a title is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Processor time that judging took.
    pub cpu_ms: u64,
    /// Rungs of which pictures were judged, in the order of the manifest.
    pub rungs: Vec<RungQuality>,
}

/// How good a rung is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungQuality {
    /// Folder and id, such as `v/540p`.
    pub id: String,
    /// Pictures that were judged.
    pub pictures: u64,
    /// Their mean VMAF.
    pub vmaf: f64,
    /// The VMAF that nineteen of twenty pictures reach.
    pub vmaf_low: f64,
    /// Their mean PSNR.
    pub psnr_db: f64,
    /// Where it is worst, worst first.
    pub worst: Vec<Moment>,
    /// VMAF over time: means of what was judged in parts of equal length.
    pub curve: Vec<Moment>,
}

/// VMAF at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// From the beginning.
    pub time_ms: u64,
    /// VMAF of a picture, or the mean of several.
    pub vmaf: f64,
}

impl RungQuality {
    /// What pictures of the rung `id` come to, of a title that is `duration_ms` long; `time_ms` tells when a tick is. `None` if nothing
    /// was judged.
    #[must_use]
    pub fn of(id: String, judged: &[Judged], duration_ms: u64, time_ms: impl Fn(u64) -> u64) -> Option<Self> {
        let moment = |judged: &Judged| Moment { time_ms: time_ms(judged.tick), vmaf: judged.vmaf };
        let mut moments: Vec<Moment> = judged.iter().map(moment).collect();
        moments.sort_by_key(|moment| moment.time_ms);
        let curve = curve(&moments, duration_ms);
        moments.sort_by(|a, b| a.vmaf.total_cmp(&b.vmaf));
        Some(Self {
            id,
            pictures: judged.len() as u64,
            vmaf: rounded(mean(judged.iter().map(|judged| judged.vmaf))?),
            vmaf_low: moments[moments.len() / LOW_OF].vmaf,
            psnr_db: rounded(mean(judged.iter().map(|judged| judged.psnr_db))?),
            worst: worst(&moments),
            curve,
        })
    }
}

/// Mean VMAF of pictures; `None` if there are none.
#[must_use]
pub fn mean_vmaf(judged: &[Judged]) -> Option<f64> {
    mean(judged.iter().map(|judged| judged.vmaf))
}

/// A score as it is stored: what differs less nobody sees.
#[must_use]
pub fn rounded(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

/// `moments`, in order, thinned to means of parts of the title. A part is as late as the first moment in it.
fn curve(moments: &[Moment], duration_ms: u64) -> Vec<Moment> {
    let part_ms = duration_ms.div_ceil(POINTS_MAX).max(1);
    // What lies beyond the end, which is a guess, belongs to the last part.
    let part = |moment: &Moment| (moment.time_ms / part_ms).min(POINTS_MAX - 1);
    let parts = moments.chunk_by(|a, b| part(a) == part(b));
    let point = |part: &[Moment]| {
        let vmaf = mean(part.iter().map(|moment| moment.vmaf))?;
        Some(Moment { time_ms: part.first()?.time_ms, vmaf: rounded(vmaf) })
    };
    parts.filter_map(point).collect()
}

/// The first of `moments`, worst first, that are not close to a worse one.
fn worst(moments: &[Moment]) -> Vec<Moment> {
    let mut worst: Vec<Moment> = Vec::new();
    for moment in moments {
        if worst.len() == WORST_MAX {
            break;
        }
        if worst.iter().all(|other| other.time_ms.abs_diff(moment.time_ms) >= WORST_APART_MS) {
            worst.push(*moment);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(count: u64, vmaf: impl Fn(u64) -> f64) -> RungQuality {
        let judged: Vec<Judged> = (0..count).map(|tick| Judged { tick, vmaf: vmaf(tick), psnr_db: 40.0 }).collect();
        RungQuality::of("v/540p".into(), &judged, count * 2000, |tick| tick * 2000).expect("judged")
    }

    #[test]
    fn the_worst_moments_are_apart_and_the_curve_has_a_bounded_number_of_points() {
        let found = quality(1000, |tick| if (400..410).contains(&tick) { 60.0 + (tick % 5) as f64 } else { 95.0 });
        assert_eq!((found.pictures, found.psnr_db, found.vmaf_low), (1000, 40.0, 95.0));
        assert_eq!(found.vmaf, 94.67);
        assert_eq!(found.worst[..2], [Moment { time_ms: 800_000, vmaf: 60.0 }, Moment { time_ms: 810_000, vmaf: 60.0 }]);
        assert!(found.worst.len() == WORST_MAX && found.worst[4].vmaf == 95.0);
        assert!(found.curve.len() as u64 <= POINTS_MAX && found.curve.len() > 100, "{}", found.curve.len());
        assert!(found.curve.windows(2).all(|pair| pair[0].time_ms < pair[1].time_ms));
        let lowest = found.curve.iter().min_by(|a, b| a.vmaf.total_cmp(&b.vmaf)).expect("points");
        assert!((790_000..=820_000).contains(&lowest.time_ms) && lowest.vmaf < 80.0, "{lowest:?}");
    }

    #[test]
    fn little_is_told_as_it_is() {
        assert_eq!(RungQuality::of("v/540p".into(), &[], 1000, |tick| tick), None);
        let found = quality(1, |_| 88.0);
        assert_eq!(found.worst, found.curve);
        assert_eq!((found.vmaf, found.vmaf_low, found.curve.len()), (88.0, 88.0, 1));
    }
}
