//! Comma-separated values.

use super::{COLUMNS, Fault, Index, Interaction, Place, ROWS_MAX, name, time_of, weight_of};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

/// Reads a table whose first line names its columns.
pub(super) fn read(table: impl Read + Seek, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(table);
    let mut rows = Vec::new();
    let mut record = csv::ByteRecord::new();
    let read = read_rows(&mut reader, &mut record, index, &mut rows);
    read.map_err(|(at, message)| Place::Line(at.map_or(1, |byte| line(reader.into_inner(), byte))).fault(message))?;
    Ok(rows)
}

/// The inner error is where the record begins that is wrong, if it is not the first, and what is wrong with it.
fn read_rows(
    reader: &mut csv::Reader<impl Read>,
    record: &mut csv::ByteRecord,
    index: &mut Index,
    rows: &mut Vec<Interaction>,
) -> Result<(), (Option<u64>, String)> {
    let unreadable = |error: csv::Error| (error.position().map(csv::Position::byte), format!("cannot be read: {error}"));
    let header = reader.byte_headers().map_err(unreadable)?;
    let columns = columns(header).map_err(|message| (None, message))?;
    while reader.read_byte_record(record).map_err(unreadable)? {
        let wrong = |message| (record.position().map(csv::Position::byte), message);
        if rows.len() == ROWS_MAX {
            return Err(wrong(format!("a table has at most {ROWS_MAX} rows")));
        }
        rows.push(row(record, columns, index).map_err(wrong)?);
    }
    Ok(())
}

/// The line, from 1 on, of the record from `byte` on: what ends the line before it may belong to it, and so may empty lines.
fn line(mut table: impl Read + Seek, byte: u64) -> u64 {
    if table.seek(SeekFrom::Start(0)).is_err() {
        return 0;
    }
    let (mut table, mut passed, mut line) = (BufReader::new(table), 0, 1);
    let mut ended_by_return = false;
    while let Some(next) = table.fill_buf().ok().and_then(|bytes| bytes.first().copied()) {
        table.consume(1);
        let (is_return, is_feed) = (next == b'\r', next == b'\n');
        if passed >= byte && !is_return && !is_feed {
            break;
        }
        // Both together are one end.
        line += u64::from(is_return || is_feed && !ended_by_return);
        (passed, ended_by_return) = (passed + 1, is_return);
    }
    line
}

fn row(record: &csv::ByteRecord, columns: usize, index: &mut Index) -> Result<Interaction, String> {
    if record.len() != columns {
        return Err(format!("has {} values where the first line names {columns}", record.len()));
    }
    let profile = index.profiles.number(name(text(record, 0)?, "user")?);
    let title = index.titles.number(name(text(record, 1)?, "item")?);
    let at = if columns > 2 { time_of(text(record, 2)?)? } else { 0 };
    let weight = if columns > 3 { weight_of(text(record, 3)?)? } else { 1.0 };
    Ok(Interaction { profile, title, at, weight })
}

/// Number of columns that the first line names.
fn columns(header: &csv::ByteRecord) -> Result<usize, String> {
    let names: Vec<&[u8]> = header.iter().map(|name| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name)).collect();
    let is_known = |(name, known): (&&[u8], &str)| name.eq_ignore_ascii_case(known.as_bytes());
    if names.len() < 2 || names.len() > COLUMNS.len() || !names.iter().zip(COLUMNS).all(is_known) {
        let found = names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(",");
        let found: String = found.chars().take(100).collect();
        return Err(format!("the first line has to be user,item[,timestamp[,weight]], this one is “{found}”"));
    }
    Ok(names.len())
}

fn text(record: &csv::ByteRecord, column: usize) -> Result<&str, String> {
    std::str::from_utf8(&record[column]).map_err(|_| "is not UTF-8: save the table in this encoding".to_owned())
}
