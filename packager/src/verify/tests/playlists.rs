//! Faults in playlists.

use super::{
    Fault::{Raw, Text},
    *,
};

const MASTER: &str = "master.m3u8";
const V: &str = "v/540p/playlist.m3u8";
const A: &str = "a/eng/playlist.m3u8";
const I: &str = "v/540p/iframes.m3u8";
const S: &str = "s/text-0/playlist.m3u8";
const END: &str = "#EXT-X-ENDLIST";
const FORCED: &str = "NAME=\"English\",AUTOSELECT=YES\n";
/// An average above the peak.
const MEAN: &str = "Error 8216bis 4.4.6.2";
/// Another language than the track says.
const SPOKEN: &str = "Error HLS-AUTH 8.10";
const MAP: &str = "#EXT-X-MAP:URI=\"init.mp4\"";

const FAULTS_OF_ANY_PLAYLIST: &[Row] = &[
    ("a byte order mark", V, Text("#EXTM3U", "\u{feff}#EXTM3U"), &["Error RFC 8216 4.1"]),
    ("no #EXTM3U", S, Text("#EXTM3U\n", ""), &["Error RFC 8216 4.3.1.1"]),
    ("a control character", MASTER, Text("Deutsch", "Deut\u{7}sch"), &["Error RFC 8216 4.1"]),
    ("no UTF-8", S, Raw(b"#EXTM3U\n\xff\n"), &["Error RFC 8216 4.1"]),
    ("a tag twice", V, Text("#EXT-X-VERSION:7\n", "#EXT-X-VERSION:7\n#EXT-X-VERSION:7\n"), &["Error RFC 8216 4.1"]),
    (
        "a tag of another kind",
        V,
        Text(END, "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"b\"\n#EXT-X-ENDLIST"),
        &["Error RFC 8216 4.1"],
    ),
    (
        "a media tag in the master",
        MASTER,
        Text("#EXT-X-VERSION:7", "#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6"),
        &["Error RFC 8216 4.1"],
    ),
    (
        "space in attributes",
        MASTER,
        Text(",RESOLUTION=416x234,F", ", RESOLUTION=416x234,F"),
        &["Error HLS-AUTH 9.2", "Error RFC 8216 4.2"],
    ),
    ("an attribute twice", MASTER, Text("BANDWIDTH=442238", "BANDWIDTH=442238,BANDWIDTH=442238"), &["Error RFC 8216 4.2"]),
    (
        "no number of a bandwidth",
        MASTER,
        Text("F:BANDWIDTH=442238", "F:BANDWIDTH=fast"),
        &["Error RFC 8216 4", "Error RFC 8216 4.3.4.2"],
    ),
    ("a version too low", V, Text("#EXT-X-VERSION:7", "#EXT-X-VERSION:5"), &["Error RFC 8216 7"]),
    ("an I-frame version too low", I, Text("#EXT-X-VERSION:7", "#EXT-X-VERSION:4"), &["Error RFC 8216 7"]),
    ("a start without a time", V, Text(END, "#EXT-X-START:PRECISE=YES\n#EXT-X-ENDLIST"), &["Error RFC 8216 4.3.5.2"]),
    (
        "session data of nothing",
        MASTER,
        Text("#EXT-X-IND", "#EXT-X-SESSION-DATA:DATA-ID=\"a\"\n#EXT-X-IND"),
        &["Error RFC 8216 4.3.4.4"],
    ),
    (
        "session data twice",
        MASTER,
        Text(
            "#EXT-X-IND",
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"b\"\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"c\"\n#EXT-X-IND",
        ),
        &["Error RFC 8216 4.3.4.4"],
    ),
    (
        "a key of the session that is none",
        MASTER,
        Text("#EXT-X-IND", "#EXT-X-SESSION-KEY:METHOD=NONE\n#EXT-X-IND"),
        &["Error RFC 8216 4.3.4.5"],
    ),
    (
        "steering to nowhere",
        MASTER,
        Text("#EXT-X-IND", "#EXT-X-CONTENT-STEERING:PATHWAY-ID=\".\"\n#EXT-X-IND"),
        &["Error 8216bis 4.4.6.6"],
    ),
    (
        "steering that begins nowhere",
        MASTER,
        Text("#EXT-X-IND", "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://a/\",PATHWAY-ID=\"a\"\n#EXT-X-IND"),
        &["Error 8216bis 4.4.6.6"],
    ),
];

