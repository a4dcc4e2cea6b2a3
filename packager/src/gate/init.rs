//! Rules about a stored initialization segment.

use super::{Finding, Report};
use crate::{
    cmaf::read::{self, Entry},
    model::{Media, Rendition},
};

/// Checks the bytes of a track's `init.mp4` against what the ledger says of it.
#[must_use]
pub fn check_init(rendition: &Rendition, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    let id = &rendition.id;
    let init = match read::init(bytes) {
        Ok(init) => init,
        Err(error) => {
            report.must(false, "CMAF 7.3.1", || format!("{id} init: {}", error.detail()));
            return report.0;
        }
    };
    for (brand, rule) in [(b"iso6", "RFC 8216 3.3"), (b"cmfc", "CMAF 7.2")] {
        let missing = || format!("{id} init lacks the brand {}", brand.escape_ascii());
        report.must(init.brands.contains(brand), rule, missing);
    }
    let codec = init.codec.to_string();
    report.must(codec == rendition.codec, "RFC 8216 6.2.4", || format!("{id} is {codec}, listed as {}", rendition.codec));
    report.must(init.timescale == rendition.timescale, "CMAF 7.5.5", || {
        format!("{id} counts {} ticks a second, not {}", init.timescale, rendition.timescale)
    });
    let matches = match (&rendition.media, init.media) {
        (Media::Video { width, height, .. }, Entry::Video { width: w, height: h }) => (*width, *height) == (w.into(), h.into()),
        (Media::Audio { channels, sample_rate_hz, .. }, Entry::Audio { channels: c, sample_rate_hz: rate }) => {
            (*channels, *sample_rate_hz) == (c, rate)
        }
        _ => false,
    };
    report.must(matches, "HLS-AUTH 9.2", || format!("{id} is {:?}, listed as {:?}", init.media, rendition.media));
    let edited = init.edits <= 1 && init.edit_ticks == u64::from(rendition.edit_ticks);
    report.must(edited, "CMAF 7.5.13", || {
        format!("{id} has {} edits to {}, listed with {}", init.edits, init.edit_ticks, rendition.edit_ticks)
    });
    report.0
}
