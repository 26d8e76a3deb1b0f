import { ChevronDown, ChevronUp, X } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { IconButton } from "@/components/ui/button";
import { texts } from "@/texts";
import { formatNumber } from "@/texts/formats";
import { goTo } from "../scroll/navigation";
import { focusComposer } from "../use-focus-handover";
import { clearHighlights, findRangesOf, findRow, highlight } from "./find-highlights";
import { findNearest, type Match } from "./find-matches";
import type { FindRequest } from "./find-request";
import { fold } from "./folded-text";
import { MAX_MATCHES } from "./search-messages";
import { useMatches } from "./use-find-matches";

/** The distance from the top of the view to the current match, in pixels. */
const MATCH_PX = 120;

/** The current match: its message, and its index among the matches in this message. */
interface Current {
  readonly match: Match;
  /** May exceed the number of matches in the message; then it is the last one. */
  readonly occurrence: number;
}

function findRange({ match, occurrence }: Current, row: Element, term: string): Range | null {
  const ranges = findRangesOf(row, match.role, term);
  return ranges[Math.min(occurrence, ranges.length - 1)] ?? null;
}

const isSame = (a: Match, b: Match) => a.turn === b.turn && a.role === b.role;

/** A bar for finding text in all messages of a chat. */
export default function FindBar(props: {
  sessionId: string;
  /** Whether answers are rendered as Markdown. */
  isMarkdown: boolean;
  /** Changes when the bar is requested again; the field then gets the focus. */
  request: number;
  /** The text and the message to begin with, if any. */
  initial: FindRequest | null;
  /** Returns the turn at the top of the view. */
  findVisibleTurn: () => number;
  onClose: () => void;
}) {
  const { sessionId, initial, findVisibleTurn, onClose } = props;
  const [query, setQuery] = useState(initial?.query ?? "");
  const [current, setCurrent] = useState<Current | null>(
    initial && { match: initial.match, occurrence: 0 },
  );
  const field = useRef<HTMLInputElement>(null);
  const { term, matches, isSearching, isError } = useMatches(sessionId, query, props.isMarkdown);
  const index = current ? matches.findIndex((match) => isSame(match, current.match)) : -1;

  // biome-ignore lint/correctness/useExhaustiveDependencies: each request moves the focus.
  useLayoutEffect(() => field.current?.select(), [props.request]);

  const show = useCallback(
    (match: Match | undefined, occurrence: number) => {
      const next = match ? { match, occurrence } : null;
      setCurrent(next);
      if (!next) return;
      const findTarget = (row: Element) =>
        findRange(next, row, term)?.getBoundingClientRect() ?? null;
      goTo({ kind: "turn", turn: next.match.turn, offset: MATCH_PX, findTarget });
    },
    [term],
  );

  // Show the nearest match while the user types.
  const shownTerm = useRef(fold(initial?.query.trim() ?? ""));
  // biome-ignore lint/correctness/useExhaustiveDependencies: only once.
  useEffect(() => {
    if (initial) show(initial.match, 0);
  }, []);
  useEffect(() => {
    if (shownTerm.current === term && (current || matches.length === 0)) return;
    shownTerm.current = term;
    const from = current?.match.turn ?? findVisibleTurn();
    show(matches[findNearest(matches, from)], 0);
  }, [term, matches, current, show, findVisibleTurn]);

  function move(step: 1 | -1) {
    if (matches.length === 0) return;
    const row = current && findRow(current.match.turn);
    if (current && row) {
      const count = findRangesOf(row, current.match.role, term).length;
      const occurrence = Math.min(current.occurrence, count - 1) + step;
      if (occurrence >= 0 && occurrence < count) return show(current.match, occurrence);
    }
    const next = (Math.max(index, 0) + step + matches.length) % matches.length;
    show(matches[next], step > 0 ? 0 : Number.MAX_SAFE_INTEGER);
  }

  useEffect(() => {
    let frame = 0;
    const draw = () => {
      frame = 0;
      const row = current && findRow(current.match.turn);
      const range = row ? findRange(current, row, term) : null;
      // Unfold the code that contains the match.
      range?.startContainer.parentElement
        ?.closest(".folded-code")
        ?.dispatchEvent(new Event("beforematch"));
      highlight(term, range);
    };
    const log = document.querySelector('main [role="log"]');
    // Rows are rendered while the user scrolls and while an answer arrives.
    const observer = new MutationObserver(() => {
      frame ||= requestAnimationFrame(draw);
    });
    if (log) observer.observe(log, { childList: true, characterData: true, subtree: true });
    draw();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [term, current]);
  useEffect(() => clearHighlights, []);

  function close() {
    onClose();
    focusComposer();
  }

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === field.current) move(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  }

  const total = `${formatNumber(matches.length)}${matches.length >= MAX_MATCHES ? "+" : ""}`;
  const status = isError
    ? texts.find.failed
    : term.trim() === ""
      ? ""
      : matches.length > 0
        ? texts.find.position(index + 1, total)
        : isSearching
          ? texts.find.searching
          : texts.find.noMatches;
  return (
    <search
      aria-label={texts.find.label}
      onKeyDown={onKeyDown}
      className="absolute inset-x-3 top-2 z-10 flex animate-rise items-center gap-0.5 rounded-[14px] border border-line bg-surface py-1 ps-3.5 pe-1 shadow-high sm:inset-x-auto sm:end-4 sm:w-[400px] print:hidden"
    >
      <input
        ref={field}
        type="text"
        // biome-ignore lint/a11y/noAutofocus: the user has just opened the bar.
        autoFocus
        dir={query === "" ? undefined : "auto"}
        autoComplete="off"
        spellCheck={false}
        aria-label={texts.find.label}
        placeholder={texts.find.placeholder}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        className="h-9 pointer-coarse:h-11 min-w-0 flex-1 bg-transparent text-note outline-0 placeholder:text-ink-3"
      />
      <span role="status" className="shrink-0 px-1.5 text-ink-3 text-small tabular-nums">
        {status}
      </span>
      <IconButton
        label={texts.find.previous}
        disabled={matches.length === 0}
        onClick={() => move(-1)}
      >
        <ChevronUp size={17} />
      </IconButton>
      <IconButton label={texts.find.next} disabled={matches.length === 0} onClick={() => move(1)}>
        <ChevronDown size={17} />
      </IconButton>
      <IconButton label={texts.find.close} onClick={close}>
        <X size={17} />
      </IconButton>
    </search>
  );
}
