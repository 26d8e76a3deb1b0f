/** Parses the diffs in answers, which may have file headers or consist of changed lines only. */
import { type NumberedLine, pair } from "./diff-lines";

export type FenceLine =
  | {
      /** A file header, the start of a hunk, or a remark such as that a line break is missing. */
      readonly kind: "header" | "hunk" | "note";
      readonly text: string;
    }
  | ChangedLine;

/** A line with the sign before its text; an empty sign if the line starts with its text. */
export interface ChangedLine extends NumberedLine {
  readonly sign: string;
}

/** Lines of one file, and the file's path if it is known. */
export interface FenceFile {
  path: string;
  readonly lines: FenceLine[];
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
const HEADER =
  /^(?:diff |index [\da-f]|(?:new|deleted) file mode|(?:old|new) mode|similarity|dissimilarity|rename |copy |Binary files)/;

/** Returns the path in a line such as `+++ b/src/main.rs`, or null for an empty file. */
function pathOf(header: string): string | null {
  const path = header.slice(4).split("\t")[0]?.trim() ?? "";
  return path === "/dev/null" ? null : path;
}

/**
 * Parses a diff. Within a hunk whose header contains its length, every line is part of the change. The
 * numbers of lines are not known.
 */
export function parseFence(code: string): readonly FenceFile[] {
  const files: FenceFile[] = [];
  let file: FenceFile = { path: "", lines: [] };
  /** The numbers of old and new lines that the hunk still contains. */
  let [oldLeft, newLeft] = [0, 0];
  let deletions: ChangedLine[] = [];
  let additions: ChangedLine[] = [];
  const endChange = () => {
    pair(deletions, additions);
    [deletions, additions] = [[], []];
  };
  const startFile = () => {
    endChange();
    if (file.lines.length > 0) files.push(file);
    file = { path: "", lines: [] };
  };
  const rawLines = code.split("\n");
  for (const [index, raw] of rawLines.entries()) {
    const isInHunk = oldLeft > 0 || newLeft > 0;
    const hunk = isInHunk ? null : HUNK.exec(raw);
    const isOld = !isInHunk && raw.startsWith("--- ") && /^\+\+\+ /.test(rawLines[index + 1] ?? "");
    const isNew = !isInHunk && raw.startsWith("+++ ") && /^--- /.test(rawLines[index - 1] ?? "");
    if (hunk || (!isInHunk && raw.startsWith("@@"))) {
      endChange();
      [oldLeft, newLeft] = hunk ? [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)] : [0, 0];
      file.lines.push({ kind: "hunk", text: raw });
    } else if (isOld || isNew || (!isInHunk && HEADER.test(raw))) {
      const last = file.lines.at(-1)?.kind;
      if (last !== undefined && last !== "header") startFile();
      if (isOld || isNew) file.path = pathOf(raw) ?? file.path;
      file.lines.push({ kind: "header", text: raw });
    } else if (raw.startsWith("\\")) file.lines.push({ kind: "note", text: raw });
    else {
      const kind = raw.startsWith("+") ? "addition" : raw.startsWith("-") ? "deletion" : "context";
      if (kind !== "addition") oldLeft -= 1;
      if (kind !== "deletion") newLeft -= 1;
      const sign = /^[ +-]/.exec(raw)?.[0] ?? "";
      const line: ChangedLine = {
        ...{ kind, sign, text: raw.slice(sign.length) },
        ...{ oldNumber: null, newNumber: null, counterpart: null },
      };
      if (kind === "addition") additions.push(line);
      else {
        if (kind === "context" || additions.length > 0) endChange();
        if (kind === "deletion") deletions.push(line);
      }
      file.lines.push(line);
    }
  }
  startFile();
  return files;
}
