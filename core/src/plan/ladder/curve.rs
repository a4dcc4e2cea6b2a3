//! What one size takes and shows at any quality, drawn through the few that were tried.

use super::Measure;

/// How far beyond the last trial a curve is believed, in steps of the last two: quality falls ever faster there.
const BEYOND: f64 = 0.25;

/// Rate and VMAF of one size by constant rate factor. Between trials the logarithm of the rate and VMAF follow parabolas through them;
/// beyond, lines that do not rise.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    crfs: Vec<f64>,
    log_rates: Vec<f64>,
    vmafs: Vec<f64>,
}

impl Curve {
    /// The curve through `trials`: constant rate factors, ascending, and what they came to; `None` if there are none.
    pub(super) fn through(trials: impl Iterator<Item = (f32, Measure)>) -> Option<Self> {
        let mut curve = Self { crfs: Vec::new(), log_rates: Vec::new(), vmafs: Vec::new() };
        for (crf, measure) in trials {
            curve.crfs.push(f64::from(crf));
            curve.log_rates.push(measure.bitrate_bps.ln());
            curve.vmafs.push(measure.vmaf);
        }
        (!curve.crfs.is_empty()).then_some(curve)
    }

    /// The curve of a size between two that were tried, at `share` of the way from the smaller to the larger by the logarithm of pixels.
    pub(super) fn amid(smaller: &Self, larger: &Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * share;
        let log_rate = |crf: &f64| mix(smaller.at(&smaller.log_rates, *crf), larger.at(&larger.log_rates, *crf));
        let vmaf = |crf: &f64| mix(smaller.vmaf(*crf), larger.vmaf(*crf));
        let crfs = larger.crfs.clone();
        Self { log_rates: crfs.iter().map(log_rate).collect(), vmafs: crfs.iter().map(vmaf).collect(), crfs }
    }

    /// The worst quality that trials tell of: one that is not far beyond the last of them.
    pub(super) fn worst(&self) -> f64 {
        let last = self.crfs.len() - 1;
        self.crfs[last] + (self.crfs[last] - self.crfs[last.saturating_sub(1)]) * BEYOND
    }

    /// Bits a second at `crf`.
    pub(super) fn bitrate_bps(&self, crf: f64) -> f64 {
        self.at(&self.log_rates, crf).exp()
    }

    /// VMAF at `crf`, 0 to 100.
    pub(super) fn vmaf(&self, crf: f64) -> f64 {
        self.at(&self.vmafs, crf).clamp(0.0, 100.0)
    }

    fn at(&self, values: &[f64], crf: f64) -> f64 {
        let last = self.crfs.len() - 1;
        let (from, towards) = if crf < self.crfs[0] {
            (0, last.min(1))
        } else if crf > self.crfs[last] {
            (last, last.saturating_sub(1))
        } else {
            return self.between(values, crf);
        };
        let run = self.crfs[towards] - self.crfs[from];
        let slope = if run == 0.0 { 0.0 } else { (values[towards] - values[from]) / run };
        values[from] + slope.min(0.0) * (crf - self.crfs[from])
    }

    /// Lagrange's polynomial through `values`.
    fn between(&self, values: &[f64], crf: f64) -> f64 {
        let term = |place: usize| {
            let own = self.crfs[place];
            let others = self.crfs.iter().enumerate().filter(|(other, _)| *other != place);
            values[place] * others.map(|(_, other)| (crf - other) / (own - other)).product::<f64>()
        };
        (0..values.len()).map(term).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_through_its_trials_and_smoothly_between() {
        // Tears of Steel, 1080 lines, preset veryfast.
        let trials = [(22.0, 3_136_000.0, 99.8), (28.0, 1_724_000.0, 94.4), (34.0, 970_000.0, 82.3)];
        let measured = trials.map(|(crf, bitrate_bps, vmaf)| (crf, Measure { bitrate_bps, vmaf }));
        let curve = Curve::through(measured.into_iter()).unwrap();
        for (crf, measure) in measured {
            assert!((curve.bitrate_bps(f64::from(crf)) / measure.bitrate_bps - 1.0).abs() < 1e-9);
            assert!((curve.vmaf(f64::from(crf)) - measure.vmaf).abs() < 1e-9);
        }
        let (rate, vmaf) = (curve.bitrate_bps(25.0), curve.vmaf(25.0));
        assert!((2_300_000.0..2_350_000.0).contains(&rate) && (97.0..98.5).contains(&vmaf), "{rate} {vmaf}");
        assert!(curve.vmaf(10.0) <= 100.0 && curve.vmaf(60.0) >= 0.0, "nothing is better than the source");
        // A film that hardly moves takes no more where it is worse.
        let still =
            [(22.0, 1e6), (28.0, 2e5), (34.0, 1.5e5)].map(|(crf, bitrate_bps)| (crf, Measure { bitrate_bps, vmaf: 90.0 }));
        let still = Curve::through(still.into_iter()).unwrap();
        assert!(still.bitrate_bps(51.0) < 1.5e5 && still.bitrate_bps(18.0) > 1e6);
        let one = Curve::through([(28.0, Measure { bitrate_bps: 5e5, vmaf: 80.0 })].into_iter()).unwrap();
        assert_eq!((curve.worst(), one.worst()), (35.5, 28.0), "what nothing was tried near is not known");
        assert!((one.bitrate_bps(20.0) - 5e5).abs() < 1.0 && Curve::through(std::iter::empty()).is_none());
    }
}
