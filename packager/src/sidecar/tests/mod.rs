mod formats;
mod hostile;
mod ttml;

use super::*;

/// Cues as `start end settings|text`.
fn cues(file: impl AsRef<[u8]>) -> Vec<String> {
    let sidecar = read(file.as_ref()).unwrap_or_else(|refused| panic!("{refused}"));
    let line = |cue: &Cue| format!("{} {} {}|{}", cue.start_ms, cue.end_ms, cue.settings, cue.text);
    sidecar.cues.iter().map(line).collect()
}

fn notes(file: impl AsRef<[u8]>) -> Vec<String> {
    let sidecar = read(file.as_ref()).unwrap_or_else(|refused| panic!("{refused}"));
    sidecar.notes.into_iter().map(|note| note.message).collect()
}

/// Faults as they are told.
fn faults(file: impl AsRef<[u8]>) -> Vec<String> {
    match read(file.as_ref()) {
        Ok(found) => panic!("{found:?}"),
        Err(refused) => refused.faults.iter().map(ToString::to_string).collect(),
    }
}

const SRT: &str = "1\n00:00:01,000 --> 00:00:02,500\nHéllo “you”\n\n2\n00:00:03,000 --> 00:00:04,000\nNaïve déjà vu, señor\n";

#[test]
fn encodings_are_found_and_guesses_are_told() {
    let wanted = ["1000 2500 |Héllo “you”", "3000 4000 |Naïve déjà vu, señor"];
    let wide = |bytes: fn(u16) -> [u8; 2]| SRT.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
    let windows = encoding_rs::WINDOWS_1252.encode(SRT).0.into_owned();
    let crlf = SRT.replace('\n', "\r\n");
    let table: [(Vec<u8>, &[&str]); 9] = [
        (SRT.into(), &[]),
        (crlf.into(), &[]),
        (SRT.replace('\n', "\r").into(), &[]),
        ([b"\xef\xbb\xbf", SRT.as_bytes()].concat(), &[]),
        ([b"\xff\xfe", little.as_slice()].concat(), &["the file is in UTF-16LE, as it says itself, and becomes UTF-8"]),
        ([b"\xfe\xff", big.as_slice()].concat(), &["the file is in UTF-16BE, as it says itself, and becomes UTF-8"]),
        (little, &["the file is not in UTF-8: its characters are taken for UTF-16LE"]),
        (big, &["the file is not in UTF-8: its characters are taken for UTF-16BE"]),
        (windows, &["the file is not in UTF-8: its characters are taken for windows-1252"]),
    ];
    for (position, (bytes, told)) in table.iter().enumerate() {
        assert_eq!(cues(bytes), wanted, "{position}");
        assert_eq!(notes(bytes), *told, "{position}");
    }
    let russian = "1\n00:00:01,000 --> 00:00:02,500\nЯ не знаю, что сказать вам об этом.\n";
    let cyrillic = encoding_rs::WINDOWS_1251.encode(russian).0.into_owned();
    assert_eq!(cues(&cyrillic), ["1000 2500 |Я не знаю, что сказать вам об этом."]);
    assert_eq!(notes(&cyrillic), ["the file is not in UTF-8: its characters are taken for windows-1251"]);
    let xml = "<?xml version=\"1.0\" encoding='iso-8859-15'?><tt xmlns=\"http://www.w3.org/ns/ttml\"><body><p begin=\"1s\" end=\"2s\">5 €</p></body></tt>";
    let declared = encoding_rs::ISO_8859_15.encode(xml).0.into_owned();
    assert_eq!(cues(&declared), ["1000 2000 |5 €"]);
    assert_eq!(notes(&declared), ["the file is in ISO-8859-15, as it says itself, and becomes UTF-8"]);
}

#[test]
fn files_are_known_by_what_is_in_them() {
    let format = |text: &str| format_of(text);
    assert_eq!(format(SRT), Some(Format::Srt));
    assert_eq!(format("WEBVTT - a title\n\n"), Some(Format::Vtt));
    assert_eq!(format("; made by hand\n[Script Info]\n"), Some(Format::Ass));
    assert_eq!(format("<!-- 1 --> 2 -->\n<tt xmlns=\"http://www.w3.org/2006/10/ttaf1\">"), Some(Format::Ttml));
    assert_eq!(format("<?xml version=\"1.0\"?>\n<tt:tt xmlns:tt=\"http://www.w3.org/ns/ttml\">"), Some(Format::Ttml));
    assert_eq!(format("<tt>"), Some(Format::Ttml));
    for other in ["", "words\n", "<html><body>", "{\"a\": 1}", "\u{0}\u{1}"] {
        assert_eq!(faults(other), ["this is no SRT, WebVTT, ASS or TTML"], "{other:?}");
    }
}

#[test]
fn cues_are_put_in_order_and_may_overlap() {
    let file = "00:00:05.000 --> 00:00:06.000\nlate\n\n00:00:01.000 --> 00:00:05.500\nearly\n\n00:00:05.000 --> 00:00:06.000\nlate\n\n\
                00:00:07.000 --> 00:00:08.000\n<i> </i>\n";
    assert_eq!(cues(file), ["1000 5500 |early", "5000 6000 |late"]);
    let told = notes(file);
    assert_eq!(
        told,
        [
            "cues without words are left out: 1, the first in line 10",
            "cues are put in the order of their times: the one in line 4 came too late",
            "cues that are shown while others are: 1",
        ]
    );
}
