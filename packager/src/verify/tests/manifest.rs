//! Faults in a DASH manifest of the good package.

use super::{package::written, *};
use bytes::Bytes;
use marquee_core::protection::Scheme;

pub(super) const MPD: &str = r#"<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"
 mediaPresentationDuration="PT18S" minBufferTime="PT2S">
<BaseURL serviceLocation="main">./</BaseURL>
<ContentSteering defaultServiceLocation="main">https://steer.example/</ContentSteering>
<Period id="0" start="PT0S">
<AdaptationSet id="1" contentType="video" mimeType="video/mp4" par="16:9" segmentAlignment="true" startWithSAP="1">
 <SegmentTemplate timescale="10000" initialization="v/$RepresentationID$/init.mp4" media="v/$RepresentationID$/$Number%06d$.m4s" startNumber="1">
  <SegmentTimeline><S t="0" d="60000" r="2"/></SegmentTimeline>
 </SegmentTemplate>
 <Representation id="540p" codecs="avc1.64001f" bandwidth="410000" width="960" height="540" frameRate="25" sar="1:1"/>
 <Representation id="234p" codecs="avc1.64000d" bandwidth="90000" width="416" height="234" frameRate="25" sar="1:1"/>
</AdaptationSet>
<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true" startWithSAP="1">
 <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2"/>
 <SegmentTemplate timescale="48000" initialization="a/eng/init.mp4" media="a/eng/$Number%06d$.m4s">
  <SegmentTimeline><S t="0" d="288768"/><S d="287744" r="1"/></SegmentTimeline>
 </SegmentTemplate>
 <Representation id="eng" codecs="mp4a.40.2" bandwidth="48000" audioSamplingRate="48000"/>
</AdaptationSet>
<AdaptationSet id="5" contentType="audio" mimeType="audio/mp4" lang="de" segmentAlignment="true" startWithSAP="1">
 <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2"/>
 <SegmentTemplate timescale="48000" initialization="a/deu/init.mp4" media="a/deu/$Number%06d$.m4s">
  <SegmentTimeline><S t="0" d="288768"/><S d="287744" r="1"/></SegmentTimeline>
 </SegmentTemplate>
 <Representation id="deu" codecs="mp4a.40.2" bandwidth="48000" audioSamplingRate="48000"/>
</AdaptationSet>
<AdaptationSet id="3" contentType="text" mimeType="text/vtt" lang="en">
 <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>
 <Representation id="text-0" bandwidth="100"><BaseURL>s/text-0/whole.vtt</BaseURL></Representation>
</AdaptationSet>
<AdaptationSet id="4" contentType="image" mimeType="image/jpeg">
 <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="2x1"/>
 <SegmentTemplate timescale="1" duration="20" media="thumbs/tiles-$Number%04d$.jpg"/>
 <Representation id="tiles" bandwidth="100" width="480" height="136"/>
</AdaptationSet>
</Period></MPD>"#;

/// The words of the good package in one file.
const WORDS: &str = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nwords\n\n00:00:05.000 --> 00:00:07.000\nwords\n\n\
                     00:00:13.000 --> 00:00:18.000\nwords\n";
const SIDECAR: &str = "s/text-0/whole.vtt";

pub(super) fn with(text: String) -> Package {
    let mut package = good();
    package.insert("manifest.mpd".to_owned(), Bytes::from(text));
    package.insert(SIDECAR.to_owned(), Bytes::from_static(WORDS.as_bytes()));
    package
}

#[test]
fn a_good_manifest_has_no_errors() {
    let verdict = judged(&with(MPD.to_owned()), true);
    // Words beside the manifest are usual, and not in the interoperability points.
    assert_eq!(rules(&verdict), ["Warning DASH-IF IOP", "Warning HLS-AUTH 6.2"], "{verdict}");
}

