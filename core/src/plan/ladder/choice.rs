//! Choosing a ladder by what was measured: the rungs between the lowest and the top that show most for a viewer's bits, for about the
//! processor time that the fixed ladder would have taken.
//!
//! Every size and quality is a point of rate and VMAF. A ladder is a path of such points from the lowest to the top. A path is worth
//! the area under it over the logarithm of the rate (what its envelope shows over all lines, so far as it is worth looking at), less
//! what is lost where steps between neighbours are seen, less what its bytes cost. The best path that can be afforded is found by
//! dynamic programming.

use super::{Analysis, Codec, Rung, canvas::BITRATE_MIN_BPS, curve::Curve};
use std::cmp::Ordering;

/// VMAF at which a picture cannot be told from the source on a large screen.
const VISUALLY_LOSSLESS_VMAF: f64 = 95.0;
/// One step that viewers notice, in VMAF; below [`LOW_VMAF`] larger ones are meant.
const STEP_VMAF: f64 = 6.0;
const LOW_STEP_VMAF: f64 = 10.0;
const LOW_VMAF: f64 = 70.0;
/// Below this a picture is bad, and how bad matters no more.
const BAD_VMAF: f64 = 30.0;
/// Neighbours that are closer than this share of a step are one rung too many.
const STEP_MIN: f64 = 0.75;
/// So are neighbours whose rates differ by less than this factor.
const RATE_STEP_MIN: f64 = 1.25;
/// Rungs of the H.264 ladder at most, and of an additional one.
const RUNGS_MAX: usize = 8;
const ADDITIONAL_RUNGS_MAX: usize = 5;
/// What the lowest rung of an additional ladder should take at most. Thinner lines still have the lowest H.264 rung.
const ADDITIONAL_LOWEST_BPS: f64 = 150_000.0;
/// Loss of a step of the wanted size, in VMAF times the natural logarithm of the rate; of others it goes by the square.
const STEP_LOSS: f64 = 0.75;
/// Loss of storing as many bits as the top rung has.
const STORAGE_LOSS: f64 = 1.0;
/// What a rung may take at its peak: so many times its mean, as far as its size allows.
const CAP_MIN: f64 = 1.5;
/// Share of its cap that a rung takes whose cap holds it down.
const CAPPED: f64 = 0.95;
/// By what share processor time falls from one constant rate factor to the next.
const CRF_EASES: f64 = 0.015;
/// Processor time grows with pixels to this power: smaller pictures have more detail in each.
const WORK_POWER: f64 = 0.85;
/// Parts in which work is counted.
const PARTS: usize = 150;
/// Loss of a part more than there are: no path is worth as much.
const OVER_LOSS: f64 = 1e6;

/// A ladder, and what it is compared with.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Choice {
    /// H.264, highest first, then each additional ladder.
    pub(in crate::plan) rungs: Vec<Rung>,
    /// Bits a second of those of H.264 together, as far as samples tell.
    pub(in crate::plan) bitrate_bps: f64,
    /// The same of the fixed ladder.
    pub(in crate::plan) fixed_bitrate_bps: f64,
}

impl Choice {
    /// What was chosen, for people.
    pub(in crate::plan) fn summary(&self) -> String {
        let (h264, others): (Vec<_>, Vec<_>) = self.rungs.iter().partition(|rung| rung.codec == Codec::H264);
        let (count, percent) = (h264.len(), (1.0 - self.bitrate_bps / self.fixed_bitrate_bps) * 100.0);
        let compared = if percent >= 0.0 { "less" } else { "more" };
        let beside =
            if others.is_empty() { String::new() } else { format!("; {} in other codecs are beside them", others.len()) };
        format!(
            "{count} rungs are chosen by measured quality: about {:.0} % {compared} to store than the fixed ladder{beside}",
            percent.abs()
        )
    }
}

