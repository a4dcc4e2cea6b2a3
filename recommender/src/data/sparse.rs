//! A sparse matrix by rows.

use super::Array;
use rayon::prelude::*;
use std::ops::Range;

/// Rows that are computed before they are put together: what lies about in pieces takes more memory.
const BLOCK_ROWS: usize = 4_096;

/// Rows of columns and values. A row's columns are in the order in which they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse {
    starts: Array<u64>,
    columns: Array<u32>,
    values: Array<f32>,
    width: usize,
}

impl Default for Sparse {
    /// Without rows and columns.
    fn default() -> Self {
        Self { starts: vec![0].into(), columns: Array::default(), values: Array::default(), width: 0 }
    }
}

impl Sparse {
    /// A matrix of `width` columns and these rows.
    #[must_use]
    pub fn from_rows(width: usize, rows: impl IntoIterator<Item = Vec<(u32, f32)>>) -> Self {
        let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in rows {
            for (column, value) in row {
                debug_assert!((column as usize) < width, "a column of the matrix");
                columns.push(column);
                values.push(value);
            }
            starts.push(columns.len() as u64);
        }
        Self { starts: starts.into(), columns: columns.into(), values: values.into(), width }
    }

    /// A matrix of `width` columns and `height` rows that are computed side by side, each thread with a state of its own.
    #[must_use]
    pub fn computed<S>(
        (width, height): (usize, usize),
        state: impl Fn() -> S + Send + Sync,
        row: impl Fn(&mut S, usize) -> Vec<(u32, f32)> + Send + Sync,
    ) -> Self {
        let computed = |rows: Range<usize>| -> Vec<_> { rows.into_par_iter().map_init(&state, &row).collect() };
        let blocks = (0..height).step_by(BLOCK_ROWS).map(|first| first..(first + BLOCK_ROWS).min(height));
        Self::from_rows(width, blocks.flat_map(computed))
    }

    /// Of parts that were written before; `None` if they are none of a matrix.
    #[must_use]
    pub fn from_parts(width: usize, starts: Array<u64>, columns: Array<u32>, values: Array<f32>) -> Option<Self> {
        let rises = starts.first() == Some(&0) && starts.is_sorted() && starts.last() == Some(&(columns.len() as u64));
        let fits = columns.len() == values.len() && columns.iter().all(|column| (*column as usize) < width);
        (rises && fits).then_some(Self { starts, columns, values, width })
    }

    /// Its parts, to be written: the place where each row begins and the end of the last, the columns, their values.
    #[must_use]
    pub fn parts(&self) -> (&Array<u64>, &Array<u32>, &Array<f32>) {
        (&self.starts, &self.columns, &self.values)
    }

    /// Number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of values that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether it keeps no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Columns and values of `row`; none of a row that is not there.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&start), Some(&end)) => {
                let place = start as usize..end as usize;
                (&self.columns[place.clone()], &self.values[place])
            }
            _ => (&[], &[]),
        }
    }

    /// Columns and values of `row`, pair by pair.
    pub fn entries(&self, row: usize) -> impl DoubleEndedIterator<Item = (u32, f32)> + ExactSizeIterator + Clone + '_ {
        let (columns, values) = self.row(row);
        columns.iter().copied().zip(values.iter().copied())
    }

    /// Number of values in `row`.
    #[must_use]
    pub fn row_len(&self, row: usize) -> usize {
        self.row(row).0.len()
    }

    /// Number of values in each column.
    #[must_use]
    pub fn column_lens(&self) -> Vec<usize> {
        let mut lens = vec![0; self.width];
        self.columns.iter().for_each(|column| lens[*column as usize] += 1);
        lens
    }

    /// Rows and columns exchanged; the columns of its rows rise.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0_u64];
        starts.extend(self.column_lens().iter().scan(0, |end, len| {
            *end += *len as u64;
            Some(*end)
        }));
        let mut next = starts.clone();
        let (mut columns, mut values) = (vec![0; self.len()], vec![0.0; self.len()]);
        for row in 0..self.height() {
            for (column, value) in self.entries(row) {
                let place = &mut next[column as usize];
                columns[*place as usize] = row as u32;
                values[*place as usize] = value;
                *place += 1;
            }
        }
        Self { starts: starts.into(), columns: columns.into(), values: values.into(), width: self.height() }
    }

    /// Rows and columns exchanged, with the place in its row instead of each value.
    #[must_use]
    pub fn places(&self) -> Self {
        let places: Vec<f32> = (0..self.height()).flat_map(|row| (0..self.row_len(row)).map(|place| place as f32)).collect();
        Self { values: places.into(), ..self.clone() }.transposed()
    }

    /// The same columns with values that `change` makes of row, column and value.
    #[must_use]
    pub fn map(&self, change: impl Fn(usize, u32, f32) -> f32) -> Self {
        let changed = |row| self.entries(row).map(move |(column, value)| (row, column, value));
        let values: Vec<f32> =
            (0..self.height()).flat_map(changed).map(|(row, column, value)| change(row, column, value)).collect();
        Self { values: values.into(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_twice_sorts_the_columns() {
        let matrix = Sparse::from_rows(4, [vec![(3, 1.0), (0, 2.0)], vec![], vec![(3, 5.0)]]);
        let turned = matrix.transposed();
        assert_eq!((turned.height(), turned.width(), turned.len()), (4, 3, 3));
        assert_eq!(turned.row(3), (&[0, 2][..], &[1.0, 5.0][..]));
        assert_eq!(turned.transposed().row(0), (&[0, 3][..], &[2.0, 1.0][..]));
        assert_eq!(matrix.row(9), (&[][..], &[][..]));
        assert_eq!(matrix.places().row(3), (&[0, 2][..], &[0.0, 0.0][..]));
        assert_eq!(matrix.places().row(0).1, [1.0]);
        assert_eq!(Sparse::default().height(), 0);
    }

    #[test]
    fn parts_that_do_not_fit_are_no_matrix() {
        let matrix = Sparse::from_rows(4, [vec![(3, 1.0)], vec![]]);
        let (starts, columns, values) = matrix.parts();
        let again = |width, starts: &[u64]| Sparse::from_parts(width, starts.to_vec().into(), columns.clone(), values.clone());
        assert_eq!(again(4, starts).as_ref(), Some(&matrix));
        assert!(again(3, starts).is_none() && again(4, &[0, 1, 2]).is_none() && again(4, &[0, 2, 1]).is_none());
        assert!(again(4, &[]).is_none());
    }
}
