// Arrow keys and remote controls move the focus across a page, to the nearest control in that direction.

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export type Direction = "left" | "right" | "up" | "down";

/** How much more a step aside costs than a step ahead. */
const ASIDE_COST = 3;

/** Index of the nearest of `boxes` that lies in `direction` from `from`; -1 if none does. */
export function nearest(from: Box, boxes: Box[], direction: Direction): number {
  let [best, bestCost] = [-1, Infinity];
  boxes.forEach((box, index) => {
    const cost = distance(from, box, direction);
    if (cost < bestCost) [best, bestCost] = [index, cost];
  });
  return best;
}

function distance(from: Box, to: Box, direction: Direction): number {
  const [a, b] = [turned(from, direction), turned(to, direction)];
  // Ahead means: its centre lies beyond ours, and it does not begin before us.
  if ((b.left + b.right) / 2 <= (a.left + a.right) / 2 || b.left < a.left) return Infinity;
  const ahead = Math.max(0, b.left - a.right);
  const gap = Math.max(0, b.top - a.bottom, a.top - b.bottom);
  const drift = Math.abs(b.top + b.bottom - a.top - a.bottom) / 2;
  return ahead + ASIDE_COST * gap + drift / 4;
}

/** The box seen so that `direction` points to the right. */
function turned(box: Box, direction: Direction): Box {
  switch (direction) {
    case "right":
      return box;
    case "left":
      return { left: -box.right, right: -box.left, top: box.top, bottom: box.bottom };
    case "down":
      return { left: box.top, right: box.bottom, top: box.left, bottom: box.right };
    case "up":
      return { left: -box.bottom, right: -box.top, top: box.left, bottom: box.right };
  }
}

const DIRECTIONS: Record<string, Direction> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** Sliders of volume keep left and right for themselves, so arrows pass them by; the tab key reaches them. */
const FOCUSABLE =
  "a[href], button:not([disabled]), input:not([disabled]):not([type=file]):not([type=range]), [tabindex='0']";

/** Listens for the life of the page. A control that uses arrows itself calls `preventDefault`. */
export function followArrows(): void {
  const root = document.documentElement;
  document.addEventListener("pointerdown", () => (root.dataset["input"] = "pointer"), true);
  document.addEventListener("keydown", () => (root.dataset["input"] = "keys"), true);
  document.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (!direction || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (holdsText(document.activeElement) && (direction === "left" || direction === "right")) return;
    if (move(direction)) event.preventDefault();
  });
}

function move(direction: Direction): boolean {
  const active = document.activeElement;
  const scope = active?.closest("[data-focus-scope]") ?? document;
  const targets = Array.from(scope.querySelectorAll<HTMLElement>(FOCUSABLE)).filter(
    (element) => element !== active && element.getClientRects().length > 0,
  );
  const target = targets[nearest(origin(active), targets.map((element) => element.getBoundingClientRect()), direction)];
  if (!target) return false;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

/** Where a step begins: at the control that has the focus, or in the corner of the page. */
function origin(active: Element | null): Box {
  if (!(active instanceof HTMLElement) || active === document.body) return { left: 0, top: 0, right: 0, bottom: 0 };
  const box = active.getBoundingClientRect();
  // A heading is as wide as the page: what follows it begins at its left.
  return active.tabIndex < 0 ? { left: box.left, top: box.top, right: box.left, bottom: box.bottom } : box;
}

/** Whether there is text for left and right to move in. */
function holdsText(element: Element | null): boolean {
  return element instanceof HTMLInputElement && !["button", "checkbox", "submit"].includes(element.type) && element.value !== "";
}