/// One rung that could be.
#[derive(Clone, Debug)]
struct Point {
    rung: Rung,
    bitrate_bps: f64,
    vmaf: f64,
    /// Processor time, in a unit of its codec.
    work: f64,
    /// Whether its cap holds it down.
    is_capped: bool,
    /// Whether it has to be in the ladder.
    required: bool,
}

impl Analysis {
    /// The ladder that the measures speak for, with all of `given` in it; `None` if nothing was measured.
    pub(in crate::plan) fn choose(&self, given: &[Rung]) -> Option<Choice> {
        if !self.is_answered_by(&self.measures) {
            return None;
        }
        let h264 = self.fixed_in(Codec::H264);
        let (lowest, sizes) = h264.split_last()?;
        let mut fixed: Vec<Point> = sizes.iter().map(|rung| self.point(rung)).collect::<Option<_>>()?;
        fixed.push(self.lowest(lowest));
        let work_max = self.effort_max * fixed.iter().map(|point| point.work).sum::<f64>();
        let path = best(&self.points(given)?, work_max, RUNGS_MAX);
        let rate = |points: &[Point]| points.iter().map(|point| point.bitrate_bps).sum();
        let mut rungs = rungs(&path, given);
        for codec in [Codec::Hevc, Codec::Av1] {
            rungs.extend(self.additional(codec).unwrap_or_else(|| self.fixed_in(codec)));
        }
        Some(Choice { bitrate_bps: rate(&path), fixed_bitrate_bps: rate(&fixed), rungs })
    }

    /// The fixed ladder of `codec`.
    fn fixed_in(&self, codec: Codec) -> Vec<Rung> {
        self.fixed.iter().filter(|rung| rung.codec == codec).cloned().collect()
    }

    /// The ladder of another codec: from what a poor line carries to what cannot be told from the source, for no more work than its
    /// fixed one; `None` if no quality is within its caps.
    fn additional(&self, codec: Codec) -> Option<Vec<Rung>> {
        let fixed = self.fixed_in(codec);
        let mut points = self.considered(&fixed)?;
        points.retain(|point| !point.is_capped);
        points.sort_by(by_rate);
        points.truncate(top(&points, self.source_bitrate_bps)? + 1);
        let poor = points.partition_point(|point| point.bitrate_bps <= ADDITIONAL_LOWEST_BPS);
        let lowest = (0..poor).max_by(|a, b| points[*a].vmaf.total_cmp(&points[*b].vmaf)).unwrap_or(0);
        points.drain(..lowest);
        points.first_mut()?.required = true;
        points.last_mut()?.required = true;
        let work_max = fixed.iter().map(|rung| self.work(rung)).sum();
        Some(rungs(&best(&points, work_max, ADDITIONAL_RUNGS_MAX), &[]))
    }

    /// Each of `sizes` at each quality.
    fn considered(&self, sizes: &[Rung]) -> Option<Vec<Point>> {
        let mut points = Vec::new();
        for size in sizes {
            let scale = size.codec.scale();
            let Rung { preset, options, .. } = self.trials.iter().find(|trial| trial.codec == size.codec)?;
            let worst = self.curve(size)?.worst();
            let crfs = (0..).map(|step| scale.best + step as f32 * scale.step);
            for crf in crfs.take_while(|crf| f64::from(*crf) <= worst) {
                let (preset, options) = (preset.clone(), options.clone());
                points.push(self.point(&Rung { crf, preset, options, ..size.clone() })?);
            }
        }
        Some(points)
    }

