/** Parses unified diffs into lines. */
import { showControls } from "@/terminal/screen";

export interface NumberedLine {
  readonly kind: "context" | "addition" | "deletion";
  /** The text without control characters. */
  text: string;
  /** The line number before the change; null for an addition. */
  readonly oldNumber: number | null;
  /** The line number after the change; null for a deletion. */
  readonly newNumber: number | null;
  /** The line that an addition replaces, or that replaces a deletion. */
  counterpart: NumberedLine | null;
}

export type DiffLine =
  | Readonly<NumberedLine>
  /** Unchanged lines that are not part of the diff. */
  | { readonly kind: "gap"; readonly count: number }
  /** The preceding line does not end with a line break. */
  | { readonly kind: "noLineBreak" };

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** Connects the deletions and the additions of one change, in order. */
export function pair(deletions: readonly NumberedLine[], additions: readonly NumberedLine[]): void {
  for (const [index, deletion] of deletions.entries()) {
    const addition = additions[index];
    if (!addition) return;
    deletion.counterpart = addition;
    addition.counterpart = deletion;
  }
}

/** Hides the carriage returns at the ends of lines, unless they are what has changed. */
function cleanText(line: NumberedLine, texts: ReadonlyMap<NumberedLine, string>): string {
  const text = texts.get(line) ?? "";
  const other = line.counterpart ? texts.get(line.counterpart) : undefined;
  const bare = text.replace(/\r$/, "");
  return showControls(bare === other?.replace(/\r$/, "") ? text : bare);
}

/** Parses the hunks of a unified diff without file headers. The last hunk may be incomplete. */
export function parseDiff(patch: string): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  const texts = new Map<NumberedLine, string>();
  let [oldNumber, newNumber, deletions, additions] = [1, 1, [], []] as [
    number,
    number,
    NumberedLine[],
    NumberedLine[],
  ];
  const endChange = () => {
    pair(deletions, additions);
    [deletions, additions] = [[], []];
  };
  for (const raw of patch.replace(/\n$/, "").split("\n")) {
    if (patch === "") break;
    const hunk = HUNK.exec(raw);
    if (hunk) {
      endChange();
      // An empty side begins at the line before the change.
      const start = Number(hunk[3]) + (hunk[4] === "0" ? 1 : 0);
      if (start > newNumber) lines.push({ kind: "gap", count: start - newNumber });
      oldNumber = Number(hunk[1]) + (hunk[2] === "0" ? 1 : 0);
      newNumber = start;
      continue;
    }
    if (raw.startsWith("\\")) {
      lines.push({ kind: "noLineBreak" });
      continue;
    }
    const kind = raw.startsWith("+") ? "addition" : raw.startsWith("-") ? "deletion" : "context";
    const line: NumberedLine = {
      kind,
      text: "",
      oldNumber: kind === "addition" ? null : oldNumber++,
      newNumber: kind === "deletion" ? null : newNumber++,
      counterpart: null,
    };
    if (kind === "addition") additions.push(line);
    else {
      if (kind === "context" || additions.length > 0) endChange();
      if (kind === "deletion") deletions.push(line);
    }
    texts.set(line, raw.slice(1));
    lines.push(line);
  }
  endChange();
  for (const line of texts.keys()) line.text = cleanText(line, texts);
  return lines;
}