#[test]
fn what_our_writer_writes_has_no_errors() {
    for scheme in [None, Some(Scheme::Cbcs), Some(Scheme::Cenc)] {
        let package = written(scheme);
        let verdict = judged(&package, false);
        assert!(verdict.is_good(), "{scheme:?}: {verdict}");
        let mut hls = package.clone();
        hls.remove("manifest.mpd");
        let (known, found) = (rules(&judged(&hls, false)), rules(&verdict));
        let new: Vec<_> = found.iter().filter(|rule| !known.contains(rule)).collect();
        assert_eq!(new, ["Warning DASH-IF IOP"], "{scheme:?}: {verdict}");
    }
}

/// What the fault is, which text becomes which other one, and the rule that finds it.
const FAULTS: &[(&str, &str, &str, &str)] = &[
    ("no XML", "<MPD", "MPD", "23009-1 5.2.1"),
    ("another type", "type=\"static\"", "type=\"dynamic\"", "23009-1 5.3.1.2"),
    ("another length", "PT18S", "PT20S", "23009-1 5.3.1.2"),
    ("an endless title", "PT18S", "P99999999999999Y", "23009-1 5.2.1"),
    ("an endless buffer", "minBufferTime=\"PT2S\"", "minBufferTime=\"&#80;T18446744073709551615M\"", "23009-1 5.2.1"),
    ("a period that never begins", "start=\"PT0S\"", "start=\"P1000000000DT1S\"", "23009-1 5.2.1"),
    ("no buffer", " minBufferTime=\"PT2S\"", "", "23009-1 5.3.1.2"),
    ("no profile", "profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" ", "", "23009-1 8.1"),
    ("a late period", "start=\"PT0S\"", "start=\"PT1S\"", "23009-1 5.3.2.1"),
    ("a set twice", "AdaptationSet id=\"2\"", "AdaptationSet id=\"1\"", "23009-1 5.3.3.2"),
    ("a representation twice", "id=\"tiles\"", "id=\"eng\"", "23009-1 5.3.5.2"),
    (
        "not aligned",
        "segmentAlignment=\"true\" startWithSAP=\"1\">\n <SegmentTemplate timescale=\"10",
        "startWithSAP=\"1\">\n <SegmentTemplate timescale=\"10",
        "DASH-IF IOP",
    ),
    ("no size", " width=\"416\" height=\"234\"", "", "DASH-IF IOP"),
    ("no frame rate", " frameRate=\"25\"", "", "DASH-IF IOP"),
    ("no shape", " par=\"16:9\"", "", "DASH-IF IOP"),
    ("a false rate of frames", "height=\"234\" frameRate=\"25\"", "height=\"234\" frameRate=\"30\"", "23009-1 5.3.7.2"),
    (
        "the type of sound",
        "contentType=\"video\" mimeType=\"video/mp4\"",
        "contentType=\"video\" mimeType=\"audio/mp4\"",
        "23009-1 5.3.7.2",
    ),
    ("the kind of sound", "contentType=\"video\" mimeType", "contentType=\"audio\" mimeType", "23009-1 5.3.3.2"),
    ("sound in another language", "audio/mp4\" lang=\"en\"", "audio/mp4\" lang=\"fr\"", "23009-1 5.3.3.2"),
    ("larger than the largest", "par=\"16:9\"", "par=\"16:9\" maxWidth=\"640\"", "23009-1 5.3.3.2"),
    ("faster than the fastest", "par=\"16:9\"", "par=\"16:9\" maxFrameRate=\"24000/1001\"", "23009-1 5.3.3.2"),
    ("cheaper than the cheapest", "par=\"16:9\"", "par=\"16:9\" minBandwidth=\"100000\"", "23009-1 5.3.3.2"),
    ("tiles of half the size", "value=\"2x1\"", "value=\"2x2\"", "DASH-IF IOP"),
    ("tiles of other times", "duration=\"20\"", "duration=\"30\"", "DASH-IF IOP"),
    ("words in another language", "text/vtt\" lang=\"en\"", "text/vtt\" lang=\"de\"", "23009-1 5.3.3.2"),
    ("no language", "audio/mp4\" lang=\"en\"", "audio/mp4\"", "DASH-IF IOP"),
    ("no rate of samples", " audioSamplingRate=\"48000\"", "", "DASH-IF IOP"),
    ("no channels", "<AudioChannelConfiguration", "<Other", "DASH-IF IOP"),
    ("tiles of no size", "thumbnail_tile", "other", "DASH-IF IOP"),
    ("a false codec", "id=\"234p\" codecs=\"avc1.64000d\"", "id=\"234p\" codecs=\"avc1.640028\"", "23009-1 5.3.7.2"),
    ("a false size", "width=\"416\"", "width=\"418\"", "23009-1 5.3.7.2"),
    ("a false rate of samples", "audioSamplingRate=\"48000\"", "audioSamplingRate=\"44100\"", "23009-1 5.3.7.2"),
    ("too low a rate", "bandwidth=\"410000\"", "bandwidth=\"310000\"", "23009-1 5.3.5.4"),
    ("times that drift", "d=\"60000\" r=\"2\"", "d=\"59000\" r=\"2\"", "23009-1 5.3.9.6"),
    ("times of another clock", "<SegmentTemplate timescale=\"48000\"", "<SegmentTemplate timescale=\"44100\"", "23009-1 5.3.9.6"),
    ("a segment too few", "d=\"287744\" r=\"1\"", "d=\"287744\"", "23009-1 5.3.9.4"),
    ("a segment too many", "d=\"60000\" r=\"2\"", "d=\"60000\" r=\"3\"", "23009-1 5.3.9.4"),
    ("a hole", "<S d=\"287744\" r=\"1\"/>", "<S t=\"300000\" d=\"287744\" r=\"1\"/>", "DASH-IF IOP"),
    ("numbers of segments", "<S t=\"0\" d=\"60000\"", "<S t=\"0\" n=\"1\" d=\"60000\"", "DASH-IF IOP"),
    ("two ways to time", "startNumber=\"1\"", "startNumber=\"1\" duration=\"60000\"", "23009-1 5.3.9.2"),
    ("an unknown template", "$Number%06d$.m4s\" start", "$Count$.m4s\" start", "23009-1 5.3.9.4"),
    ("outside the package", "a/eng/$N", "../a/eng/$N", "23009-1 5.3.9.4"),
    ("another server", "<BaseURL>s/", "<BaseURL>https://example.org/s/", "23009-1 5.6.4"),
    ("words that are not there", "whole.vtt", "none.vtt", "23009-1 5.3.9.4"),
    ("tiles that are not there", "thumbs/tiles", "thumbs/none", "23009-1 5.3.9.4"),
    ("no init segment", "a/eng/init.mp4", "a/eng/none.mp4", "23009-1 5.3.9.4"),
    ("an endless timeline", "r=\"2\"", "r=\"9223372036854775807\"", "23009-1 5.3.9.6"),
    ("numbers beyond scripts", "r=\"2\"", "r=\"2\"/><S d=\"18446744073709551615\"", "DASH-IF IOP"),
    ("players begin nowhere", "defaultServiceLocation=\"main\"", "defaultServiceLocation=\"main other\"", "TS 103 998"),
    ("steered by no server", "https://steer.example/", "steer", "TS 103 998"),
    ("steered to no place", " serviceLocation=\"main\"", "", "TS 103 998"),
    (
        "steered by two",
        "</ContentSteering>",
        "</ContentSteering><ContentSteering>https://other.example/</ContentSteering>",
        "TS 103 998",
    ),
    ("two periods of a name", "</Period></MPD>", "</Period><Period id=\"0\"/></MPD>", "23009-1 5.3.2.2"),
    ("a language that is none", "audio/mp4\" lang=\"en\"", "audio/mp4\" lang=\"e_n\"", "RFC 5646 2.1"),
    ("no such language", "audio/mp4\" lang=\"en\"", "audio/mp4\" lang=\"xx\"", "RFC 5646 2.2.9"),
    ("another arrangement", "value=\"2\"/>", "value=\"6\"/>", "23009-1 5.8.5.4"),
    ("tiles of another size", "width=\"480\"", "width=\"482\"", "DASH-IF IOP"),
    ("tiles that are cut", "value=\"2x1\"", "value=\"7x1\"", "DASH-IF IOP"),
    (
        "two clocks in a set",
        "frameRate=\"25\" sar=\"1:1\"/>\n</AdaptationSet>",
        "frameRate=\"25\" sar=\"1:1\"><SegmentTemplate timescale=\"5000\" initialization=\"v/234p/init.mp4\" \
         media=\"v/234p/$Number%06d$.m4s\"><SegmentTimeline><S t=\"0\" d=\"30000\" r=\"2\"/></SegmentTimeline>\
         </SegmentTemplate></Representation>\n</AdaptationSet>",
        "DASH-IF IOP",
    ),
    (
        "captions of no channel",
        "<SegmentTemplate timescale=\"10000\"",
        "<Accessibility schemeIdUri=\"urn:scte:dash:cc:cea-608:2015\" value=\"CC9=eng\"/><SegmentTemplate timescale=\"10000\"",
        "SCTE 214-1",
    ),
    (
        "captions of no service",
        "<SegmentTemplate timescale=\"10000\"",
        "<Accessibility schemeIdUri=\"urn:scte:dash:cc:cea-708:2015\" value=\"64=lang:eng\"/><SegmentTemplate timescale=\"10000\"",
        "SCTE 214-1",
    ),
    (
        "protected, it says",
        "<AudioCh",
        "<ContentProtection schemeIdUri=\"urn:mpeg:dash:mp4protection:2011\" value=\"cbcs\"/><AudioCh",
        "CENC 11.2",
    ),
];

#[test]
fn faults_of_a_manifest_are_found() {
    let before = judged(&with(MPD.to_owned()), false);
    for (name, from, to, rule) in FAULTS {
        let verdict = judged(&with(MPD.replace(from, to)), false);
        let errors: Vec<_> = verdict.findings.iter().filter(|finding| !before.findings.contains(finding)).collect();
        let found = errors.iter().any(|finding| finding.rule == *rule && finding.severity == crate::gate::Severity::Error);
        assert!(found, "{name}: {verdict}");
    }
}

/// New rules that are broken when the manifest or the words beside it are others.
fn beside((from, to): (&str, &str), words: &str) -> Vec<String> {
    let known = rules(&judged(&with(MPD.to_owned()), false));
    assert!(MPD.contains(from), "there is no {from}");
    let mut package = with(MPD.replacen(from, to, 1));
    package.insert(SIDECAR.to_owned(), words.to_owned().into());
    rules(&judged(&package, false)).into_iter().filter(|rule| !known.contains(rule)).collect()
}

#[test]
fn what_players_would_not_choose_is_told() {
    let found = |from: &str, to: &str| beside((from, to), WORDS);
    assert_eq!(
        found("par=\"16:9\"", "par=\"16:9\" maxWidth=\"960\" maxHeight=\"540\" maxFrameRate=\"25\""),
        Vec::<String>::new()
    );
    assert_eq!(found("par=\"16:9\"", "par=\"16:9\" maxWidth=\"1920\""), ["Warning 23009-1 5.3.3.2"]);
    assert_eq!(found("bandwidth=\"410000\"", "bandwidth=\"4100000\""), ["Warning 23009-1 5.3.5.2"]);
    assert_eq!(found("isoff-live", "isoff-on-demand"), ["Warning 23009-1 8.3"]);
    assert_eq!(found("isoff-live:2011", "isoff-on-demand:2011,urn:mpeg:dash:profile:isoff-main:2011"), Vec::<String>::new());
    let list = "whole.vtt</BaseURL><SegmentList timescale=\"1\" duration=\"18\"><SegmentURL/></SegmentList>";
    assert_eq!(found("whole.vtt</BaseURL>", list), ["Warning 23009-1 8.4"]);
    assert_eq!(found("urn:mpeg:dash:profile:isoff-live:2011", "live"), ["Warning 23009-1 8.1"]);
}

#[test]
fn words_beside_a_manifest_are_read() {
    let same = ("<MPD", "<MPD");
    assert_eq!(beside(same, WORDS), Vec::<String>::new());
    for garbage in ["garbage", "", "WEBVTT\n\n1 --> 2\nwords\n"] {
        assert_eq!(beside(same, garbage), ["Error WEBVTT 4.1"], "{garbage}");
    }
    let (other, late) = (WORDS.replace(".000 -->", ".500 -->"), WORDS.to_owned() + "\n00:01:00.000 --> 00:01:01.000\nlate\n");
    assert_eq!(beside(same, &other), ["Warning 23009-1 5.3.3.2"], "other words than in HLS");
    assert_eq!(beside(same, &late), ["Warning 23009-1 5.3.2.1"]);
    assert_eq!(beside(same, &WORDS.replace("words", "a & b")), ["Warning 23009-1 5.3.3.2", "Warning WEBVTT 4.2.2"]);
    assert_eq!(beside(("value=\"subtitle\"", "value=\"subtitles\""), WORDS), ["Warning 23009-1 5.8.5.5"]);
    // These are not read, but for how they begin.
    let ttml = |words: &str| beside(("text/vtt", "application/ttml+xml"), words);
    assert_eq!((ttml("<tt/>"), ttml(WORDS)), (Vec::new(), vec!["Error TTML2 5.1".to_owned()]));
}

/// Without what stands between two texts.
fn without(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).unwrap();
    let end = start + text[start..].find(to).unwrap() + to.len();
    text[..start].to_owned() + &text[end..]
}

