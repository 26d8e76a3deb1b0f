/** Imports a file: uploads it, and reads the progress that the server reports meanwhile. */
import * as v from "valibot";
import { ApiError } from "@/api/client";

const lineSchema = v.variant("type", [
  v.object({ type: v.literal("progress"), done: v.number(), total: v.nullish(v.number()) }),
  v.object({
    type: v.literal("result"),
    imported: v.number(),
    skipped: v.number(),
    failed: v.array(v.object({ source: v.string(), reason: v.string() })),
  }),
]);

type Line = v.InferOutput<typeof lineSchema>;

/** The outcome of an import: the numbers of chats, and the chats that were not imported. */
export type ImportResult = Omit<Extract<Line, { type: "result" }>, "type">;

export type ImportProgress =
  /** The part of the file that was sent, from 0 to 1. */
  | { readonly step: "upload"; readonly part: number }
  /** The number of chats that were processed; `total` is null until it is known. */
  | { readonly step: "chats"; readonly done: number; readonly total: number | null };

/** The import ended before its result: the connection was lost, or the server stopped. */
export class ImportInterrupted extends Error {}

interface Import {
  /** Rejects with an `ApiError` if nothing was imported, or with `ImportInterrupted`. */
  readonly result: Promise<ImportResult>;
  abort(): void;
}

/** Returns the lines of a response that are complete. Unknown ones are ignored. */
export function parseLines(text: string): readonly Line[] {
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line) => {
    const parsed = v.safeParse(lineSchema, parseJson(line));
    return parsed.success ? [parsed.output] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A connection that fails within this time is one to a server that cannot be reached. */
const UNREACHABLE_MS = 2000;

/** Starts an import. Unlike `fetch`, this request reports how much of the file was sent. */
export function startImport(file: File, onProgress: (progress: ImportProgress) => void): Import {
  const request = new XMLHttpRequest();
  const aborted = new AbortController();
  const result = new Promise<ImportResult>((resolve, reject) => {
    let read = 0;
    let hasBegun = false;
    const startedAt = performance.now();
    /** Reports the progress in the lines that have arrived since the last call. */
    function reportProgress(text: string) {
      const fresh = text.slice(read, text.lastIndexOf("\n") + 1);
      read += fresh.length;
      const line = parseLines(fresh).findLast(({ type }) => type === "progress");
      if (line?.type === "progress")
        onProgress({ step: "chats", done: line.done, total: line.total ?? null });
    }
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      hasBegun ||= loaded > 0;
      onProgress({ step: "upload", part: total > 0 ? loaded / total : 0 });
    });
    request.upload.addEventListener("load", () => {
      hasBegun = true;
      onProgress({ step: "chats", done: 0, total: null });
    });
    request.addEventListener("progress", () => {
      if (request.status === 200) reportProgress(request.responseText);
    });
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      if (status !== 200) return reject(problemOf(status, responseText));
      // The last line may have no line break.
      const found = parseLines(`${responseText}\n`).find((line) => line.type === "result");
      if (found)
        resolve({ imported: found.imported, skipped: found.skipped, failed: found.failed });
      else reject(new ImportInterrupted());
    });
    const fail = () =>
      reject(
        request.status === 200 || (hasBegun && performance.now() - startedAt > UNREACHABLE_MS)
          ? new ImportInterrupted()
          : new ApiError(0, "network", "The upload was interrupted."),
      );
    request.addEventListener("error", fail);
    aborted.signal.addEventListener("abort", fail);
  });
  request.open("POST", "/v1/import");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
  return { result, abort };

  function abort() {
    aborted.abort();
    request.abort();
  }
}

function problemOf(status: number, text: string): ApiError {
  const problem = parseJson(text);
  const fields: Record<string, unknown> =
    typeof problem === "object" && problem !== null ? { ...problem } : {};
  const { code, detail } = fields;
  return new ApiError(
    status,
    status === 413 ? "file_too_large" : typeof code === "string" ? code : `http_${status}`,
    typeof detail === "string" ? detail : "",
  );
}
