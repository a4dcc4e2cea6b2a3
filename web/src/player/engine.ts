// Shaka Player on one video element: loads, moves to another manifest at the same position, switches rungs and sound,
// and tells its state as one value.

import { signal, type Signal } from "@preact/signals";
import type shaka from "shaka-player";
import type { Playback } from "../api/types";
import type { Chapter } from "./chapters";
import { heights, languageName, sounds, texts, trackKey, variantFor, type Sound, type Text, type VariantTrack } from "./tracks";

/** Seconds of film kept ahead. */
const BUFFER_AHEAD_S = 30;
/** Seconds that stay in the buffer when a rung is chosen by hand, so that the switch shows soon and does not stutter. */
const SWITCH_MARGIN_S = 1;
/** Before trying again what the network refused. */
const NETWORK_RETRY_S = 3;
/** Rate assumed until the first segments are measured. */
const FIRST_ESTIMATE_BPS = 2_500_000;
/** Codecs that a browser may know, the one that shows most for its bits first. */
const CODECS = ["av01", "hvc1", "avc1"];

export interface PlayerState {
  /** `loading` until the first picture can be shown. */
  phase: "loading" | "running" | "ended" | "failed";
  playing: boolean;
  /** Stands still because there is nothing to show yet. */
  stalled: boolean;
  position_s: number;
  /** End of what can be seen now: the whole film, or what is encoded of it. */
  available_s: number;
  buffered_s: number;
  volume: number;
  muted: boolean;
  heights: number[];
  /** Height of the rung that is being fetched. */
  height: number | null;
  /** The height chosen by hand; null: the player chooses. */
  chosen: number | null;
  sounds: Sound[];
  texts: Text[];
  chapters: Chapter[];
  /** More of the film is still to come. */
  growing: boolean;
  /** The network is away and is being tried again. */
  offline: boolean;
  failure: string | null;
}

const INITIAL: PlayerState = {
  phase: "loading",
  playing: false,
  stalled: true,
  position_s: 0,
  available_s: 0,
  buffered_s: 0,
  volume: 1,
  muted: false,
  heights: [],
  height: null,
  chosen: null,
  sounds: [],
  texts: [],
  chapters: [],
  growing: false,
  offline: false,
  failure: null,
};

const MEDIA_EVENTS = [
  "timeupdate", "play", "pause", "playing", "waiting", "seeking", "seeked", "progress", "volumechange", "resize",
  "ended", "durationchange", "loadeddata",
];
const PLAYER_EVENTS = ["buffering", "adaptation", "variantchanged", "trackschanged", "loaded", "manifestupdated", "audiotrackschanged", "textchanged"];

/** What is loaded, and how it is protected. */
export type Film = Pick<Playback, "hls" | "dash" | "protection">;

export class Engine {
  readonly state: Signal<PlayerState> = signal(INITIAL);
  private chosen: number | null = null;
  /** Key of the subtitles chosen by hand; null: none. */
  private text: string | null = null;
  /** Heights of the manifest. Shaka hides rungs for a while that made the device drop frames; the menu does not. */
  private heights: number[] = [];
  private chapters: Chapter[] = [];
  private offline = false;
  private failure: string | null = null;
  private loaded = false;
  private stopped = false;

  private constructor(
    private readonly library: typeof shaka,
    private readonly player: shaka.Player,
    private readonly video: HTMLVideoElement,
    private readonly onRefused: () => void,
  ) {}

  /** Takes over `video`. `onRefused` is called when the edge does not accept the playback token (any more). */
  static async open(video: HTMLVideoElement, onRefused: () => void): Promise<Engine> {
    const library = (await import("shaka-player")).default;
    library.polyfill.installAll();
    if (!library.Player.isBrowserSupported()) throw new Error("This browser cannot play adaptive streams. Use a newer one.");
    const player = new library.Player();
    await player.attach(video);
    player.configure({
      // A growing playlist is played up to its last segment, not some way behind it as a broadcast is.
      manifest: { defaultPresentationDelay: 0.5, hls: { disableClosedCaptionsDetection: true } },
      streaming: { bufferingGoal: BUFFER_AHEAD_S, bufferBehind: BUFFER_AHEAD_S, failureCallback: (_error: shaka.util.Error) => undefined },
      abr: { defaultBandwidthEstimate: FIRST_ESTIMATE_BPS },
      // The better codec first, as far as the browser knows it.
      preferredVideo: CODECS.map((codec) => ({ codec, role: "", language: "", label: "", hdrLevel: "", layout: "" })),
    });
    const engine = new Engine(library, player, video, onRefused);
    for (const name of MEDIA_EVENTS) video.addEventListener(name, engine.read);
    for (const name of PLAYER_EVENTS) player.addEventListener(name, engine.read);
    player.addEventListener("trackschanged", () => engine.keepChoice());
    player.addEventListener("error", (event) => engine.onError((event as unknown as { detail: shaka.util.Error }).detail));
    return engine;
  }

