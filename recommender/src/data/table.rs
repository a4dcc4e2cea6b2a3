//! Interactions as a table of comma-separated values: `user,item[,timestamp[,weight]]`, with these names in the first line.
//!
//! Names are any text. Times are seconds since 1970, whole or not; later than the year 5000 they are taken for milliseconds.

use super::Interaction;
use std::{collections::HashMap, io::Read};

/// Longest name.
const NAME_BYTES_MAX: usize = 1_000;
/// Most rows of one table.
const ROWS_MAX: usize = 200_000_000;
/// Seconds from which on a time is one of milliseconds.
const MILLISECONDS_FROM: f64 = 95_617_584_000.0;

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1 on.
    pub line: u64,
    /// What is wrong, and what to do.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "line {}: {}", self.line, self.message)
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

/// Reads a table; names that are new get numbers in `index`.
///
/// # Errors
/// The first line that cannot be meant.
pub fn read(table: impl Read, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(table);
    let columns = columns(&reader.byte_headers().map_err(|error| fault(&error))?.clone())?;
    let mut rows = Vec::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| fault(&error))? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != columns {
            return Err(Fault { line, message: format!("has {} values where the first line names {columns}", record.len()) });
        }
        if rows.len() == ROWS_MAX {
            return Err(Fault { line, message: format!("a table has at most {ROWS_MAX} rows") });
        }
        let profile = index.profiles.number(name(&record, 0, "user", line)?);
        let title = index.titles.number(name(&record, 1, "item", line)?);
        let at = if columns > 2 { time(text(&record, 2, line)?, line)? } else { 0 };
        let weight = if columns > 3 { weight(text(&record, 3, line)?, line)? } else { 1.0 };
        rows.push(Interaction { profile, title, at, weight });
    }
    Ok(rows)
}

/// Number of columns that the first line names.
fn columns(header: &csv::ByteRecord) -> Result<usize, Fault> {
    let names: Vec<&[u8]> = header.iter().map(|name| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name)).collect();
    let known: [&[u8]; 4] = [b"user", b"item", b"timestamp", b"weight"];
    if names.len() < 2
        || names.len() > known.len()
        || names.iter().zip(known).any(|(name, known)| !name.eq_ignore_ascii_case(known))
    {
        let found = names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(",");
        let found: String = found.chars().take(100).collect();
        let message = format!("the first line has to be user,item[,timestamp[,weight]], this one is “{found}”");
        return Err(Fault { line: 1, message });
    }
    Ok(names.len())
}

fn text(record: &csv::ByteRecord, column: usize, line: u64) -> Result<&str, Fault> {
    std::str::from_utf8(&record[column])
        .map_err(|_| Fault { line, message: "is not UTF-8: save the table in this encoding".to_owned() })
}

fn name<'a>(record: &'a csv::ByteRecord, column: usize, what: &str, line: u64) -> Result<&'a str, Fault> {
    let name = text(record, column, line)?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Fault { line, message: format!("{what} has to be a name of 1 to {NAME_BYTES_MAX} bytes") });
    }
    Ok(name)
}

fn time(text: &str, line: u64) -> Result<i64, Fault> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    let wrong = || Fault { line, message: format!("timestamp “{}” is no number of seconds since 1970", shortened(text)) };
    let seconds = seconds.ok_or_else(wrong)?;
    Ok(if seconds.abs() > MILLISECONDS_FROM { seconds / 1000.0 } else { seconds } as i64)
}

