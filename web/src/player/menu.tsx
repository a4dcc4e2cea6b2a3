// A button that opens a list of choices above it.

import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../ui/icons";

export interface Choice {
  key: string;
  name: string;
  /** Said beside the name, fainter. */
  aside?: string;
  checked: boolean;
}

interface MenuProps {
  name: string;
  icon: IconName;
  /** What holds now, on the button. */
  current: string;
  test: string;
  choices: Choice[];
  open: boolean;
  onOpen: (open: boolean) => void;
  onChoose: (key: string) => void;
}

export function Menu({ name, icon, current, test, choices, open, onOpen, onChoose }: MenuProps) {
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLElement>("[aria-checked=true]")?.focus();
    const away = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) onOpen(false);
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  const close = () => {
    onOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open || !["Escape", "GoBack", "XF86Back"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  return (
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button
        ref={button}
        class="button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={`${name}: ${current}`}
        data-test={test}
        onClick={() => onOpen(!open)}
      >
        <Icon name={icon} />
        <span class="button-label">{current}</span>
      </button>
      {open ? (
        <div class="menu-list" role="menu" aria-label={name} data-focus-scope>
          {choices.map((choice) => (
            <button
              key={choice.key}
              class="menu-item"
              role="menuitemradio"
              aria-checked={choice.checked}
              data-test={`${test}-option`}
              data-key={choice.key}
              onClick={() => {
                onChoose(choice.key);
                close();
              }}
            >
              <span class="menu-mark">{choice.checked ? <Icon name="check" /> : null}</span>
              <span class="menu-name">{choice.name}</span>
              <span class="faint">{choice.aside}</span>
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}