#[test]
fn both_offer_the_same() {
    let (known, set) = (rules(&judged(&with(MPD.to_owned()), false)), "</AdaptationSet>\n");
    let new =
        |package: &Package| rules(&judged(package, false)).into_iter().filter(|rule| !known.contains(rule)).collect::<Vec<_>>();
    let found = |text: String| new(&with(text));
    let lacking = ["Error 23009-1 5.3.5.1"];
    assert_eq!(found(without(MPD, " <Representation id=\"234p\"", "/>\n")), lacking, "a rung");
    let german = without(MPD, "<AdaptationSet id=\"5\"", set);
    assert_eq!(found(german.clone()), lacking, "a language");
    assert_eq!(found(without(&german, "<AdaptationSet id=\"2\"", set)), lacking, "all sound");
    assert_eq!(found(without(MPD, "<AdaptationSet id=\"3\"", set)), ["Warning 23009-1 5.3.3.1"], "all words");
    assert_eq!(found(MPD.replace("text/vtt\" lang=\"en\"", "text/vtt\" lang=\"fr\""))[0], "Error 23009-1 5.3.3.1", "other words");
    // What HLS lacks; and a codec that it knows nothing of.
    let more = |codec: &str| {
        let own = MPD.lines().find(|line| line.contains("id=\"234p\"")).unwrap();
        let template = "><SegmentTemplate timescale=\"10000\" initialization=\"v/234p/none.mp4\"/></Representation>";
        let set = format!(
            "<AdaptationSet id=\"9\" contentType=\"video\" mimeType=\"video/mp4\" par=\"16:9\" startWithSAP=\"1\">\
             <SegmentTemplate media=\"v/234p/$Number%06d$.m4s\" duration=\"60000\"/>{}</AdaptationSet></Period>",
            own.replace("/>", template).replace("id=\"234p\"", "id=\"more\"").replace("avc1.64000d", codec)
        );
        let mut package = with(MPD.replace("</Period>", &set));
        package.insert("v/234p/none.mp4".to_owned(), Bytes::from_static(b"x"));
        new(&package)
    };
    assert_eq!(more("avc1.64000d"), lacking);
    assert_eq!(more("vp09.00.10.08"), Vec::<String>::new());
    let master = text_of(&good()["master.m3u8"]);
    let mut package = with(MPD.to_owned());
    let lines: Vec<_> = master.lines().filter(|line| !line.contains("TYPE=AUDIO") || line.contains("LANGUAGE=\"en\"")).collect();
    package.insert("master.m3u8".to_owned(), (lines.join("\n") + "\n").into());
    assert!(new(&package).contains(&lacking[0].to_owned()), "a language in the manifest alone");
}

