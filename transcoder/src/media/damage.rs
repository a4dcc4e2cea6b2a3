//! When a film is not as it was: stretches of time, told in the words of a clock.

use std::fmt;

/// Damage this close to other damage is one stretch with it, in milliseconds: what lies between suffers too.
const JOINED_MS: u64 = 500;
/// Stretches that are told of; the others are counted.
const TOLD_MAX: usize = 10;

/// Stretches of a title that are damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// From and to, in milliseconds, as they were found.
    stretches: Vec<(u64, u64)>,
}

impl Damage {
    /// What is shown from `start_ms` to `end_ms` is damaged.
    pub(super) fn add(&mut self, start_ms: u64, end_ms: u64) {
        match self.stretches.last_mut() {
            // Most comes in order: what is damaged throughout takes no memory.
            Some((from, to)) if *from <= start_ms && start_ms <= to.saturating_add(JOINED_MS) => *to = (*to).max(end_ms),
            _ => self.stretches.push((start_ms, end_ms)),
        }
    }

    fn joined(&self) -> Vec<(u64, u64)> {
        let mut sorted = self.clone();
        sorted.stretches.sort_unstable();
        let mut joined = Self::default();
        sorted.stretches.into_iter().for_each(|(start_ms, end_ms)| joined.add(start_ms, end_ms));
        joined.stretches
    }
}

impl fmt::Display for Damage {
    /// `at 0:12.4–0:12.9, 1:02:03.0–1:02:03.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stretches = self.joined();
        for (index, (start_ms, end_ms)) in stretches.iter().take(TOLD_MAX).enumerate() {
            let before = if index == 0 { "at " } else { ", " };
            write!(f, "{before}{}–{}", clock(*start_ms / 100), clock(end_ms.div_ceil(100)))?;
        }
        match stretches.len().saturating_sub(TOLD_MAX) {
            0 => Ok(()),
            others => write!(f, " and {others} more times"),
        }
    }
}

/// Tenths of a second as minutes and seconds, with hours where there are some.
fn clock(tenths: u64) -> String {
    let (hours, minutes, seconds) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60);
    let tenths = tenths % 10;
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}.{tenths}") } else { format!("{minutes}:{seconds:02}.{tenths}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_close_together_is_one_stretch_in_whatever_order_it_comes() {
        let mut damage = Damage::default();
        assert_eq!(damage.to_string(), "");
        for (start_ms, end_ms) in [(12_400, 12_440), (12_840, 12_880), (3_723_000, 3_723_040), (60_000, 60_001), (12_480, 12_520)]
        {
            damage.add(start_ms, end_ms);
        }
        assert_eq!(damage.to_string(), "at 0:12.4–0:12.9, 1:00.0–1:00.1, 1:02:03.0–1:02:03.1");
    }

    #[test]
    fn a_list_of_stretches_has_an_end() {
        let mut damage = Damage::default();
        (0..1000).for_each(|second| damage.add(second * 1000, second * 1000 + 40));
        let told = damage.to_string();
        assert!(told.ends_with("0:09.0–0:09.1 and 990 more times") && told.len() < 300, "{told}");
        (0..1_000_000).for_each(|frame| damage.add(2_000_000 + frame * 40, 2_000_040 + frame * 40));
        assert_eq!(damage.stretches.len(), 1001, "what is damaged throughout is one stretch");
    }
}
