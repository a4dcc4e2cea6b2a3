//! Interactions as a table `user,item[,timestamp[,weight]]`: comma-separated values with these names in the first line, or a Parquet
//! file with columns of these names.
//!
//! Names are any text. Times are seconds since 1970, whole or not; later than the year 5000 they are taken for milliseconds.

mod comma;
mod parquet;
#[cfg(test)]
mod tests;

use super::Interaction;
use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
};

/// What the columns are called.
const COLUMNS: [&str; 4] = ["user", "item", "timestamp", "weight"];
/// What Parquet files begin with.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Longest name.
const NAME_BYTES_MAX: usize = 1_000;
/// Most rows of one table.
const ROWS_MAX: usize = 200_000_000;
/// Largest weight, either way: far more, and all others would be nothing beside it.
const WEIGHT_MAX: f32 = 1_000_000.0;
/// Seconds from which on a time is one of milliseconds.
const MILLISECONDS_FROM: f64 = 95_617_584_000.0;

/// Where a table is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file as a whole.
    File,
    /// In this line, from 1 on.
    Line(u64),
    /// In a row of a Parquet file.
    Row {
        /// Row group, from 1 on.
        group: usize,
        /// Row of the group, from 1 on.
        row: usize,
    },
}

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong, and what to do.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Place::File => {}
            Place::Line(line) => write!(out, "line {line}: ")?,
            Place::Row { group, row } => write!(out, "row group {group}, row {row}: ")?,
        }
        out.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// Names with numbers, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The number of `name`, which is new if it was not there.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The number of `name`, if it is there.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of `number`.
    #[must_use]
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// The names behind the numbers of interactions.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Users: profiles.
    pub profiles: Names,
    /// Items: titles.
    pub titles: Names,
}

impl Index {
    /// What puts equal times in order: the CRC-32 of `user:item`, which knows nothing of what is relevant.
    #[must_use]
    pub fn tie(&self, profile: u32, title: u32) -> u32 {
        crc32fast::hash(format!("{}:{}", self.profiles.name(profile), self.titles.name(title)).as_bytes())
    }
}

/// Reads a table, of either form, told apart by how it begins; names that are new get numbers in `index`.
///
/// # Errors
/// The first line or row that cannot be meant.
pub fn read(file: File, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    rows(BufReader::new(file), index)
}

fn rows(mut file: BufReader<File>, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    if begin(&mut file)?.starts_with(PARQUET_MAGIC) {
        return parquet::read(file.into_inner(), index);
    }
    comma::read(file, index)
}

/// Reads what a relevant title is ranked among: lines of `(user,item)` and then the other items, parted by tabs, as X. He et al.,
/// "Neural Collaborative Filtering", WWW 2017, gave theirs; or a table `user,item` of others. By profile; names that `index` does
/// not know get numbers.
///
/// # Errors
/// The first line that cannot be meant.
pub fn read_negatives(file: File, index: &mut Index) -> Result<HashMap<u32, Vec<u32>>, Fault> {
    let mut file = BufReader::new(file);
    let mut negatives: HashMap<u32, Vec<u32>> = HashMap::new();
    if !begin(&mut file)?.starts_with(b"(") {
        for one in rows(file, index)? {
            negatives.entry(one.profile).or_default().push(one.title);
        }
        return Ok(negatives);
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| Place::File.fault(format!("cannot be read: {error}")))?;
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let wrong = || Place::Line(line).fault("has to be (user,item) and then other items, parted by tabs");
        let (pair, others) = row.split_once('\t').ok_or_else(wrong)?;
        let pair = pair.trim().strip_prefix('(').and_then(|pair| pair.strip_suffix(')')).ok_or_else(wrong)?;
        let (profile, _) = pair.split_once(',').ok_or_else(wrong)?;
        let known = |text| name(text, "each of user and items").map_err(|message| Place::Line(line).fault(message));
        let profile = index.profiles.number(known(profile)?);
        for other in others.trim_end().split('\t') {
            let title = index.titles.number(known(other)?);
            negatives.entry(profile).or_default().push(title);
        }
    }
    Ok(negatives)
}

/// The first bytes of `file`, which are still read after that.
fn begin(file: &mut BufReader<File>) -> Result<&[u8], Fault> {
    file.fill_buf().map_err(|error| Place::File.fault(format!("cannot be read: {error}")))
}

impl Place {
    fn fault(self, message: impl Into<String>) -> Fault {
        Fault { place: self, message: message.into() }
    }
}

/// `text` as the name of a user or an item.
fn name<'a>(text: &'a str, what: &str) -> Result<&'a str, String> {
    let name = text.trim();
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("{what} has to be a name of 1 to {NAME_BYTES_MAX} bytes"));
    }
    if name.contains(['\n', '\r']) {
        return Err(format!("{what} has a break of lines in it: is a quote opened and not closed?"));
    }
    Ok(name)
}

/// A number as a time.
fn time(number: f64) -> Option<i64> {
    let seconds = if number.abs() > MILLISECONDS_FROM { number / 1000.0 } else { number };
    number.is_finite().then_some(seconds as i64)
}

fn time_of(text: &str) -> Result<i64, String> {
    let known = text.trim().parse().ok().and_then(time);
    known.ok_or_else(|| format!("timestamp “{}” is no number of seconds since 1970", shortened(text)))
}

fn weight_of(text: &str) -> Result<f32, String> {
    let known = text.trim().parse::<f32>().ok().filter(|weight| weight.abs() <= WEIGHT_MAX);
    known.ok_or_else(|| format!("weight “{}” is no number up to {WEIGHT_MAX}", shortened(text)))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
