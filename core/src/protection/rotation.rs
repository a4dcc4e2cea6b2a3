//! Key rotation: crypto periods of some segments each. Their keys all follow from one that opens nothing itself, so that a title of any
//! length has no more that is stored; from the key of one period nothing of another follows.

use super::{Choice, ContentKey, ContentKeys, KEY_BYTES, KeyName, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Crypto periods of a title at most; the last one lasts to its end. Players are told of all of them.
const PERIODS_MAX: u32 = 1024;
/// What is hashed for what, so that nothing else follows from a key in the same way.
const NAME: &[u8] = b"marquee crypto period name";
const SECRET: &[u8] = b"marquee crypto period secret";

impl Choice {
    /// The crypto period of segment `number`, from 0; always the first one if keys do not change.
    #[must_use]
    pub fn period_of(self, number: u32) -> u32 {
        self.rotation_segments.map_or(0, |segments| (number.saturating_sub(1) / segments).min(PERIODS_MAX - 1))
    }

    /// Crypto periods of so many segments.
    #[must_use]
    pub fn periods(self, segments: u32) -> u32 {
        self.period_of(segments) + 1
    }
}

impl ContentKey {
    /// The key of a crypto period of a title that is protected as `choice` says, which follows from this one; this one if keys do not
    /// change.
    #[must_use]
    pub fn of_period(&self, choice: Choice, period: u32) -> Self {
        if choice.rotation_segments.is_none() {
            return self.clone();
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose()).expect("any length is a key");
        mac.update(SECRET);
        mac.update(&period.to_be_bytes());
        let secret = Secret::new(half(&mac.finalize().into_bytes()));
        Self { id: id(self.id, period), secret, iv: self.iv }
    }
}

impl KeyName {
    /// What is no secret of the key of a crypto period; see [`ContentKey::of_period`].
    #[must_use]
    pub fn of_period(&self, choice: Choice, period: u32) -> Self {
        if choice.rotation_segments.is_none() {
            return self.clone();
        }
        Self { of: self.of, id: id(self.id, period), iv: self.iv, told: Vec::new() }
    }
}

impl ContentKeys {
    /// The keys of all crypto periods of so many segments, one period after the other.
    #[must_use]
    pub fn of_periods(&self, choice: Choice, segments: u32) -> Self {
        let of = |period| self.0.iter().map(move |(of, key)| (*of, key.of_period(choice, period)));
        Self((0..choice.periods(segments)).flat_map(of).collect())
    }
}

/// The id of a period's key, which is no secret. Its vector is that of all: keys differ.
fn id(of: Uuid, period: u32) -> Uuid {
    let digest = Sha256::new().chain_update(NAME).chain_update(of).chain_update(period.to_be_bytes()).finalize();
    Builder::from_random_bytes(half(&digest)).into_uuid()
}

fn half(bytes: &[u8]) -> [u8; KEY_BYTES] {
    let mut half = [0; KEY_BYTES];
    half.copy_from_slice(&bytes[..KEY_BYTES]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SeededRandom,
        presentation::Media,
        protection::{KeyPolicy, Protected},
        source::Ratio,
    };
    use std::{collections::HashSet, num::NonZeroU32};

    fn choice(segments: u32) -> Choice {
        Choice { rotation_segments: NonZeroU32::new(segments), ..Choice::default() }
    }

    #[test]
    fn periods_are_of_whole_segments_from_the_first() {
        let three = choice(3);
        let periods: Vec<_> = (1..=7).map(|number| three.period_of(number)).collect();
        assert_eq!(periods, [0, 0, 0, 1, 1, 1, 2]);
        assert_eq!([0, 1, 3, 4, 7].map(|segments| three.periods(segments)), [1, 1, 1, 2, 3]);
        assert_eq!((choice(1).periods(u32::MAX), choice(1).period_of(1025)), (PERIODS_MAX, 1023), "the last lasts to the end");
        assert_eq!((choice(0).period_of(1_000_000), choice(0).periods(1_000_000)), (0, 1), "keys do not change");
    }

    #[test]
    fn every_period_has_keys_of_its_own_that_do_not_give_others_away() {
        let keys = ContentKeys::generate(KeyPolicy::PerTrackType, &SeededRandom::new(1));
        let all = keys.of_periods(choice(10), 95);
        assert_eq!(all.0.len(), 4 * 10);
        let mut seen = HashSet::new();
        for (_, key) in keys.0.iter().chain(&all.0) {
            assert!(seen.insert(key.id.into_bytes()) && seen.insert(*key.secret.expose()));
        }
        assert_eq!(all, keys.of_periods(choice(10), 100), "the same every time");
        assert_eq!(keys.of_periods(choice(0), 95), keys);
        assert_eq!(all.0[4].1, keys.0[0].1.of_period(choice(10), 1), "one period after the other");
    }

    #[test]
    fn what_is_said_of_a_key_is_said_of_those_of_its_periods() {
        let (protected, keys) = Protected::generate(choice(2), Vec::new(), &SeededRandom::new(1));
        let media = Media::Video { width: 320, height: 180, frame_rate: Ratio::new(25, 1) };
        for number in 1..=6 {
            let key = keys.of(&media).unwrap().of_period(choice(2), (number - 1) / 2);
            assert_eq!(protected.key_of(&media, number), Some(KeyName::new(crate::protection::KeyUse::Sd, &key)));
        }
    }
}
