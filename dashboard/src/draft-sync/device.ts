/** Connects the drafts on this device, the server, and the stream. */
import { ApiError, body, client } from "@/api/client";
import { adoptDraft, isComposing, listDrafts, onDraftEdited, readDraft } from "@/drafts";
import { outbox } from "@/outbox/use-outbox";
import { store } from "@/stream/store";
import { onStreamEvent } from "@/stream/use-connection";
import { listRecords, readRecord, writeRecord } from "./record";
import { createDraftSync, type Device, type DraftServer, type DraftSync } from "./sync";

/** Drafts of sessions are synchronized. The draft of the new chat view stays on the device. */
const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The maximum size of a draft in bytes. The api has the same limit. */
const MAX_BYTES = 256 * 1024;
/** The maximum length of a text that is sent while the page closes. Browsers allow 64 KiB. */
const CLOSING_MAX_LENGTH = 16 * 1024;
/**
 * How long tabs without the focus wait before they merge a draft. The tab in which the user types
 * merges first, because only it knows the latest key press.
 */
const BACKGROUND_DELAY_MS = 500;

function createDevice(account: string): Device {
  const idOf = (key: string) => `${account}/${key}`;
  return {
    read: readDraft,
    isComposing,
    adopt: adoptDraft,
    readRecord: (key) => readRecord(idOf(key)),
    writeRecord: (key, record) => writeRecord(idOf(key), record),
    wasSent(key, text) {
      const messages = Object.values(store.getState().threads[key]?.messages ?? {});
      const sent = [
        ...messages.flatMap(({ value }) => (value?.role === "user" ? [value.content] : [])),
        ...outbox.messages
          .get()
          .flatMap(({ sessionId, content }) => (sessionId === key ? [content] : [])),
      ];
      return sent.some((content) => content.includes(text.trim()));
    },
  };
}

const server: DraftServer = {
  get: (key) => body(client.GET("/v1/chat/{id}/draft", { params: { path: { id: key } } })),
  async put(key, draft) {
    if (draft.text.length > MAX_BYTES)
      throw new ApiError(413, "payload_too_large", "The draft is too long.");
    const isClosing = document.visibilityState === "hidden";
    return body(
      client.PUT("/v1/chat/{id}/draft", {
        params: { path: { id: key } },
        body: draft,
        // The request outlives the page.
        keepalive: isClosing && draft.text.length <= CLOSING_MAX_LENGTH,
      }),
    );
  },
};

export interface RunningSync extends DraftSync {
  /** Synchronizes all drafts on this device. */
  synchronizeAll(): Promise<void>;
}

/** Synchronizes the account's drafts until `close` is called. */
export function startDraftSync(account: string): RunningSync {
  const sync = createDraftSync(createDevice(account), server);
  const end = new AbortController();
  const { signal } = end;
  const timers = new Set<ReturnType<typeof setTimeout>>();

  const stopEdits = onDraftEdited((key) => {
    if (SESSION_ID.test(key)) sync.edited(key);
  });
  const stopEvents = onStreamEvent((event) => {
    if (event.type !== "session.draft") return;
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        sync.received(event.chat_session_id, event);
      },
      document.hasFocus() ? 0 : BACKGROUND_DELAY_MS,
    );
    timers.add(timer);
  });
  function onHide() {
    if (document.visibilityState === "hidden") sync.flush();
  }
  document.addEventListener("visibilitychange", onHide, { signal });
  // The user leaves the field.
  document.addEventListener("focusout", sync.flush, { signal });
  window.addEventListener("blur", sync.flush, { signal });

  return {
    ...sync,
    async synchronizeAll() {
      const prefix = `${account}/`;
      const recorded = listRecords(prefix).map((id) => id.slice(prefix.length));
      for (const key of new Set([...listDrafts(), ...recorded]))
        if (SESSION_ID.test(key)) await sync.synchronize(key);
    },
    close() {
      end.abort();
      stopEdits();
      stopEvents();
      for (const timer of timers) clearTimeout(timer);
      sync.close();
    },
  };
}
