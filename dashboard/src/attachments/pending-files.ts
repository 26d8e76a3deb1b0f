/**
 * The files that the user has added to a draft. A file is uploaded at once, so that sending the
 * message does not have to wait for it. While the server cannot be reached, the file is kept on the
 * device. These files and uploaded ones are kept across reloads, separately for each account.
 */
import { currentAccount } from "@/account";
import { ApiError, client } from "@/api/client";
import type { Attachment } from "@/api/models";
import { newId } from "@/identifier";
import { createEmitter, useObservable } from "@/observable";
import type { UnsentFiles, WaitingFile } from "./attachment";
import { upload } from "./upload";
import { loadStoredFiles, readWaitingFile, releaseFiles } from "./waiting-files";

/** The maximum number of files in a message. The api has the same limit. */
export const MAX_FILES = 10;

const PREFIX = "banter.files.";
/** The server deletes files that are not sent after a day. */
const KEPT_MS = 23 * 3_600_000;

export interface PendingFile {
  /** The Idempotency-Key of the upload, which also identifies the file in the draft. */
  readonly key: string;
  readonly name: string;
  readonly size: number;
  /** The part that was uploaded, from 0 to 1. */
  readonly progress: number;
  readonly attachment: Attachment | null;
  /** Whether the file is kept on the device, because the server cannot be reached. */
  readonly isWaiting: boolean;
  readonly problem: { readonly code: string; readonly detail: string } | null;
}

interface Source {
  readonly file: File;
  /** Aborts the upload; null if there is none. */
  abort: (() => void) | null;
}

const NONE: readonly PendingFile[] = [];

/** The files by storage key. */
const drafts = new Map<string, readonly PendingFile[]>();
const changes = createEmitter();
/** What is uploaded, by file. */
const sources = new Map<string, Source>();

const storageKeyOf = (draftKey: string) => `${PREFIX}${currentAccount() ?? ""}/${draftKey}`;

function read(storageKey: string): readonly PendingFile[] {
  return drafts.get(storageKey) ?? load(storageKey);
}

function load(storageKey: string): readonly PendingFile[] {
  const stored = readStored(storageKey);
  const files = stored.length === 0 ? NONE : stored.map(fromStored);
  drafts.set(storageKey, files);
  // The files are being rendered.
  queueMicrotask(uploadWaiting);
  return files;
}

/**
 * Returns the files of a draft in this browser that are kept on the device, or that the server still
 * has.
 */
function readStored(storageKey: string): readonly (Attachment | WaitingFile)[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? "[]");
    if (!Array.isArray(stored)) return [];
    const oldest = Date.now() - KEPT_MS;
    return (stored as (Attachment | WaitingFile)[]).filter(
      (file) => "key" in file || Date.parse(file.created_at) > oldest,
    );
  } catch {
    // Storage is disabled or damaged.
    return [];
  }
}

function show(storageKey: string, files: readonly PendingFile[]): void {
  drafts.set(storageKey, files);
  changes.emit();
}

function write(storageKey: string, files: readonly PendingFile[]): void {
  show(storageKey, files);
  save(storageKey, files);
}

function save(storageKey: string, files: readonly PendingFile[]): void {
  const kept = files.flatMap((file) => file.attachment ?? (file.isWaiting ? toWaiting(file) : []));
  try {
    if (kept.length === 0) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, JSON.stringify(kept));
  } catch {
    // Storage is disabled or full, so the files are lost on reload.
  }
}

function fromStored(stored: Attachment | WaitingFile): PendingFile {
  const { name, size } = stored;
  return "key" in stored
    ? { ...toWaiting(stored), progress: 0, attachment: null, isWaiting: true, problem: null }
    : {
        key: stored.id,
        name,
        size,
        progress: 1,
        attachment: stored,
        isWaiting: false,
        problem: null,
      };
}

const toWaiting = ({ key, name, size }: WaitingFile): WaitingFile => ({ key, name, size });

function find(key: string): PendingFile | undefined {
  return [...drafts.values()].flat().find((file) => file.key === key);
}

