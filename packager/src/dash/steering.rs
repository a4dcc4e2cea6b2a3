//! Content steering in DASH (ETSI TS 103 998): the element of it that `dash-mpd-core` has no place for, and what this needs beside it.
//!
//! It stands in the MPD itself, not in its service description: there every player looks for it. Addresses stay relative, as the path to a
//! title has the viewer's token in it: the one base address is the manifest's own folder, under the name that the server of steering has
//! for this way, and a clone of it is another host with the same path. dash.js goes there. Shaka Player asks, and stays where it is: it
//! clones addresses that are whole alone.

use dash_mpd_core::BaseURL;
use marquee_core::presentation::Steering;
use serde::{Deserialize, Serialize};

/// The folder that the manifest is in.
const HERE: &str = "./";

/// Who tells players which service location they are to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContentSteering {
    /// The names of those to begin with, the first one first, with a space between them.
    #[serde(rename = "@defaultServiceLocation")]
    pub(crate) default_service_location: Option<String>,
    /// Whether nothing is to be fetched before the server has answered.
    #[serde(rename = "@queryBeforeStart", default)]
    pub(crate) query_before_start: bool,
    /// The server's address.
    #[serde(rename = "$text", default)]
    pub(crate) server_url: String,
}

impl ContentSteering {
    /// What a title that is steered says. As in HLS, players begin where they are, and ask meanwhile (8216bis section 4.4.6.6): a server that
    /// does not answer delays nobody.
    pub(crate) fn of(by: &Steering) -> Self {
        Self {
            default_service_location: Some(by.pathway.clone()),
            query_before_start: false,
            server_url: by.url.as_str().to_owned(),
        }
    }
}

/// The one base address of a title that is steered, by the name that its server has for it.
pub(crate) fn base_url(by: &Steering) -> BaseURL {
    BaseURL { serviceLocation: Some(by.pathway.clone()), base: HERE.to_owned(), ..BaseURL::default() }
}

/// `manifest` with the element, between the addresses and the period.
pub(super) fn written(manifest: &str, by: &Steering) -> String {
    let element = quick_xml::se::to_string(&ContentSteering::of(by)).unwrap_or_default();
    // What stands before the period is escaped: nothing there can look like it.
    manifest.replacen("<Period", &format!("{element}<Period"), 1)
}

/// The elements of a manifest's text; none of one that cannot be read.
pub(crate) fn read(manifest: &str) -> Vec<ContentSteering> {
    #[derive(Deserialize)]
    struct Manifest {
        #[serde(rename = "ContentSteering", default)]
        steering: Vec<ContentSteering>,
    }
    quick_xml::de::from_str::<Manifest>(manifest).map_or(Vec::new(), |manifest| manifest.steering)
}
