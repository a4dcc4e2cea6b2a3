//! Timed text.

use super::*;

fn document(attributes: &str, head: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tt xmlns=\"http://www.w3.org/ns/ttml\" xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" \
         xmlns:tts=\"http://www.w3.org/ns/ttml#styling\" xml:lang=\"en\" {attributes}>\n<head>{head}</head>\n<body>{body}</body>\n</tt>"
    )
}

#[test]
fn times_have_many_forms() {
    let rates = "ttp:frameRate=\"24\" ttp:frameRateMultiplier=\"1000 1001\" ttp:tickRate=\"10000000\"";
    let table = [
        ("00:00:01.5", 1500),
        ("100:00:00", 360_000_000),
        ("00:00:01:12", 1501),
        ("0.5h", 1_800_000),
        ("2m", 120_000),
        ("1.25s", 1250),
        ("1500ms", 1500),
        ("24f", 1001),
        ("15000000t", 1500),
    ];
    for (time, ms) in table {
        let file = document(rates, "", &format!("<div><p begin=\"{time}\" dur=\"2s\">x</p></div>"));
        assert_eq!(cues(&file), [format!("{ms} {} |x", ms + 2000)], "{time}");
    }
    for time in ["", "1", "1x", "00:00", "00:61:00", "-1s", "1e9s", "00:00:01:24", "99999h", "9999999999999999999s", "NaNs"] {
        let file = document(rates, "", &format!("<div>\n<p begin=\"{time}\" dur=\"2s\">x</p></div>"));
        assert_eq!(faults(&file)[0], format!("line 5: begin is not a time: {time}"));
    }
    let wrong = document("ttp:frameRate=\"0\"", "", "<p begin=\"0s\" end=\"1s\">x</p>");
    assert_eq!(faults(&wrong), ["line 2: frameRate is no number of frames or ticks a second"]);
}

#[test]
fn times_are_those_of_what_holds_them() {
    let body = "<div begin=\"10s\" end=\"20s\"><p begin=\"1s\" end=\"3s\">one</p><p begin=\"8s\">to the end</p>\
                <p begin=\"1s\" end=\"12s\" dur=\"2s\">less</p></div><div timeContainer=\"seq\" begin=\"30s\"><p dur=\"2s\">first</p><p begin=\"1s\" dur=\"2s\">second</p></div>";
    assert_eq!(
        cues(document("", "", body)),
        ["11000 13000 |one", "11000 13000 |less", "18000 20000 |to the end", "30000 32000 |first", "33000 35000 |second"]
    );
    let spans = "<p begin=\"1s\" end=\"5s\">a <span begin=\"1s\" end=\"2s\">b</span> c</p>";
    assert_eq!(cues(document("", "", spans)), ["1000 2000 |a c", "2000 3000 |a b c", "3000 5000 |a c"]);
}

#[test]
fn looks_and_places_are_kept_as_far_as_they_can_be() {
    let head = "<styling><style xml:id=\"s\" tts:fontStyle=\"italic\" tts:fontFamily=\"evil\"/><style xml:id=\"t\" style=\"s\" tts:fontWeight=\"bold\"/></styling>\
                <layout><region xml:id=\"top\" tts:origin=\"10% 5%\" tts:extent=\"80% 10%\"/><region xml:id=\"low\"><style tts:displayAlign=\"after\" tts:textAlign=\"right\"/></region>\
                <region xml:id=\"mid\" tts:origin=\"0% 30%\" tts:extent=\"100% 40%\" tts:displayAlign=\"center\"/></layout>";
    let body = "<div>\n  <p region=\"top\" begin=\"1s\" end=\"2s\">\n    <span style=\"s\">A sign</span><br/>\n   and   <span style=\"t\">more</span>  <metadata>no</metadata>\n  </p>\n\
                <p region=\"low\" begin=\"3s\" end=\"4s\" tts:textDecoration=\"underline\">u<span tts:textDecoration=\"none\">n</span></p>\
                <p region=\"mid\" begin=\"5s\" end=\"6s\" tts:textAlign=\"start\" xml:space=\"preserve\">a\nb &amp; &#x3c;c> <![CDATA[<d>]]></p><p begin=\"7s\" end=\"8s\"/></div>";
    let file = document("", head, body);
    assert_eq!(
        cues(&file),
        [
            "1000 2000 line:0|<i>A sign</i>\nand <b><i>more</i></b>",
            "3000 4000 align:right|<u>u</u>n",
            "5000 6000 line:50% align:left|a\nb &amp; &lt;c&gt; &lt;d&gt;",
        ]
    );
    assert_eq!(notes(&file), ["cues without words are left out: 1, the first in line 10"]);
}

#[test]
fn what_is_broken_is_refused_with_its_line() {
    let table = [
        ("<div>\n<p begin=\"2s\" end=\"1s\">x</p></div>", "line 5: the cue ends before it begins"),
        ("<p begin=\"2s\" dur=\"0s\">x</p>", "line 4: the cue ends when it begins: nobody would see it"),
        ("<p begin=\"2s\">\nx</p>", "line 4: nothing says when these words end"),
        ("<p begin=\"2s\" end=\"3s\">&evil;</p>", "line 4: entities are not allowed, but those of XML itself"),
    ];
    for (body, fault) in table {
        assert_eq!(faults(document("", "", body)), [fault]);
    }
    let cut = document("", "", "<p begin=\"2s\" end=\"3s\">x</p>").replace("</body>\n</tt>", "");
    assert_eq!(faults(cut), ["line 4: the file ends in the middle: it was cut off"]);
    let crossed = document("", "", "<p begin=\"2s\" end=\"3s\">x</div>");
    assert!(faults(&crossed)[0].starts_with("line 4: this is not XML: "), "{:?}", faults(&crossed));
    assert_eq!(
        faults("<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/ns/ttml\"/>"),
        ["line 1: the root of a TTML file is called tt"]
    );
}
