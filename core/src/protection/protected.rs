//! How an encode is protected: all that is no secret, as its plan says it.

use super::{ContentKey, ContentKeys, KEY_BYTES, KeyPolicy, KeyUse, Scheme, Secret};
use crate::{Error, Random, Result, presentation::Media};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use uuid::Uuid;

/// Whether and how an encode is to be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It stays in the clear.
    Clear,
    /// It is protected.
    Protect(Choice),
}

impl Wish {
    /// What it comes to.
    #[must_use]
    pub fn choice(self) -> Option<Choice> {
        match self {
            Self::Clear => None,
            Self::Protect(choice) => Some(choice),
        }
    }
}

/// How a title is to be protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choice {
    /// How samples are encrypted.
    pub scheme: Scheme,
    /// How many keys it has.
    pub keys: KeyPolicy,
    /// After how many segments its keys change (ISO/IEC 23001-7 section 6); `None` if they do not, which is what all players know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_segments: Option<NonZeroU32>,
}

/// A licence system that a title can be played with, as an installation has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum System {
    /// W3C Clear Key: every browser has it.
    ClearKey {
        /// What comes before a key's id in the address of its sixteen bytes, as playlists that are rendered say it, for players of HLS
        /// that have no licences; `None` if there are none for them.
        key_url: Option<String>,
    },
    /// Google Widevine.
    Widevine {
        /// Where licences are asked for; `None` if players are told otherwise.
        licence_url: Option<String>,
    },
    /// Microsoft PlayReady.
    PlayReady {
        /// Where licences are asked for; `None` if players are told otherwise.
        licence_url: Option<String>,
    },
    /// Apple FairPlay Streaming.
    FairPlay {
        /// What comes before a key's id, `skd://` as a rule.
        key_uri: String,
    },
}

/// A content key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyName {
    /// Which tracks it is for.
    #[serde(rename = "use")]
    pub of: KeyUse,
    /// See [`ContentKey::id`].
    pub id: Uuid,
    /// See [`ContentKey::iv`].
    #[serde(with = "hex::serde")]
    pub iv: [u8; KEY_BYTES],
    /// What a key server has players told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
}

impl KeyName {
    /// What is no secret of a key.
    #[must_use]
    pub fn new(of: KeyUse, key: &ContentKey) -> Self {
        Self { of, id: key.id, iv: key.iv, told: Vec::new() }
    }
}

/// What a key server has the players of one system told of a key, in place of what they would be told otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The system's id, as `pssh` boxes and MPDs have it.
    pub system: Uuid,
    /// Its `pssh` box, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pssh: Option<String>,
    /// Attributes of its tag in HLS playlists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How an encode is protected. Its keys' secrets are elsewhere, and sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protected {
    /// How it was to be.
    #[serde(flatten)]
    pub choice: Choice,
    /// Its keys, or what those of its crypto periods follow from.
    pub names: Vec<KeyName>,
    /// What it can be played with.
    pub systems: Vec<System>,
}

impl Protected {
    /// With new keys.
    #[must_use]
    pub fn generate(choice: Choice, systems: Vec<System>, random: &dyn Random) -> (Self, ContentKeys) {
        let keys = ContentKeys::generate(choice.keys, random);
        let names = keys.0.iter().map(|(of, key)| KeyName::new(*of, key)).collect();
        (Self { choice, names, systems }, keys)
    }

    /// The key of segment `number` of a track; `None` for one that stays in the clear.
    #[must_use]
    pub fn key_of(&self, media: &Media, number: u32) -> Option<KeyName> {
        let name = self.names.iter().find(|name| name.of.is_for(media))?;
        Some(name.of_period(self.choice, self.choice.period_of(number)))
    }

    /// The keys with their secrets, which `secret` knows by their ids.
    ///
    /// # Errors
    /// `Internal` if it does not know one of them.
    pub fn keys(&self, secret: impl Fn(Uuid) -> Option<Secret>) -> Result<ContentKeys> {
        let key = |name: &KeyName| {
            let secret = secret(name.id).ok_or_else(|| Error::internal("a content key has no secret"))?;
            Ok((name.of, ContentKey { id: name.id, secret, iv: name.iv }))
        };
        self.names.iter().map(key).collect::<Result<_>>().map(ContentKeys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;

    #[test]
    fn what_is_stored_holds_no_secret_and_finds_its_keys_again() {
        let systems = vec![System::ClearKey { key_url: None }];
        let (protected, keys) = Protected::generate(Choice::default(), systems, &SeededRandom::new(1));
        let stored = serde_json::to_string(&protected).unwrap();
        for (_, key) in &keys.0 {
            assert!(stored.contains(&key.id.to_string()) && !stored.contains(&hex::encode(key.secret.expose())), "{stored}");
        }
        let read: Protected = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, protected);
        let secret = |id| keys.find(id).map(|key| key.secret.clone());
        assert_eq!(read.keys(secret).unwrap(), keys);
        assert!(read.keys(|_| None).is_err(), "a title is never made in the clear because a secret is lost");
    }

    #[test]
    fn a_choice_says_what_it_has_to() {
        let choice: Choice = serde_json::from_str("{}").unwrap();
        assert_eq!(choice, Choice { scheme: Scheme::Cbcs, keys: KeyPolicy::PerTrackType, rotation_segments: None });
        let choice: Choice = serde_json::from_str(r#"{"scheme":"cenc","keys":"per_title"}"#).unwrap();
        assert_eq!(choice, Choice { scheme: Scheme::Cenc, keys: KeyPolicy::PerTitle, rotation_segments: None });
        assert_eq!(serde_json::to_string(&choice).unwrap(), r#"{"scheme":"cenc","keys":"per_title"}"#, "as it always was");
        let choice: Choice = serde_json::from_str(r#"{"rotation_segments":10}"#).unwrap();
        assert_eq!(choice.rotation_segments, NonZeroU32::new(10));
        assert!(serde_json::from_str::<Choice>(r#"{"rotation_segments":0}"#).is_err());
        assert!(serde_json::from_str::<Choice>(r#"{"scheme":"aes"}"#).is_err());
    }
}
