//! Parquet files, as pandas, DuckDB and Spark write them (parquet-format 2.12): columns `user`, `item` and, if there are any, `timestamp`
//! and `weight`, in any order, of any type that can mean them. Pages are read one after the other, whatever the size of row groups.

use super::{COLUMNS, Fault, Index, Interaction, Place, ROWS_MAX, name, time, time_of, weight_of};
use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, Type},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader},
    schema::types::{ColumnDescriptor, SchemaDescriptor},
};
use std::{
    fmt::Write,
    panic::{self, AssertUnwindSafe},
};

/// Rows of which all values are held at once.
const BATCH_ROWS: usize = 8_192;
/// Columns that only say in which order rows were, as pandas keeps it.
const ORDER_PREFIX: &str = "__";
/// Whole numbers up to which fractions can be told apart.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
const SECONDS_PER_DAY: i64 = 86_400;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Real,
    Text,
    Uuid,
    /// A time in units of which there are so many in a second.
    Time(i64),
    Days,
    /// Days and nanoseconds, as Spark wrote times once.
    Julian,
}

/// One value.
#[derive(Clone, Debug)]
enum Value {
    Whole(i128),
    Real(f64),
    Text(ByteArray),
    Uuid(String),
    Seconds(i64),
}

/// A column that is read.
struct Column {
    what: &'static str,
    place: usize,
    kind: Kind,
    /// What its levels say of values that are there.
    level: i16,
}

/// Reads a table.
pub(super) fn read(file: impl ChunkReader + 'static, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    // The crate panics on some damaged files. What was half read is thrown away.
    let read = panic::catch_unwind(AssertUnwindSafe(|| read_whole(file, index)));
    read.unwrap_or_else(|_| Err(Place::File.fault("is damaged: write it anew")))
}

fn read_whole(file: impl ChunkReader + 'static, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    let file = SerializedFileReader::new(file).map_err(|error| Place::File.fault(unreadable(&error)))?;
    let columns = columns(file.metadata().file_metadata().schema_descr()).map_err(|message| Place::File.fault(message))?;
    let mut rows = Vec::new();
    for group in 0..file.num_row_groups() {
        let whole = |error: &ParquetError| Place::Row { group: group + 1, row: 1 }.fault(unreadable(error));
        let reader = file.get_row_group(group).map_err(|error| whole(&error))?;
        read_group(reader.as_ref(), group + 1, &columns, index, &mut rows)?;
    }
    Ok(rows)
}

fn read_group(
    group: &dyn RowGroupReader,
    number: usize,
    columns: &[Column],
    index: &mut Index,
    rows: &mut Vec<Interaction>,
) -> Result<(), Fault> {
    let place = |row: usize| Place::Row { group: number, row: row + 1 };
    let count = usize::try_from(group.metadata().num_rows()).map_err(|_| place(0).fault("has less than no rows"))?;
    if rows.len().saturating_add(count) > ROWS_MAX {
        return Err(place(0).fault(format!("a table has at most {ROWS_MAX} rows")));
    }
    let open = |column: &Column| group.get_column_reader(column.place);
    let mut readers =
        columns.iter().map(open).collect::<Result<Vec<_>, _>>().map_err(|error| place(0).fault(unreadable(&error)))?;
    let mut text = String::new();
    let mut done = 0;
    while done < count {
        let batch = BATCH_ROWS.min(count - done);
        let mut values = Vec::with_capacity(columns.len());
        for (column, reader) in columns.iter().zip(&mut readers) {
            let found = read_values(reader, column, batch)
                .map_err(|(row, message)| place(done + row).fault(format!("column {}: {message}", column.what)))?;
            values.push(found.into_iter());
        }
        for row in done..done + batch {
            let mut one = Interaction { profile: 0, title: 0, at: 0, weight: 1.0 };
            for (column, value) in columns.iter().zip(values.iter_mut().filter_map(Iterator::next)) {
                put(&mut one, column.what, &value, index, &mut text).map_err(|message| place(row).fault(message))?;
            }
            rows.push(one);
        }
        done += batch;
    }
    Ok(())
}

