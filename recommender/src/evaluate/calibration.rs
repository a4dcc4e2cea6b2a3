//! Whether lists have of each genre what histories have of it.

use crate::model::{TitleIndex, Watched, content::Features};
use std::collections::HashMap;

/// Share of the history's genres that each list is taken to have, so that a genre that it lacks costs much and not all
/// (H. Steck, "Calibrated Recommendations", RecSys 2018, section 3.1).
const SHARE: f64 = 0.01;

/// Which genres titles have.
#[derive(Clone, Debug, Default)]
pub struct Genres {
    /// By title, as numbers.
    of: Vec<Vec<usize>>,
    count: usize,
}

impl Genres {
    /// Those that `features` name.
    #[must_use]
    pub fn new(features: &[Features]) -> Self {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut number = |genre: &String| {
            let next = numbers.len();
            *numbers.entry(genre.trim().to_lowercase()).or_insert(next)
        };
        let of = features.iter().map(|features| features.genres.iter().map(&mut number).collect()).collect();
        Self { of, count: numbers.len() }
    }

    /// How far the genres of `list` are from those of `history`: the divergence of Kullback and Leibler, 0 where they have the same
    /// shares; `None` where either has none that are known.
    #[must_use]
    pub fn divergence(&self, history: &[Watched], list: &[TitleIndex]) -> Option<f64> {
        let liked = history.iter().filter(|watched| watched.weight > 0.0);
        let wanted = self.shares(liked.map(|watched| (watched.title, f64::from(watched.weight))))?;
        let shown = self.shares(list.iter().map(|title| (*title, 1.0)))?;
        let part = |(wanted, shown): (&f64, &f64)| {
            let shown = (1.0 - SHARE) * shown + SHARE * wanted;
            if *wanted > 0.0 { wanted * (wanted / shown).ln() } else { 0.0 }
        };
        Some(wanted.iter().zip(&shown).map(part).sum())
    }

    /// Shares of the genres of these titles, each of which counts so much in all.
    fn shares(&self, titles: impl Iterator<Item = (TitleIndex, f64)>) -> Option<Vec<f64>> {
        let mut shares = vec![0.0; self.count];
        for (title, weight) in titles {
            let genres = self.of.get(title as usize).map_or(&[][..], Vec::as_slice);
            genres.iter().for_each(|genre| shares[*genre] += weight / genres.len() as f64);
        }
        let all: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= all);
        (all > 0.0).then_some(shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_as_far_from_a_history_as_its_genres_are() {
        let title = |genres: &[&str]| Features {
            genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
            ..Features::default()
        };
        let genres = Genres::new(&[title(&["Drama"]), title(&["drama", "Crime"]), title(&["Crime"]), title(&[])]);
        let watched = |titles: &[u32]| titles.iter().map(|title| Watched { title: *title, weight: 1.0 }).collect::<Vec<_>>();
        let far = |history: &[u32], list: &[u32]| genres.divergence(&watched(history), list);
        assert_eq!(far(&[0, 2], &[1]), Some(0.0), "half and half");
        assert_eq!((far(&[3], &[1]), far(&[1], &[3, 9]), far(&[], &[1])), (None, None, None));
        // All of one genre, none of it shown: ln(1 / 0.01).
        assert!((far(&[0], &[2]).unwrap() - 100_f64.ln()).abs() < 1e-9);
        assert!(far(&[0, 0, 2], &[0, 2]).unwrap() < far(&[0, 0, 2], &[2, 2, 0]).unwrap());
        let disliked = [Watched { title: 2, weight: -1.0 }, Watched { title: 0, weight: 1.0 }];
        assert_eq!(genres.divergence(&disliked, &[0]), Some(0.0));
    }
}
