//! What models are trained on, out of the database: a page at a time, as small numbers.

use crate::{
    data::{Interaction, Interactions},
    model::{Catalog, HISTORY_TITLES_MAX, content::Features},
    repository::VERSION,
    taste,
};
use marquee_backends::db::{Db, facts::TitleFacts, taste::TitleTaste};
use marquee_core::{Error, Result, config::SignalWeights, id::ProfileId};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// Titles that a model ranks; of more the newest.
pub(crate) const TITLES_MAX: i64 = 200_000;
/// Rows of a page.
pub(super) const PAGE: i64 = 20_000;
/// Pairs of profile and title that a model is trained on.
const WATCHES_MAX: usize = 50_000_000;

/// What models are trained on.
pub(super) struct Gathered {
    pub(super) watches: Interactions,
    pub(super) catalog: Catalog,
    pub(super) features: Vec<Features>,
    /// What tells these data from others.
    pub(super) fingerprint: Vec<u8>,
    /// As of when, in seconds since 1970.
    pub(super) now: i64,
}

/// Reads all of it, as of `now`.
pub(super) async fn gather(db: &Db, weights: &SignalWeights, now: OffsetDateTime) -> Result<Gathered> {
    let facts = db.title_facts(TITLES_MAX).await?;
    let catalog = Catalog::new(facts.iter().map(|facts| facts.id));
    let (mut hash, mut given, mut profiles, mut after) = (Sha256::new(), Vec::new(), Vec::<ProfileId>::new(), None);
    while given.len() < WATCHES_MAX {
        let page = db.tastes(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.profile, last.video));
        for one in &page {
            let Some(title) = catalog.index(one.video) else { continue };
            if profiles.last() != Some(&one.profile) {
                profiles.push(one.profile);
            }
            let weight = taste::weight(one, weights, now);
            update(&mut hash, one, weight);
            let profile = profiles.len() as u32 - 1;
            given.push(Interaction { profile, title, at: one.updated_at.unix_timestamp(), weight });
        }
    }
    let built = tokio::task::spawn_blocking(move || built(&facts, catalog, hash, given, &profiles, now));
    built.await.map_err(Error::internal)
}

fn built(
    facts: &[TitleFacts],
    catalog: Catalog,
    mut hash: Sha256,
    given: Vec<Interaction>,
    profiles: &[ProfileId],
    now: OffsetDateTime,
) -> Gathered {
    // A file that this version does not read is as good as none.
    hash.update(VERSION.to_le_bytes());
    let features: Vec<Features> = facts.iter().map(features).collect();
    for (facts, features) in facts.iter().zip(&features) {
        hash.update(facts.id.0.as_bytes());
        hash.update(format!("{features:?}").as_bytes());
    }
    let tie = |profile: u32, title: u32| {
        let name = format!("{}:{}", profiles[profile as usize], catalog.titles()[title as usize]);
        crc32fast::hash(name.as_bytes())
    };
    let watches = Interactions::new((profiles.len(), catalog.len()), given, tie, HISTORY_TITLES_MAX);
    let fingerprint = hash.finalize().to_vec();
    Gathered { watches, catalog, features, fingerprint, now: now.unix_timestamp() }
}

fn update(hash: &mut Sha256, taste: &TitleTaste, weight: f32) {
    hash.update(taste.profile.0.as_bytes());
    hash.update(taste.video.0.as_bytes());
    hash.update(taste.updated_at.unix_timestamp_nanos().to_le_bytes());
    hash.update(weight.to_le_bytes());
}

/// What a model reads of a title's facts.
pub(crate) fn features(facts: &TitleFacts) -> Features {
    Features {
        genres: facts.genres.clone(),
        people: facts.people.clone(),
        year: facts.year,
        language: facts.language.clone(),
        text: format!("{} {}", facts.title, facts.description.as_deref().unwrap_or_default()),
    }
}