/// Which columns there are, and what they hold.
fn columns(schema: &SchemaDescriptor) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    for (place, column) in schema.columns().iter().enumerate().filter(|(_, column)| !column.name().starts_with(ORDER_PREFIX)) {
        let known = COLUMNS.into_iter().find(|known| column.path().string().eq_ignore_ascii_case(known));
        let Some(what) = known.filter(|known| columns.iter().all(|column| column.what != *known)) else {
            let name: String = column.path().string().chars().take(100).collect();
            return Err(format!("columns have to be user, item and, if there are any, timestamp and weight, not “{name}”"));
        };
        if column.max_rep_level() > 0 {
            return Err(format!("column {what} holds lists: one row is one {what}"));
        }
        let kind = kind(column).filter(|kind| may_be(*kind, what));
        let kind = kind.ok_or_else(|| format!("column {what} is of a type that cannot be one: {}", type_of(column)))?;
        columns.push(Column { what, place, kind, level: column.max_def_level() });
    }
    match COLUMNS[..2].iter().find(|known| columns.iter().all(|column| column.what != **known)) {
        Some(missing) => Err(format!("there is no column {missing}")),
        None => Ok(columns),
    }
}

/// What `column` holds; `None` of what says nothing to us.
fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    match column.physical_type() {
        Type::INT32 | Type::INT64 => whole_kind(column),
        Type::INT96 => Some(Kind::Julian),
        Type::FLOAT | Type::DOUBLE => Some(Kind::Real),
        Type::BYTE_ARRAY if column.converted_type() != ConvertedType::DECIMAL => Some(Kind::Text),
        Type::FIXED_LEN_BYTE_ARRAY if column.logical_type_ref() == Some(&LogicalType::Uuid) => Some(Kind::Uuid),
        Type::BOOLEAN | Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => None,
    }
}

fn whole_kind(column: &ColumnDescriptor) -> Option<Kind> {
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp(kind)) => Some(Kind::Time(match kind.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        })),
        Some(LogicalType::Date) => Some(Kind::Days),
        Some(LogicalType::Integer(kind)) => Some(if kind.is_signed { Kind::Signed } else { Kind::Unsigned }),
        Some(_) => None,
        None => match column.converted_type() {
            ConvertedType::TIMESTAMP_MILLIS => Some(Kind::Time(1_000)),
            ConvertedType::TIMESTAMP_MICROS => Some(Kind::Time(1_000_000)),
            ConvertedType::DATE => Some(Kind::Days),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                Some(Kind::Unsigned)
            }
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64 => Some(Kind::Signed),
            _ => None,
        },
    }
}

/// Whether values of this kind can be meant as `what`.
fn may_be(kind: Kind, what: &str) -> bool {
    match kind {
        Kind::Signed | Kind::Unsigned | Kind::Real | Kind::Text => true,
        Kind::Uuid => what == "user" || what == "item",
        Kind::Time(_) | Kind::Days | Kind::Julian => what == "timestamp",
    }
}

fn type_of(column: &ColumnDescriptor) -> String {
    match column.converted_type() {
        ConvertedType::NONE => column.physical_type().to_string(),
        other => other.to_string(),
    }
}

/// The next `count` values; else what is wrong, and in which row of them.
fn read_values(reader: &mut ColumnReader, column: &Column, count: usize) -> Result<Vec<Value>, (usize, String)> {
    let (level, kind) = (column.level, column.kind);
    match reader {
        ColumnReader::Int32ColumnReader(reader) => next(reader, level, count, |value| match kind {
            Kind::Unsigned => Value::Whole(i128::from(value.cast_unsigned())),
            _ => whole(kind, i64::from(*value)),
        }),
        ColumnReader::Int64ColumnReader(reader) => next(reader, level, count, |value| match kind {
            Kind::Unsigned => Value::Whole(i128::from(value.cast_unsigned())),
            _ => whole(kind, *value),
        }),
        ColumnReader::Int96ColumnReader(reader) => next(reader, level, count, |value| Value::Seconds(value.to_seconds())),
        ColumnReader::FloatColumnReader(reader) => next(reader, level, count, |value| Value::Real(f64::from(*value))),
        ColumnReader::DoubleColumnReader(reader) => next(reader, level, count, |value| Value::Real(*value)),
        ColumnReader::ByteArrayColumnReader(reader) => next(reader, level, count, |value| Value::Text(value.clone())),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => next(reader, level, count, |value| {
            Value::Uuid(uuid::Uuid::from_slice(value.data()).map(|uuid| uuid.to_string()).unwrap_or_default())
        }),
        ColumnReader::BoolColumnReader(_) => Err((0, "is of a type that is not read".to_owned())),
    }
}

