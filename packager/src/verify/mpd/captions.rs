//! Closed captions in pictures, as the manifest names them (SCTE 214-1): those that HLS names, too.

use super::{MANIFEST, Report, content};
use crate::{
    dash::{CAPTIONS_608, CAPTIONS_708},
    verify::master::Master,
};
use dash_mpd_core::MPD;
use std::collections::BTreeSet;

/// Letters of a language (ISO 639-2).
const LANGUAGE_LETTERS: usize = 3;

pub(super) fn check(report: &mut Report, master: &Master, mpd: &MPD) {
    let sets = mpd.periods.iter().flat_map(|period| &period.adaptations).filter(|set| content(set) == "video");
    let (mut named, mut is_complete) = (BTreeSet::new(), true);
    for one in sets.flat_map(|set| &set.Accessibility).filter(|one| [CAPTIONS_608, CAPTIONS_708].contains(&&*one.schemeIdUri)) {
        let Some(value) = one.value.as_deref().filter(|value| !value.is_empty()) else {
            is_complete = false;
            continue;
        };
        let read = services(value, one.schemeIdUri == CAPTIONS_708);
        report.must(read.is_some(), "SCTE 214-1", MANIFEST, || format!("names closed captions as {value:?}"));
        named.extend(read.into_iter().flatten());
    }
    let listed: BTreeSet<_> = master.renditions.iter().filter_map(|rendition| rendition.instream.clone()).collect();
    // Each is complete without the other; but who may choose in one could in both.
    report.should(named == listed || !is_complete, "SCTE 214-1", MANIFEST, || {
        format!("names the closed captions {named:?}, the multivariant playlist {listed:?}")
    });
}

/// What the value of a descriptor names, as HLS names it: services of CTA-708, or channels of CTA-608. `None` if it cannot be read.
fn services(value: &str, services: bool) -> Option<Vec<String>> {
    // Languages alone are those of CC1 and CC3, or of the services from the first on.
    let service = |(place, part): (usize, &str)| {
        let (id, language) = part.split_once('=').map_or((None, part), |(id, language)| (Some(id), language));
        let id = match (id, services) {
            (Some(id), true) => {
                id.parse().ok().filter(|number| (1..=63).contains(number)).map(|number: u8| format!("SERVICE{number}"))?
            }
            (Some(id), false) => ["CC1", "CC2", "CC3", "CC4"].contains(&id).then(|| id.to_owned())?,
            (None, true) => format!("SERVICE{}", place + 1),
            (None, false) => ["CC1", "CC3"].get(place).map(|id| (*id).to_owned())?,
        };
        let language = language.split(',').find_map(|field| field.strip_prefix("lang:")).unwrap_or(language);
        let known = language.len() == LANGUAGE_LETTERS && language.bytes().all(|byte| byte.is_ascii_lowercase());
        known.then_some(id)
    };
    value.split(';').enumerate().map(service).collect()
}
