//! Tables as people have them, and as nobody should.

use super::*;
use ::parquet::{
    basic::{Compression, GzipLevel, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use bytes::Bytes;
use std::{
    io::{Cursor, Write},
    sync::Arc,
};

/// A column of a row group, and which of its rows have a value.
enum Cells<'a> {
    Text(&'a [&'a str]),
    Uuid([u8; 16]),
    Int(&'a [i32]),
    Long(&'a [i64]),
    Double(&'a [f64], Option<&'a [i16]>),
}

fn parquet_of(schema: &str, groups: &[&[Cells<'_>]], compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {schema} }}")).expect("a schema"));
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).expect("a writer");
    for columns in groups {
        let mut group = writer.next_row_group().expect("a group");
        for cells in *columns {
            let mut column = group.next_column().expect("a column").expect("one more");
            match cells {
                Cells::Text(texts) => {
                    let values: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(*text)).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("written");
                }
                Cells::Uuid(uuid) => {
                    let value = FixedLenByteArray::from(uuid.to_vec());
                    column.typed::<FixedLenByteArrayType>().write_batch(&[value], None, None).expect("written");
                }
                Cells::Int(values) => {
                    column.typed::<Int32Type>().write_batch(values, None, None).expect("written");
                }
                Cells::Long(values) => {
                    column.typed::<Int64Type>().write_batch(values, None, None).expect("written");
                }
                Cells::Double(values, levels) => {
                    column.typed::<DoubleType>().write_batch(values, *levels, None).expect("written");
                }
            }
            column.close().expect("closed");
        }
        group.close().expect("closed");
    }
    writer.into_inner().expect("a file")
}

fn parquet_read(file: Vec<u8>, index: &mut Index) -> Result<Vec<Interaction>, Fault> {
    parquet::read(Bytes::from(file), index)
}

fn refused(schema: &str, columns: &[Cells<'_>]) -> String {
    let file = parquet_of(schema, &[columns], Compression::UNCOMPRESSED);
    parquet_read(file, &mut Index::default()).expect_err("refused").to_string()
}

fn faults(table: &[u8]) -> (u64, String) {
    let fault = comma::read(Cursor::new(table), &mut Index::default()).expect_err("refused");
    let Place::Line(line) = fault.place else { panic!("a line: {fault}") };
    (line, fault.message)
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    std::io::Seek::rewind(&mut file).expect("rewound");
    file
}

#[test]
fn all_forms_of_the_table() {
    let mut index = Index::default();
    let rows = read(file(b"user,item\nanna,Sintel\n bo , Sintel \n"), &mut index).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[1].profile, rows[1].title, rows[1].at, rows[1].weight), (1, 0, 0, 1.0));
    let table = b"\xef\xbb\xbfUser,Item,Timestamp,Weight\r\nbo,\"Tears, of Steel\",978300760.5,0.5\r\n";
    let rows = comma::read(Cursor::new(table), &mut index).unwrap();
    assert_eq!(rows[0], Interaction { profile: 1, title: 1, at: 978_300_760, weight: 0.5 });
    assert_eq!((index.titles.name(1), index.titles.known("Sintel"), index.profiles.len()), ("Tears, of Steel", Some(0), 2));
    assert_eq!(comma::read(Cursor::new(b"user,item,timestamp\na,b,1700000000000\n"), &mut index).unwrap()[0].at, 1_700_000_000);
    assert!(comma::read(Cursor::new(b"user,item\n"), &mut index).unwrap().is_empty());
}

#[test]
fn what_cannot_be_meant_is_named_with_its_line() {
    assert_eq!(faults(b"").0, 1);
    assert_eq!(faults(b"a,b\n1,2\n").0, 1);
    assert_eq!(faults(b"user,item,weight\n").0, 1);
    assert_eq!(faults(b"user,item\n1,2\n3\n"), (3, "has 1 values where the first line names 2".to_owned()));
    assert_eq!(faults(b"user,item,timestamp,weight\n1,2,3,NaN\n"), (2, "weight “NaN” is no number up to 1000000".to_owned()));
    assert_eq!(faults(b"user,item,timestamp\n1,2,3\n1,2,soon\n").0, 3);
    assert_eq!(faults(b"user,item\n1,2\n,5\n").0, 3);
    assert_eq!(faults(b"user,item\r\n1,2\r\n3\r\n").0, 3);
    assert_eq!(faults(b"user,item\r1,2\r3\r").0, 3);
    assert_eq!(faults(b"user,item\n\n\n1,2\n\n\n,5\n").0, 7);
    assert_eq!(faults(b"user,item\r\n\r\n1,2\r\n\r\n,5\r\n").0, 5);
    assert!(faults(b"user,item,timestamp,weight\n1,2,3,1e30\n").1.contains("1e30"));
    let (line, message) = faults(b"user,item\n1,2\n3,\"four\n5,6\n7,8\n");
    assert!(line == 3 && message.contains("a quote opened and not closed"), "{line}: {message}");
    assert!(faults(b"user,item\n1,caf\xe9\n").1.starts_with("is not UTF-8"));
    assert!(faults(b"\xff\xfeu\0s\0e\0r\0").1.contains("first line"));
}

#[test]
fn negatives_in_all_forms() {
    let mut index = Index::default();
    let negatives = read_negatives(file(b"(0,25)\t1064\t174\n(1,133)\t1072\n"), &mut index).unwrap();
    assert_eq!(negatives[&0].iter().map(|title| index.titles.name(*title)).collect::<Vec<_>>(), ["1064", "174"]);
    let negatives = read_negatives(file(b"user,item\n0,1064\n0,5\n"), &mut index).unwrap();
    assert_eq!(negatives[&0].len(), 2);
    let fault = read_negatives(file(b"(0,25)\t1\n(0;3)\t1\n"), &mut index).expect_err("refused");
    assert_eq!(fault.place, Place::Line(2));
    let fault = read_negatives(file(b"(0,25)\t1\t\t2\n"), &mut index).expect_err("refused");
    assert!(fault.to_string().starts_with("line 1: "), "{fault}");
    let schema = "required int32 user; required int64 item;";
    let columns = parquet_of(schema, &[&[Cells::Int(&[0, 0, 1]), Cells::Long(&[5, 6, 7])]], Compression::SNAPPY);
    assert_eq!(read_negatives(file(&columns), &mut index).unwrap()[&0].len(), 2);
}

#[test]
fn columns_mean_the_same_as_comma_separated_values() {
    let mut index = Index::default();
    let table = b"user,item,timestamp,weight\n7,Sintel,1700000000,0.5\n8,Sintel,1700000001,2\n";
    let expected = read(file(table), &mut index).unwrap();
    let schema = "required int64 weight; required int64 timestamp (TIMESTAMP(MICROS,true)); required binary item (STRING);
                  optional double user; required int64 __index_level_0__;";
    let first: &[Cells<'_>] = &[
        Cells::Long(&[2]),
        Cells::Long(&[1_700_000_001_999_999]),
        Cells::Text(&["Sintel "]),
        Cells::Double(&[8.0], Some(&[1])),
        Cells::Long(&[0]),
    ];
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let found = read(file(&parquet_of(schema, &[first, first], compression)), &mut index).unwrap();
        assert_eq!(found, [expected[1]; 2], "{compression:?}");
    }
}

