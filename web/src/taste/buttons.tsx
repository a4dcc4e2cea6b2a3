// Like, dislike, my list: what the profile says of a title, on the title's page and in the player.

import "./buttons.css";
import { useEffect, useState } from "preact/hooks";
import { currentWatcher } from "../account/profile";
import { uuid } from "../api/random";
import { getTaste, sendEvents } from "../api/taste";
import type { OpinionKind, Taste } from "../api/types";
import { Icon, type IconName } from "../ui/icons";
import { after, isPressed, said, type Button } from "./opinion";

const BUTTONS: { button: Button; label: string; icon: IconName; pressedIcon: IconName }[] = [
  { button: "like", label: "Like", icon: "like", pressedIcon: "like" },
  { button: "dislike", label: "Dislike", icon: "dislike", pressedIcon: "dislike" },
  { button: "list", label: "My list", icon: "plus", pressedIcon: "check" },
];

export function TasteButtons({ videoId }: { videoId: string }) {
  const watcher = currentWatcher();
  const [taste, setTaste] = useState<Taste | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    setTaste(null);
    setFailed(false);
    if (watcher) {
      // Buttons that do not know how they stand are left out: the title can be watched without them.
      getTaste(watcher, videoId, stop.signal).then(setTaste, () => undefined);
    }
    return () => stop.abort();
  }, [videoId, watcher?.profileId]);
  if (!watcher || !taste) return null;
  const press = (button: Button) => {
    const kind = said(taste, button);
    setTaste(after(taste, kind));
    setFailed(false);
    say(watcher.profileId, videoId, kind).catch(() => {
      setTaste(taste);
      setFailed(true);
    });
  };
  return (
    <div class="taste" role="group" aria-label="Your opinion" data-test="taste">
      {BUTTONS.map(({ button, label, icon, pressedIcon }) => {
        const pressed = isPressed(taste, button);
        return (
          <button
            key={button}
            class="button button-round"
            aria-label={label}
            aria-pressed={pressed}
            title={label}
            data-test={button}
            onClick={() => press(button)}
          >
            <Icon name={pressed ? pressedIcon : icon} />
          </button>
        );
      })}
      {failed ? (
        <span class="taste-failed" role="alert">
          Not saved. Try again
        </span>
      ) : null}
    </div>
  );
}

function say(profileId: string, videoId: string, kind: OpinionKind): Promise<void> {
  const event = { id: uuid(), video_id: videoId, kind, happened_at: new Date().toISOString() };
  return sendEvents(profileId, [event], false);
}
