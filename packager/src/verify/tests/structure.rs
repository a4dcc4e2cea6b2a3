//! Faults in the structure of a manifest, and in what its sets have in common: each is found by its rule alone.

use super::{
    boxes::boxed,
    manifest::{MPD, with},
    *,
};

/// New findings once a text of the manifest has become another.
fn changed(from: &str, to: &str) -> Vec<String> {
    let before = judged(&with(MPD.to_owned()), false);
    assert!(MPD.contains(from), "there is no {from}");
    let verdict = judged(&with(MPD.replacen(from, to, 1)), false);
    let known = |finding: &&Finding| {
        before
            .findings
            .iter()
            .any(|other| (other.severity, &other.rule, other.count) == (finding.severity, &finding.rule, finding.count))
    };
    let new = verdict.findings.iter().filter(|finding| !known(finding)).cloned().collect();
    rules(&Verdict { findings: new, ..Verdict::default() })
}

#[test]
fn manifests_are_made_as_their_schema_says() {
    for (name, from, to) in [
        ("another namespace", "urn:mpeg:dash:schema:mpd:2011", "urn:mpeg:dash:schema:mpd:2099"),
        ("an unknown element", "<BaseURL serviceLocation", "<Base/><BaseURL serviceLocation"),
        (
            "another order",
            "</AdaptationSet>\n<AdaptationSet id=\"4\"",
            "<Role schemeIdUri=\"a\"/></AdaptationSet>\n<AdaptationSet id=\"4\"",
        ),
        ("an unknown attribute", "type=\"static\"", "type=\"static\" kind=\"film\""),
        ("no number", "AdaptationSet id=\"1\"", "AdaptationSet id=\"one\""),
        ("no ratio", "par=\"16:9\"", "par=\"16/9\""),
        ("no kind of access point", "startWithSAP=\"1\">\n <Audio", "startWithSAP=\"1\" subsegmentStartsWithSAP=\"7\">\n <Audio"),
        (
            "a descriptor of nothing",
            "<AdaptationSet id=\"3\" contentType=\"text\" mimeType=\"text/vtt\" lang=\"en\">",
            "<AdaptationSet id=\"3\" contentType=\"text\" mimeType=\"text/vtt\" lang=\"en\"><Role value=\"main\"/>",
        ),
    ] {
        let found = changed(from, to);
        // What reads only manifests of the namespace finds no more than that.
        assert_eq!(found, ["Error 23009-1 B"], "{name}");
    }
    let other = "<AdaptationSet id=\"1\" xmlns:x=\"urn:x\" x:own=\"1\"";
    assert_eq!(changed("<AdaptationSet id=\"1\"", other), Vec::<String>::new(), "of another namespace");
}

#[test]
fn sets_and_representations_say_what_is_true_of_all() {
    for (name, from, to, rule) in [
        ("no timescale", "<SegmentTemplate timescale=\"1\" duration", "<SegmentTemplate duration", "DASH-IF IOP"),
        ("a size twice", "par=\"16:9\"", "par=\"16:9\" width=\"960\"", "DASH-IF IOP"),
        ("sheets of another kind", "mimeType=\"image/jpeg\"", "mimeType=\"image/webp\"", "DASH-IF IOP"),
        (
            "numbers beyond scripts",
            "startNumber=\"1\"",
            "startNumber=\"1\" presentationTimeOffset=\"9007199254740992\"",
            "DASH-IF IOP",
        ),
        ("pixels of another form", "sar=\"1:1\"/>\n <", "sar=\"4:3\"/>\n <", "23009-1 5.3.7.2"),
        ("pictures of another form", "par=\"16:9\"", "par=\"4:3\"", "23009-1 5.3.3.2"),
    ] {
        assert_eq!(changed(from, to), [format!("Error {rule}")], "{name}");
    }
}

/// The larger pictures in one file, with an index of such references, of which HLS has ranges.
fn indexed(first: [u32; 3], attributes: &str) -> Package {
    let files = good();
    let init = &files["v/540p/init.mp4"];
    let segments: Vec<_> = (1..=3).map(|number| &files[&format!("v/540p/{number:06}.m4s")]).collect();
    let references = segments.iter().enumerate().flat_map(|(place, segment)| {
        let plain = [segment.len() as u32, 60_000, 0x9000_0000];
        let [size, duration, access] = if place == 0 { std::array::from_fn(|at| plain[at] ^ first[at]) } else { plain };
        [size, duration, access].map(u32::to_be_bytes).concat()
    });
    let head = [0, 1, 10_000, 0, 0, 3].map(u32::to_be_bytes).concat();
    let sidx = boxed(b"sidx", &[head, references.collect()].concat());
    let mut whole = [&init[..], &sidx].concat();
    let mut playlist = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
         #EXT-X-MAP:URI=\"one.mp4\",BYTERANGE=\"{}@0\"\n",
        init.len()
    );
    for segment in segments {
        playlist += &format!("#EXTINF:6.000000,\n#EXT-X-BYTERANGE:{}@{}\none.mp4\n", segment.len(), whole.len());
        whole.extend_from_slice(segment);
    }
    let base = format!(
        "<SegmentBase timescale=\"10000\" indexRange=\"{}-{}\"><Initialization range=\"0-{}\"/></SegmentBase>",
        init.len(),
        init.len() + sidx.len() - 1,
        init.len() - 1
    );
    let base = if attributes.is_empty() { base } else { base.replace(" timescale=\"10000\"", attributes) };
    let own = MPD.lines().find(|line| line.contains("id=\"540p\"")).unwrap();
    let set = format!(
        "<AdaptationSet id=\"9\" contentType=\"video\" mimeType=\"video/mp4\" par=\"16:9\" startWithSAP=\"1\">{}\
         <BaseURL>v/540p/one.mp4</BaseURL>{base}</Representation></AdaptationSet></Period>",
        own.replace("/>", ">")
    );
    let mut package = with(MPD.replace(own, "").replace("</Period>", &set));
    package.insert("v/540p/one.mp4".to_owned(), whole.into());
    package.insert("v/540p/playlist.m3u8".to_owned(), (playlist + "#EXT-X-ENDLIST\n").into());
    package
}

#[test]
fn an_index_is_of_the_segments_in_its_file() {
    let good = judged(&indexed([0; 3], ""), false);
    assert!(good.is_good(), "{good}");
    let found = |first, attributes: &str| {
        let verdict = judged(&indexed(first, attributes), false);
        let count = |verdict: &Verdict| {
            verdict.findings.iter().filter(|finding| finding.rule == "DASH-IF IOP").map(|finding| finding.count).sum::<u64>()
        };
        assert!(rules(&verdict).iter().all(|rule| !rule.starts_with("Error") || rule == "Error DASH-IF IOP"), "{verdict}");
        count(&verdict) - count(&good)
    };
    assert_eq!(found([0; 3], ""), 0);
    assert_eq!(found([1 << 31, 0, 0], ""), 1, "another index");
    assert_eq!(found([1, 0, 0], ""), 1, "of another size");
    assert_eq!(found([0, 1 << 15, 0], ""), 1, "of another length");
    assert_eq!(found([0, 0, 1 << 31], ""), 1, "which players cannot begin with");
    assert_eq!(found([0; 3], " timescale=\"1000\""), 1, "of another clock");
    assert_eq!(found([0; 3], " timescale=\"10000\" indexRangeExact=\"true\""), 0);
}
