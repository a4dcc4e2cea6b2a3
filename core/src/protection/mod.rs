//! What protects a title: the schemes of Common Encryption (ISO/IEC 23001-7), content keys, and which key is for which track.

mod protected;
mod rotation;

pub use protected::{Choice, KeyName, Protected, System, Told, Wish};

use crate::{Random, presentation::Media};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::{Builder, Uuid};

/// Bytes of a content key, and of a block of AES.
pub const KEY_BYTES: usize = 16;
/// Pixels of a picture in standard definition at most, 1024 × 576, and in high definition, 1920 × 1080 (the ranges that SPEKE's
/// encryption contracts use).
pub const SD_PIXELS_MAX: u64 = 1024 * 576;
/// See [`SD_PIXELS_MAX`].
pub const HD_PIXELS_MAX: u64 = 1920 * 1080;

/// How samples are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// AES-CBC, of a picture one block in ten (ISO/IEC 23001-7 section 10.4): what every player takes, Apple's only this one.
    #[default]
    Cbcs,
    /// AES-CTR (section 10.1).
    Cenc,
}

impl Scheme {
    /// The four characters that files and manifests name it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cbcs => "cbcs",
            Self::Cenc => "cenc",
        }
    }
}

/// Sixteen bytes that open a track. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; KEY_BYTES]);

impl Secret {
    /// A secret from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, for ciphers and for those who may have them.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A content key. It is for one encode alone: in AES-CTR the same key on two versions of a film would give both away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentKey {
    /// What files, manifests and licence requests name it by; no secret.
    pub id: Uuid,
    /// The key itself.
    pub secret: Secret,
    /// What encryption starts from; no secret either. `cbcs` takes it as it is, `cenc` derives those of samples from it.
    pub iv: [u8; KEY_BYTES],
}

impl ContentKey {
    /// A new key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let bytes = || {
            let mut bytes = [0; KEY_BYTES];
            random.fill(&mut bytes);
            bytes
        };
        Self { id: Builder::from_random_bytes(bytes()).into_uuid(), secret: Secret(bytes()), iv: bytes() }
    }
}

/// How many keys a title has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPolicy {
    /// One for all tracks.
    PerTitle,
    /// One for all sound, and one for each size of picture, so that licences can tell them apart.
    #[default]
    PerTrackType,
}

/// Which tracks a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Every track.
    All,
    /// Sound.
    Audio,
    /// Pictures of up to [`SD_PIXELS_MAX`].
    Sd,
    /// Pictures of more, up to [`HD_PIXELS_MAX`].
    Hd,
    /// Pictures of still more.
    Uhd,
}

impl KeyPolicy {
    /// The keys that a title needs under it.
    #[must_use]
    pub fn uses(self) -> &'static [KeyUse] {
        match self {
            Self::PerTitle => &[KeyUse::All],
            Self::PerTrackType => &[KeyUse::Audio, KeyUse::Sd, KeyUse::Hd, KeyUse::Uhd],
        }
    }
}

impl KeyUse {
    /// Whether a key of this use is for a track. Text is for none: it stays in the clear.
    #[must_use]
    pub fn is_for(self, media: &Media) -> bool {
        match *media {
            Media::Video { width, height, .. } => {
                let pixels = u64::from(width) * u64::from(height);
                match self {
                    Self::All => true,
                    Self::Audio => false,
                    Self::Sd => pixels <= SD_PIXELS_MAX,
                    Self::Hd => (SD_PIXELS_MAX + 1..=HD_PIXELS_MAX).contains(&pixels),
                    Self::Uhd => pixels > HD_PIXELS_MAX,
                }
            }
            Media::Audio { .. } => matches!(self, Self::All | Self::Audio),
            Media::Text { .. } => false,
        }
    }
}

/// All keys of an encode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentKeys(pub Vec<(KeyUse, ContentKey)>);

impl ContentKeys {
    /// New keys for a title.
    #[must_use]
    pub fn generate(policy: KeyPolicy, random: &dyn Random) -> Self {
        Self(policy.uses().iter().map(|of| (*of, ContentKey::generate(random))).collect())
    }

    /// The key of a track; `None` for one that stays in the clear.
    #[must_use]
    pub fn of(&self, media: &Media) -> Option<&ContentKey> {
        self.0.iter().find(|(of, _)| of.is_for(media)).map(|(_, key)| key)
    }

    /// The key of an id.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<&ContentKey> {
        self.0.iter().map(|(_, key)| key).find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SeededRandom, source::Ratio};

    fn picture(width: u32, height: u32) -> Media {
        Media::Video { width, height, frame_rate: Ratio::new(25, 1) }
    }

    fn text() -> Media {
        Media::Text { name: "English".to_owned(), language: "en".to_owned(), forced: false, hearing_impaired: false }
    }

    fn sound() -> Media {
        let [group, name, language] = ["aac", "English", "en"].map(str::to_owned);
        Media::Audio { group, name, language, default: true, channels: 2, sample_rate_hz: 48_000 }
    }

    #[test]
    fn every_track_but_text_has_one_key_of_its_kind() {
        let keys = ContentKeys::generate(KeyPolicy::PerTrackType, &SeededRandom::new(1));
        let of = |media: &Media| {
            let key = keys.of(media)?;
            keys.0.iter().find(|(_, other)| other == key).map(|(of, _)| *of)
        };
        for (media, expected) in [
            (sound(), KeyUse::Audio),
            (picture(416, 234), KeyUse::Sd),
            (picture(1024, 576), KeyUse::Sd),
            (picture(1280, 720), KeyUse::Hd),
            (picture(1080, 1920), KeyUse::Hd),
            (picture(3840, 2160), KeyUse::Uhd),
            (picture(u32::MAX, u32::MAX), KeyUse::Uhd),
        ] {
            assert_eq!(of(&media), Some(expected), "{media:?}");
            assert_eq!(KeyPolicy::PerTrackType.uses().iter().filter(|of| of.is_for(&media)).count(), 1);
        }
        assert_eq!(of(&text()), None);
        let one = ContentKeys::generate(KeyPolicy::PerTitle, &SeededRandom::new(1));
        assert_eq!((one.0.len(), one.of(&sound())), (1, one.of(&picture(1280, 720))));
        assert_eq!(one.of(&text()), None);
    }

    #[test]
    fn keys_differ_and_do_not_show_their_secret() {
        let keys = ContentKeys::generate(KeyPolicy::PerTrackType, &SeededRandom::new(2));
        let secrets: std::collections::HashSet<_> = keys.0.iter().map(|(_, key)| key.secret.expose()).collect();
        assert_eq!(secrets.len(), 4);
        let (_, key) = &keys.0[0];
        assert_eq!(keys.find(key.id), Some(key));
        assert_eq!(key.id.get_version_num(), 4);
        let shown = format!("{keys:?}");
        for (_, key) in &keys.0 {
            assert!(!shown.contains(&format!("{:?}", key.secret.expose())) && !shown.contains(&hex::encode(key.secret.expose())));
        }
    }
}