#[test]
fn times_in_all_units() {
    fn at(kind: &str, cells: Cells<'_>) -> i64 {
        let file = parquet_of(
            &format!("required int32 user; required int32 item; required {kind};"),
            &[&[Cells::Int(&[1]), Cells::Int(&[2]), cells]],
            Compression::UNCOMPRESSED,
        );
        parquet_read(file, &mut Index::default()).expect("read")[0].at
    }
    let seconds = 1_700_000_000;
    assert_eq!(at("int64 timestamp", Cells::Long(&[seconds])), seconds);
    assert_eq!(at("int64 timestamp", Cells::Long(&[seconds * 1_000])), seconds);
    assert_eq!(at("int64 timestamp (TIMESTAMP_MILLIS)", Cells::Long(&[seconds * 1_000 + 1])), seconds);
    assert_eq!(at("int64 timestamp (TIMESTAMP(NANOS,false))", Cells::Long(&[seconds * 1_000_000_000])), seconds);
    assert_eq!(at("int64 timestamp (TIMESTAMP(MILLIS,true))", Cells::Long(&[-1])), -1, "before 1970");
    assert_eq!(at("int32 timestamp (DATE)", Cells::Int(&[2])), 172_800);
    assert_eq!(at("double timestamp", Cells::Double(&[1.5], None)), 1);
    assert_eq!(at("binary timestamp (STRING)", Cells::Text(&["1700000000"])), seconds);
}

