//! Training: batches of sequences, their slopes side by side, and steps down.

use super::{
    Attention,
    loss::{self, Candidates},
    network::{Dropout, Network, Shape, masked},
};
use crate::data::Sparse;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use rayon::prelude::*;

/// Guesses of one step: few histories are taken in more steps.
const BATCH_PLACES: (usize, usize) = (512, 4_096);
/// Steps of a pass over few histories.
const PASS_STEPS: usize = 64;
/// Guesses that one thread takes at a time: always the same ones, so that sums do not depend on the number of threads.
const CHUNK_PLACES: usize = 256;
/// Guesses of a pass at most: of more histories some.
const PASS_PLACES_MAX: usize = 2_000_000;
/// Steps until the whole step is taken.
const WARM_STEPS: f32 = 50.0;

/// Choices of a trained sequence model.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AttentionKnobs {
    /// How large it is.
    pub shape: Shape,
    /// Share of numbers that are left out by chance while training.
    pub dropout: f32,
    /// How far a step goes.
    pub step: f32,
    /// Titles that are drawn for each step, among which those that came are guessed; all where there are fewer.
    pub candidates: usize,
    /// Passes over the histories; 0: it is not trained.
    pub passes: usize,
    /// Guesses in which passes are chosen, at most: what a training may cost; 0: there is none.
    pub guesses_max: usize,
    /// Where chance begins.
    pub seed: u64,
}

impl Default for AttentionKnobs {
    fn default() -> Self {
        Self {
            shape: Shape { size: 64, heads: 2, layers: 1, length: 100 },
            dropout: 0.2,
            step: 0.002,
            candidates: 512,
            passes: 0,
            guesses_max: 40_000_000,
            seed: 1,
        }
    }
}

/// A stretch of one history: each title but the last is followed by a guess.
#[derive(Clone, Copy)]
struct Stretch {
    profile: u32,
    start: u32,
    /// Guesses.
    count: u32,
}

/// Trains pass by pass: whoever drives it may look at [`Trainer::model`] in between, and stop.
pub struct Trainer<'a> {
    histories: &'a Sparse,
    knobs: AttentionKnobs,
    model: Attention,
    network: Adam,
    titles: Adam,
    random: StdRng,
    steps: i32,
}

/// What came of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// Guesses that were made.
    pub guesses: usize,
    /// What one cost on average: the negative logarithm of the probability of what came.
    pub cost: f64,
}

/// Slopes of one chunk.
struct Slopes {
    network: Vec<f32>,
    candidates: Vec<f32>,
    shown: Vec<u32>,
    shown_slopes: Vec<f32>,
    came: Vec<u32>,
    came_slopes: Vec<f32>,
    cost: f64,
}

impl<'a> Trainer<'a> {
    /// Before the first pass over `histories`, the oldest title first.
    #[must_use]
    pub fn new(histories: &'a Sparse, knobs: AttentionKnobs) -> Self {
        let mut random = StdRng::seed_from_u64(knobs.seed);
        let model = Attention::begin(knobs.shape, histories.width(), &mut random);
        let (network, titles) = (Adam::new(model.numbers.len()), Adam::new(model.titles.len()));
        Self { histories, knobs, model, network, titles, random, steps: 0 }
    }

    /// What it has learned so far.
    #[must_use]
    pub fn model(&self) -> &Attention {
        &self.model
    }

    /// The trained model.
    #[must_use]
    pub fn into_model(self) -> Attention {
        self.model
    }

    /// One pass over the histories, or some of very many.
    pub fn pass(&mut self) -> Pass {
        let (mut cost, mut guesses) = (0.0, 0);
        for batch in self.batches() {
            cost += self.step(&batch);
            guesses += batch.iter().map(|stretch| stretch.count as usize).sum::<usize>();
        }
        Pass { guesses, cost: cost / guesses.max(1) as f64 }
    }

