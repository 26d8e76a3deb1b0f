/**
 * Texts that lost a conflict between tabs or devices. They are stored on the device until the user
 * restores or dismisses them, newest first. Each is stored under the ID of its draft.
 */
import * as v from "valibot";
import { isLost } from "./draft-text";

const PREFIX = "banter.conflicting-drafts.";
const schema = v.pipe(v.string(), v.parseJson(), v.array(v.string()));
const none: readonly string[] = [];
/** The texts known to this tab, by draft ID. */
const known = new Map<string, readonly string[]>();

function load(id: string): readonly string[] | null {
  try {
    const result = v.safeParse(schema, localStorage.getItem(PREFIX + id) ?? "[]");
    return result.success ? result.output : none;
  } catch {
    // Storage is disabled.
    return null;
  }
}

/** Returns the same array until it changes. */
export function readConflicting(id: string): readonly string[] {
  const texts = known.get(id) ?? load(id) ?? none;
  known.set(id, texts);
  return texts;
}

export function writeConflicting(id: string, texts: readonly string[]): void {
  known.set(id, texts);
  try {
    if (texts.length === 0) localStorage.removeItem(PREFIX + id);
    else localStorage.setItem(PREFIX + id, JSON.stringify(texts));
  } catch {
    // Storage is disabled or full, so the texts are lost on reload.
  }
}

/** Returns the texts with one added, and without texts that it contains. */
export function addText(texts: readonly string[], text: string): readonly string[] {
  if (!texts.every((other) => isLost(text, other))) return texts;
  if (text.trim() === "") return texts;
  return [text, ...texts.filter((other) => isLost(other, text))];
}

/** Adds a text. Another tab may have added one that this tab does not know yet. */
export function keepConflicting(id: string, text: string): void {
  writeConflicting(id, addText(load(id) ?? readConflicting(id), text));
}

/** Returns the IDs of the drafts with conflicting texts that begin with `prefix`. */
export function listConflicting(prefix: string): readonly string[] {
  const ids = new Set(known.keys());
  try {
    for (const name of Object.keys(localStorage))
      if (name.startsWith(PREFIX)) ids.add(name.slice(PREFIX.length));
  } catch {
    // Storage is disabled.
  }
  return [...ids].filter((id) => id.startsWith(prefix) && readConflicting(id).length > 0);
}

/** Forgets what this tab knows after another tab has changed storage. Returns whether it matters. */
export function forgetConflicting(storageKey: string | null): boolean {
  if (storageKey === null) for (const id of [...known.keys()]) load(id) && known.delete(id);
  else if (!storageKey.startsWith(PREFIX)) return false;
  else known.delete(storageKey.slice(PREFIX.length));
  return true;
}