#[test]
fn faults_of_any_playlist_are_found() {
    each_is_found(FAULTS_OF_ANY_PLAYLIST, false);
}

const FAULTS_OF_THE_MASTER: &[Row] = &[
    (
        "no variant",
        MASTER,
        Text("#EXT-X-STREAM-INF", "#STREAM-INF"),
        &[
            "Error RFC 8216 4.3.4.2",
            "Warning HLS-AUTH 1.12",
            "Warning HLS-AUTH 9.21",
            "Warning HLS-AUTH 9.9",
            "Warning RFC 8216 4.3.4.1.1",
        ],
    ),
    (
        "an address of no variant",
        MASTER,
        Text("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=50048", "x.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=50048"),
        &["Error RFC 8216 4.3.4.2"],
    ),
    (
        "no CODECS",
        MASTER,
        Text(",CODECS=\"avc1.64000d,mp4a.40.2\",RESOLUTION=416x234", ",RESOLUTION=416x234"),
        &["Error HLS-AUTH 9.1"],
    ),
    ("no RESOLUTION", MASTER, Text(",RESOLUTION=416x234,FRAME", ",FRAME"), &["Error HLS-AUTH 9.2"]),
    ("a false RESOLUTION", MASTER, Text("RESOLUTION=416x234,FRAME", "RESOLUTION=418x234,FRAME"), &["Error HLS-AUTH 9.2"]),
    ("no CODECS of I-frames", MASTER, Text("50048,CODECS=\"avc1.64001f\"", "50048"), &["Error HLS-AUTH 9.3"]),
    (
        "sound among I-frames",
        MASTER,
        Text("50048,CODECS=\"avc1.64001f\"", "50048,CODECS=\"avc1.64001f,mp4a.40.2\""),
        &["Error HLS-AUTH 9.3"],
    ),
    (
        "no RESOLUTION of I-frames",
        MASTER,
        Text(",RESOLUTION=416x234,VIDEO-RANGE=SDR,URI", ",VIDEO-RANGE=SDR,URI"),
        &["Error HLS-AUTH 9.4"],
    ),
    (
        "a false RESOLUTION of I-frames",
        MASTER,
        Text(",RESOLUTION=416x234,VIDEO-RANGE=SDR,URI", ",RESOLUTION=960x540,VIDEO-RANGE=SDR,URI"),
        &["Error HLS-AUTH 9.4"],
    ),
    ("no AVERAGE-BANDWIDTH", MASTER, Text("AVERAGE-BANDWIDTH=442144,", ""), &["Error HLS-AUTH 9.14"]),
    ("no FRAME-RATE", MASTER, Text("960x540,FRAME-RATE=25.000", "960x540"), &["Error HLS-AUTH 9.15"]),
    ("a false FRAME-RATE", MASTER, Text("960x540,FRAME-RATE=25.000", "960x540,FRAME-RATE=30.000"), &["Error HLS-AUTH 9.15"]),
    (
        "HDR that is not",
        MASTER,
        Text("VIDEO-RANGE=SDR,STABLE", "VIDEO-RANGE=PQ,STABLE"),
        &["Error HLS-AUTH 1.24", "Error HLS-AUTH 9.16"],
    ),
    (
        "a range on some",
        MASTER,
        Text("960x540,FRAME-RATE=25.000,VIDEO-RANGE=SDR", "960x540,FRAME-RATE=25.000,VIDEO-RANGE=HLG"),
        &["Error HLS-AUTH 9.16"],
    ),
    ("HDR trick play only", MASTER, Text("VIDEO-RANGE=SDR,URI=\"v/", "VIDEO-RANGE=PQ,URI=\"v/"), &["Error HLS-AUTH 6.16"]),
    ("no I-frames", MASTER, Text("#EXT-X-I-FRAME-STREAM-INF", "#"), &["Error HLS-AUTH 6.1"]),
    ("one size of I-frames", MASTER, Text("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=14048", "#"), &["Warning HLS-AUTH 6.6"]),
    (
        "sound only",
        MASTER,
        Text("CODECS=\"avc1.64000d,mp4a.40.2\",RESOLUTION=416x234", "CODECS=\"mp4a.40.2\""),
        &["Error HLS-AUTH 9.20", "Error RFC 8216 6.2.4"],
    ),
    ("no independence", MASTER, Text("#EXT-X-INDEPENDENT-SEGMENTS\n", ""), &["Warning HLS-AUTH 9.11"]),
    ("a score on some", MASTER, Text("960x540,FRAME", "960x540,SCORE=2,FRAME"), &["Error HLS-AUTH 9.19"]),
    (
        "no line for phones",
        MASTER,
        Text("F:BANDWIDTH=112238", "F:BANDWIDTH=212238"),
        &["Error HLS-AUTH 1.27", "Warning HLS-AUTH 9.21"],
    ),
    (
        "another shape",
        MASTER,
        Text("RESOLUTION=416x234,F", "RESOLUTION=416x312,F"),
        &["Error HLS-AUTH 9.2", "Warning HLS-AUTH 1.33"],
    ),
    (
        "a group that is not there",
        MASTER,
        Text(",AUDIO=\"aac-128k\"", ",AUDIO=\"nothing\""),
        &[
            "Error HLS-AUTH 1.26",
            "Error HLS-AUTH 1.27",
            "Error RFC 8216 4.3.4.2",
            "Error RFC 8216 6.2.4",
            "Warning RFC 8216 4.3.4.1.1",
        ],
    ),
    (
        "a pathway that cannot be named",
        MASTER,
        Text("STABLE-VARIANT-ID=\"540p", "PATHWAY-ID=\"a b\",STABLE-VARIANT-ID=\"540p"),
        &["Error 8216bis 4.4.6.2"],
    ),
    ("a stable name with spaces", MASTER, Text("ID=\"540p/aac", "ID=\"540p aac"), &["Error 8216bis 4.4.6.2"]),
    ("the stable name of another", MASTER, Text("ID=\"540p/aac", "ID=\"234p/aac"), &["Error 8216bis 4.4.6.2"]),
    (
        "HE-AAC that is not signalled",
        MASTER,
        Text("mp4a.40.2\",RESOLUTION=416", "mp4a.40.5\",RESOLUTION=416"),
        &["Error HLS-AUTH 2.24", "Error RFC 8216 6.2.4"],
    ),
    (
        "a special language before the general one",
        MASTER,
        Text("LANGUAGE=\"en\",NAME=\"English\",DEFAULT", "LANGUAGE=\"de-CH\",NAME=\"English\",DEFAULT"),
        &[SPOKEN, "Warning HLS-AUTH 9.17"],
    ),
    ("captions on some", MASTER, Text(",CLOSED-CAPTIONS=NONE\nv/540p", "\nv/540p"), &["Error RFC 8216 4.3.4.2"]),
    ("a rendition without a name", MASTER, Text("NAME=\"Deutsch\",", ""), &["Error RFC 8216 4", "Error RFC 8216 4.3.4.1"]),
    ("two of a name", MASTER, Text("Deutsch", "English"), &["Error RFC 8216 4.3.4.1.1"]),
    ("two defaults", MASTER, Text("Deutsch\"", "Deutsch\",DEFAULT=YES"), &["Error RFC 8216 4.3.4.1.1"]),
    ("a default not to select", MASTER, Text("YES,AUTOSELECT=YES", "YES,AUTOSELECT=NO"), &["Error RFC 8216 4.3.4.1"]),
    ("forced sound", MASTER, Text("Deutsch\"", "Deutsch\",FORCED=YES"), &["Error RFC 8216 4", "Error RFC 8216 4.3.4.1"]),
    ("forced and not selected", MASTER, Text(FORCED, "NAME=\"English\",FORCED=YES\n"), &["Warning HLS-AUTH 5.11"]),
    (
        "described, not selected",
        MASTER,
        Text("Deutsch\",AUTOSELECT=YES", "Deutsch\",CHARACTERISTICS=\"public.accessibility.describes-video\""),
        &["Error HLS-AUTH 2.13"],
    ),
    (
        "SDH, not selected",
        MASTER,
        Text(
            FORCED,
            "NAME=\"English\",CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,\
             public.accessibility.describes-music-and-sound\"\n",
        ),
        &["Error HLS-AUTH 4.6"],
    ),
    (
        "SDH without what is heard",
        MASTER,
        Text(FORCED, "NAME=\"English\",AUTOSELECT=YES,CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog\"\n"),
        &["Error HLS-AUTH 4.5"],
    ),
    (
        "neither yes nor no",
        MASTER,
        Text("Deutsch\",AUTOSELECT=YES", "Deutsch\",AUTOSELECT=TRUE"),
        &["Error RFC 8216 4", "Error RFC 8216 4.3.4.1"],
    ),
    ("two of a language", MASTER, Text("LANGUAGE=\"de\"", "LANGUAGE=\"en\""), &[SPOKEN, "Warning RFC 8216 4.3.4.1.1"]),
    (
        "outputs that are protected in an unknown way",
        MASTER,
        Text("VIDEO-RANGE=SDR,STABLE", "HDCP-LEVEL=TYPE-9,VIDEO-RANGE=SDR,STABLE"),
        &["Error 8216bis 4.4.6.2"],
    ),
    ("no language of sound", MASTER, Text("LANGUAGE=\"de\",", ""), &["Error HLS-AUTH 8.10"]),
    ("no language of words", MASTER, Text("\"text\",LANGUAGE=\"en\",", "\"text\","), &["Error HLS-AUTH 4.7"]),
    ("no language at all", MASTER, Text("LANGUAGE=\"de\"", "LANGUAGE=\"d_e\""), &["Error RFC 5646 2.1"]),
    (
        "no CHANNELS",
        MASTER,
        Text("Deutsch\",AUTOSELECT=YES,CHANNELS=\"2\"", "Deutsch\",AUTOSELECT=YES"),
        &["Warning RFC 8216 4.3.4.1"],
    ),
    (
        "false CHANNELS",
        MASTER,
        Text("Deutsch\",AUTOSELECT=YES,CHANNELS=\"2\"", "Deutsch\",AUTOSELECT=YES,CHANNELS=\"6\""),
        &["Error RFC 8216 4.3.4.1"],
    ),
    ("words nowhere", MASTER, Text("URI=\"s/text-0/playlist.m3u8\",", ""), &["Error RFC 8216 4.3.4.1"]),
    (
        "captions in a file",
        MASTER,
        Text("TYPE=SUBTITLES", "TYPE=CLOSED-CAPTIONS"),
        &["Error RFC 8216 4", "Error RFC 8216 4.3.4.1", "Error RFC 8216 4.3.4.2", "Warning RFC 8216 4.3.4.1.1"],
    ),
    ("a codec too few", MASTER, Text("0d,mp4a.40.2\",RESOLUTION=416", "0d\",RESOLUTION=416"), &["Error RFC 8216 6.2.4"]),
    (
        "a codec too many",
        MASTER,
        Text("0d,mp4a.40.2\",RESOLUTION=416", "0d,mp4a.40.2,ec-3\",RESOLUTION=416"),
        &["Error RFC 8216 6.2.4"],
    ),
    (
        "another codec",
        MASTER,
        Text("avc1.64000d,mp4a.40.2\",RESOLUTION=416", "avc1.640028,mp4a.40.2\",RESOLUTION=416"),
        &["Error RFC 8216 6.2.4"],
    ),
    ("a peak too low", MASTER, Text("F:BANDWIDTH=442238", "F:BANDWIDTH=342238"), &[MEAN, "Error HLS-AUTH 1.27"]),
    ("a peak too high", MASTER, Text("F:BANDWIDTH=442238", "F:BANDWIDTH=542238"), &["Error HLS-AUTH 1.27"]),
    ("an average too low", MASTER, Text("AVERAGE-BANDWIDTH=442144", "AVERAGE-BANDWIDTH=342144"), &["Error HLS-AUTH 1.26"]),
    ("an average too high", MASTER, Text("AVERAGE-BANDWIDTH=442144", "AVERAGE-BANDWIDTH=542144"), &[MEAN, "Error HLS-AUTH 1.26"]),
    ("a false peak of I-frames", MASTER, Text("F:BANDWIDTH=50048", "F:BANDWIDTH=500480"), &["Error HLS-AUTH 1.27"]),
    ("a playlist that is not there", MASTER, Text("v/234p/playlist", "v/235p/playlist"), &["Error RFC 8216 6.2.1"]),
    (
        "sound as picture",
        MASTER,
        Text("\nv/234p/playlist", "\na/eng/playlist"),
        &["Error CMAF 7.3.4", "Error HLS-AUTH 1.26", "Error HLS-AUTH 1.27", "Error RFC 8216 4.3.4", "Error RFC 8216 6.2.4"],
    ),
];

