// How fast an upload goes, smoothed over some seconds.

/** Time over which the rate is averaged. */
const WINDOW_MS = 8000;
/** Before this much is seen no rate is told. */
const MINIMUM_MS = 1500;

export class Speed {
  private samples: { ms: number; bytes: number }[] = [];

  /** Adds what was sent by now; answers bytes per second, or null while that would be a guess. */
  at(ms: number, bytes: number): number | null {
    const last = this.samples[this.samples.length - 1];
    // A transfer that went back (it was resumed) starts a new measurement.
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ ms, bytes });
    while (this.samples.length > 2 && ms - (this.samples[1]?.ms ?? ms) >= WINDOW_MS) this.samples.shift();
    const first = this.samples[0];
    if (!first || ms - first.ms < MINIMUM_MS) return null;
    const rate = ((bytes - first.bytes) / (ms - first.ms)) * 1000;
    return rate > 0 ? rate : null;
  }
}
