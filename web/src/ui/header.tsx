// The bar on top of every page but the player.

import "./header.css";
import { useLocation } from "preact-iso/router";
import { session, signOut } from "../api/session";
import { mayUpload } from "../account/rights";
import { SearchBox } from "../search/box";
import { activeUploads } from "../upload/uploads";
import { Icon, type IconName } from "./icons";

export function Header() {
  const { path } = useLocation();
  const now = session.value;
  if (now.state !== "signed-in") return null;
  const uploading = activeUploads.value;
  return (
    <header class="header">
      <a class="wordmark" href="/" aria-label="Marquee, to the library">
        Marquee
      </a>
      <nav class="header-links" aria-label="Pages">
        <Tab href="/" icon="film" label="Library" here={path === "/"} />
        {mayUpload(now.me) ? (
          <Tab href="/upload" icon="upload" label="Upload" here={path === "/upload"} count={uploading} />
        ) : null}
      </nav>
      <SearchBox />
      <div class="header-account">
        <a class="button button-plain" href="/account" aria-label="Account" aria-current={path === "/account" ? "page" : undefined}>
          <Icon name="person" />
          <span class="header-name" data-test="account">
            {now.me.name}
          </span>
        </a>
        <button class="button button-plain" data-test="sign-out" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </header>
  );
}

interface TabProps {
  href: string;
  icon: IconName;
  label: string;
  here: boolean;
  count?: number;
}

function Tab({ href, icon, label, here, count = 0 }: TabProps) {
  return (
    <a class="button button-plain" href={href} aria-current={here ? "page" : undefined} aria-label={label}>
      <Icon name={icon} />
      <span class="button-label">{label}</span>
      {count > 0 ? <span class="header-badge">{count}</span> : null}
    </a>
  );
}
