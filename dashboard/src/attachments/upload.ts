/** Uploads a file. `fetch` does not report the progress of a request body. */
import { ApiError } from "@/api/client";
import type { Attachment } from "@/api/models";

interface Upload {
  /** Resolves with the attachment. Rejects with an `ApiError` on failure. */
  readonly result: Promise<Attachment>;
  abort(): void;
}

/**
 * Starts an upload. Repeated uploads with the same key create one attachment. `onProgress` receives
 * the part that was sent, from 0 to 1.
 */
export function upload(file: File, key: string, onProgress: (part: number) => void): Upload {
  const request = new XMLHttpRequest();
  const result = new Promise<Attachment>((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded, total }) =>
      onProgress(total > 0 ? loaded / total : 0),
    );
    request.addEventListener("load", () => {
      const fields = parse(request.responseText);
      if (request.status === 201) resolve(fields as unknown as Attachment);
      else reject(problemOf(request, fields));
    });
    const fail = () => reject(new ApiError(0, "network", "The upload was interrupted."));
    request.addEventListener("error", fail);
    request.addEventListener("abort", fail);
  });
  const name = encodeURIComponent(file.name);
  request.open("POST", `/v1/attachments${name === "" ? "" : `?name=${name}`}`);
  request.setRequestHeader("Idempotency-Key", key);
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  request.send(file);
  return { result, abort: () => request.abort() };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function problemOf(
  { status }: XMLHttpRequest,
  { code, detail }: Record<string, unknown>,
): ApiError {
  return new ApiError(
    status,
    typeof code === "string" ? code : `http_${status}`,
    typeof detail === "string" ? detail : "",
  );
}