    /// All histories in stretches, cut anew for each pass, in batches.
    fn batches(&mut self) -> Vec<Vec<Stretch>> {
        let length = self.knobs.shape.length;
        let mut stretches = Vec::new();
        for profile in 0..self.histories.height() {
            let guesses = self.histories.row_len(profile).saturating_sub(1);
            let mut start = 0;
            let mut count = if guesses > length { self.random.random_range(1..=length) } else { guesses };
            while count > 0 {
                stretches.push(Stretch { profile: profile as u32, start: start as u32, count: count as u32 });
                start += count;
                count = (guesses - start).min(length);
            }
        }
        stretches.shuffle(&mut self.random);
        let guesses: usize = stretches.iter().map(|stretch| stretch.count as usize).sum();
        let batch = (guesses / PASS_STEPS).clamp(BATCH_PLACES.0, BATCH_PLACES.1);
        let mut batches = vec![Vec::new()];
        let (mut places, mut all) = (0, 0);
        for stretch in stretches {
            if places >= batch {
                places = 0;
                batches.push(Vec::new());
            }
            places += stretch.count as usize;
            all += stretch.count as usize;
            batches.last_mut().into_iter().for_each(|batch| batch.push(stretch));
            if all >= PASS_PLACES_MAX {
                break;
            }
        }
        batches
    }

    fn step(&mut self, batch: &[Stretch]) -> f64 {
        let places = batch.iter().map(|stretch| stretch.count as usize).sum::<usize>();
        if places == 0 {
            return 0.0;
        }
        let drawn = self.draw();
        let size = self.knobs.shape.size;
        let mut place = vec![u32::MAX; self.histories.width()];
        (0..).zip(&drawn).for_each(|(at, title)| place[*title as usize] = at);
        let vectors = self.model.vectors(&drawn);
        let stand_for = ((self.histories.width().max(2) - 1) as f32 / (drawn.len().max(2) - 1) as f32).ln();
        let candidates = Candidates { vectors: &vectors, places: &place, stand_for };
        let chunks: Vec<(&[Stretch], u64)> = chunks(batch).into_iter().map(|chunk| (chunk, self.random.random())).collect();
        let slope = |(chunk, seed): (&[Stretch], u64)| self.slopes(chunk, &candidates, 1.0 / places as f32, seed);
        let slopes: Vec<Slopes> = chunks.into_par_iter().map(slope).collect();

        let mut network = vec![0.0; self.model.numbers.len()];
        let mut titles = Touched::new(self.histories.width(), size);
        let cost = slopes.iter().map(|slopes| slopes.cost).sum();
        for slopes in &slopes {
            add(&mut network, &slopes.network);
            titles.add(&drawn, &slopes.candidates);
            titles.add(&slopes.shown, &slopes.shown_slopes);
            titles.add(&slopes.came, &slopes.came_slopes);
        }
        self.steps += 1;
        let step = self.knobs.step * (self.steps as f32 / WARM_STEPS).min(1.0);
        let all = 0..network.len();
        self.network.step(&mut self.model.numbers, all, &network, (step, self.steps));
        for (at, title) in titles.titles.iter().enumerate() {
            let place = *title as usize * size..(*title as usize + 1) * size;
            self.titles.step(&mut self.model.titles, place, &titles.slopes[at * size..(at + 1) * size], (step, self.steps));
        }
        cost
    }

    /// Titles that all that came are judged among.
    fn draw(&mut self) -> Vec<u32> {
        let titles = self.histories.width();
        if titles <= self.knobs.candidates {
            return (0..titles as u32).collect();
        }
        rand::seq::index::sample(&mut self.random, titles, self.knobs.candidates).into_iter().map(|title| title as u32).collect()
    }

