import { Search, X } from "lucide-react";
import type { RefObject } from "react";
import { IconButton } from "@/components/ui/button";
import { formatKeys } from "@/keyboard";
import { texts } from "@/texts";

/** The field that filters the chat list, with a button that opens the palette. */
export function SearchField(props: {
  ref: RefObject<HTMLInputElement | null>;
  query: string;
  onChange: (query: string) => void;
  onPalette: () => void;
  /** Opens the first result. */
  onOpenFirst: () => void;
  /** Moves the focus to the first row. */
  onMoveDown: () => void;
  /** Moves the focus out of the field. */
  onLeave: () => void;
}) {
  const { query } = props;

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      // Escape in the field never stops an answer.
      event.preventDefault();
      if (query !== "") props.onChange("");
      else props.onLeave();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      props.onMoveDown();
    } else if (event.key === "Enter" && query !== "") props.onOpenFirst();
  }

  return (
    <div className="relative mx-4 mb-2">
      <Search
        size={15}
        aria-hidden="true"
        className="-translate-y-1/2 pointer-events-none absolute start-3 top-1/2 text-ink-3"
      />
      <input
        ref={props.ref}
        type="search"
        aria-label={texts.sessions.search}
        placeholder={texts.sessions.search}
        value={query}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={onKeyDown}
        className="h-9 w-full rounded-[10px] border border-transparent bg-hover ps-9 pe-9 pointer-coarse:h-11 text-note outline-offset-0 placeholder:text-ink-3 [&::-webkit-search-cancel-button]:hidden"
      />
      {query === "" && (
        <button
          type="button"
          aria-label={texts.palette.title}
          onClick={props.onPalette}
          className="absolute end-1.5 top-1.5 h-6 rounded-md px-1.5 text-ink-3 text-small hover:bg-hover hover:text-ink [@media(hover:none)]:hidden"
        >
          <bdi>{formatKeys("Mod", "K")}</bdi>
        </button>
      )}
      {query && (
        <IconButton
          label={texts.sessions.clearSearch}
          onClick={() => props.onChange("")}
          className="absolute end-0.5 top-0.5 size-8! pointer-coarse:size-10!"
        >
          <X size={15} />
        </IconButton>
      )}
    </div>
  );
}