  /** Loads `film` from `start_s` and plays, if the browser lets it. */
  async load(film: Film, start_s: number): Promise<void> {
    this.failure = null;
    this.state.value = { ...this.state.value, position_s: start_s };
    await this.loadAt(this.license(film), start_s, true);
  }

  /** Goes over to another manifest of the same film, at the position that is shown. */
  async moveTo(film: Film): Promise<void> {
    const manifest = this.license(film);
    const preload = await this.player.preload(manifest, this.video.currentTime).catch(() => null);
    if (!this.stopped) await this.loadAt(preload ?? manifest, this.video.currentTime, !this.video.paused);
  }

  async play(): Promise<void> {
    if (this.video.ended) this.video.currentTime = 0;
    // Refused where a page may not start sound by itself: then the play button is there.
    await this.video.play().catch(() => undefined);
    this.read();
  }

  pause(): void {
    this.video.pause();
  }

  toggle(): void {
    if (this.video.paused || this.video.ended) void this.play();
    else this.pause();
  }

  /** Goes to `position_s`, at most to the end of what is there. */
  seek(position_s: number): void {
    this.video.currentTime = Math.min(Math.max(0, position_s), Math.max(0, this.end() - 0.1));
    this.read();
  }

  setVolume(volume: number): void {
    this.video.volume = Math.min(1, Math.max(0, volume));
    this.video.muted = this.video.volume === 0;
  }

  setMuted(muted: boolean): void {
    this.video.muted = muted;
    if (!muted && this.video.volume === 0) this.video.volume = 0.5;
  }

  /** Stays on the rung of this height; null lets the player choose again. */
  choose(height: number | null): void {
    this.chosen = height;
    this.player.configure({ abr: { enabled: height === null } });
    if (height !== null) this.switchTo(height);
    this.read();
  }

  private switchTo(height: number): void {
    const variants = this.variants();
    const track = variantFor(variants, height);
    if (!track || (track.active && this.video.videoHeight === track.height)) return;
    // What is fetched may be this rung already while the buffer is full of another one. Shaka empties the buffer only
    // for a change of rung, so there is one.
    const other = track.active ? variants.find((variant) => variant.height !== track.height) : null;
    if (other) this.player.selectVariantTrack(other.track, false);
    this.player.selectVariantTrack(track.track, true, SWITCH_MARGIN_S);
  }

  /** Goes to the chosen rung once it is there again. */
  private keepChoice(): void {
    if (this.chosen === null) return;
    const track = variantFor(this.variants(), this.chosen);
    if (track?.height === this.chosen && !track.active) this.switchTo(this.chosen);
  }

  chooseSound(key: string): void {
    // Of stereo and 5.1 the one that is heard now, else stereo.
    const tracks = this.player.getAudioTracks();
    const channels = (track?: { channelsCount: number | null }) => track?.channelsCount ?? 2;
    const heard = channels(tracks.find((candidate) => candidate.active));
    const [track] = tracks
      .filter((candidate) => trackKey(candidate) === key)
      .sort((a, b) => Math.abs(channels(a) - heard) - Math.abs(channels(b) - heard));
    if (track) this.player.selectAudioTrack(track, SWITCH_MARGIN_S);
    this.read();
  }

  /** Shows the subtitles of that key; null shows none. */
  chooseText(key: string | null): void {
    this.text = key;
    this.player.selectTextTrack(this.player.getTextTracks().find((track) => trackKey(track) === key) ?? null);
    this.read();
  }

  /** Ends playback with a reason. */
  fail(reason: string): void {
    this.failure = reason;
    this.video.pause();
    this.read();
  }

  async close(): Promise<void> {
    this.stopped = true;
    for (const name of MEDIA_EVENTS) this.video.removeEventListener(name, this.read);
    await this.player.destroy();
  }

  /** Says where licences are asked for. Answers the manifest to load: in HLS, Shaka knows Clear Key by the keys' addresses alone. */
  private license({ hls, dash, protection }: Film): string {
    const servers: Record<string, string> = {};
    for (const { key_system, licence_url } of protection?.systems ?? []) if (licence_url) servers[key_system] = licence_url;
    const byKey = dash ? null : protection?.hls_by_key;
    this.player.configure({ drm: { servers: byKey ? {} : servers } });
    return byKey ?? (protection && dash) ?? hls;
  }

  private async loadAt(source: string | shaka.media.PreloadManager, start_s: number, play: boolean): Promise<void> {
    this.loaded = false;
    this.heights = [];
    this.read();
    try {
      await this.player.load(source, start_s);
      // Shaka places subtitles by segments of the picture that come after some were chosen (its pull request 9676). All may be here
      // by the time somebody wants any: so some are chosen at once, and given up below if they are not wanted.
      this.player.selectTextTrack(this.player.getTextTracks()[0] ?? null);
      if (play) void this.play();
      await arrival(this.video);
      this.loaded = true;
      if (this.chosen !== null) this.choose(this.chosen);
      this.chooseText(this.text);
      void this.readChapters();
    } catch (error) {
      if (!this.stopped) this.onError(error as shaka.util.Error);
    }
    this.read();
  }