fn weight(text: &str, line: u64) -> Result<f32, Fault> {
    let weight = text.parse::<f32>().ok().filter(|weight| weight.is_finite());
    weight.ok_or_else(|| Fault { line, message: format!("weight “{}” is no number", shortened(text)) })
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn fault(error: &csv::Error) -> Fault {
    let line = error.position().map_or(1, csv::Position::line);
    Fault { line, message: format!("cannot be read: {error}") }
}

/// Reads what a relevant title is ranked among: lines of `(user,item)` and then the other items, parted by tabs, as X. He et al.,
/// "Neural Collaborative Filtering", WWW 2017, gave theirs; or a table `user,item` of others. By profile; names that `index` does
/// not know get numbers.
///
/// # Errors
/// The first line that cannot be meant.
pub fn read_negatives(mut table: impl Read, index: &mut Index) -> Result<HashMap<u32, Vec<u32>>, Fault> {
    let mut text = Vec::new();
    table.read_to_end(&mut text).map_err(|error| Fault { line: 1, message: format!("cannot be read: {error}") })?;
    let mut negatives: HashMap<u32, Vec<u32>> = HashMap::new();
    if !text.starts_with(b"(") {
        for one in read(text.as_slice(), index)? {
            negatives.entry(one.profile).or_default().push(one.title);
        }
        return Ok(negatives);
    }
    let text = std::str::from_utf8(&text).map_err(|_| Fault { line: 1, message: "the file is not UTF-8".to_owned() })?;
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let wrong = || Fault { line, message: "has to be (user,item) and then other items, parted by tabs".to_owned() };
        let (pair, others) = row.split_once('\t').ok_or_else(wrong)?;
        let pair = pair.trim().strip_prefix('(').and_then(|pair| pair.strip_suffix(')')).ok_or_else(wrong)?;
        let (profile, _) = pair.split_once(',').ok_or_else(wrong)?;
        let profile = index.profiles.number(profile.trim());
        let titles = &mut index.titles;
        negatives.entry(profile).or_default().extend(others.split('\t').map(|title| titles.number(title.trim())));
    }
    Ok(negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(table: &[u8]) -> (u64, String) {
        let fault = read(table, &mut Index::default()).expect_err("refused");
        (fault.line, fault.message)
    }

    #[test]
    fn all_forms_of_the_table() {
        let mut index = Index::default();
        let rows = read(&b"user,item\nanna,Sintel\n bo , Sintel \n"[..], &mut index).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[1].profile, rows[1].title, rows[1].at, rows[1].weight), (1, 0, 0, 1.0));
        let rows = read(&b"\xef\xbb\xbfUser,Item,Timestamp,Weight\r\nbo,\"Tears, of Steel\",978300760.5,0.5\r\n"[..], &mut index)
            .unwrap();
        assert_eq!(rows[0], Interaction { profile: 1, title: 1, at: 978_300_760, weight: 0.5 });
        assert_eq!((index.titles.name(1), index.titles.known("Sintel"), index.profiles.len()), ("Tears, of Steel", Some(0), 2));
        assert_eq!(read(&b"user,item,timestamp\na,b,1700000000000\n"[..], &mut index).unwrap()[0].at, 1_700_000_000);
        assert!(read(&b"user,item\n"[..], &mut index).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_named_with_its_line() {
        assert_eq!(faults(b"").0, 1);
        assert_eq!(faults(b"a,b\n1,2\n").0, 1);
        assert_eq!(faults(b"user,item,weight\n").0, 1);
        assert_eq!(faults(b"user,item\n1,2\n3\n"), (3, "has 1 values where the first line names 2".to_owned()));
        assert_eq!(faults(b"user,item,timestamp,weight\n1,2,3,NaN\n"), (2, "weight “NaN” is no number".to_owned()));
        assert_eq!(faults(b"user,item,timestamp\n1,2,3\n1,2,soon\n").0, 3);
        assert_eq!(faults(b"user,item\n1,2\n,5\n").0, 3);
        assert!(faults(b"user,item\n1,caf\xe9\n").1.starts_with("is not UTF-8"));
        assert!(faults(b"\xff\xfeu\0s\0e\0r\0").1.contains("first line"));
    }

    #[test]
    fn negatives_in_both_forms() {
        let mut index = Index::default();
        let negatives = read_negatives(&b"(0,25)\t1064\t174\n(1,133)\t1072\n"[..], &mut index).unwrap();
        assert_eq!(negatives[&0].iter().map(|title| index.titles.name(*title)).collect::<Vec<_>>(), ["1064", "174"]);
        let negatives = read_negatives(&b"user,item\n0,1064\n0,5\n"[..], &mut index).unwrap();
        assert_eq!(negatives[&0].len(), 2);
        assert_eq!(read_negatives(&b"(0,25)\t1\n(0;3)\t1\n"[..], &mut index).expect_err("refused").line, 2);
    }
}