#[test]
fn names_of_all_types() {
    fn name(kind: &str, cells: Cells<'_>) -> String {
        let file =
            parquet_of(&format!("required {kind}; required int32 item;"), &[&[cells, Cells::Int(&[2])]], Compression::SNAPPY);
        let mut index = Index::default();
        parquet_read(file, &mut index).expect("read");
        index.profiles.name(0).to_owned()
    }
    assert_eq!(name("int64 user", Cells::Long(&[-5])), "-5");
    assert_eq!(name("int32 user (UINT_32)", Cells::Int(&[-1])), "4294967295");
    assert_eq!(name("int64 user (INTEGER(64,false))", Cells::Long(&[-1])), "18446744073709551615");
    assert_eq!(name("binary user", Cells::Text(&["zoë"])), "zoë");
    let uuid = uuid::Uuid::from_u128(7);
    assert_eq!(name("fixed_len_byte_array(16) user (UUID)", Cells::Uuid(*uuid.as_bytes())), uuid.to_string());
}

#[test]
fn what_cannot_be_meant_is_named_with_its_column_and_row() {
    let whole = "required int32 user; required int32 item;";
    let (user, item) = (Cells::Int(&[1, 2]), Cells::Int(&[3, 4]));
    assert!(refused("required int32 user;", &[Cells::Int(&[1])]).contains("no column item"));
    assert!(refused("required int32 user; required int32 movie;", &[Cells::Int(&[1]), Cells::Int(&[1])]).contains("“movie”"));
    let decimal = refused(
        "required int32 user; required int32 item; required int32 weight (DECIMAL(4,2));",
        &[Cells::Int(&[1]), Cells::Int(&[1]), Cells::Int(&[1])],
    );
    assert!(decimal.contains("column weight") && decimal.contains("DECIMAL"), "{decimal}");
    let gap = refused(&format!("{whole} optional double timestamp;"), &[user, item, Cells::Double(&[5.0], Some(&[1, 0]))]);
    assert_eq!(gap, "row group 1, row 2: column timestamp: has no value");
    let columns = [Cells::Int(&[1, 2]), Cells::Int(&[3, 4]), Cells::Long(&[1, 1]), Cells::Double(&[1.0, f64::NAN], None)];
    let nothing = refused(&format!("{whole} required int64 timestamp; required double weight;"), &columns);
    assert_eq!(nothing, "row group 1, row 2: weight “NaN” is no number");
    let name = refused("required double user; required int32 item;", &[Cells::Double(&[1.5], None), Cells::Int(&[1])]);
    assert!(name.starts_with("row group 1, row 1: user “1.5”"), "{name}");
    let empty = refused("required binary user; required int32 item;", &[Cells::Text(&["a", " "]), Cells::Int(&[1, 2])]);
    assert!(empty.starts_with("row group 1, row 2: user has to be"), "{empty}");
}

#[test]
fn many_rows_are_read_in_parts() {
    let users: Vec<i32> = (0..20_000).collect();
    let file = parquet_of(
        "required int32 user; required int32 item;",
        &[&[Cells::Int(&users), Cells::Int(&users)]],
        Compression::SNAPPY,
    );
    let mut index = Index::default();
    let rows = parquet_read(file, &mut index).unwrap();
    assert_eq!((rows.len(), rows[19_999].profile, index.titles.name(9_000)), (20_000, 19_999, "9000"));
}

#[test]
fn damaged_files_are_refused_or_read_and_never_more() {
    let schema = "required binary user (STRING); optional double weight; required int64 item; required int64 timestamp;";
    let cells: &[Cells<'_>] = &[
        Cells::Text(&["anna", "bo", "anna"]),
        Cells::Double(&[0.5, 1.0], Some(&[1, 0, 1])),
        Cells::Long(&[1, 2, 3]),
        Cells::Long(&[1, 2, 3]),
    ];
    for compression in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default()), Compression::LZ4_RAW]
    {
        let whole = parquet_of(schema, &[cells], compression);
        for length in 0..whole.len() {
            assert!(parquet_read(whole[..length].to_vec(), &mut Index::default()).is_err());
        }
        for place in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[place] ^= flip;
                drop(parquet_read(damaged, &mut Index::default()));
            }
        }
    }
}
