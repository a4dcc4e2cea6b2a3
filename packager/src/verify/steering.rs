//! Content steering in HLS (8216bis sections 4.4.6.2, 4.4.6.6 and 7): pathways, and names by which players know a variant on each.

use super::{master::Master, report::Report};
use std::collections::BTreeMap;

/// The pathway of variants that name none.
pub(super) const PATHWAY: &str = ".";

pub(super) fn check(report: &mut Report, path: &str, master: &Master) {
    for stream in master.streams.iter().chain(&master.iframes) {
        let named = !stream.pathway.is_empty() && stream.pathway.bytes().all(|byte| is_named(byte, b".-_"));
        report.must(named, "8216bis 4.4.6.2", path, || format!("{} has the PATHWAY-ID {:?}", stream.name(), stream.pathway));
        stable(report, path, "STABLE-VARIANT-ID", stream.stable.as_deref());
    }
    if let Some(first) = &master.steered {
        let reached = master.streams.iter().any(|stream| stream.pathway == *first);
        report.must(reached, "8216bis 4.4.6.6", path, || format!("players begin on the pathway {first:?}, which has no variant"));
    }
    let mut known = BTreeMap::new();
    for stream in &master.streams {
        let Some(stable) = &stream.stable else { continue };
        let ours = (&stream.path, stream.bandwidth_bps);
        let first = *known.entry((&stream.pathway, stable)).or_insert(ours);
        report.must(first == ours, "8216bis 4.4.6.2", path, || format!("{} has the STABLE-VARIANT-ID of another", stream.name()));
    }
}

/// A name that stays has letters, digits and some marks alone.
pub(super) fn stable(report: &mut Report, path: &str, attribute: &str, id: Option<&str>) {
    let good = id.is_none_or(|id| !id.is_empty() && id.bytes().all(|byte| is_named(byte, b"+/=.-_")));
    report.must(good, "8216bis 4.4.6.2", path, || format!("has the {attribute} {:?}", id.unwrap_or_default()));
}

fn is_named(byte: u8, marks: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || marks.contains(&byte)
}
