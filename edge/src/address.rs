//! What a request path names: `/{token}/media/{video}/{encode}/…`, `/{token}/live/{video}/{encode}/…` or
//! `/{token}/keys/{video}/{encode}/{key}`.
//!
//! The path is read as it was sent. No name of ours needs an escape, so there is nothing to decode, nothing to normalise, and
//! no second way to write a name.

use marquee_core::object::{Key, THUMBS};

/// Where the bytes of a name come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The object store: immutable.
    Media,
    /// The API, which renders playlists that still grow.
    Live,
    /// The API, which knows the content key of that id.
    Keys,
}

/// A well-formed path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// The first segment, not yet verified.
    pub(crate) token: &'a str,
    /// `{video}/{encode}`: what the token must grant.
    pub(crate) scope: &'a str,
    /// `{video}/{encode}/thumbs` of the title's pictures: what a token must grant that opens nothing else.
    pub(crate) thumbs_scope: Option<&'a str>,
    /// Where it is.
    pub(crate) place: Place,
    /// The path without the token: the name of the object and of its place in the cache.
    pub(crate) key: Key,
}

impl<'a> Address<'a> {
    /// Reads a request path. `None` for whatever is not exactly of the form above.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let (token, name) = path.strip_prefix('/')?.split_once('/')?;
        let key = Key::parse(name).ok().filter(|_| !token.is_empty())?;
        let mut segments = name.splitn(4, '/');
        let (root, video, encode, rest) = (segments.next()?, segments.next()?, segments.next()?, segments.next()?);
        let place = match root {
            "media" => Place::Media,
            "live" => Place::Live,
            "keys" => Place::Keys,
            _ => return None,
        };
        let start = root.len() + 1;
        let end = start + video.len() + 1 + encode.len();
        let is_thumb = place == Place::Media && rest.split_once('/').is_some_and(|(folder, _)| folder == THUMBS);
        let thumbs_scope = is_thumb.then(|| &name[start..end + 1 + THUMBS.len()]);
        Some(Self { token, scope: &name[start..end], thumbs_scope, place, key })
    }
}

/// A path as it may be written to a log: nothing of what stands before the name, where a token may be, and no content key's id.
pub(crate) fn loggable(path: &str) -> &str {
    let start = ["/media/", "/live/"].into_iter().filter_map(|root| path.find(root)).min();
    start.map_or("", |start| &path[start + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_path_falls_into_its_parts() {
        let address = Address::parse("/k.1.mac/media/vid_1/enc_2/v/540p/000001.m4s").expect("good");
        assert_eq!((address.token, address.scope, address.place), ("k.1.mac", "vid_1/enc_2", Place::Media));
        assert_eq!(address.key.as_str(), "media/vid_1/enc_2/v/540p/000001.m4s");
        assert_eq!(Address::parse("/t/keys/v/e/00112233").map(|address| address.place), Some(Place::Keys));
        assert_eq!(Address::parse("/t/live/v/e/master.m3u8").map(|address| address.place), Some(Place::Live));
    }

    #[test]
    fn only_pictures_have_a_scope_of_their_own() {
        let scopes = |path| Address::parse(path).map(|address| (address.scope, address.thumbs_scope)).expect("good");
        assert_eq!(scopes("/t/media/v/e/thumbs/poster-5.jpg"), ("v/e", Some("v/e/thumbs")));
        assert_eq!(scopes("/t/media/v/thumbs/thumbs/x"), ("v/thumbs", Some("v/thumbs/thumbs")));
        for path in ["/t/media/v/e/thumbs", "/t/media/v/e/thumbsx/y", "/t/media/v/e/v/thumbs/x", "/t/live/v/e/thumbs/index.vtt"] {
            assert_eq!(scopes(path), ("v/e", None), "{path}");
        }
    }

    #[test]
    fn there_is_no_second_way_to_write_a_name() {
        for path in [
            "",
            "/",
            "media/v/e/x",
            "//media/v/e/x",
            "/t/media/v/e",
            "/t/media/v/e/",
            "/t/media/v//x",
            "/t//media/v/e/x",
            "/t/media/v/e/../f/x",
            "/t/media/v/e/./x",
            "/t/media/v/e/%2e%2e/x",
            "/t/media/v%2fe/x/y",
            "/t/media/v/e/%252e/x",
            "/t/media/v/e/x\\y",
            "/t/media/v/e/x;y",
            "/t/sources/v/e/x",
            "/t/MEDIA/v/e/x",
            "/media/v/e/x",
        ] {
            assert_eq!(Address::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_log_line_has_nothing_from_before_the_name() {
        for path in ["/secret/media/v/e/x", "//secret/media/v/e/x", "/a/secret/media/v/e/x", "http:/secret/media/v/e/x"] {
            assert_eq!(loggable(path), "media/v/e/x", "{path}");
        }
        assert_eq!(loggable("/secret/live/v/e/media/x"), "live/v/e/media/x");
        for path in ["/secret", "/secret/keys/v/e/x", "/secret/other/v/e/x", "", "*", "/media", "/secret/media"] {
            assert_eq!(loggable(path), "", "{path}");
        }
    }
}
