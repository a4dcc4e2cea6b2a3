//! Numbers in memory, or in a file that is mapped into memory.

use bytemuck::Pod;
use bytes::Bytes;
use std::{fmt, marker::PhantomData, ops::Deref};

// Files hold numbers in little-endian order, and are read as they lie.
#[cfg(target_endian = "big")]
compile_error!("models are read where numbers are in little-endian order");

/// Numbers that nobody changes any more: copies share them, wherever they lie.
#[derive(Clone)]
pub struct Array<T> {
    bytes: Bytes,
    of: PhantomData<T>,
}

/// What [`Bytes`] keeps of numbers that were computed.
struct Owned<T>(Vec<T>);

impl<T: Pod> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl<T: Pod + Send> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self { bytes: Bytes::from_owner(Owned(numbers)), of: PhantomData }
    }
}

impl<T: Pod> Array<T> {
    /// Of the numbers that lie in `bytes`; `None` if these do not begin where such a number may, or end in the middle of one.
    #[must_use]
    pub fn new(bytes: Bytes) -> Option<Self> {
        let fits = bytes.is_empty() || bytemuck::try_cast_slice::<u8, T>(&bytes).is_ok();
        fits.then_some(Self { bytes, of: PhantomData })
    }

    /// The numbers as bytes, to be written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Pod> Deref for Array<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // Where nothing lies may be anywhere.
        if self.bytes.is_empty() { &[] } else { bytemuck::cast_slice(&self.bytes) }
    }
}

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self { bytes: Bytes::new(), of: PhantomData }
    }
}

impl<T: Pod + PartialEq> PartialEq for Array<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod> fmt::Debug for Array<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} numbers", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_from_memory_and_from_bytes() {
        let computed = Array::from(vec![1_u32, 2, 3]);
        let file = Bytes::from_owner(Owned(vec![0_u32, 1, 2, 3]));
        let read = Array::<u32>::new(file.slice(4..)).expect("numbers");
        assert_eq!(computed, read);
        assert_eq!((read[2], read.bytes().len()), (3, 12));
        assert!(Array::<u32>::new(file.slice(4..15)).is_none() && Array::<u32>::new(file.slice(2..6)).is_none());
        assert!(Array::<u32>::new(file.slice(3..3)).expect("nothing").is_empty() && Array::<u64>::from(Vec::new()).is_empty());
    }
}
