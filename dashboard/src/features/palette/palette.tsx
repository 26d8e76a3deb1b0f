import { ChevronDown, Search } from "lucide-react";
import { useId, useState } from "react";
import { useModal } from "@/components/ui/use-modal";
import { useSearchOnServer } from "@/stream/search";
import { texts } from "@/texts";
import { type Command, findCommands, foldChats } from "./commands";
import { PaletteOption } from "./palette-option";
import { SearchFilters } from "./search-filters";
import { type MessagePlace, type SearchFilter, useFoundMessages } from "./use-found-messages";

const everything: SearchFilter = { agent: "", status: "all" };

/** A dialog for opening chats and messages and running commands. */
export function Palette(props: {
  commands: readonly Command[];
  onOpenMessage: (place: MessagePlace) => void;
  onClose: () => void;
}) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const dialog = useModal();
  const id = useId();
  useSearchOnServer(query);
  const [filter, setFilter] = useState(everything);
  const messages = useFoundMessages(query, filter, props.onOpenMessage);
  const [hasAllChats, setAllChats] = useState(false);
  const matching = findCommands(props.commands, query);
  const isFolded = query.trim() !== "" && !hasAllChats;
  const shown = isFolded ? foldChats(matching, texts.palette.chats, makeMore) : matching;
  const found = [...shown, ...messages.commands];
  const index = Math.min(active, found.length - 1);
  const status = messages.isError
    ? texts.palette.searchFailed
    : found.length > 0
      ? ""
      : messages.isSearching
        ? texts.palette.searching
        : texts.sessions.noResults(query);

  function makeMore(count: number): Command {
    return {
      id: "more-chats",
      group: texts.palette.chats,
      label: texts.palette.moreChats(count),
      icon: <ChevronDown size={17} strokeWidth={1.9} />,
      staysOpen: true,
      run: () => setAllChats(true),
    };
  }

  function choose(command: Command | undefined) {
    if (!command) return;
    if (!command.staysOpen) props.onClose();
    command.run();
  }

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && found.length > 0) {
      event.preventDefault();
      const next = (index + step + found.length) % found.length;
      setActive(next);
      document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[index]);
    }
  }

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the browser closes a dialog on Escape.
    <dialog
      ref={dialog}
      aria-label={texts.palette.title}
      onCancel={props.onClose}
      onClick={(event) => {
        if (event.target === dialog.current) props.onClose();
      }}
      className="mx-auto mt-[12dvh] w-[min(560px,calc(100vw-24px))] animate-rise overflow-hidden rounded-[18px] border border-line bg-surface p-0 text-ink shadow-high backdrop:bg-black/40"
    >
      <div className="flex items-center gap-3 border-line border-b px-4">
        <Search size={17} aria-hidden="true" className="shrink-0 text-ink-3" />
        <input
          role="combobox"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={found.length > 0 ? `${id}-${index}` : undefined}
          aria-label={texts.palette.title}
          placeholder={texts.palette.placeholder}
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
            setAllChats(false);
          }}
          onKeyDown={onKeyDown}
          className="h-13 min-w-0 flex-1 text-ellipsis bg-transparent outline-0 placeholder:text-ink-3"
        />
      </div>
      {messages.isSearched && <SearchFilters filter={filter} onChange={setFilter} />}
      <div
        role="listbox"
        id={id}
        aria-label={texts.palette.title}
        className="max-h-[min(420px,56dvh)] overscroll-contain overflow-y-auto p-1.5"
      >
        {found.map((command, position) => (
          <div key={command.id} role="presentation">
            {command.group !== found[position - 1]?.group && (
              <p aria-hidden="true" className="px-3 pt-2.5 pb-1 text-ink-3 text-small">
                {command.group}
              </p>
            )}
            <PaletteOption
              command={command}
              id={`${id}-${position}`}
              isSelected={position === index}
              onChoose={() => choose(command)}
              onPoint={() => setActive(position)}
            />
          </div>
        ))}
      </div>
      {status !== "" && (
        <p role="status" className="px-4 pt-1 pb-5 text-center text-ink-2 text-note">
          {status}
        </p>
      )}
    </dialog>
  );
}