/// The pictures of the smaller size in a list, as text of its `SegmentList`.
fn listed(attributes: &str, inside: &str) -> Vec<String> {
    let own = MPD.lines().find(|line| line.contains("id=\"234p\"")).unwrap();
    let list = format!("<SegmentList timescale=\"10000\"{attributes}>{inside}</SegmentList></Representation>");
    let set = format!(
        "<AdaptationSet id=\"9\" contentType=\"video\" mimeType=\"video/mp4\" par=\"16:9\" startWithSAP=\"1\">{}\
         <BaseURL>v/234p/</BaseURL>{list}</AdaptationSet></Period>",
        own.replace("/>", ">")
    );
    let known = rules(&judged(&with(MPD.to_owned()), false));
    let verdict = judged(&with(MPD.replace("isoff-live", "isoff-main").replace(own, "").replace("</Period>", &set)), false);
    rules(&verdict).into_iter().filter(|rule| !known.contains(rule)).collect()
}

#[test]
fn segments_in_a_list_are_those_of_hls() {
    let urls = |last: &str| {
        format!(
            "<Initialization sourceURL=\"init.mp4\"/><SegmentURL media=\"000001.m4s\"/><SegmentURL media=\"000002.m4s\"/>\
             <SegmentURL media=\"{last}\"/>"
        )
    };
    let good = urls("000003.m4s");
    assert_eq!(listed(" duration=\"60000\"", &good), Vec::<String>::new());
    let timed = |length: u32, more: u32| {
        let timeline = format!("<SegmentTimeline><S t=\"0\" d=\"{length}\" r=\"{more}\"/></SegmentTimeline><SegmentURL");
        listed("", &good.replacen("<SegmentURL", &timeline, 1))
    };
    assert_eq!(timed(60_000, 2), Vec::<String>::new());
    assert_eq!(timed(59_000, 2), ["Error 23009-1 5.3.9.6", "Error DASH-IF IOP"]);
    assert_eq!(timed(60_000, 1), ["Error 23009-1 5.3.9.3", "Error 23009-1 5.3.9.4"]);
    assert_eq!(listed(" duration=\"60000\"", &urls("000002.m4s")), ["Error 23009-1 5.3.9.4"]);
    assert_eq!(listed(" duration=\"60000\"", "<Initialization sourceURL=\"init.mp4\"/>"), ["Error 23009-1 5.3.9.3"]);
    assert_eq!(listed(" duration=\"60000\"", &urls("../../../a.m4s")), ["Error 23009-1 5.3.9.3"]);
    let elsewhere = " xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"list.xml\"";
    assert_eq!(listed(elsewhere, ""), ["Error 23009-1 5.5"]);
    assert_eq!(listed(" duration=\"60000\"", &good.replace("init", "none")), ["Error 23009-1 5.3.9.4"]);
}

