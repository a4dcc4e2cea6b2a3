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
  facts: Facts;
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

/** What is known of a title. */
export interface Facts {
  genres: string[];
  people: string[];
  year: number | null;
  /** The language that it was made in, BCP 47. */
  language: string | null;
  /** From which age it is meant for; null: it was not rated. */
  maturity_age: number | null;
  /** Where it may be shown, ISO 3166-1 alpha-2; null: everywhere. */
  territories: string[] | null;
  description: string | null;
  available_from: string | null;
  available_until: string | null;
}

/** A chapter as an editor orders it. */
export interface NewChapter {
  start_ms: number;
  end_ms: number;
  title: string;
}

/** A chapter as its film or an editor names it. */
export interface VideoChapter extends NewChapter {
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
  chapters?: NewChapter[];
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
  /** Nothing above this age is recommended, and nothing that was not rated; null: there is no such rule. */
  maturity_age_max: number | null;
  /** Genres that are not recommended. */
  genres_hidden: string[];
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

/** What chose a title, as far as that is told: it goes back with what becomes of the choice. */
export interface Choice {
  model_id?: string | null;
  /** How likely the choice was. */
  propensity?: number | null;
  experiment?: string | null;
  variant?: string | null;
}

/** A row. What is said of the whole holds for each of its items that says nothing else. */
export interface Recommendations extends Choice {
  row: string;
  items: Recommendation[];
}

/** A row with what stands above it. */
export interface TitledRow extends Recommendations {
  title: string;
}

/** The rows of a home page, and what chose all of them. */
export interface Home extends Choice {
  rows: TitledRow[];
}

export interface Recommendation extends Choice {
  id: string;
  title: string;
  duration_ms: number | null;
  poster: string | null;
  reason: Reason;
}

/** A title on a profile's list. */
export interface Listed {
  id: string;
  title: string;
  duration_ms: number | null;
  poster: string | null;
  listed_at: string;
}

/** What a profile thinks of a title. */
export interface Taste {
  /** 1: liked, -1: disliked. */
  liked: number;
  listed: boolean;
}

export interface Job {
  id: string;
  kind: string;
  state: string;
}

/** What a player reports. */
export type WatchKind = "start" | "progress" | "finish" | "stop" | "abandon";

/** What somebody says of a title. */
export type OpinionKind = "like" | "dislike" | "unlike" | "list" | "unlist";

interface Reported {
  id: string;
  video_id: string;
  happened_at: string;
}

export interface WatchEvent extends Reported {
  kind: WatchKind;
  position_ms: number;
}

export interface OpinionEvent extends Reported {
  kind: OpinionKind;
}

/** A recommendation was seen, or chosen. */
export interface ChoiceEvent extends Reported, Choice {
  kind: "impression" | "click";
  row: string;
  /** Where in the row, from 0. */
  place: number;
}

/** What a search found was chosen. */
export interface SearchEvent extends Reported {
  kind: "search_click";
}

export type TitleEvent = WatchEvent | OpinionEvent | ChoiceEvent | SearchEvent;
