//! How a video is protected, on the wire.

use crate::app::App;
use marquee_core::{
    Error, ErrorKind, Result,
    protection::{Choice, KeyPolicy, Scheme},
};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};
use std::num::NonZeroU32;
use utoipa::ToSchema;

/// How what is made of a video is to be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Protection)]
#[serde(deny_unknown_fields)]
pub(super) struct ProtectionView {
    /// `cbcs`, which all players know, or `cenc`; `none` leaves it in the clear.
    pub(super) scheme: Wanted,
    /// How many keys it has: `per_track_type`, one for sound and one for each class of picture, or `per_title`.
    #[serde(default)]
    #[schema(value_type = String, example = "per_track_type")]
    pub(super) keys: KeyPolicy,
    /// After how many segments of six seconds its keys change, 1024 times at most; absent if they never do. Older receivers of
    /// AirPlay, and Shaka Player by HLS, do not play what has keys that change, and keys of a key server of others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, example = 50)]
    pub(super) rotation_segments: Option<NonZeroU32>,
}

/// A scheme, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    /// In the clear.
    None,
    /// AES-CBC with a pattern.
    Cbcs,
    /// AES-CTR.
    Cenc,
}

impl ProtectionView {
    /// What a text field of a form says: a scheme, or all of it as JSON.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.starts_with('{') {
            let wrong = |error| Error::invalid("invalid_protection", "protection is no such JSON").caused_by(error);
            return serde_json::from_str(text).map_err(wrong);
        }
        let scheme = Wanted::deserialize(text.into_deserializer())
            .map_err(|_: value::Error| Error::invalid("invalid_protection", "protection is none, cbcs or cenc"))?;
        Ok(Self { scheme, keys: KeyPolicy::default(), rotation_segments: None })
    }

    /// What it comes to.
    ///
    /// # Errors
    /// `Conflict` with code `no_master_key` if nothing can be protected here, or `no_key_rotation` if keys cannot change here.
    pub(super) fn choice(self, app: &App) -> Result<Option<Choice>> {
        let scheme = match self.scheme {
            Wanted::None => return Ok(None),
            Wanted::Cbcs => Scheme::Cbcs,
            Wanted::Cenc => Scheme::Cenc,
        };
        // To who asks it is no fault that passes.
        app.deps.key_server.check().map_err(|error| Error::new(ErrorKind::Conflict, error.code(), error.message()))?;
        if self.rotation_segments.is_some() && app.deps.key_server.speke().is_some() {
            let message =
                "keys come from a key server of others here, which has one for all segments: leave rotation_segments out";
            return Err(Error::conflict("no_key_rotation", message));
        }
        Ok(Some(Choice { scheme, keys: self.keys, rotation_segments: self.rotation_segments }))
    }
}

impl From<Choice> for ProtectionView {
    fn from(choice: Choice) -> Self {
        let scheme = match choice.scheme {
            Scheme::Cbcs => Wanted::Cbcs,
            Scheme::Cenc => Wanted::Cenc,
        };
        Self { scheme, keys: choice.keys, rotation_segments: choice.rotation_segments }
    }
}
