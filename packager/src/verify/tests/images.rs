//! Faults in an image playlist of the good package's tiles.

use super::*;

const PLAYLIST: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:20\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-IMAGES-ONLY\n\
                        #EXT-X-TILES:RESOLUTION=240x136,LAYOUT=2x1,DURATION=10\n#EXTINF:18.000000,\ntiles-0001.jpg\n#EXT-X-ENDLIST\n";
const STREAM: &str = "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=100,RESOLUTION=240x136,CODECS=\"jpeg\",URI=\"thumbs/images.m3u8\"\n";

fn with(stream: &str, playlist: &str) -> Package {
    let mut package = good();
    let master = text_of(&package["master.m3u8"]) + stream;
    package.insert("master.m3u8".to_owned(), master.into());
    package.insert("thumbs/images.m3u8".to_owned(), playlist.to_owned().into());
    package
}

#[test]
fn tiles_in_an_image_playlist_are_what_they_say() {
    assert_eq!(found(&with(STREAM, PLAYLIST), false).0, Vec::<String>::new());
    let rows = [
        ("no mark of images", "#EXT-X-IMAGES-ONLY\n", ""),
        ("no tiles", "#EXT-X-TILES", "#EXT-X-OTHER"),
        ("no layout", ",LAYOUT=2x1", ""),
        ("another layout", "LAYOUT=2x1", "LAYOUT=2x2"),
        ("other tiles", "TILES:RESOLUTION=240x136", "TILES:RESOLUTION=120x136"),
        ("another length", "#EXTINF:18.000000", "#EXTINF:20.000000"),
        ("no codec", "CODECS=\"jpeg\"", "CODECS=\"avc1.64001f\""),
        ("no size of a tile", "RESOLUTION=240x136,CODECS", "CODECS"),
        ("no rate", "BANDWIDTH=100,", ""),
        ("a break of tiles alone", "#EXT-X-ENDLIST", "#EXT-X-DISCONTINUITY\n#EXTINF:0.500000,\ntiles-0001.jpg\n#EXT-X-ENDLIST"),
    ];
    for (name, from, to) in rows {
        let package = with(&STREAM.replace(from, to), &PLAYLIST.replace(from, to));
        let (rules, verdict) = found(&package, false);
        assert_eq!(rules, ["Error IMP 0.4"], "{name}: {verdict}");
    }
    let missing = with(STREAM, &PLAYLIST.replace("tiles-0001", "tiles-0009"));
    assert_eq!(found(&missing, false).0, ["Error RFC 8216 6.2.1"]);
}