    /// The slopes of the cost of some stretches.
    fn slopes(&self, chunk: &[Stretch], candidates: &Candidates<'_>, scale: f32, seed: u64) -> Slopes {
        let (mut shown, mut came, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for stretch in chunk {
            let (titles, _) = self.histories.row(stretch.profile as usize);
            let (start, count) = (stretch.start as usize, stretch.count as usize);
            shown.extend_from_slice(&titles[start..start + count]);
            came.extend_from_slice(&titles[start + 1..=start + count]);
            lengths.push(count);
        }
        let mut dropout = Dropout { share: self.knobs.dropout, random: Some(StdRng::seed_from_u64(seed)) };
        let mut x = self.model.shown(&shown);
        let mask = dropout.mask(x.len());
        masked(&mut x, &mask);
        let network = Network { shape: self.knobs.shape, numbers: &self.model.numbers };
        let (guesses, trace) = network.forward(x, &lengths, &mut dropout);
        let cost = loss::cost(&guesses, (&came, &self.model.vectors(&came)), candidates, self.knobs.shape.size, scale);
        let mut slopes = vec![0.0; self.model.numbers.len()];
        let mut shown_slopes = network.back(&trace, &lengths, &cost.guesses, &mut slopes);
        masked(&mut shown_slopes, &mask);
        let lift = self.model.lift();
        shown_slopes.iter_mut().for_each(|slope| *slope *= lift);
        Slopes {
            network: slopes,
            candidates: cost.candidates,
            shown,
            shown_slopes,
            came,
            came_slopes: cost.came,
            cost: cost.cost,
        }
    }
}

/// A batch in parts of about the same size.
fn chunks(batch: &[Stretch]) -> Vec<&[Stretch]> {
    let (mut chunks, mut start, mut places) = (Vec::new(), 0, 0);
    for (at, stretch) in batch.iter().enumerate() {
        places += stretch.count as usize;
        if places >= CHUNK_PLACES || at + 1 == batch.len() {
            chunks.push(&batch[start..=at]);
            (start, places) = (at + 1, 0);
        }
    }
    chunks
}

fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

/// Slopes of those titles that a step has to do with.
struct Touched {
    size: usize,
    places: Vec<u32>,
    titles: Vec<u32>,
    slopes: Vec<f32>,
}

impl Touched {
    fn new(titles: usize, size: usize) -> Self {
        Self { size, places: vec![u32::MAX; titles], titles: Vec::new(), slopes: Vec::new() }
    }

    fn add(&mut self, titles: &[u32], slopes: &[f32]) {
        for (title, slope) in titles.iter().zip(slopes.chunks_exact(self.size)) {
            let place = &mut self.places[*title as usize];
            if *place == u32::MAX {
                *place = self.titles.len() as u32;
                self.titles.push(*title);
                self.slopes.resize(self.slopes.len() + self.size, 0.0);
            }
            let start = *place as usize * self.size;
            add(&mut self.slopes[start..start + self.size], slope);
        }
    }
}

/// Steps whose length is that of a mean slope over its spread (D. Kingma, J. Ba, "Adam", 2015); numbers without a slope stay as they are.
struct Adam {
    means: Vec<f32>,
    squares: Vec<f32>,
}

impl Adam {
    const KEPT: (f32, f32) = (0.9, 0.98);
    const TINY: f32 = 1e-8;

    fn new(count: usize) -> Self {
        Self { means: vec![0.0; count], squares: vec![0.0; count] }
    }

    fn step(&mut self, numbers: &mut [f32], place: std::ops::Range<usize>, slopes: &[f32], (step, steps): (f32, i32)) {
        let (kept, kept_square) = Self::KEPT;
        let (begun, begun_square) = (1.0 - kept.powi(steps), 1.0 - kept_square.powi(steps));
        let state = self.means[place.clone()].iter_mut().zip(&mut self.squares[place.clone()]);
        for (((mean, square), number), slope) in state.zip(&mut numbers[place]).zip(slopes) {
            *mean = kept * *mean + (1.0 - kept) * slope;
            *square = kept_square * *square + (1.0 - kept_square) * slope * slope;
            *number -= step * (*mean / begun) / ((*square / begun_square).sqrt() + Self::TINY);
        }
    }
}
