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
    /// What a text field of a form says.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let scheme = Wanted::deserialize(text.into_deserializer())
            .map_err(|_: value::Error| Error::invalid("invalid_protection", "protection is none, cbcs or cenc"))?;
        Ok(Self { scheme, keys: KeyPolicy::default() })
    }

    /// What it comes to.
    ///
    /// # Errors
    /// `Conflict` with code `no_master_key` if nothing can be protected here.
    pub(super) fn choice(self, app: &App) -> Result<Option<Choice>> {
        let scheme = match self.scheme {
            Wanted::None => return Ok(None),
            Wanted::Cbcs => Scheme::Cbcs,
            Wanted::Cenc => Scheme::Cenc,
        };
        // To who asks it is no fault that passes.
        app.deps.key_server.check().map_err(|error| Error::new(ErrorKind::Conflict, error.code(), error.message()))?;
        Ok(Some(Choice { scheme, keys: self.keys }))
    }
}

impl From<Choice> for ProtectionView {
    fn from(choice: Choice) -> Self {
        let scheme = match choice.scheme {
            Scheme::Cbcs => Wanted::Cbcs,
            Scheme::Cenc => Wanted::Cenc,
        };
        Self { scheme, keys: choice.keys }
    }
}
