import { useVirtualizer } from "@tanstack/react-virtual";
import { ListTree } from "lucide-react";
import { useDeferredValue, useEffect, useId, useMemo, useRef, useState } from "react";
import { useModal } from "@/components/ui/use-modal";
import { texts } from "@/texts";
import { formatMoment } from "@/time";
import { fold } from "../find/folded-text";
import { CONTEXT_PX, goTo } from "../scroll/navigation";
import { type Question, useQuestions } from "./question-texts";

/** The height of an entry in pixels, with a mouse and on touch devices. */
const ENTRY_PX = { fine: 40, coarse: 48 } as const;

/** A dialog that lists the questions of a chat. Choosing one moves the thread to it. */
export default function QuestionList(props: {
  sessionId: string;
  /** The turn at the top of the view, whose question is selected at first. */
  visibleTurn: number;
  onClose: () => void;
}) {
  const { onClose } = props;
  const dialog = useModal();
  const id = useId();
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<number | null>(props.visibleTurn);
  const { questions, isLoading, isError } = useQuestions(props.sessionId);
  const deferred = useDeferredValue(query);
  const found = useMemo(() => {
    const words = fold(deferred).split(" ").filter(Boolean);
    return questions.filter(({ text }) => {
      const folded = fold(text);
      return words.every((word) => folded.includes(word));
    });
  }, [questions, deferred]);
  const position = found.findLastIndex(({ turn }) => chosen !== null && turn <= chosen);
  const index = Math.max(position, 0);

  const list = useRef<HTMLDivElement>(null);
  const isCoarse = window.matchMedia("(pointer: coarse)").matches;
  const virtualizer = useVirtualizer({
    count: found.length,
    getScrollElement: () => list.current,
    getItemKey: (entry) => found[entry]?.turn ?? entry,
    estimateSize: () => (isCoarse ? ENTRY_PX.coarse : ENTRY_PX.fine),
    overscan: 8,
  });
  useEffect(() => {
    if (found.length > 0) virtualizer.scrollToIndex(index, { align: "auto" });
  }, [virtualizer, index, found.length]);

  function choose(question: Question | undefined) {
    if (!question) return;
    onClose();
    goTo({ kind: "turn", turn: question.turn, offset: CONTEXT_PX });
  }

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined && found.length > 0) {
      event.preventDefault();
      const next = Math.min(Math.max(index + step, 0), found.length - 1);
      setChosen(found[next]?.turn ?? null);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[index]);
    }
  }

  const items = virtualizer.getVirtualItems();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the browser closes a dialog on Escape.
    <dialog
      ref={dialog}
      aria-label={texts.questions.title}
      onCancel={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
      className="mx-auto mt-[12dvh] w-[min(560px,calc(100vw-24px))] animate-rise overflow-hidden rounded-[18px] border border-line bg-surface p-0 text-ink shadow-high backdrop:bg-black/40"
    >
      <div className="flex items-center gap-3 border-line border-b px-4">
        <ListTree size={17} aria-hidden="true" className="shrink-0 text-ink-3" />
        <input
          role="combobox"
          aria-expanded
          aria-controls={id}
          aria-activedescendant={found.length > 0 ? `${id}-${found[index]?.turn}` : undefined}
          aria-label={texts.questions.title}
          placeholder={texts.questions.placeholder}
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setChosen(event.target.value === "" ? props.visibleTurn : null);
          }}
          onKeyDown={onKeyDown}
          className="h-13 min-w-0 flex-1 text-ellipsis bg-transparent outline-0 placeholder:text-ink-3"
        />
      </div>
      <div
        ref={list}
        role="listbox"
        id={id}
        aria-label={texts.questions.title}
        className="max-h-[min(420px,56dvh)] overscroll-contain overflow-y-auto p-1.5"
      >
        <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {items.map((item) => {
            const question = found[item.index];
            return (
              question && (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys.
                <div
                  key={item.key}
                  role="option"
                  id={`${id}-${question.turn}`}
                  tabIndex={-1}
                  aria-selected={item.index === index}
                  onClick={() => choose(question)}
                  style={{ transform: `translateY(${item.start}px)`, height: item.size }}
                  className="absolute inset-x-0 top-0 flex cursor-pointer items-center gap-3 rounded-[11px] px-3 text-note hover:bg-hover aria-selected:bg-hover"
                >
                  <span dir="auto" className="min-w-0 flex-1 truncate">
                    {question.text}
                  </span>
                  <time
                    dateTime={question.createdAt}
                    className="shrink-0 text-ink-3 text-small tabular-nums"
                  >
                    {formatMoment(question.createdAt)}
                  </time>
                </div>
              )
            );
          })}
        </div>
      </div>
      <p
        role="status"
        className="px-4 text-center text-ink-2 text-note empty:hidden [&:not(:empty)]:pb-4"
      >
        {isError
          ? texts.questions.loadFailed
          : isLoading
            ? texts.questions.loading
            : found.length === 0
              ? query === ""
                ? texts.questions.empty
                : texts.sessions.noResults(query)
              : ""}
      </p>
    </dialog>
  );
}