/** Changes a file. Returns the storage key of its draft, or null if the file was removed. */
function update(key: string, change: Partial<PendingFile>): string | null {
  for (const [storageKey, files] of drafts) {
    if (!files.some((file) => file.key === key)) continue;
    show(
      storageKey,
      files.map((file) => (file.key === key ? { ...file, ...change } : file)),
    );
    return storageKey;
  }
  return null;
}

/** Adds files to a draft and uploads them. Returns the keys of those that fit, which come first. */
export function addFiles(draftKey: string, added: readonly File[]): readonly string[] {
  const storageKey = storageKeyOf(draftKey);
  const known = read(storageKey);
  const fitting = added.slice(0, Math.max(0, MAX_FILES - known.length));
  const files = fitting.map((file): PendingFile => {
    const key = newId();
    sources.set(key, { file, abort: null });
    const { name, size } = file;
    return { key, name, size, progress: 0, attachment: null, isWaiting: false, problem: null };
  });
  write(storageKey, [...known, ...files]);
  for (const { key } of files) void start(key);
  return files.map(({ key }) => key);
}

async function start(key: string): Promise<void> {
  const source = sources.get(key);
  if (!source || source.abort) return;
  update(key, { progress: 0, problem: null });
  const { result, abort } = upload(source.file, key, (progress) => update(key, { progress }));
  source.abort = abort;
  try {
    const attachment = await result;
    // The user has removed the file in the meantime.
    if (!sources.delete(key)) void deleteAttachment(attachment);
    const storageKey = update(key, { progress: 1, attachment, isWaiting: false });
    if (storageKey === null) return;
    save(storageKey, read(storageKey));
    void releaseFiles([key]);
  } catch (error) {
    source.abort = null;
    const problem = error instanceof ApiError ? error : new ApiError(0, "network", String(error));
    if (problem.isTransient && sources.has(key)) await keep(key, source.file, problem);
    else fail(key, problem);
  }
}

/**
 * Shows why a file cannot be uploaded. A file that is kept on the device stays there, unless it can never be uploaded: it
 * may be the only copy, and the user may have to sign in first.
 */
function fail(key: string, { code, status, message: detail }: ApiError): void {
  const wasWaiting = find(key)?.isWaiting === true;
  const isWaiting = wasWaiting && status !== 413 && code !== "file_missing";
  if (wasWaiting && !isWaiting) void releaseFiles([key]);
  const storageKey = update(key, { isWaiting, problem: { code, detail } });
  if (storageKey !== null) save(storageKey, read(storageKey));
}

/** Keeps a file on the device. If that fails, its upload has failed because of `problem`. */
async function keep(key: string, file: File, problem: ApiError): Promise<void> {
  const known = find(key);
  // The file is already on the device, or it was removed or sent in the meantime.
  if (!known || known.isWaiting) return;
  try {
    const { storeFile } = await loadStoredFiles();
    await storeFile(currentAccount() ?? "", key, file);
  } catch (error) {
    return fail(key, error instanceof ApiError ? error : problem);
  }
  const storageKey = update(key, { progress: 0, isWaiting: true });
  if (storageKey !== null) save(storageKey, read(storageKey));
  // The user has removed the file in the meantime.
  else void releaseFiles([key]);
}

/** Uploads the files that are kept on the device, such as after a reconnect. */
export function uploadWaiting(): void {
  const waiting = [...drafts.values()].flat().filter(({ isWaiting }) => isWaiting);
  for (const { key } of waiting) retryFile(key);
}

/** Uploads a file again after a failure. */
export function retryFile(key: string): void {
  void resume(key);
}

async function resume(key: string): Promise<void> {
  try {
    const file = sources.get(key)?.file ?? (await readWaitingFile(key));
    if (!sources.has(key)) sources.set(key, { file, abort: null });
  } catch (error) {
    // Without its storage, the file may still be there after the next reload.
    return error instanceof ApiError ? fail(key, error) : undefined;
  }
  await start(key);
}

/** Aborts the upload of a file, if any. */
function stop(key: string): void {
  const source = sources.get(key);
  sources.delete(key);
  source?.abort?.();
}