    /// All that a ladder could have, sorted by rate, from the first to the last that it has to have.
    fn points(&self, given: &[Rung]) -> Option<Vec<Point>> {
        let h264 = self.fixed_in(Codec::H264);
        let (lowest, sizes) = h264.split_last()?;
        // Where the lowest leads, it is made already.
        let lowest = self.lowest(self.lowest.as_ref().filter(|_| !given.contains(lowest)).unwrap_or(lowest));
        let sizes: Vec<Rung> = sizes.iter().chain(&self.between).cloned().collect();
        let mut points = self.considered(&sizes)?;
        let is_given = |size: &Rung| given.iter().any(|rung| rung.height == size.height && rung.crf == size.crf);
        points.retain(|point| point.bitrate_bps > lowest.bitrate_bps && !is_given(&point.rung) && !point.is_capped);
        points.sort_by(by_rate);
        let known = |rung: &&Rung| **rung != lowest.rung;
        let start: Vec<Point> = given.iter().filter(known).map(|rung| self.point(rung)).collect::<Option<_>>()?;
        // No rung needs more than the source has, but what leads is being made already.
        let worth_bps = start.iter().map(|point| point.bitrate_bps).fold(self.source_bitrate_bps, f64::max);
        let top = top(&points, worth_bps)?;
        points.truncate(top + 1);
        points[top].required = true;
        points.extend(start.into_iter().chain([lowest]).map(|point| Point { required: true, ..point }));
        points.sort_by(by_rate);
        let first = points.iter().position(|point| point.required)?;
        points.drain(..first);
        Some(points)
    }

    /// What was measured of the size of `rung`; if it was not tried, what those say that are next to it.
    fn curve(&self, rung: &Rung) -> Option<Curve> {
        let measured = |size: &Rung| {
            let alike = |trial: &Rung| (trial.codec, trial.width, trial.height) == (size.codec, size.width, size.height);
            let trials = std::iter::zip(&self.trials, &self.measures).filter(|(trial, _)| alike(trial));
            Curve::through(trials.map(|(trial, measure)| (trial.crf, *measure)))
        };
        if let Some(curve) = measured(rung) {
            return Some(curve);
        }
        let pixels = |rung: &Rung| f64::from(rung.width) * f64::from(rung.height);
        let tried = || self.trials.iter().filter(|trial| trial.codec == rung.codec);
        let larger = tried().filter(|trial| pixels(trial) > pixels(rung)).min_by(|a, b| pixels(a).total_cmp(&pixels(b)))?;
        let smaller = tried().filter(|trial| pixels(trial) < pixels(rung)).max_by(|a, b| pixels(a).total_cmp(&pixels(b)))?;
        let share = (pixels(rung) / pixels(smaller)).ln() / (pixels(larger) / pixels(smaller)).ln();
        Some(Curve::amid(&measured(smaller)?, &measured(larger)?, share))
    }

    /// The lowest rung, which its cap holds down and nobody has looked at.
    fn lowest(&self, rung: &Rung) -> Point {
        let bitrate_bps = f64::from(rung.max_bitrate_bps) * CAPPED;
        Point { rung: rung.clone(), bitrate_bps, vmaf: 0.0, work: self.work(rung), is_capped: true, required: true }
    }

    /// What `rung` takes of the processor, in a unit of its codec.
    fn work(&self, rung: &Rung) -> f64 {
        let easier = 1.0 - (f64::from(rung.crf) - rung.codec.scale().usual) * CRF_EASES;
        let is_fixed = rung.codec != Codec::H264 || self.fixed.contains(rung);
        let frame = (f64::from(rung.width) * f64::from(rung.height)).powf(WORK_POWER);
        frame / f64::from(rung.frame_step.max(1)) * if is_fixed { 1.0 } else { self.work } * easier.max(0.5)
    }

    /// `rung` as a point; `None` if nothing of its size was tried. What its cap holds down shows what it would at the quality that
    /// takes as much.
    fn point(&self, rung: &Rung) -> Option<Point> {
        let curve = self.curve(rung)?;
        let cap = f64::from(rung.max_bitrate_bps) * CAPPED;
        let scale = rung.codec.scale();
        let worse = (0..).map(|step| rung.crf + step as f32 * scale.step).take_while(|crf| *crf <= scale.worst).map(f64::from);
        let crf = worse.clone().find(|crf| curve.bitrate_bps(*crf) <= cap).or(worse.last())?;
        Some(Point {
            rung: rung.clone(),
            bitrate_bps: curve.bitrate_bps(crf).min(cap),
            vmaf: curve.vmaf(crf),
            work: self.work(rung),
            is_capped: crf > f64::from(rung.crf),
            required: false,
        })
    }
}

