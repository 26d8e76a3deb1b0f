/**
 * A button that opens a menu. The browser's popover provides the top layer, closes the menu on
 * Escape or an outside click, and restores the focus. Arrow keys and placement are implemented
 * here.
 */
import { type ReactNode, type ToggleEvent, useId, useRef } from "react";
import { IconButton } from "./button";

export interface MenuItem {
  readonly label: string;
  readonly icon: ReactNode;
  readonly onSelect: () => void;
  readonly isDangerous?: boolean;
}

const MARGIN = 8;

function place(popup: HTMLElement, trigger: DOMRect): void {
  const { width, height } = popup.getBoundingClientRect();
  const isRtl = getComputedStyle(popup).direction === "rtl";
  // The ends of the menu and of its button are aligned.
  const wanted = isRtl ? trigger.left : trigger.right - width;
  const left = Math.min(wanted, window.innerWidth - width - MARGIN);
  const below = trigger.bottom + 4;
  const fits = below + height + MARGIN <= window.innerHeight;
  popup.style.left = `${Math.max(MARGIN, left)}px`;
  popup.style.top = `${fits ? below : Math.max(MARGIN, trigger.top - height - 4)}px`;
}

export function Menu(props: {
  label: string;
  icon: ReactNode;
  items: readonly MenuItem[];
  className?: string;
}) {
  const id = useId();
  const popup = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);

  function entries(): HTMLButtonElement[] {
    return [...(popup.current?.querySelectorAll("button") ?? [])];
  }

  function onToggle(event: ToggleEvent<HTMLDivElement>) {
    const isOpen = event.newState === "open";
    trigger.current?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen || !popup.current || !trigger.current) return;
    place(popup.current, trigger.current.getBoundingClientRect());
    popup.current.style.opacity = "1";
    entries()[0]?.focus();
  }

  function onKeyDown(event: React.KeyboardEvent) {
    const buttons = entries();
    const index = buttons.findIndex((button) => button.matches(":focus"));
    const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") popup.current?.hidePopover();
    if (target === undefined) return;
    event.preventDefault();
    buttons.at(target % buttons.length)?.focus();
  }

  return (
    <>
      <IconButton
        ref={trigger}
        label={props.label}
        popoverTarget={id}
        aria-haspopup="menu"
        aria-expanded={false}
        className={props.className ?? ""}
      >
        {props.icon}
      </IconButton>
      <div
        ref={popup}
        id={id}
        popover="auto"
        role="menu"
        tabIndex={-1}
        aria-label={props.label}
        onToggle={onToggle}
        onBeforeToggle={(event) => {
          event.currentTarget.style.opacity = "0";
        }}
        onKeyDown={onKeyDown}
        className="fixed inset-auto m-0 min-w-48 rounded-[14px] border border-line bg-surface p-1.5 text-ink shadow-high"
      >
        {props.items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            onClick={() => {
              popup.current?.hidePopover();
              item.onSelect();
            }}
            className={`flex h-9 w-full items-center gap-3 rounded-lg px-2.5 text-start text-note hover:bg-hover pointer-coarse:h-11 focus-visible:bg-hover focus-visible:outline-0 ${item.isDangerous ? "text-bad" : ""}`}
          >
            <span className="opacity-80">{item.icon}</span>
            {item.label}
          </button>
        ))}
      </div>
    </>
  );
}
