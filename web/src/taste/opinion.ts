// What somebody says of a title, and what that makes of what was said before.

import type { OpinionKind, Taste } from "../api/types";

/** The buttons that there are. */
export type Button = "like" | "dislike" | "list";

export function isPressed(taste: Taste, button: Button): boolean {
  if (button === "list") return taste.listed;
  return taste.liked === (button === "like" ? 1 : -1);
}

/** What pressing `button` says. Pressing it once more takes that back. */
export function said(taste: Taste, button: Button): OpinionKind {
  if (button === "list") return taste.listed ? "unlist" : "list";
  return isPressed(taste, button) ? "unlike" : button;
}

/** `taste` after `kind` was said. */
export function after(taste: Taste, kind: OpinionKind): Taste {
  switch (kind) {
    case "like":
      return { ...taste, liked: 1 };
    case "dislike":
      return { ...taste, liked: -1 };
    case "unlike":
      return { ...taste, liked: 0 };
    case "list":
      return { ...taste, listed: true };
    case "unlist":
      return { ...taste, listed: false };
  }
}
