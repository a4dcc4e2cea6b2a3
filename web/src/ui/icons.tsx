// Line drawings on a 24 by 24 grid. They are decoration: the control around one carries the name.

const PATHS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M8 5v14M16 5v14",
  replay: "M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.5 4v4.5H9",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  expand: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  shrink: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  quality: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  speech: "M4 5h16v11h-8l-4.5 3.5V16H4zM8 9.5h8M8 12.5h5",
  text: "M3.5 5.5h17v13h-17zM7 11.5h6M15.5 11.5h1.5M7 15h2.5M12 15h5",
  back: "M19 12H5M11 5.5L4.5 12l6.5 6.5",
  upload: "M12 16V4.5M6.5 9.5L12 4l5.5 5.5M4 16.5V20h16v-3.5",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4",
  check: "M5 12.5l4.5 4.5L19.5 7",
  alert: "M12 4L2.8 19.5h18.4zM12 10v4.5M12 17v.4",
  close: "M6 6l12 12M18 6L6 18",
  more: "M6 9.5l6 6 6-6",
  like: "M7 11v9H3.5v-9zM7 11l4-7.5c1.6 0 2.5 1 2.5 2.5v3.5h5.2a1.6 1.6 0 0 1 1.6 1.9l-1.3 7.2a1.7 1.7 0 0 1-1.7 1.4H7",
  dislike: "M7 13V4H3.5v9zM7 13l4 7.5c1.6 0 2.5-1 2.5-2.5v-3.5h5.2a1.6 1.6 0 0 0 1.6-1.9l-1.3-7.2A1.7 1.7 0 0 0 17.3 4H7",
  plus: "M12 5v14M5 12h14",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20.5 20.5",
  person: "M12 4a3.8 3.8 0 1 0 0 7.6A3.8 3.8 0 0 0 12 4zM4.5 20c.6-3.6 3.6-5.5 7.5-5.5s6.9 1.9 7.5 5.5",
  info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.5v.4",
} as const;

/** Drawn filled rather than as lines. */
const SOLID = new Set<string>(["play"]);

export type IconName = keyof typeof PATHS;

export function Icon({ name, large }: { name: IconName; large?: boolean }) {
  const size = large ? "2.25rem" : "1.375rem";
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill={SOLID.has(name) ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
