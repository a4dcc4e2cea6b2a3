//! A small network that reads the newest titles and guesses the next one (W.-C. Kang, J. McAuley, "Self-Attentive Sequential
//! Recommendation", 2018), with cross-entropy among all titles (A. Klenitskiy, A. Vasilev, "Turning Dross Into Gold Loss", 2023).

use super::{AttentionKnobs, Sequence, Shape, Trainer, network::Network};
use crate::{
    data::Sparse,
    model::{
        TitleIndex, Watched,
        factors::normal,
        vector::{dot, widest},
    },
};
use rand::rngs::StdRng;

/// Largest number of a shape.
const SHAPE_MAX: usize = 4_096;

/// A trained network, and the vectors of titles that it reads and guesses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attention {
    pub(super) shape: Shape,
    pub(super) numbers: Vec<f32>,
    pub(super) titles: Vec<f32>,
}

impl Attention {
    /// Trains on histories, the oldest title first; nothing without passes.
    #[must_use]
    pub fn train(histories: &Sparse, knobs: AttentionKnobs) -> Self {
        if knobs.passes == 0 {
            return Self::default();
        }
        let mut trainer = Trainer::new(histories, knobs);
        (0..knobs.passes).for_each(|_| {
            trainer.pass();
        });
        trainer.into_model()
    }

    pub(super) fn begin(shape: Shape, titles: usize, random: &mut StdRng) -> Self {
        let spread = 1.0 / shape.size as f32;
        let vectors = (0..titles * shape.size).map(|_| spread * normal(random)).collect();
        Self { shape, numbers: shape.begin(random), titles: vectors }
    }

    /// Of parts that were written before; `None` if they do not fit each other.
    #[must_use]
    pub fn from_parts(shape: Shape, numbers: Vec<f32>, titles: Vec<f32>) -> Option<Self> {
        let is_none = titles.is_empty() && numbers.is_empty();
        let bounds = [shape.size, shape.heads, shape.length].iter().all(|number| (1..=SHAPE_MAX).contains(number));
        let fits = bounds
            && shape.layers <= SHAPE_MAX
            && shape.size.is_multiple_of(shape.heads)
            && numbers.len() == shape.len()
            && titles.len().is_multiple_of(shape.size);
        (is_none || fits).then_some(Self { shape, numbers, titles })
    }

    /// Its parts, to be written: how large it is, the numbers of its network, and the vectors of titles one after the other.
    #[must_use]
    pub fn parts(&self) -> (Shape, &[f32], &[f32]) {
        (self.shape, &self.numbers, &self.titles)
    }

    /// What the vectors of titles are multiplied by where they are read.
    pub(super) fn lift(&self) -> f32 {
        (self.shape.size as f32).sqrt()
    }

    /// The vectors of `titles`.
    pub(super) fn vectors(&self, titles: &[TitleIndex]) -> Vec<f32> {
        let size = self.shape.size;
        let mut vectors = Vec::with_capacity(titles.len() * size);
        for title in titles {
            vectors.extend_from_slice(&self.titles[*title as usize * size..(*title as usize + 1) * size]);
        }
        vectors
    }

    /// The same as the network reads them.
    pub(super) fn shown(&self, titles: &[TitleIndex]) -> Vec<f32> {
        let (mut vectors, lift) = (self.vectors(titles), self.lift());
        vectors.iter_mut().for_each(|number| *number *= lift);
        vectors
    }

    /// What the network guesses after a history, newest first; nothing where it knows none of it.
    #[must_use]
    pub fn profile(&self, newest: &[Watched]) -> Vec<f32> {
        let known = self.titles.len() / self.shape.size.max(1);
        let liked = newest.iter().filter(|watched| watched.weight > 0.0 && (watched.title as usize) < known);
        let mut titles: Vec<TitleIndex> = liked.map(|watched| watched.title).take(self.shape.length).collect();
        if titles.is_empty() {
            return Vec::new();
        }
        titles.reverse();
        let network = Network { shape: self.shape, numbers: &self.numbers };
        network.guess(self.shown(&titles))
    }

    /// What a guess says of `title`.
    #[must_use]
    pub fn of(&self, profile: &[f32], title: TitleIndex) -> f32 {
        let start = title as usize * self.shape.size;
        self.titles.get(start..start + profile.len()).map_or(0.0, |vector| dot(profile, vector))
    }
}

impl Sequence for Attention {
    fn says(&self, newest: &[Watched], titles: &[TitleIndex]) -> Vec<f32> {
        let profile = self.profile(newest);
        widest(
            #[inline(always)]
            || titles.iter().map(|title| self.of(&profile, *title)).collect(),
        )
    }
}
