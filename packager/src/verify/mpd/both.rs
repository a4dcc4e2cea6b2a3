//! Whether the manifest offers what the multivariant playlist does: who plays one sees and hears what those do who play the other.

use super::{MANIFEST, Report, Title, content, name};
use crate::dash::family;
use crate::verify::{entry::Media, media::Kind, track::Track};
use dash_mpd_core::{AdaptationSet, MPD, Representation};
use marquee_core::language::{UNKNOWN, three_letters};
use std::collections::BTreeSet;

/// Sets of keyframes alone (DASH-IF IOP 4.3 section 3.2.9): in HLS these have playlists of their own.
const TRICK: &str = "http://dashif.org/guidelines/trickmode";

/// What one may choose, and how it is told from others.
struct Offer<'a> {
    kind: Kind,
    codec: &'a str,
    size: Option<(u64, u64)>,
    language: &'static str,
    /// How findings call it.
    name: &'a str,
}

impl Offer<'_> {
    fn is_like(&self, other: &Self) -> bool {
        let spoken = self.language == other.language || [self.language, other.language].contains(&UNKNOWN);
        self.is_coded_like(other) && self.size == other.size && spoken
    }

    fn is_coded_like(&self, other: &Self) -> bool {
        self.kind == other.kind && family(self.codec) == family(other.codec)
    }

    fn shown(&self) -> String {
        let size = self.size.map_or_else(String::new, |(width, height)| format!(" in {width}x{height}"));
        let language = if self.language == UNKNOWN { String::new() } else { format!(" in {}", self.language) };
        format!("{} ({}{size}{language})", self.name, self.codec)
    }
}

/// `members` are names of representations, and the tracks of HLS that they are of.
pub(super) fn check<F>(report: &mut Report, title: &Title<'_, F>, mpd: &MPD, members: &[(&str, &str)]) {
    let sets = || mpd.periods.iter().flat_map(|period| &period.adaptations);
    let normal = sets().filter(|set| {
        let supplemental = set.supplemental_property.iter().map(|one| &one.schemeIdUri);
        !set.essential_property.iter().map(|one| &one.schemeIdUri).chain(supplemental).any(|scheme| scheme == TRICK)
    });
    let represented = normal.flat_map(|set| set.representations.iter().filter_map(move |one| represented(set, one)));
    let (represented, listed): (Vec<_>, Vec<_>) =
        (represented.collect(), title.tracks.iter().filter_map(|track| listed(title, track)).collect());
    // Who has files for DASH alone may have them for another choice, too.
    let is_shared = !members.is_empty();
    let is_apart = |offer: &&Offer<'_>| !members.iter().any(|(id, path)| [*id, *path].contains(&offer.name));
    for offer in listed.iter().filter(is_apart) {
        let found = represented.iter().filter(is_apart).any(|other| other.is_like(offer));
        report_lack(report, is_shared, (offer, found), &represented, "the manifest");
    }
    for offer in represented.iter().filter(is_apart) {
        // What HLS has no codec for is for DASH alone.
        let found = !listed.iter().any(|other| other.is_coded_like(offer))
            || listed.iter().filter(is_apart).any(|other| other.is_like(offer));
        report_lack(report, is_shared, (offer, found), &listed, "the multivariant playlist");
    }
    words(report, title, is_shared, sets());
}

fn represented<'a>(set: &'a AdaptationSet, one: &'a Representation) -> Option<Offer<'a>> {
    let kind = match content(set) {
        "video" => Kind::Video,
        "audio" => Kind::Audio,
        _ => return None,
    };
    let size = one.width.or(set.width).zip(one.height.or(set.height)).filter(|_| kind == Kind::Video);
    let language = one.lang.as_deref().or(set.lang.as_deref()).filter(|_| kind == Kind::Audio);
    Some(Offer {
        kind,
        codec: one.codecs.as_deref().or(set.codecs.as_deref()).unwrap_or_default(),
        size,
        language: language.map_or(UNKNOWN, three_letters),
        name: name(one),
    })
}

fn listed<'a, F>(title: &Title<'a, F>, track: &'a Track) -> Option<Offer<'a>> {
    let init = track.init.as_ref()?;
    let (kind, size) = match init.entry.media {
        Media::Video { width, height, .. } => (Kind::Video, Some((width.into(), height.into()))),
        Media::Audio { .. } => (Kind::Audio, None),
        Media::Text => return None,
    };
    let rendition = title.master.renditions.iter().find(|rendition| rendition.path.as_deref() == Some(track.path()));
    let language = rendition.and_then(|rendition| rendition.language.as_deref()).filter(|_| kind == Kind::Audio);
    Some(Offer { kind, codec: &init.entry.codec, size, language: language.map_or(UNKNOWN, three_letters), name: track.path() })
}

/// Whether what one of both offers was `found` in the other. An error where that has others of its codec, or none of its kind at all:
/// some packagers keep a codec for one of both.
fn report_lack(report: &mut Report, is_shared: bool, (offer, found): (&Offer<'_>, bool), others: &[Offer<'_>], there: &str) {
    let coded = others.iter().any(|other| other.is_coded_like(offer)) || !others.iter().any(|other| other.kind == offer.kind);
    let message = || format!("{} is not in {there}: offer it in both", offer.shown());
    if is_shared && coded {
        report.must(found, "23009-1 5.3.5.1", MANIFEST, message);
    } else {
        report.should(found, "23009-1 5.3.5.1", MANIFEST, message);
    }
}

/// Languages of words that are in one of both alone.
fn words<'a, F>(report: &mut Report, title: &Title<'_, F>, is_shared: bool, sets: impl Iterator<Item = &'a AdaptationSet>) {
    let known = |languages: BTreeSet<&'static str>| -> BTreeSet<_> {
        languages.into_iter().filter(|language| *language != UNKNOWN).collect()
    };
    let sets = sets.filter(|set| content(set) == "text");
    let ours = known(sets.filter_map(|set| set.lang.as_deref()).map(three_letters).collect());
    let renditions = title.master.renditions.iter().filter(|rendition| rendition.kind == "SUBTITLES");
    let theirs = known(renditions.filter_map(|rendition| rendition.language.as_deref()).map(three_letters).collect());
    let apart: Vec<_> = ours.symmetric_difference(&theirs).collect();
    let message = || format!("has words in {ours:?}, the multivariant playlist in {theirs:?}: offer {apart:?} in both");
    if is_shared && !ours.is_empty() && !theirs.is_empty() {
        report.must(apart.is_empty(), "23009-1 5.3.3.1", MANIFEST, message);
    } else {
        report.should(apart.is_empty(), "23009-1 5.3.3.1", MANIFEST, message);
    }
}
