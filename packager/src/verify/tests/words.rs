//! Faults in words and tiles.

use super::{
    Fault::{Cut, Gone, Raw, Text},
    *,
};

const S: &str = "s/text-0/playlist.m3u8";
const FIRST: &str = "s/text-0/000001.vtt";
const WORDS: &str = "s/text-0/000002.vtt";
const TILES: &str = "thumbs/index.vtt";

const FAULTS_OF_WORDS_AND_TILES: &[Row] = &[
    ("no header", WORDS, Text("WEBVTT", "VTT"), &["Error RFC 8216 3.5"]),
    ("no UTF-8", WORDS, Raw(b"WEBVTT\n\xff"), &["Error RFC 8216 3.5"]),
    ("a broken time", WORDS, Text("00:00:05.000", "00:05"), &["Error RFC 8216 3.5"]),
    (
        "a cue of another time",
        WORDS,
        Text("00:00:05.000 --> 00:00:07.000", "00:00:15.000 --> 00:00:17.000"),
        &["Error RFC 8216 3.5"],
    ),
    ("a cue that lasts into it left out", WORDS, Text("00:00:05.000 --> 00:00:07.000\nwords\n", ""), &["Error RFC 8216 3.5"]),
    ("a cue that began before it left out", FIRST, Text("00:00:05.000 --> 00:00:07.000\nwords\n", ""), &["Error RFC 8216 3.5"]),
    (
        "cues out of order",
        FIRST,
        Text(
            "00:00:01.000 --> 00:00:02.000\nwords\n\n00:00:05.000 --> 00:00:07.000\nwords\n",
            "00:00:05.000 --> 00:00:07.000\nwords\n\n00:00:01.000 --> 00:00:02.000\nwords\n",
        ),
        &["Error WEBVTT 4.1"],
    ),
    ("words that are no markup", "s/text-0/000003.vtt", Text("words", "words & <more>"), &["Warning WEBVTT 4.2.2"]),
    (
        "a map of times behind others",
        WORDS,
        Text("X-TIMESTAMP-MAP", "Kind: captions\nX-TIMESTAMP-MAP"),
        &["Warning RFC 8216 3.5"],
    ),
    ("no map of times", WORDS, Text("X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n", ""), &["Error HLS-AUTH 5.3"]),
    ("a map to another time", WORDS, Text("MPEGTS:0", "MPEGTS:126000"), &["Error HLS-AUTH 5.3"]),
    ("words too short", S, Text("#EXTINF:6.000000,\n000003.vtt\n", ""), &["Error HLS-AUTH 5.5"]),
    ("a file that is not there", "s/text-0/000003.vtt", Gone, &["Error RFC 8216 6.2.1"]),
    ("a gap between tiles", TILES, Text("10.000 --> 00:00:18", "11.000 --> 00:00:18"), &["Error WEBVTT 4.1"]),
    ("tiles too short", TILES, Text("00:00:18.000", "00:00:12.000"), &["Error WEBVTT 4.1"]),
    ("a tile beside its sheet", TILES, Text("xywh=240,", "xywh=250,"), &["Error MEDIA-FRAGS 4.2.2"]),
    ("a cue without a tile", TILES, Text("#xywh=240,0,240,136", ""), &["Error MEDIA-FRAGS 4.2.2"]),
    ("a sheet that is not there", "thumbs/tiles-0001.jpg", Gone, &["Error RFC 8216 6.2.1"]),
    ("a sheet that is no picture", "thumbs/tiles-0001.jpg", Raw(b"GIF89a"), &["Error IMP 0.4"]),
    ("all tiles at one place", TILES, Text("xywh=240,0", "xywh=0,0"), &["Error MEDIA-FRAGS 4.2.2"]),
    ("a sheet without an end", "thumbs/tiles-0001.jpg", Cut(32), &["Error T.81 B.2.1"]),
    ("half a sheet", "thumbs/tiles-0001.jpg", Cut(12), &["Error IMP 0.4"]),
];

#[test]
fn faults_of_words_and_tiles_are_found() {
    each_is_found(FAULTS_OF_WORDS_AND_TILES, false);
}
