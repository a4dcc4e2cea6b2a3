//! A sparse matrix by rows.

/// Rows of columns and values. A row's columns are in the order in which they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    width: usize,
}

impl Default for Sparse {
    /// Without rows and columns.
    fn default() -> Self {
        Self { starts: vec![0], columns: Vec::new(), values: Vec::new(), width: 0 }
    }
}

impl Sparse {
    /// A matrix of `width` columns and these rows.
    #[must_use]
    pub fn from_rows(width: usize, rows: impl IntoIterator<Item = Vec<(u32, f32)>>) -> Self {
        let mut matrix = Self { starts: vec![0], columns: Vec::new(), values: Vec::new(), width };
        for row in rows {
            for (column, value) in row {
                debug_assert!((column as usize) < width, "a column of the matrix");
                matrix.columns.push(column);
                matrix.values.push(value);
            }
            matrix.starts.push(matrix.columns.len());
        }
        matrix
    }

    /// Of parts that were written before; `None` if they are none of a matrix.
    #[must_use]
    pub fn from_parts(width: usize, starts: Vec<usize>, columns: Vec<u32>, values: Vec<f32>) -> Option<Self> {
        let rises = starts.first() == Some(&0) && starts.is_sorted() && starts.last() == Some(&columns.len());
        let fits = columns.len() == values.len() && columns.iter().all(|column| (*column as usize) < width);
        (rises && fits).then_some(Self { starts, columns, values, width })
    }

    /// Its parts, to be written: the place where each row begins and the end of the last, the columns, their values.
    #[must_use]
    pub fn parts(&self) -> (&[usize], &[u32], &[f32]) {
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
            (Some(&start), Some(&end)) => (&self.columns[start..end], &self.values[start..end]),
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

    /// Rows and columns exchanged; the columns of its rows rise.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0; self.width + 1];
        for column in &self.columns {
            starts[*column as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut next = starts.clone();
        let (mut columns, mut values) = (vec![0; self.len()], vec![0.0; self.len()]);
        for row in 0..self.height() {
            for (column, value) in self.entries(row) {
                let place = &mut next[column as usize];
                columns[*place] = row as u32;
                values[*place] = value;
                *place += 1;
            }
        }
        Self { starts, columns, values, width: self.height() }
    }

    /// The same columns with values that `change` makes of row, column and value.
    #[must_use]
    pub fn map(mut self, change: impl Fn(usize, u32, f32) -> f32) -> Self {
        for row in 0..self.height() {
            for place in self.starts[row]..self.starts[row + 1] {
                self.values[place] = change(row, self.columns[place], self.values[place]);
            }
        }
        self
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
        assert_eq!(Sparse::default().height(), 0);
    }

    #[test]
    fn parts_that_do_not_fit_are_no_matrix() {
        let matrix = Sparse::from_rows(4, [vec![(3, 1.0)], vec![]]);
        let (starts, columns, values) = matrix.parts();
        let again = |width, starts: &[usize]| Sparse::from_parts(width, starts.to_vec(), columns.to_vec(), values.to_vec());
        assert_eq!(again(4, starts).as_ref(), Some(&matrix));
        assert!(again(3, starts).is_none() && again(4, &[0, 1, 2]).is_none() && again(4, &[0, 2, 1]).is_none());
        assert!(again(4, &[]).is_none());
    }
}
