// The heading of a view. It names the view in the browser's title, and takes the focus when its view replaces another one:
// keys and screen readers go on where the new content begins.

import { useLayoutEffect, useRef } from "preact/hooks";

const SITE = "Marquee";

/** The first view of a page leaves the focus where the browser puts it. */
let first = true;

interface HeadingProps {
  children: string;
  /** Not drawn: eyes see by other means where they are. */
  hidden?: boolean;
  test?: string;
}

export function Heading({ children: name, hidden = false, test }: HeadingProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${name} · ${SITE}`;
    return () => {
      document.title = SITE;
    };
  }, [name]);
  useLayoutEffect(() => {
    // Where the view is scrolled to is the router's matter.
    if (!first) heading.current?.focus({ preventScroll: true });
    first = false;
  }, []);
  return (
    <h1 ref={heading} class={hidden ? "hidden-visually" : undefined} tabIndex={-1} data-test={test}>
      {name}
    </h1>
  );
}
