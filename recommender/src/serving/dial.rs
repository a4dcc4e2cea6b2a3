//! Rankings that turn popularity down by another power than what is in service: variants of experiments do.

use crate::{
    data::keep_first,
    model::{History, Judged, Ranker, Scratch, Term, Wanted, place},
};

/// Titles of a history for which the dial is turned half way, as in [`Ranker`].
const DIAL_TITLES: f32 = 3.0;

/// [`Ranker::judged`], with `dial` instead of the ranker's own.
pub(super) fn judged(ranker: &Ranker, dial: f32, history: &History, wanted: Wanted<'_>, scratch: &mut Scratch) -> Vec<Judged> {
    let mut judged = ranker.judged(history, wanted, scratch);
    if dial != ranker.dial {
        let titles = history.newest().len() as f32;
        // Scores are divided by a power of popularity already: the rest of it is what is missing.
        let power = (dial - ranker.dial) * titles / (titles + DIAL_TITLES);
        let popularity = &ranker.terms.popularity;
        judged.iter_mut().for_each(|one| one.score *= (-power * popularity.popular(one.title)).exp());
    }
    judged
}

/// [`Ranker::best`], with `dial` instead of the ranker's own.
pub(super) fn best(ranker: &Ranker, dial: f32, history: &History, wanted: Wanted<'_>, scratch: &mut Scratch) -> Vec<Judged> {
    if dial == ranker.dial {
        return ranker.best(history, wanted, scratch);
    }
    let mut judged = judged(ranker, dial, history, wanted, scratch);
    let popular = place(Term::Popular);
    keep_first(&mut judged, wanted.count, |left, right| {
        let by_score = right.score.total_cmp(&left.score);
        by_score.then(right.parts[popular].total_cmp(&left.parts[popular])).then(left.title.cmp(&right.title))
    });
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::generated::World, model::Watched, train};

    #[test]
    fn another_dial_ranks_as_a_ranker_with_that_dial_does() {
        let watches = World::small(7).watches();
        let material = crate::model::Material { watches: &watches, features: &[], now: 100 };
        let ranker = train::train(&material, &train::Choices::default());
        let history = History::new((0..4).map(|title| Watched { title, weight: 1.0 }));
        let mut scratch = Scratch::default();
        let ranks = |ranked: Vec<Judged>| ranked.into_iter().map(|one| one.title).collect::<Vec<_>>();
        let plain = Ranker { dial: 0.1, ..ranker.clone() };
        let mut others = 0;
        for dial in [0.0, 0.1, 0.5] {
            let other = Ranker { dial, ..ranker.clone() };
            let expected = ranks(other.best(&history, Wanted::any(20), &mut scratch));
            assert_eq!(ranks(best(&plain, dial, &history, Wanted::any(20), &mut scratch)), expected, "{dial}");
            others += usize::from(expected != ranks(plain.best(&history, Wanted::any(20), &mut scratch)));
        }
        assert!(others > 0, "a dial that changes nothing shows nothing");
    }
}