/// Position of the top in `points`, which are sorted: the first that cannot be told from the source, else the best one that takes no
/// more than `worth_bps`, else the first.
fn top(points: &[Point], worth_bps: f64) -> Option<usize> {
    let worth = points.partition_point(|point| point.bitrate_bps <= worth_bps).max(1).min(points.len());
    let lossless = points[..worth].iter().position(|point| point.vmaf >= VISUALLY_LOSSLESS_VMAF);
    lossless.or_else(|| (0..worth).max_by(|a, b| points[*a].vmaf.total_cmp(&points[*b].vmaf)))
}

fn by_rate(a: &Point, b: &Point) -> Ordering {
    a.bitrate_bps.total_cmp(&b.bitrate_bps)
}

/// The best path to a point among those that have so many rungs and take so much work.
#[derive(Clone, Copy)]
struct Path {
    worth: f64,
    /// The point before it, and which of the paths to that.
    before: Option<(usize, usize)>,
}

/// The path that is worth most, from the first of `points` to the last through all that are required, of those that take no more work
/// than `work_max` and have no more than `rungs_max` rungs; if there is none, of those that take least more.
fn best(points: &[Point], work_max: f64, rungs_max: usize) -> Vec<Point> {
    let (Some(first), Some(top)) = (points.first(), points.last()) else { return Vec::new() };
    let parts = |point: &Point| (point.work / work_max.max(1.0) * PARTS as f64).round() as usize;
    let place = |rungs: usize, parts: usize| (rungs - 1) * (PARTS + 1) + parts.min(PARTS);
    let none = Path { worth: f64::NEG_INFINITY, before: None };
    let mut paths = vec![vec![none; place(rungs_max, PARTS) + 1]; points.len()];
    paths[0][place(1, parts(first))].worth = 0.0;
    for to in 1..points.len() {
        let (known, unknown) = paths.split_at_mut(to);
        let (to, own) = (&points[to], parts(&points[to]));
        let skipped = points[..known.len()].iter().rposition(|point| point.required).unwrap_or(0);
        for from in skipped..known.len() {
            let Some(gain) = gain(&points[from], to, top) else { continue };
            for (rungs, taken) in (1..rungs_max).flat_map(|rungs| (0..=PARTS).map(move |taken| (rungs, taken))) {
                let before = place(rungs, taken);
                let over = (taken + own).saturating_sub(PARTS) as f64;
                let worth = known[from][before].worth + gain - OVER_LOSS * over;
                let path = &mut unknown[0][place(rungs + 1, taken + own)];
                if worth > path.worth {
                    *path = Path { worth, before: Some((from, before)) };
                }
            }
        }
    }
    let last = points.len() - 1;
    let most = (0..paths[last].len()).max_by(|a, b| paths[last][*a].worth.total_cmp(&paths[last][*b].worth));
    let mut path = Vec::new();
    let mut place = most.map(|most| (last, most));
    while let Some((point, which)) = place {
        path.push(points[point].clone());
        place = paths[point][which].before;
    }
    path.reverse();
    path
}

/// What the rung `b` above `a` is worth in a ladder that ends with `top`; `None` if they cannot be neighbours.
fn gain(a: &Point, b: &Point, top: &Point) -> Option<f64> {
    let is_step = steps(a.vmaf, b.vmaf) >= STEP_MIN && b.bitrate_bps >= a.bitrate_bps * RATE_STEP_MIN;
    // A better picture in a smaller size would look worse on its way up.
    let is_larger = b.rung.width * b.rung.height >= a.rung.width * a.rung.height;
    if !(is_step && is_larger || a.required && b.required) {
        return None;
    }
    let loss = STEP_LOSS * steps(a.vmaf, b.vmaf).powi(2) + STORAGE_LOSS * b.bitrate_bps / top.bitrate_bps;
    Some(shown(a, b) - loss)
}

