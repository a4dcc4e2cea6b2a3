//! Sums by place, for rows that touch few of many places.

/// Sums of one row at a time.
#[derive(Debug)]
pub(crate) struct Counter {
    sums: Vec<f32>,
    touched: Vec<u32>,
}

impl Counter {
    /// For rows of `width` places.
    pub(crate) fn new(width: usize) -> Self {
        Self { sums: vec![0.0; width], touched: Vec::new() }
    }

    /// Adds `amount`, which is not negative, to `place`.
    pub(crate) fn add(&mut self, place: u32, amount: f32) {
        let sum = &mut self.sums[place as usize];
        if *sum == 0.0 {
            self.touched.push(place);
        }
        *sum += amount;
    }

    /// What was added, in the order of places. Begins anew afterwards.
    pub(crate) fn take(&mut self) -> Vec<(u32, f32)> {
        self.touched.sort_unstable();
        self.touched.dedup();
        self.touched.drain(..).map(|place| (place, std::mem::take(&mut self.sums[place as usize]))).collect()
    }
}
