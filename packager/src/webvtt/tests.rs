use super::*;

fn words(text: &str) -> (String, String) {
    let Words { settings, text } = Styles::default().words(&format!("0,0,Default,,0,0,0,,{text}"));
    (text, settings)
}

#[test]
fn dialogue_becomes_cue_text() {
    let table = [
        ("Hello, world", "Hello, world", ""),
        ("{\\i1}Two{\\i0} lines\\Nof it", "<i>Two</i> lines\nof it", ""),
        ("{\\b1\\i1}both{\\b0} one", "<b><i>both</i></b><i> one</i>", ""),
        ("{\\b700}heavy{\\b400} light", "<b>heavy</b> light", ""),
        ("{\\u1}left open", "<u>left open</u>", ""),
        ("{\\an8}A sign", "A sign", "line:0"),
        ("{\\a6}A sign", "A sign", "line:0"),
        ("{\\an1}{\\an9}the first counts", "the first counts", "line:0 align:right"),
        ("{\\pos(10,20)\\c&H00FF00&\\fad(1,2)}moves", "moves", ""),
        ("{a comment}said", "said", ""),
        ("a < b && c > d --> e", "a &lt; b &amp;&amp; c &gt; d --&gt; e", ""),
        ("\\N\\N one\\h\\N\\N\\Ntwo \\N", "one\ntwo", ""),
        ("{\\p1}m 0 0 l 10 10{\\p0}", "", ""),
        ("{\\i1}{\\i0}", "", ""),
        ("{\\i1} {\\i0}\\N", "", ""),
        ("\\{not a tag\\}", "{not a tag}", ""),
        ("{not closed", "{not closed", ""),
        ("C:\\\u{2060}temp\u{1}", "C:\\temp", ""),
    ];
    for (line, text, settings) in table {
        let found = words(line);
        // A lone non-breaking space is white.
        assert_eq!((found.0.as_str(), found.1.as_str()), (text, settings), "{line}");
    }
    assert_eq!(words(""), Default::default());
    assert_eq!(Styles::default().words("no fields"), Words::default());
}

#[test]
fn a_second_place_in_one_block_is_ignored_and_later_blocks_move_the_cue() {
    assert_eq!(words("{\\an8\\an2}top").1, "line:0");
    assert_eq!(words("{\\an8}top{\\an5}").1, "line:50%");
}

#[test]
fn styles_say_where_and_how() {
    let head = "[Script Info]\n[V4+ Styles]\r\nFormat: Name, Fontname, Bold, Italic, Underline, Alignment\r\n\
                Style: Sign,Arial,-1,0,0,8\r\nStyle: Thought,Arial,0,-1,0,2\n[Events]\nFormat: Layer, Start\n";
    let styles = Styles::of(head);
    let of = |style: &str, text: &str| styles.words(&format!("0,0,{style},,0,0,0,,{text}"));
    assert_eq!(of("Sign", "EXIT"), Words { settings: "line:0".into(), text: "<b>EXIT</b>".into() });
    assert_eq!(of("Thought", "Why{\\i0} not{\\r}?").text, "<i>Why</i> not<i>?</i>");
    assert_eq!(of("Unknown", "words"), Words { settings: String::new(), text: "words".into() });
    let old = Styles::of("[V4 Styles]\nFormat: Name, Alignment\nStyle: Top,6\n");
    assert_eq!(old.words("0,0,Top,,0,0,0,,x").settings, "line:0");
}

#[test]
fn foreign_settings_are_kept_where_they_stand_by_themselves() {
    assert_eq!(settings("line:10%  align:start region:bill"), "line:10% align:start");
    assert_eq!(settings("line:-1 position:50%,line-left size:35%"), "line:-1 position:50%,line-left size:35%");
    assert_eq!(settings("line:0 --> 00:00:01.000\nx line:<b>"), "line:0");
}

#[test]
fn hostile_lines_end_somewhere() {
    let long = "x".repeat(1 << 20);
    assert!(words(&long).0.len() < 10_000);
    let braces = "{\\i1}a{\\i0}b".repeat(1 << 16);
    let (text, _) = words(&braces);
    assert!(text.len() < 10_000 && text.matches("<i>").count() == text.matches("</i>").count());
}

#[test]
fn segments_are_read_back_as_they_were_written() {
    let cue =
        |start_ms, end_ms, settings: &str, text: &str| Cue { start_ms, end_ms, settings: settings.into(), text: text.into() };
    let cues = [cue(0, 1500, "", "one\n<i>two</i>"), cue(3_600_000 * 30 + 61_001, 3_600_000 * 30 + 61_002, "line:0", "late")];
    let text = segment(&cues);
    assert!(text.contains("30:01:01.001 --> 30:01:01.002 line:0\nlate\n"), "{text}");
    assert_eq!(read(text.as_bytes()).unwrap(), Document { maps_to_zero: true, cues: cues.to_vec() });
    assert_eq!(read(segment([]).as_bytes()).unwrap(), Document { maps_to_zero: true, cues: Vec::new() });
}

#[test]
fn one_file_has_every_cue_once() {
    let cue = |start_ms, end_ms, text: &str| Cue { start_ms, end_ms, settings: String::new(), text: text.into() };
    let (first, long, last) = (cue(0, 1000, "one"), cue(5000, 14_000, "all the while"), cue(12_500, 13_000, "two"));
    let segments = [vec![first.clone(), long.clone()], vec![long.clone()], vec![long.clone(), last.clone()], Vec::new()];
    let text = whole(segments);
    assert!(text.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\none\n"), "{text}");
    assert_eq!(read(text.as_bytes()).unwrap(), Document { maps_to_zero: false, cues: vec![first, long, last] });
    assert_eq!(whole([]), "WEBVTT\n");
}

#[test]
fn what_players_would_stumble_over_is_refused() {
    let good = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nx\n";
    assert_eq!(
        read(good.as_bytes()).unwrap(),
        Document {
            maps_to_zero: false,
            cues: vec![Cue { start_ms: 0, end_ms: 1000, settings: String::new(), text: "x".into() }],
        }
    );
    for (from, to) in [
        ("WEBVTT", "WEB"),
        ("00:00:01.000", "00:00:00.000"),
        ("00:00:01.000", "00:00:01,000"),
        ("00:00:01.000", "00:61:01.000"),
        ("00:00:01.000", "0:01.000"),
        ("00:00:01.000", "00:+1:01.000"),
        ("00:00:01.000", "9999999999999999999:00:01.000"),
        (" --> ", " -> "),
        ("x\n", "\n"),
        ("x\n", "a --> b\n"),
    ] {
        let error = read(good.replace(from, to).as_bytes()).expect_err(to);
        assert_eq!(error.code(), "malformed_media", "{to}");
    }
    assert!(read(b"WEBVTT\n\n\xff").is_err() && read(b"").is_err());
}
