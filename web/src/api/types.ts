// Shapes of what the API answers. Units are last in the names; times are RFC 3339 text.

export type Status =
  | "created"
  | "uploading"
  | "uploaded"
  | "inspecting"
  | "encoding"
  | "publishing"
  | "ready"
  | "failed";

export interface Reason {
  code: string;
  message: string;
}

export interface Video {
  id: string;
  title: string;
  status: Status;
  playable: boolean;
  /** 0 to 1. */
  progress: number;
  /** How long it will take until it is ready, where that can be told. */
  ready_in_ms: number | null;
  duration_ms: number | null;
  /** Address of the picture that stands for it. */
  poster: string | null;
  posters?: PosterOffer[];
  failure: Reason | null;
  change: Change | null;
  notes?: Reason[];
  created_at: string;
  ready_at: string | null;
  owner_id: string;
  chapters?: VideoChapter[];
  /** How what is made of it is protected; null: it is in the clear. */
  protection?: { scheme: string } | null;
}

/** A chapter as its film names it. */
export interface VideoChapter {
  start_ms: number;
  end_ms: number;
  title: string;
  /** What viewers may want to pass over. */
  role?: "intro" | "credits";
}

/** What is about to take the place of what a video shows. */
export interface Change {
  status: Status;
  /** 0 to 1. */
  progress: number;
  ready_in_ms: number | null;
  failure: Reason | null;
}

/** What a video's source is to be encoded to. */
export interface Order {
  recipe?: string;
  ladder?: "auto" | "fixed";
  protection?: { scheme: "none" | "cbcs" | "cenc" };
}

/** A file of subtitles that came beside a film. */
export interface Subtitle {
  id: string;
  language: string;
  /** What menus call it. */
  name: string;
  forced: boolean;
  hearing_impaired: boolean;
  format: string;
  cues: number;
  notes: Reason[];
  /** Whether viewers have it. */
  shown: boolean;
}

/** What is said of a file of subtitles that is sent. */
export interface NewSubtitle {
  language: string;
  forced: boolean;
  hearing_impaired: boolean;
}

/** A picture that may stand for a video; its time is its name. */
export interface PosterOffer {
  time_ms: number;
  url: string;
  chosen: boolean;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Profile {
  id: string;
  name: string;
  default: boolean;
}

export type Role = "viewer" | "editor" | "publisher" | "operator" | "admin";

export interface Me {
  id: string;
  email: string;
  name: string;
  role: Role;
  profiles: Profile[];
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
}

export interface Playback {
  hls: string;
  dash?: string | null;
  /** Address of the index of preview pictures. */
  thumbnails: string | null;
  /** How it is protected; null: it is in the clear. */
  protection?: { scheme: string; systems: KeySystem[]; hls_by_key: string | null } | null;
  expires_at: string;
  resume_ms: number | null;
  /** While this is not `ready`, the title still grows. */
  status: Status;
}

/** A key system of Encrypted Media Extensions, and where its licences are asked for. */
export interface KeySystem {
  key_system: string;
  licence_url: string | null;
}

export interface Recommendation {
  id: string;
  title: string;
  duration_ms: number | null;
  poster: string | null;
  reason: Reason;
}

export interface Job {
  id: string;
  kind: string;
  state: string;
}

export type WatchKind = "start" | "progress" | "finish" | "stop";

export interface WatchEvent {
  id: string;
  video_id: string;
  kind: WatchKind;
  position_ms: number;
  happened_at: string;
}
