//! Tracks: an initialization segment and media segments, clear ones made protected and the other way round.

use super::{
    boxes,
    cipher::{Cipher, Direction},
    map::Layout,
};
use crate::{
    cmaf::{
        MediaSegment,
        protection::{self, Protection, SAMPLE_IV_BYTES, SampleProtection},
        read::{self, BoxAt, Entry, Fragment},
        roll, seig,
    },
    malformed,
    model::Iframe,
};
use bytes::Bytes;
use marquee_core::{
    Result,
    protection::{Choice, ContentKey, ContentKeys, Scheme, Secret},
};
use mp4_atom::{Atom, Encode, Mdat, Moof, Traf};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Blocks of a picture that are encrypted, and that are not after them (Apple HLS Authoring Specification A13.7).
const PATTERN: (u8, u8) = (1, 9);
/// Bits of a sample's number in its segment: a segment has no more samples than that.
const SAMPLE_BITS: u32 = 17;

/// Makes one clear track a protected one: as its segments are written, or long after. The same key and segments always give the
/// same bytes.
#[derive(Clone)]
pub struct Protector {
    init: Bytes,
    layout: Layout,
    name: String,
    key: Key,
    /// Of which period each key is, and what they follow from, if they change.
    rotation: Option<(Choice, ContentKey)>,
}

/// A key of a track, and how it is used.
#[derive(Clone)]
struct Key {
    protection: Protection,
    cipher: Cipher,
    /// What vectors of samples count from.
    first_iv: u64,
}

impl Key {
    /// A track's key, used as `protection` says of another one. In `cenc` each track begins elsewhere.
    fn new(key: &ContentKey, protection: &Protection, name: &str) -> Self {
        let constant_iv = protection.constant_iv.map(|_| key.iv);
        let mut hash = Sha256::new();
        hash.update(key.id.as_bytes());
        hash.update(key.iv);
        hash.update(name);
        let mut first_iv = [0; SAMPLE_IV_BYTES];
        first_iv.copy_from_slice(&hash.finalize()[..SAMPLE_IV_BYTES]);
        let first_iv = u64::from_be_bytes(first_iv);
        Self {
            protection: Protection { key_id: key.id, constant_iv, ..protection.clone() },
            cipher: Cipher::new(&key.secret),
            first_iv,
        }
    }
}

impl std::fmt::Debug for Protector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Protector({:?})", self.key.protection)
    }
}

impl Protector {
    /// For the track of a clear `init` segment. `name` tells it from the others with the same key, such as `v/540p`: in `cenc` no
    /// two samples may have the same vector, and each name has its own. They are drawn from 64 bits: that two of a hundred tracks of
    /// ten hours meet is as likely as 1 in 2 million.
    ///
    /// # Errors
    /// `malformed_media` if it is no clear track that can be protected.
    pub fn new(init: &[u8], scheme: Scheme, key: &ContentKey, name: &str) -> Result<Self> {
        Self::beside(init, scheme, key, &[], name)
    }

    /// The same of a track of a title that has keys with the ids `others` besides: players ask for all of them at once. Some never ask
    /// again.
    ///
    /// # Errors
    /// The same.
    pub fn beside(init: &[u8], scheme: Scheme, key: &ContentKey, others: &[Uuid], name: &str) -> Result<Self> {
        let read = read::init(init)?;
        if read.protection.is_some() {
            return Err(malformed("the track is protected already"));
        }
        let is_sound = matches!(read.media, Entry::Audio { .. });
        let layout = if is_sound { Layout::Whole } else { Layout::of_picture(&read::picture_configuration(init)?)? };
        let protection = Protection {
            scheme,
            key_id: key.id,
            constant_iv: (scheme == Scheme::Cbcs).then_some(key.iv),
            pattern: if scheme == Scheme::Cbcs && !is_sound { PATTERN } else { (0, 0) },
        };
        Ok(Self {
            init: boxes::protected_init(init, &protection, others, is_sound)?.into(),
            layout,
            name: name.to_owned(),
            key: Key::new(key, &protection, name),
            rotation: None,
        })
    }

    /// The same with keys that change as `choice` says, and follow from `base`. What it was made with is the key of the first period.
    #[must_use]
    pub fn rotating(self, choice: Choice, base: &ContentKey) -> Self {
        Self { rotation: Some((choice, base.clone())), ..self }
    }

    /// The key of segment `number`, if it is not that of the first.
    fn later_key(&self, number: u32) -> Option<Key> {
        let (choice, base) = self.rotation.as_ref()?;
        let period = choice.period_of(number);
        (period > 0).then(|| Key::new(&base.of_period(*choice, period), &self.key.protection, &self.name))
    }

    /// The protected initialization segment.
    #[must_use]
    pub fn init(&self) -> &Bytes {
        &self.init
    }

    /// Protects segment `number` of the track: its bytes, and where its keyframes are now.
    ///
    /// # Errors
    /// `malformed_media` if it is no clear segment of this track.
    pub fn segment(&self, number: u32, clear: &[u8]) -> Result<MediaSegment> {
        let later = self.later_key(number);
        let Key { protection, cipher, first_iv } = later.as_ref().unwrap_or(&self.key);
        let mut layout = self.layout.clone();
        let mut index = u64::from(number) << SAMPLE_BITS;
        rewrite(clear, !matches!(self.layout, Layout::Whole), |moof, fragment, out| {
            let mut samples = Vec::with_capacity(fragment.samples.len());
            for sample in &fragment.samples {
                let iv = (protection.scheme == Scheme::Cenc).then(|| first_iv.wrapping_add(index).to_be_bytes());
                let subsamples = layout.map(sample.of(clear), protection.scheme)?;
                samples.push(SampleProtection { iv, subsamples });
                index += 1;
            }
            let mut added = Vec::new();
            protection::encode(&samples, boxes::end_of_traf(moof)?, &mut added)?;
            if later.is_some() {
                seig::encode(protection, samples.len(), &mut added)?;
            }
            boxes::with_protection(moof, &added, out)?;
            Ok(Change { cipher: cipher.clone(), direction: Direction::Encrypt, protection: protection.clone(), samples })
        })
    }
}

