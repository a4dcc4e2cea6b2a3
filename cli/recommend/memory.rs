//! How much memory this process holds, as Linux tells.

use marquee_recommender::evaluate::Meter;

/// The process's own files under `/proc`; nothing is told elsewhere.
pub(super) struct Memory;

impl Meter for Memory {
    fn reset(&self) {
        // Old kernels refuse; the most is then that of the whole run.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }

    fn peak_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        peak.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    }
}
