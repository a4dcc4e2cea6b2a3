//! Typed ids: UUIDv7 in the database, prefixed text (`vid_` + 32 hex digits) at every boundary.

use crate::{Clock, Error, Random, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::{Builder, Uuid};

fn generate(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let mut entropy = [0; 10];
    random.fill(&mut entropy);
    let millis = u64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid()
}

fn parse(prefix: &str, text: &str) -> Result<Uuid> {
    let hex = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    hex.filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        .and_then(|hex| Uuid::try_parse(hex).ok())
        .ok_or_else(|| Error::invalid("invalid_id", format!("an id of the form {prefix}_… is expected here")))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, sortable by the time of its making.
            #[must_use]
            pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
                Self(generate(clock, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                parse($prefix, text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// An account that signs in.
    UserId, "usr");
id!(
    /// A person in an account.
    ProfileId, "prf");
id!(
    /// One playable asset.
    VideoId, "vid");
id!(
    /// One transfer of a source.
    UploadId, "upl");
id!(
    /// One immutable run of source + plan + encoder version.
    EncodeId, "enc");
id!(
    /// One file of subtitles that came beside a film.
    SubtitleId, "sub");
id!(
    /// One unit of background work.
    JobId, "job");
id!(
    /// One trained recommender.
    ModelId, "mod");
id!(
    /// What was learned after the training of a recommender, until some time.
    DeltaId, "dlt");
id!(
    /// One process that works on jobs.
    WorkerId, "wrk");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OsRandom, SystemClock};

    #[test]
    fn text_form_round_trips_and_sorts_by_time() {
        let first = VideoId::new(&SystemClock, &OsRandom);
        assert_eq!(first.to_string().parse::<VideoId>().ok(), Some(first));
        assert_eq!(first.0.get_version_num(), 7);
    }

    #[test]
    fn foreign_prefixes_and_shapes_are_refused() {
        let video = VideoId::new(&SystemClock, &OsRandom).to_string();
        for text in
            [video.replace("vid", "usr"), video.to_uppercase(), video.replace('_', ""), format!("{video}0"), String::new()]
        {
            assert!(text.parse::<VideoId>().is_err(), "{text}");
        }
    }
}