/** Removes a file from a draft, and from the server. */
export function removeFile(draftKey: string, key: string): void {
  const storageKey = storageKeyOf(draftKey);
  const removed = read(storageKey).find((file) => file.key === key);
  stop(key);
  write(
    storageKey,
    read(storageKey).filter((file) => file.key !== key),
  );
  if (removed?.attachment) void deleteAttachment(removed.attachment);
  else if (removed?.isWaiting) void releaseFiles([key]);
}

/** Removes all files from a draft, such as that of a deleted chat, and from the server. */
export function discardFiles(draftKey: string): void {
  for (const { key } of read(storageKeyOf(draftKey))) removeFile(draftKey, key);
}

/** Returns the keys of the current account's drafts that have files. */
export function listFileDrafts(): readonly string[] {
  const prefix = storageKeyOf("");
  const storageKeys = new Set([...drafts.keys(), ...listStorageKeys()]);
  return [...storageKeys]
    .filter((key) => key.startsWith(prefix) && read(key).length > 0)
    .map((key) => key.slice(prefix.length));
}

function listStorageKeys(): readonly string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    // Storage is disabled.
    return [];
  }
}

/** An attachment that cannot be deleted is deleted by the server after a day. */
async function deleteAttachment({ id }: Attachment): Promise<void> {
  await client.DELETE("/v1/attachments/{id}", { params: { path: { id } } }).catch(() => {});
}

/** Returns whether a file can be sent: it is uploaded, or is kept on the device until then. */
export function isReady({ attachment, isWaiting }: PendingFile): boolean {
  return attachment !== null || isWaiting;
}

/**
 * Removes the files that can be sent from a draft. After the message is stored elsewhere, the caller
 * must call `forget`, which removes the stored copy.
 */
export function takeFiles(draftKey: string): UnsentFiles & { forget(): void } {
  const storageKey = storageKeyOf(draftKey);
  const files = read(storageKey);
  show(
    storageKey,
    files.filter((file) => !isReady(file)),
  );
  const waitingFiles = files.filter(({ isWaiting }) => isWaiting).map(toWaiting);
  // The outbox uploads them.
  for (const { key } of waitingFiles) stop(key);
  return {
    attachments: files.flatMap(({ attachment }) => attachment ?? []),
    waitingFiles,
    forget: () => save(storageKey, read(storageKey)),
  };
}

/** Moves the files of a draft to another one. Uploads in progress continue. */
export function moveFiles(from: string, to: string): void {
  const [source, target] = [storageKeyOf(from), storageKeyOf(to)];
  const moved = read(source);
  if (moved.length === 0) return;
  write(target, [...read(target), ...moved]);
  write(source, NONE);
}

/** Another tab has changed the files of a draft. Files that this tab uploads stay in it. */
window.addEventListener("storage", ({ key }) => {
  if (!key?.startsWith(PREFIX) || !drafts.has(key)) return;
  const own = read(key).filter((file) => !isReady(file));
  show(key, [...readStored(key).map(fromStored), ...own]);
});

/** Returns files to a draft whose message was not sent. */
export function restoreFiles(
  draftKey: string,
  { attachments = [], waitingFiles = [] }: Partial<UnsentFiles>,
): void {
  const storageKey = storageKeyOf(draftKey);
  write(storageKey, [...[...attachments, ...waitingFiles].map(fromStored), ...read(storageKey)]);
}

/** Removes the current account's files from all drafts on this device. */
export function clearFiles(): void {
  const prefix = storageKeyOf("");
  for (const key of listStorageKeys()) if (key.startsWith(prefix)) localStorage.removeItem(key);
  for (const key of drafts.keys()) if (key.startsWith(prefix)) drafts.delete(key);
  changes.emit();
  void loadStoredFiles()
    .then(({ clearStoredFiles }) => clearStoredFiles(currentAccount() ?? ""))
    .catch(() => {});
}

/** Returns the files of a draft. */
export function useFiles(draftKey: string): readonly PendingFile[] {
  const storageKey = storageKeyOf(draftKey);
  return useObservable({ get: () => read(storageKey), subscribe: changes.subscribe });
}
