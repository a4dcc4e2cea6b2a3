//! Rules about all variants and renditions together, in multivariant playlists whose media playlists are not read.

use super::*;

const MASTER: &str = "master.m3u8";

#[test]
fn fairplay_protects_the_outputs_of_high_definition() {
    let breaks = |rule: &str, resolution: &str, level: &str, format: &str| {
        let text = format!(
            "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"{format}\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION={resolution}{level}\nv/a/playlist.m3u8\n"
        );
        let mut report = Report::default();
        master::read(&mut report, MASTER, text.as_bytes());
        rules(&report.verdict(false)).iter().any(|found| found == rule)
    };
    let warned = |resolution: &str, level: &str, format: &str| breaks("Warning HLS-AUTH 13.5", resolution, level, format);
    let fairplay = "com.apple.streamingkeydelivery";
    let strict = |resolution: &str, level: &str| breaks("Warning HLS-AUTH 13.6", resolution, level, fairplay);
    assert!(strict("3840x2160", "") && strict("3840x2160", ",HDCP-LEVEL=TYPE-0") && !strict("3840x2160", ",HDCP-LEVEL=TYPE-1"));
    assert!(!strict("1920x1080", ",HDCP-LEVEL=TYPE-0"));
    assert!(warned("1280x720", "", fairplay));
    assert!(!warned("1280x720", ",HDCP-LEVEL=TYPE-0", fairplay));
    assert!(!warned("1024x576", "", fairplay) && !warned("1280x720", "", "org.w3.clearkey"));
}

/// The findings in a multivariant playlist of these lines, whose playlists are not read.
fn found_in(lines: &str) -> Vec<String> {
    let mut report = Report::default();
    master::read(&mut report, MASTER, format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n{lines}").as_bytes());
    rules(&report.verdict(false))
}

/// Variants by codec, average rate, width, height, rate of frames and range.
fn variants(all: &[(&str, u64, u32, u32, u32, &str)]) -> String {
    let variant = |(place, (codec, bps, width, height, rate, range)): (usize, &(&str, u64, u32, u32, u32, &str))| {
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={bps},AVERAGE-BANDWIDTH={bps},CODECS=\"{codec}\",RESOLUTION={width}x{height},\
             FRAME-RATE={rate}.000,VIDEO-RANGE={range}\nv/{place}/playlist.m3u8\n"
        )
    };
    all.iter().enumerate().map(variant).collect()
}

#[test]
fn ladders_serve_every_device_on_every_line() {
    let (avc, hevc) = ("avc1.640028", "hvc1.1.6.L120.90");
    let low = [(avc, 2_000_000, 960, 540, 25, "SDR"), (avc, 150_000, 416, 234, 25, "SDR")];
    let found = |more: &[(&str, u64, u32, u32, u32, &str)]| {
        let rules = found_in(&variants(&[&low, more].concat()));
        rules.into_iter().filter(|rule| rule != "Error HLS-AUTH 6.1").collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), Vec::<String>::new());
    let top = [(avc, 5_000_000, 1920, 1080, 25, "SDR"), (avc, 7_000_000, 1920, 1080, 25, "SDR")];
    assert_eq!(found(&top), Vec::<String>::new());
    assert_eq!(found(&top[..1]), ["Warning HLS-AUTH 9.10"]);
    let both = [(hevc, 200_000, 640, 360, 25, "SDR"), (hevc, 3_000_000, 1920, 1080, 25, "SDR")];
    assert_eq!(found(&[&top[..], &both].concat()), Vec::<String>::new());
    assert_eq!(found(&[&top[..], &both[..1]].concat()), ["Warning HLS-AUTH 1.23"], "no large pictures");
    assert_eq!(found(&[&top[..], &both[1..]].concat()), ["Warning HLS-AUTH 1.23"], "no low rate");
    let uhd = [(avc, 16_000_000, 3840, 2160, 25, "SDR"), (avc, 20_000_000, 3840, 2160, 25, "SDR")];
    assert_eq!(found(&uhd), ["Warning HLS-AUTH 1.34"]);
    assert_eq!(found(&[uhd[0], (avc, 14_000_000, 3840, 2160, 25, "SDR")]), Vec::<String>::new());
    let hdr = |rate| [(avc, 1_000_000, 960, 540, rate, "PQ")];
    assert_eq!(found(&hdr(50)), ["Warning HLS-AUTH 1.20"]);
    assert_eq!(found(&hdr(25)), Vec::<String>::new());
}

#[test]
fn captions_are_those_that_pictures_can_carry() {
    let found = |ids: &[&str]| {
        let media = "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",LANGUAGE=\"en\"";
        let line = |(place, id): (usize, &&str)| format!("{media},NAME=\"{place}\",INSTREAM-ID=\"{id}\"\n");
        let lines: String = ids.iter().enumerate().map(line).collect();
        found_in(&lines).contains(&"Error RFC 8216 4.3.4.1".to_owned())
    };
    assert!(!found(&["CC1", "CC4", "SERVICE1", "SERVICE63"]));
    for wrong in ["CC0", "CC5", "SERVICE0", "SERVICE64", "SERVICE01", "T1", "SERVICE"] {
        assert!(found(&[wrong]), "{wrong}");
    }
    assert!(found(&["CC1", "CC1"]), "one channel is offered twice");
}

#[test]
fn groups_of_one_kind_have_the_same_renditions() {
    let found = |more: &str| {
        let media = "#EXT-X-MEDIA:TYPE=AUDIO,LANGUAGE=\"en\",NAME=\"English\",CHANNELS=\"2\",AUTOSELECT=YES,GROUP-ID=";
        let lines = format!("{media}\"a\",DEFAULT=YES,URI=\"a/1.m3u8\"\n{media}\"b\",URI=\"b/1.m3u8\"{more}\n");
        found_in(&lines).contains(&"Error RFC 8216 4.3.4.1.1".to_owned())
    };
    assert!(!found(",DEFAULT=YES"));
    assert!(found(""), "one is the default, and the other is not");
    assert!(found(",DEFAULT=YES,CHARACTERISTICS=\"public.accessibility.describes-video\""), "one describes pictures");
}