/// Mean VMAF on the way from `a` to `b`, times the logarithm of how much the rate grows; what is bad all counts as the same.
fn shown(a: &Point, b: &Point) -> f64 {
    let (low, high) = (a.vmaf.max(BAD_VMAF), b.vmaf.max(BAD_VMAF));
    // From where on it is better than bad.
    let good = if b.vmaf > a.vmaf { ((b.vmaf - low) / (b.vmaf - a.vmaf)).max(0.0) } else { 1.0 };
    (BAD_VMAF * (1.0 - good) + f64::midpoint(low, high) * good) * (b.bitrate_bps / a.bitrate_bps).ln()
}

/// How many wanted steps lie between two qualities.
fn steps(from_vmaf: f64, to_vmaf: f64) -> f64 {
    let place = |vmaf: f64| vmaf.clamp(BAD_VMAF, LOW_VMAF) / LOW_STEP_VMAF + (vmaf - LOW_VMAF).max(0.0) / STEP_VMAF;
    place(to_vmaf) - place(from_vmaf)
}

/// A path, from the lowest rung to the top, as a ladder: highest first, each with a name, a cap and a reason. Those of `given` are
/// being made already and stay as they are.
fn rungs(path: &[Point], given: &[Rung]) -> Vec<Rung> {
    let mut rungs: Vec<Rung> = Vec::with_capacity(path.len());
    for (place, point) in path.iter().enumerate().rev() {
        let is_given = given.contains(&point.rung);
        // Only the lowest of the fixed ladder is: its cap is what it is there for.
        let is_capped = place == 0 && point.is_capped;
        let reason = match path.get(place + 1) {
            _ if is_given => format!("leads until the others are chosen: VMAF {:.0}", point.vmaf),
            _ if is_capped => "for slow lines".to_owned(),
            Some(_) if place == 0 => format!("for slow lines: VMAF {:.0}", point.vmaf),
            Some(above) => format!("VMAF {:.0}, {:.0} below the next", point.vmaf, above.vmaf - point.vmaf),
            None if point.vmaf >= VISUALLY_LOSSLESS_VMAF => format!("cannot be told from the source: VMAF {:.0}", point.vmaf),
            None => format!("the best within the source's rate and the cap: VMAF {:.0}", point.vmaf),
        };
        let rung = if is_capped || is_given {
            Rung { reason, ..point.rung.clone() }
        } else {
            let max_bitrate_bps = cap_bps(point, path.get(place + 1).zip(rungs.last()));
            let is_taken = |id: &str| given.iter().chain(&rungs).any(|other| other.id == id);
            let id = (1..).map(|number| name(&point.rung, number)).find(|id| !is_taken(id)).unwrap_or_default();
            Rung { id, max_bitrate_bps, reason, ..point.rung.clone() }
        };
        rungs.push(rung);
    }
    rungs
}

/// What `point` may take at its peak: in proportion to the rung `above` it, at least [`CAP_MIN`] times its mean, at most what its size
/// is given, and never nothing.
fn cap_bps(point: &Point, above: Option<(&Point, &Rung)>) -> u32 {
    let size_cap = f64::from(point.rung.max_bitrate_bps);
    let share = above.map_or(size_cap, |(next, rung)| f64::from(rung.max_bitrate_bps) * point.bitrate_bps / next.bitrate_bps);
    let cap = share.max(point.bitrate_bps * CAP_MIN).min(size_cap);
    (cap.max(BITRATE_MIN_BPS) / 1000.0).round() as u32 * 1000
}

/// The `number`-th name for a rung of that size.
fn name(rung: &Rung, number: u32) -> String {
    if number == 1 { rung.id.clone() } else { format!("{}-{number}", rung.id) }
}
