// The box of the header that titles are searched with.

import "./box.css";
import { useLocation } from "preact-iso/router";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../ui/icons";
import { QUERY_LENGTH_MAX, searchPath, wanted } from "./query";

export function SearchBox() {
  const { path, query, route } = useLocation();
  const asked = path === "/search" ? wanted(query["q"]) : "";
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  const search = (event: Event) => {
    event.preventDefault();
    if (wanted(text)) route(searchPath(text));
  };
  return (
    <form class="search" role="search" onSubmit={search}>
      <Icon name="search" />
      <input
        class="search-text"
        type="search"
        aria-label="Search titles, genres and people"
        placeholder="Search"
        maxLength={QUERY_LENGTH_MAX}
        autocomplete="off"
        enterKeyHint="search"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        data-test="search"
      />
    </form>
  );
}