/// What templates of other packagers look like: lengths of all, counts to the end, and attributes further out.
#[test]
fn templates_of_others_are_understood() {
    let changed = |from: &str, to: &str| {
        let known = rules(&judged(&with(MPD.to_owned()), false));
        assert!(MPD.contains(from), "there is no {from}");
        rules(&judged(&with(MPD.replacen(from, to, 1)), false))
            .into_iter()
            .filter(|rule| !known.contains(rule))
            .collect::<Vec<_>>()
    };
    assert_eq!(changed("d=\"60000\" r=\"2\"", "d=\"60000\" r=\"-1\""), Vec::<String>::new());
    let simple = "<SegmentTemplate timescale=\"48000\" duration=\"288000\" initialization=\"a/eng/init.mp4\" \
                  media=\"a/eng/$Number%06d$.m4s\"/>";
    let (from, to) = (
        "<SegmentTemplate timescale=\"48000\"",
        "<SegmentTimeline><S t=\"0\" d=\"288768\"/><S d=\"287744\" r=\"1\"/></SegmentTimeline>\n </SegmentTemplate>",
    );
    let (start, end) = (MPD.find(from).unwrap(), MPD.find(to).unwrap() + to.len());
    assert_eq!(changed(&MPD[start..end], simple), Vec::<String>::new());
    assert_eq!(changed(&MPD[start..end], &simple.replace("288000", "140000")), ["Error 23009-1 5.3.9.4"]);
    let own = "sar=\"1:1\"><SegmentTemplate startNumber=\"1\"/></Representation>\n <";
    assert_eq!(changed("sar=\"1:1\"/>\n <", own), Vec::<String>::new());
}

