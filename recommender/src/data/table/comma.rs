//! Comma-separated values.

use super::{COLUMNS, Fault, Index, Interaction, Place, ROWS_MAX, name, time_of, weight_of};
use std::io::Read;

/// Reads a table whose first line names its columns.
pub(super) fn read(table: impl Read, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(table);
    let columns = columns(&reader.byte_headers().map_err(|error| fault(&error))?.clone())?;
    let mut rows = Vec::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| fault(&error))? {
        let place = Place::Line(record.position().map_or(0, csv::Position::line));
        if rows.len() == ROWS_MAX {
            return Err(place.fault(format!("a table has at most {ROWS_MAX} rows")));
        }
        rows.push(row(&record, columns, index).map_err(|message| place.fault(message))?);
    }
    Ok(rows)
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
fn columns(header: &csv::ByteRecord) -> Result<usize, Fault> {
    let names: Vec<&[u8]> = header.iter().map(|name| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name)).collect();
    let is_known = |(name, known): (&&[u8], &str)| name.eq_ignore_ascii_case(known.as_bytes());
    if names.len() < 2 || names.len() > COLUMNS.len() || !names.iter().zip(COLUMNS).all(is_known) {
        let found = names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(",");
        let found: String = found.chars().take(100).collect();
        let message = format!("the first line has to be user,item[,timestamp[,weight]], this one is “{found}”");
        return Err(Place::Line(1).fault(message));
    }
    Ok(names.len())
}

fn text(record: &csv::ByteRecord, column: usize) -> Result<&str, String> {
    std::str::from_utf8(&record[column]).map_err(|_| "is not UTF-8: save the table in this encoding".to_owned())
}

fn fault(error: &csv::Error) -> Fault {
    Place::Line(error.position().map_or(1, csv::Position::line)).fault(format!("cannot be read: {error}"))
}
