/** Files that are kept on the device until they can be uploaded. The storage is loaded on demand. */
import { ApiError } from "@/api/client";
import type { Attachment } from "@/api/models";
import type { WaitingFile } from "./attachment";
import { upload } from "./upload";

/** Loads the storage, which is also needed while the server cannot be reached. */
export const loadStoredFiles = () => import("./stored-files");

/** Returns a file that is kept on the device. Rejects with an `ApiError` if it is missing. */
export async function readWaitingFile(key: string): Promise<File> {
  const file = await loadStoredFiles().then(({ readFile }) => readFile(key));
  if (!file) throw new ApiError(410, "file_missing", "");
  return file;
}

/** Removes files from the device, if possible. */
export async function releaseFiles(keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await loadStoredFiles()
    .then(({ removeFiles }) => removeFiles(keys))
    .catch(() => {});
}

/** Uploads a file that is kept on the device. Rejects with an `ApiError` on failure. */
export async function uploadWaitingFile(
  { key }: WaitingFile,
  signal: AbortSignal,
): Promise<Attachment> {
  const file = await readWaitingFile(key);
  signal.throwIfAborted();
  const { result, abort } = upload(file, key, () => {});
  signal.addEventListener("abort", abort);
  try {
    return await result;
  } catch (error) {
    const isTooLarge = error instanceof ApiError && error.code === "payload_too_large";
    throw isTooLarge ? new ApiError(413, "file_too_large", error.message) : error;
  }
}
