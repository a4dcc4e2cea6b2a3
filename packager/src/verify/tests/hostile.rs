//! Packages that mean harm.

use super::*;
use marquee_core::{Random, SeededRandom};

#[test]
fn addresses_outside_the_package_are_not_followed() {
    for address in
        ["../../../etc/passwd", "/etc/passwd", "https://example.org/x.m3u8", "file:///etc/passwd", "%2e%2e/%2e%2e/%2e%2e/x"]
    {
        let text = text_of(&good()["master.m3u8"]).replace("v/234p/playlist.m3u8", address);
        let mut package = good();
        package.insert("master.m3u8".to_owned(), text.into());
        assert_eq!(found(&package, false).0, ["Error RFC 8216 10", "Warning HLS-AUTH 9.9"], "{address}");
        let text = text_of(&good()["v/540p/playlist.m3u8"]).replace("000002.m4s", address);
        let mut package = good();
        package.insert("v/540p/playlist.m3u8".to_owned(), text.into());
        assert_eq!(found(&package, false).0[0], "Error RFC 8216 10", "{address}");
    }
}

#[test]
fn a_playlist_that_names_itself_ends() {
    let text = text_of(&good()["master.m3u8"]);
    let mut package = good();
    package.insert("v/540p/playlist.m3u8".to_owned(), text.into());
    package.insert("v/234p/playlist.m3u8".to_owned(), package["v/234p/iframes.m3u8"].clone());
    let rules = found(&package, false).0;
    assert!(rules.contains(&"Error RFC 8216 4.1".to_owned()) && rules.contains(&"Error HLS-AUTH 6.8".to_owned()), "{rules:?}");
    let text = text_of(&good()["master.m3u8"]).replace("v/234p/playlist.m3u8", "master.m3u8");
    let mut package = good();
    package.insert("master.m3u8".to_owned(), text.into());
    assert!(found(&package, false).0.contains(&"Error RFC 8216 4.1".to_owned()));
}

#[test]
fn endless_lists_are_not_read_to_the_end() {
    let table = [
        ("v/540p/playlist.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n", "#EXTINF:6,\nx.m4s\n"),
        ("master.m3u8", "#EXTM3U\n", "#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n"),
    ];
    for (path, head, entry) in table {
        let mut package = good();
        package.insert(path.to_owned(), (head.to_owned() + &entry.repeat(60_000)).into());
        assert!(found(&package, false).0.contains(&"Error RFC 8216 10".to_owned()), "{path}");
    }
    let mut package = good();
    package.insert("v/540p/playlist.m3u8".to_owned(), Bytes::from(vec![b'#'; 17 << 20]));
    assert_eq!(found(&package, false).0, ["Error RFC 8216 10"]);
    let wide = format!("#EXTM3U\n#EXT-X-MEDIA:{}\n", "A=1,".repeat(100_000));
    package.insert("master.m3u8".to_owned(), wide.into());
    assert!(!judged(&package, false).is_good());
}

#[test]
fn any_bytes_are_judged() {
    let random = SeededRandom::new(5);
    let names: Vec<String> = good().into_keys().collect();
    for round in 0..200 {
        let mut noise = [0; 16];
        random.fill(&mut noise);
        let path = &names[usize::from(noise[0]) % names.len()];
        let mut package = good();
        let mut bytes = package[path].to_vec();
        // Mostly the heads, where sizes and counts are.
        let reach = if noise[1] % 4 == 0 { bytes.len() } else { bytes.len().min(700) };
        for change in noise[2..].chunks_exact(3) {
            let at = (usize::from(change[0]) << 8 | usize::from(change[1])) % reach.max(1);
            bytes[at] = if noise[1] % 2 == 0 { change[2] } else { 0xff };
        }
        package.insert(path.clone(), bytes.into());
        assert!(judged(&package, round % 2 == 0).playlists > 0);
    }
}

#[test]
fn text_of_hostile_files_is_shown_without_commands_to_terminals() {
    let text = text_of(&good()["master.m3u8"]).replace("TYPE=AUDIO", "TYPE=\u{1b}[2J");
    let mut package = good();
    package.insert("master.m3u8".to_owned(), text.into());
    assert!(!judged(&package, false).to_string().contains('\u{1b}'));
}