fn whole(kind: Kind, value: i64) -> Value {
    match kind {
        Kind::Time(per_second) => Value::Seconds(value.div_euclid(per_second)),
        Kind::Days => Value::Seconds(value.saturating_mul(SECONDS_PER_DAY)),
        _ => Value::Whole(i128::from(value)),
    }
}

fn next<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    level: i16,
    count: usize,
    value: impl Fn(&T::T) -> Value,
) -> Result<Vec<Value>, (usize, String)> {
    let (mut found, mut levels) = (Vec::new(), Vec::new());
    let (rows, ..) = reader.read_records(count, Some(&mut levels), None, &mut found).map_err(|error| (0, unreadable(&error)))?;
    if let Some(row) = levels.iter().position(|found| *found < level) {
        return Err((row, "has no value".to_owned()));
    }
    if rows != count || found.len() != count {
        return Err((found.len(), "ends before its row group does".to_owned()));
    }
    Ok(found.iter().map(value).collect())
}

/// Puts what the column `what` says into a row; `text` is for use in between.
fn put(one: &mut Interaction, what: &str, value: &Value, index: &mut Index, text: &mut String) -> Result<(), String> {
    match what {
        "user" => one.profile = index.profiles.number(name_of(value, what, text)?),
        "item" => one.title = index.titles.number(name_of(value, what, text)?),
        "timestamp" => {
            one.at = match value {
                Value::Seconds(seconds) => *seconds,
                Value::Whole(number) => time(*number as f64).unwrap_or(0),
                Value::Real(number) => time(*number).ok_or_else(|| format!("timestamp “{number}” is no time"))?,
                Value::Text(bytes) => time_of(utf8(bytes)?)?,
                Value::Uuid(_) => 0,
            }
        }
        _ => {
            one.weight = match value {
                Value::Whole(number) => *number as f32,
                Value::Real(number) => finite(*number).ok_or_else(|| format!("weight “{number}” is no number"))?,
                Value::Text(bytes) => weight_of(utf8(bytes)?)?,
                Value::Seconds(_) | Value::Uuid(_) => 1.0,
            }
        }
    }
    Ok(())
}

/// A value as the name that a table of comma-separated values would have it by.
fn name_of<'a>(value: &'a Value, what: &str, text: &'a mut String) -> Result<&'a str, String> {
    text.clear();
    match value {
        Value::Text(bytes) => return name(utf8(bytes)?, what),
        Value::Uuid(uuid) => return name(uuid, what),
        Value::Whole(number) => write!(text, "{number}"),
        // A column of whole numbers with a gap is one of fractions to pandas.
        Value::Real(number) if number.fract() == 0.0 && number.abs() < WHOLE_MAX => write!(text, "{}", *number as i64),
        Value::Real(number) => return Err(format!("{what} “{number}” is no name: names are text or whole numbers")),
        Value::Seconds(seconds) => write!(text, "{seconds}"),
    }
    .map_err(|error| error.to_string())?;
    name(text, what)
}

fn utf8(bytes: &ByteArray) -> Result<&str, String> {
    std::str::from_utf8(bytes.data()).map_err(|_| "is not UTF-8".to_owned())
}

fn finite(number: f64) -> Option<f32> {
    Some(number as f32).filter(|weight| weight.is_finite())
}

fn unreadable(error: &ParquetError) -> String {
    format!("cannot be read: {error}")
}