#[test]
fn faults_of_the_master_are_found() {
    each_is_found(FAULTS_OF_THE_MASTER, false);
}

const FAULTS_OF_MEDIA_PLAYLISTS: &[Row] = &[
    ("no target", V, Text("#EXT-X-TARGETDURATION:6\n", ""), &["Error RFC 8216 4.3.3.1"]),
    (
        "a target too low",
        V,
        Text("TARGETDURATION:6", "TARGETDURATION:5"),
        &["Error HLS-AUTH 7.7", "Error HLS-AUTH 8.2", "Error RFC 8216 4.3.3.1", "Warning HLS-AUTH 7.5"],
    ),
    ("another target", A, Text("TARGETDURATION:6", "TARGETDURATION:7"), &["Error HLS-AUTH 8.2", "Warning HLS-AUTH 7.5"]),
    ("no end", V, Text("#EXT-X-ENDLIST", ""), &["Error HLS-AUTH 8.6"]),
    ("another type", A, Text("TYPE:VOD", "TYPE:EVENT"), &["Error HLS-AUTH 8.6"]),
    ("no map", V, Text(MAP, ""), &["Error HLS-AUTH 8.20"]),
    ("no address", V, Text("000003.m4s\n", ""), &["Error HLS-AUTH 8.7", "Error RFC 8216 4.3.2.1"]),
    (
        "no duration",
        V,
        Text("#EXTINF:6.000000,\n000002.m4s", "000002.m4s"),
        &["Error HLS-AUTH 1.26", "Error HLS-AUTH 1.27", "Error HLS-AUTH 8.1", "Error RFC 8216 4.3.2.1"],
    ),
    ("durations that drift", V, Text("#EXTINF:6.000000", "#EXTINF:5.970000"), &["Error HLS-AUTH 8.1"]),
    ("a segment left out", V, Text("#EXTINF:6.000000,\n000002.m4s\n", ""), &["Error HLS-AUTH 7.3"]),
    ("a segment too few", V, Text("#EXTINF:6.000000,\n000003.m4s\n", ""), &["Error HLS-AUTH 8.7"]),
    (
        "a break in one rung",
        V,
        Text("#EXTINF:6.000000,\n000002.m4s\n", "#EXT-X-DISCONTINUITY\n#EXTINF:6.000000,\n000002.m4s\n"),
        &["Error HLS-AUTH 8.14"],
    ),
    (
        "dates in one",
        V,
        Text(MAP, "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 6.2.4"],
    ),
    (
        "a range of dates without one",
        V,
        Text(MAP, "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.7"],
    ),
    (
        "a nameless range of dates",
        V,
        Text(MAP, "#EXT-X-DATERANGE:START-DATE=\"2026-01-01T00:00:00Z\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.7"],
    ),
    (
        "a range of dates that lasts less than no time",
        V,
        Text(MAP, "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",DURATION=-1\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.7"],
    ),
    (
        "a range of dates that ends with the next of no class",
        V,
        Text(MAP, "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",END-ON-NEXT=YES\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.7"],
    ),
    (
        "a key of clear segments",
        V,
        Text(MAP, "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error HLS-AUTH 13.2"],
    ),
    (
        "no key and more",
        V,
        Text(MAP, "#EXT-X-KEY:METHOD=NONE,URI=\"k\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.4"],
    ),
    (
        "a short IV",
        V,
        Text(MAP, "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x12\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error HLS-AUTH 13.2", "Error RFC 8216 5.2"],
    ),
    (
        "an unknown method",
        V,
        Text(MAP, "#EXT-X-KEY:METHOD=ROT13,URI=\"k\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error HLS-AUTH 13.2", "Error RFC 8216 4.3.2.4"],
    ),
    (
        "a range that follows none",
        V,
        Text("#EXTINF:6.000000,\n000002.m4s\n", "#EXTINF:6.000000,\n#EXT-X-BYTERANGE:9\n000002.m4s\n"),
        &["Error CMAF 7.3.2.3", "Error RFC 8216 4.3.2.2"],
    ),
    (
        "a range beyond the end",
        V,
        Text("#EXTINF:6.000000,\n000002.m4s\n", "#EXTINF:6.000000,\n#EXT-X-BYTERANGE:9000000@0\n000002.m4s\n"),
        &["Error RFC 8216 4.3.2.2"],
    ),
    (
        "no date",
        V,
        Text(MAP, "#EXT-X-PROGRAM-DATE-TIME:yesterday\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.6", "Error RFC 8216 6.2.4"],
    ),
    (
        "a range of no dates",
        V,
        Text(MAP, "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"soon\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 4.3.2.7"],
    ),
    (
        "discontinuities counted otherwise",
        A,
        Text(MAP, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 6.2.4"],
    ),
    ("a sequence behind segments", V, Text(END, "#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-ENDLIST"), &["Error RFC 8216 4.3.3.2"]),
    (
        "a value of the address",
        V,
        Text(MAP, "#EXT-X-DEFINE:QUERYPARAM=\"a\"\n#EXT-X-MAP:URI=\"init.mp4\""),
        &["Error RFC 8216 7"],
    ),
    (
        "a tag of parts in the master",
        MASTER,
        Text("#EXT-X-IND", "#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-IND"),
        &["Error RFC 8216 4.1"],
    ),
    ("I-frames as all", I, Text("#EXT-X-I-FRAMES-ONLY\n", ""), &["Error HLS-AUTH 6.8"]),
    (
        "a break of I-frames alone",
        I,
        Text("#EXT-X-BYTERANGE:12512@100736", "#EXT-X-DISCONTINUITY\n#EXT-X-BYTERANGE:12512@100736"),
        &["Error HLS-AUTH 8.14"],
    ),
    ("an I-frame without its moof", I, Text("@100736", "@101240"), &["Error HLS-AUTH 6.10"]),
    ("half an I-frame", I, Text("12512@100736", "9512@100736"), &["Error HLS-AUTH 6.10"]),
    ("more than an I-frame", I, Text("12512@100736", "13512@100736"), &["Warning HLS-AUTH 6.10"]),
    ("I-frames of other lengths", I, Text("#EXTINF:2.000000,\n000002", "#EXTINF:1.900000,\n000002"), &["Error RFC 8216 4.3.3.6"]),
    ("I-frames of a file that is not there", I, Text("000002.m4s", "000009.m4s"), &["Error RFC 8216 6.2.1"]),
];

#[test]
fn faults_of_media_playlists_are_found() {
    each_is_found(FAULTS_OF_MEDIA_PLAYLISTS, false);
}