/// Opens one protected track: for those who look into it.
#[derive(Clone)]
pub struct Opener {
    init: Bytes,
    is_picture: bool,
    /// Whether its clear fragments say which group their samples belong to.
    has_groups: bool,
    protection: Protection,
    /// By their ids.
    keys: Vec<(Uuid, Cipher)>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener({:?})", self.protection)
    }
}

impl Opener {
    /// For the track of a protected `init` segment, with the secret of the key that it names.
    ///
    /// # Errors
    /// `malformed_media` if it is no protected track.
    pub fn new(init: &[u8], secret: &Secret) -> Result<Self> {
        let mut opener = Self::with_keys(init, &ContentKeys::default())?;
        opener.keys.push((opener.protection.key_id, Cipher::new(secret)));
        Ok(opener)
    }

    /// The same of a track whose keys may change, with all of its title's.
    ///
    /// # Errors
    /// The same.
    pub fn with_keys(init: &[u8], keys: &ContentKeys) -> Result<Self> {
        let read = read::init(init)?;
        let protection = read.protection.ok_or_else(|| malformed("the track is not protected"))?;
        let is_picture = matches!(read.media, Entry::Video { .. });
        let has_groups = roll::has_members(read::boxes(init)?.sgpd);
        let keys = keys.0.iter().map(|(_, key)| (key.id, Cipher::new(&key.secret))).collect();
        Ok(Self { init: boxes::clear_init(init)?.into(), is_picture, has_groups, protection, keys })
    }

    /// The clear initialization segment.
    #[must_use]
    pub fn init(&self) -> &Bytes {
        &self.init
    }

    /// A segment as it was before it was protected.
    ///
    /// # Errors
    /// `malformed_media` if it is no protected segment, or of a key that is not there.
    pub fn segment(&self, protected: &[u8]) -> Result<MediaSegment> {
        rewrite(protected, self.is_picture, |moof, fragment, out| {
            let traf = read::find(moof.body, Traf::KIND)?.body;
            let protection = seig::decode(traf, &self.protection, fragment.samples.len())?;
            let key = self.keys.iter().find(|(id, _)| *id == protection.key_id);
            let (_, cipher) = key.ok_or_else(|| malformed(format!("there is no key {}", protection.key_id)))?;
            let samples = protection::decode(traf, &protection, fragment.samples.len())?;
            let mut groups = Vec::new();
            if self.has_groups {
                roll::members(fragment.samples.len() as u32).encode(&mut groups).map_err(malformed)?;
            }
            boxes::without_protection(moof, &groups, out)?;
            Ok(Change { cipher: cipher.clone(), direction: Direction::Decrypt, protection, samples })
        })
    }
}

/// What becomes of the samples of a fragment.
struct Change {
    cipher: Cipher,
    direction: Direction,
    protection: Protection,
    samples: Vec<SampleProtection>,
}

/// A segment with other headers of its fragments, which `header` writes, and with samples that are changed as it says.
fn rewrite(
    segment: &[u8],
    is_picture: bool,
    mut header: impl FnMut(&BoxAt<'_>, &Fragment, &mut Vec<u8>) -> Result<Change>,
) -> Result<MediaSegment> {
    let fragments = read::segment(segment)?;
    let mut next = fragments.iter();
    let mut open: Option<(&Fragment, usize, Change)> = None;
    let (mut bytes, mut iframes) = (Vec::with_capacity(segment.len() + segment.len() / 8 + 1024), Vec::new());
    for atom in read::children(segment) {
        let atom = atom?;
        if atom.kind == Moof::KIND {
            let (start, fragment) = (bytes.len(), next.next().ok_or_else(|| malformed("a moof has no mdat"))?);
            let change = header(&atom, fragment, &mut bytes)?;
            open = Some((fragment, start, change));
            continue;
        }
        boxes::check_other(&atom)?;
        let place = bytes.len();
        bytes.extend_from_slice(atom.whole);
        if let Some((fragment, start, change)) = open.take_if(|_| atom.kind == Mdat::KIND) {
            let moved = |offset: u64| usize::try_from(offset - atom.offset).map(|offset| place + offset).map_err(malformed);
            for (sample, how) in std::iter::zip(&fragment.samples, &change.samples) {
                let range = moved(sample.offset_bytes)?..moved(sample.offset_bytes + u64::from(sample.size_bytes))?;
                change.cipher.apply(change.direction, &change.protection, how, &mut bytes[range])?;
            }
            if is_picture {
                let first = &fragment.samples[0];
                let end = moved(first.offset_bytes)? + first.size_bytes as usize;
                iframes.push(Iframe {
                    start_ticks: fragment.decode_ticks,
                    offset_bytes: start as u64,
                    size_bytes: (end - start) as u64,
                });
            }
        }
    }
    let duration_ticks = fragments.iter().map(Fragment::duration_ticks).sum();
    Ok(MediaSegment { bytes: bytes.into(), iframes, duration_ticks })
}
