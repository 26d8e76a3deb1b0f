/** Renders changes to files. It is loaded lazily: import it only through `file-diffs.tsx`. */
import { memo, startTransition, useEffect, useId, useMemo, useState } from "react";
import { TextButton } from "@/components/ui/button";
import { texts } from "@/texts";
import { CopyButton } from "../answer/copy-button";
import { tokenClasses } from "../markdown/highlight";
import type { FileDiff } from "../steps/step-detail";
import { DiffCounts } from "./diff-counts";
import { type DiffLine, parseDiff } from "./diff-lines";
import { type LinePart, languageOf, tokenizeDiff } from "./diff-tokens";

/** A long diff is not collapsed if this many lines or fewer would be hidden. */
const MIN_HIDDEN = 5;
/** The lines that are rendered at once, so that a long diff does not block the page. */
const CHUNK_LINES = 100;
/** Expanded diffs with more lines scroll independently. */
const BOX_LINES = 300;

/**
 * A change to a file: its path, the numbers of added and deleted lines, and the changed lines with
 * their context. A diff with more than `maxLines` lines is collapsed initially.
 */
export const DiffView = memo(function DiffView(
  props: FileDiff & {
    maxLines: number;
    /** Whether the path and the counts are shown; true by default. */
    hasHeader?: boolean;
  },
) {
  const { hasHeader = true } = props;
  const { path, patch, additions, deletions, maxLines } = props;
  const lines = useMemo(() => parseDiff(patch), [patch]);
  const count = lines.filter((line) => "text" in line).length;
  const changed = lines.filter(({ kind }) => kind === "addition" || kind === "deletion").length;
  const [isExpanded, setExpanded] = useState(false);
  const isLong = lines.length > maxLines + MIN_HIDDEN;
  const isBox = isExpanded && lines.length > BOX_LINES;
  const id = useId();
  const isCollapsed = isLong && !isExpanded;
  const shown = useMemo(
    () => (isCollapsed ? lines.slice(0, maxLines) : lines),
    [lines, isCollapsed, maxLines],
  );
  const note = isCollapsed ? null : explainOmission(lines.length, changed, additions + deletions);
  return (
    // biome-ignore lint/a11y/useSemanticElements: there are no form fields
    <div
      role="group"
      aria-label={texts.diff.label(path)}
      className="min-w-0 overflow-hidden rounded-[9px] border border-line bg-code"
    >
      {hasHeader && <DiffHeader {...props} />}
      {lines.length > 0 && (
        <div
          id={id}
          dir="ltr"
          // A scrollable element must be focusable.
          {...(isBox ? { tabIndex: 0, role: "group", "aria-label": texts.diff.lines } : {})}
          style={{ "--digits": `${digitsOf(lines)}ch` } as React.CSSProperties}
          className={`diff outline-offset-[-2px] ${isBox ? "max-h-[70vh] overflow-y-auto" : ""}`}
        >
          <Chunks lines={shown} language={languageOf(path)} />
        </div>
      )}
      {note && <p className="border-line border-t px-2.5 py-1.5 text-ink-3 text-small">{note}</p>}
      {isLong && (
        <div className="border-line border-t px-2.5 py-1.5">
          <TextButton
            aria-expanded={isExpanded}
            aria-controls={id}
            className="text-small"
            onClick={() => setExpanded(!isExpanded)}
          >
            {isExpanded ? texts.diff.showLess : texts.diff.showAll(count)}
          </TextButton>
        </div>
      )}
    </div>
  );
});

/** Explains why some changes are not shown, or returns null. */
function explainOmission(lineCount: number, shown: number, total: number): string | null {
  if (lineCount === 0) return total === 0 ? texts.diff.empty : texts.diff.tooLong;
  return shown < total ? texts.diff.truncated : null;
}

function digitsOf(lines: readonly DiffLine[]): number {
  const last = lines.findLast((line) => "text" in line);
  const numbers = last && "text" in last ? [last.oldNumber ?? 0, last.newNumber ?? 0] : [0];
  return String(Math.max(...numbers)).length;
}

function DiffHeader({ path, patch, additions, deletions }: FileDiff) {
  const start = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  return (
    <div className="flex h-8 items-center gap-2 border-line border-b pe-2 ps-2.5 text-small">
      <span dir="ltr" title={path} className="flex min-w-0 font-mono">
        <span className="truncate text-ink-3">{path.slice(0, start)}</span>
        <span className="max-w-full shrink-0 truncate text-ink">{path.slice(start)}</span>
      </span>
      <DiffCounts additions={additions} deletions={deletions} />
      {patch !== "" && (
        <CopyButton
          text={`--- ${path}\n+++ ${path}\n${patch}`}
          isShort
          className="ms-auto shrink-0"
        />
      )}
    </div>
  );
}

/**
 * Renders the lines in chunks. A further chunk is added after each paint, so that the page stays
 * responsive.
 */
function Chunks({ lines, language }: { lines: readonly DiffLine[]; language: string }) {
  const total = Math.ceil(lines.length / CHUNK_LINES);
  const [count, setCount] = useState(1);
  useEffect(() => {
    if (count < total) startTransition(() => setCount(count + 1));
  }, [count, total]);
  return Array.from({ length: Math.min(count, total) }, (_, index) => (
    <Chunk
      // biome-ignore lint/suspicious/noArrayIndexKey: chunks are identified by their position.
      key={index}
      lines={lines}
      start={index * CHUNK_LINES}
      language={language}
    />
  ));
}

const Chunk = memo(function Chunk(props: {
  lines: readonly DiffLine[];
  /** The index of the chunk's first line. */
  start: number;
  language: string;
}) {
  const { start, language } = props;
  const lines = useMemo(() => props.lines.slice(start, start + CHUNK_LINES), [props.lines, start]);
  const parts = useMemo(() => tokenizeDiff(lines, language), [lines, language]);
  return (
    <div className="diff-chunk" style={{ "--lines": lines.length } as React.CSSProperties}>
      {lines.map((line, index) => (
        <Line
          // biome-ignore lint/suspicious/noArrayIndexKey: lines are identified by their position.
          key={index}
          line={line}
          parts={parts.get(line) ?? []}
        />
      ))}
    </div>
  );
});

function Line({ line, parts }: { line: DiffLine; parts: readonly LinePart[] }) {
  if (line.kind === "gap")
    return <div className="diff-note">{texts.diff.unchanged(line.count)}</div>;
  if (line.kind === "noLineBreak") return <div className="diff-note">{texts.diff.noLineBreak}</div>;
  const { kind } = line;
  return (
    <div className="diff-line" data-kind={kind}>
      <span className="diff-number" data-number={line.oldNumber ?? ""} />
      <span className="diff-number" data-number={line.newNumber ?? ""} />
      <code>
        {kind !== "context" && <span className="sr-only select-none">{texts.diff[kind]}: </span>}
        {parts.map(({ kind: color, text, isChanged }, index) =>
          color === "plain" && !isChanged ? (
            text
          ) : (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: all parts are replaced together.
              key={index}
              className={isChanged || color === "plain" ? "diff-word" : tokenClasses[color]}
            >
              {text}
            </span>
          ),
        )}
      </code>
    </div>
  );
}
