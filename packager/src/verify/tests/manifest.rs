//! Faults in a DASH manifest of the good package.

use super::*;
use bytes::Bytes;

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
<AdaptationSet id="6" contentType="audio" mimeType="audio/mp4" lang="de" segmentAlignment="true" startWithSAP="1">
 <AudioChannelConfiguration schemeIdUri="urn:mpeg:mpegB:cicp:ChannelConfiguration" value="2"/>
 <SegmentTemplate timescale="48000" initialization="a/deu/init.mp4" media="a/deu/$Number%06d$.m4s">
  <SegmentTimeline><S t="0" d="288768"/><S d="287744" r="1"/></SegmentTimeline>
 </SegmentTemplate>
 <Representation id="deu" codecs="mp4a.40.2" bandwidth="48000" audioSamplingRate="48000"/>
</AdaptationSet>
<AdaptationSet id="3" contentType="text" mimeType="text/vtt" lang="en">
 <Representation id="text-0" bandwidth="100"><BaseURL>s/text-0/000001.vtt</BaseURL></Representation>
</AdaptationSet>
<AdaptationSet id="4" contentType="image" mimeType="image/jpeg">
 <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="2x1"/>
 <SegmentTemplate timescale="1" duration="20" media="thumbs/tiles-$Number%04d$.jpg"/>
 <Representation id="tiles" bandwidth="100" width="480" height="136"/>
</AdaptationSet>
</Period></MPD>"#;

pub(super) fn with(text: String) -> Package {
    let mut package = good();
    package.insert("manifest.mpd".to_owned(), Bytes::from(text));
    package
}

#[test]
fn a_good_manifest_has_no_errors() {
    let verdict = judged(&with(MPD.to_owned()), true);
    // Words beside the manifest are usual, and not in the interoperability points.
    assert_eq!(rules(&verdict), ["Warning DASH-IF IOP", "Warning HLS-AUTH 6.2"], "{verdict}");
}

/// What the fault is, which text becomes which other one, and the rule that finds it.
const FAULTS: &[(&str, &str, &str, &str)] = &[
    ("no XML", "<MPD", "MPD", "23009-1 5.2.1"),
    ("another type", "type=\"static\"", "type=\"dynamic\"", "23009-1 5.3.1.2"),
    ("another length", "PT18S", "PT20S", "23009-1 5.3.1.2"),
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
    ("words that are not there", "000001.vtt", "000009.vtt", "RFC 8216 6.2.1"),
    ("words that are none", "s/text-0/000001.vtt", "v/540p/init.mp4", "WEBVTT 4.1"),
    ("words of another kind", "mimeType=\"text/vtt\"", "mimeType=\"application/ttml+xml\"", "TTML2 5.1"),
    ("an endless title", "PT18S", "P99999999999999Y", "23009-1 B"),
    (
        "no sound in a language",
        "<Representation id=\"deu\" codecs=\"mp4a.40.2\" bandwidth=\"48000\" audioSamplingRate=\"48000\"/>",
        "",
        "DASH-IF IOP",
    ),
    ("sound that is none", "mimeType=\"audio/mp4\"", "mimeType=\"video/mp4\"", "23009-1 5.3.7.2"),
    ("sound in another language", "lang=\"de\"", "lang=\"fr\"", "23009-1 5.3.3.2"),
    ("a rate of frames that is none", "frameRate=\"25\"", "frameRate=\"50\"", "23009-1 5.3.7.2"),
    ("wider than its set", "par=\"16:9\"", "par=\"16:9\" maxWidth=\"640\"", "23009-1 5.3.3.2"),
    ("a language that nobody knows", "audio/mp4\" lang=\"en\"", "audio/mp4\" lang=\"english\"", "RFC 5646 2.1"),
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
