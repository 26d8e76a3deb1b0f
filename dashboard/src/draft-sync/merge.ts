import { isLost, isOverwritten } from "@/draft-text";

interface Drafts {
  /** The text on this device. */
  readonly local: string;
  /** The newer text from the server. */
  readonly remote: string;
  /** Whether the local text has changed since the last synchronization. */
  readonly isEdited: boolean;
  /** Whether an IME composition is in progress, during which the text must not be replaced. */
  readonly isComposing: boolean;
  /** Whether this device wrote the text that was last synchronized. */
  readonly isOwn: boolean;
}

interface Merged {
  /** The new draft. If it differs from the remote text, it must be sent to the server. */
  readonly text: string;
  /** The text to keep as a conflicting draft, or null. */
  readonly conflicting: string | null;
}

/**
 * Merges the draft on this device with a newer one from the server. A text that the user edited on
 * this device stays in place. No text is lost, except that another device may have sent or cleared
 * a text that is unchanged here.
 */
export function mergeDrafts(drafts: Drafts): Merged {
  const { local, remote, isEdited, isComposing, isOwn } = drafts;
  const localStays = { text: local, conflicting: isLost(remote, local) ? remote : null };
  if (isComposing) return localStays;
  if (!isEdited) {
    // Another device has replaced what was typed here, perhaps before it received that text.
    const isReplaced = isOwn && remote.trim() !== "" && isOverwritten(local, remote);
    return { text: remote, conflicting: isReplaced ? local : null };
  }
  return isLost(local, remote) ? localStays : { text: remote, conflicting: null };
}
