//! A ratio over profiles, and how far off it may be.

/// Sums over profiles, of each what is counted and what it is counted among. As little as a ratio needs, however many profiles there are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    profiles: f64,
    of: f64,
    among: f64,
    of_squared: f64,
    among_squared: f64,
    product: f64,
}

/// A ratio, such as plays per impression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// What it is.
    pub value: f64,
    /// Its standard error; infinite if one profile alone tells.
    pub error: f64,
    /// What is counted among, of all profiles together.
    pub observations: f64,
    /// Profiles that tell.
    pub profiles: f64,
}

impl Sums {
    /// One profile more, of which `of` is counted among `among`. A profile that says nothing is none.
    pub fn add(&mut self, of: f64, among: f64) {
        if among > 0.0 && of.is_finite() && among.is_finite() {
            self.profiles += 1.0;
            self.of += of;
            self.among += among;
            self.of_squared += of * of;
            self.among_squared += among * among;
            self.product += of * among;
        }
    }

    /// The ratio of both; `None` if there is nothing to count among. Its error is that of sums over profiles (delta method; W. Cochran,
    /// "Sampling Techniques", 1977, §6): what one profile does once it does again, so its impressions are no independent witnesses.
    #[must_use]
    pub fn ratio(&self) -> Option<Ratio> {
        if self.among <= 0.0 {
            return None;
        }
        let value = self.of / self.among;
        // Of what each profile is above its expected part, the square.
        let squares = (self.of_squared - 2.0 * value * self.product + value * value * self.among_squared).max(0.0);
        let spread = if self.profiles > 1.0 { squares * self.profiles / (self.profiles - 1.0) } else { f64::INFINITY };
        Some(Ratio { value, error: spread.sqrt() / self.among, observations: self.among, profiles: self.profiles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_all_count_the_same_it_is_the_mean_and_its_error() {
        let mut sums = Sums::default();
        let values = [0.0, 1.0, 2.0, 5.0];
        values.iter().for_each(|value| sums.add(*value, 1.0));
        sums.add(3.0, 0.0);
        let ratio = sums.ratio().expect("a ratio");
        let spread = values.iter().map(|value| (value - 2.0_f64).powi(2)).sum::<f64>() / 3.0;
        assert_eq!((ratio.value, ratio.observations, ratio.profiles), (2.0, 4.0, 4.0));
        assert!((ratio.error - (spread / 4.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn profiles_that_all_do_the_same_leave_nothing_to_chance_and_one_alone_everything() {
        let mut sums = Sums::default();
        assert_eq!(sums.ratio(), None);
        sums.add(3.0, 10.0);
        assert_eq!(sums.ratio().map(|ratio| (ratio.value, ratio.error)), Some((0.3, f64::INFINITY)));
        (1..50).for_each(|times| sums.add(3.0 * f64::from(times), 10.0 * f64::from(times)));
        let ratio = sums.ratio().expect("a ratio");
        assert!((ratio.value - 0.3).abs() < 1e-12 && ratio.error < 1e-6, "{ratio:?}");
    }
}