#[test]
fn only_the_last_segment_says_that_it_is() {
    let said = |path: &str, from: &[u8], to: &[u8]| {
        let mut package = with(MPD.to_owned());
        let at = package[path].windows(4).position(|four| four == from).unwrap();
        let bytes = [&package[path][..at], to, &package[path][at + 4..]].concat();
        package.insert(path.to_owned(), bytes.into());
        rules(&judged(&package, false))
    };
    assert!(said("v/540p/000003.m4s", b"lmsg", b"cmfc").contains(&"Warning DASH-IF IOP 3.2.3".to_owned()));
    assert!(said("v/540p/000002.m4s", b"cmfc", b"lmsg").contains(&"Error 23009-1 6.3.4.2".to_owned()));
}

#[test]
fn both_manifests_name_the_same_captions() {
    let warned = |channels: &str, services: &str, media: &str| {
        let told = format!(
            "<Accessibility schemeIdUri=\"urn:scte:dash:cc:cea-608:2015\"{channels}/>\
             <Accessibility schemeIdUri=\"urn:scte:dash:cc:cea-708:2015\"{services}/><SegmentTemplate timescale=\"10000\""
        );
        let mut package = with(MPD.replace("<SegmentTemplate timescale=\"10000\"", &told));
        let media: String = media
            .split_ascii_whitespace()
            .map(|id| {
                format!("#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",LANGUAGE=\"en\",NAME=\"{id}\",INSTREAM-ID=\"{id}\"\n")
            })
            .collect();
        let master = text_of(&package["master.m3u8"]) + &media;
        package.insert("master.m3u8".to_owned(), master.into());
        let verdict = judged(&package, false);
        assert!(!rules(&verdict).contains(&"Error SCTE 214-1".to_owned()), "{verdict}");
        rules(&verdict).contains(&"Warning SCTE 214-1".to_owned())
    };
    let (channels, services) = (" value=\"CC1=eng;CC4=deu\"", " value=\"1=lang:eng;2=lang:deu,er:1\"");
    assert!(!warned(channels, services, "CC1 CC4 SERVICE1 SERVICE2"));
    assert!(!warned(" value=\"eng;deu\"", " value=\"eng\"", "CC1 CC3 SERVICE1"));
    assert!(!warned("", "", "CC1"), "that there are some is all that is said");
    assert!(warned(channels, services, "CC1 CC4 SERVICE1"));
    assert!(warned(" value=\"CC1=eng\"", services, "CC1 CC4 SERVICE1 SERVICE2"));
}