  /** A film whose chapters do not come is a film all the same. */
  private async readChapters(): Promise<void> {
    const [track] = this.player.getChaptersTracks();
    const found = track ? await this.player.getChaptersAsync(track.language).catch(() => []) : [];
    this.chapters = found.map(({ title, startTime, endTime }) => ({ title, start_s: startTime, end_s: endTime }));
    this.read();
  }

  private onError(error: shaka.util.Error): void {
    const { Category, Code } = this.library.util.Error;
    // Another load took over: what the old one says is of no interest.
    if (this.stopped || error.code === Code.LOAD_INTERRUPTED || error.code === Code.OPERATION_ABORTED) return;
    const status = error.code === Code.BAD_HTTP_STATUS ? Number(error.data?.[1]) : 0;
    if (status === 401 || status === 403 || status === 410) {
      this.onRefused();
    } else if (error.category === Category.NETWORK && this.loaded) {
      this.offline = true;
      this.player.retryStreaming(NETWORK_RETRY_S);
    } else if (error.severity === this.library.util.Error.Severity.CRITICAL || !this.loaded) {
      const unplayable = error.code === Code.CONTENT_UNSUPPORTED_BY_BROWSER || error.category === Category.MEDIA;
      this.failure = `${unplayable ? UNPLAYABLE : describe(error, Category)} (${error.code})`;
    }
    this.read();
  }

  private variants(): (VariantTrack & { track: shaka.extern.Track })[] {
    return this.player.getVariantTracks().map((track) => ({
      id: track.id,
      active: track.active,
      height: track.height,
      bandwidth: track.bandwidth,
      language: track.language,
      audioLabel: track.label,
      channels: track.channelsCount,
      track,
    }));
  }

  private end(): number {
    const fixed = !this.player.isDynamic() && Number.isFinite(this.video.duration);
    // What is buffered is there, even if the playlist that was read last knows less.
    return fixed ? this.video.duration : Math.max(this.player.seekRange().end, bufferedFrom(this.video));
  }

  private readonly read = (): void => {
    if (this.stopped) return;
    const { video, player } = this;
    const before = this.state.value;
    const variants = this.loaded ? this.variants() : [];
    this.heights = heights(variants, this.heights);
    const hasPicture = this.loaded && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    // While a manifest is being loaded the element says nothing of the film: what was before holds.
    const playing = this.loaded ? !video.paused && !video.ended : before.playing;
    const ended = this.loaded && video.ended;
    const stalled = !this.loaded || video.seeking || (playing && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA);
    if (playing && !stalled) this.offline = false;
    this.state.value = {
      phase: this.failure ? "failed" : ended ? "ended" : hasPicture || before.phase === "running" ? "running" : "loading",
      playing,
      stalled,
      position_s: this.loaded ? video.currentTime : before.position_s,
      available_s: this.loaded ? this.end() : before.available_s,
      buffered_s: bufferedFrom(video),
      volume: video.volume,
      muted: video.muted,
      heights: this.heights,
      height: variants.find((track) => track.active)?.height ?? null,
      chosen: this.chosen,
      sounds: this.loaded ? sounds(player.getAudioTracks(), languageName) : [],
      texts: this.loaded ? texts(player.getTextTracks(), languageName) : [],
      chapters: this.chapters,
      growing: this.loaded && player.isDynamic(),
      offline: this.offline,
      failure: this.failure,
    };
  };
}

/** Shaka goes to the start position only once the element knows its metadata: this waits for the picture there. */
function arrival(video: HTMLVideoElement): Promise<void> {
  const names = ["loadeddata", "seeked", "canplay"];
  return new Promise((resolve) => {
    const look = () => {
      if (video.seeking || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
      for (const name of names) video.removeEventListener(name, look);
      resolve();
    };
    for (const name of names) video.addEventListener(name, look);
    look();
  });
}

/** End of the buffered stretch that holds the position. */
function bufferedFrom(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let index = 0; index < buffered.length; index++) {
    if (buffered.start(index) <= currentTime + 0.5 && buffered.end(index) >= currentTime) return buffered.end(index);
  }
  return currentTime;
}

const UNPLAYABLE = "This browser cannot decode the film. Try another quality or another browser";

function describe(error: shaka.util.Error, category: typeof shaka.util.Error.Category): string {
  switch (error.category) {
    case category.NETWORK:
      return "The film cannot be fetched. Check the connection, then try again";
    case category.MANIFEST:
      return "The film's playlist cannot be read. Try again; if that does not help, tell whoever runs this library";
    default:
      return "The film stopped unexpectedly. Try again";
  }
}
