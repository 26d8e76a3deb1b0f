/** Stores copies of the chat list and of opened threads while the server can be reached. */

import type { Agent } from "@/api/models";
import { queryClient } from "@/api/query-client";
import { isLeading } from "@/stream/shared-connection";
import type { State } from "@/stream/state";
import { store } from "@/stream/store";
import { copySessions, copyThread, type ListCopy, type Me, type ThreadCopy } from "./copy";
import { removeCopies, writeCopies } from "./copy-storage";
import { openSessionId } from "./open-session";

/** How long to collect changes before they are stored. */
const SAVE_DELAY_MS = 1000;
/** How long to wait until the page is idle. */
const IDLE_TIMEOUT_MS = 2000;

/** Calls `run` when the browser is idle. Safari has no idle callbacks. */
function whenIdle(run: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(run, { timeout: IDLE_TIMEOUT_MS });
  else setTimeout(run);
}

/** Returns the parts of the state that a copy of a thread contains. */
function partsOf({ sessions, threads }: State, id: string): readonly unknown[] {
  return [sessions[id], threads[id]?.messages, threads[id]?.tasks, threads[id]?.hasMore];
}

function isSame(a: readonly unknown[] | undefined, b: readonly unknown[]): boolean {
  return a !== undefined && b.every((part, index) => part === a[index]);
}

/**
 * Stores copies for the account after each change, until the returned function is called. Also
 * removes the copies of other accounts.
 */
export function saveCopies(account: string): () => void {
  const end = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let savedSessions: State["sessions"] | null = null;
  const savedThreads = new Map<string, readonly unknown[]>();
  const usedAt = new Map<string, number>();

  function copyList(state: State): ListCopy | null {
    const me = queryClient.getQueryData<Me>(["me"]);
    const agents = queryClient.getQueryData<Agent[]>(["agents"]);
    const isNews = state.sessions !== savedSessions && state.listedAt.active >= 0;
    // One tab is enough, because all tabs have the same list.
    if (!me || !agents || !isNews || (savedSessions && !isLeading())) return null;
    savedSessions = state.sessions;
    return { account, me, agents, sessions: copySessions(state) };
  }

  function copyThreads(state: State): ThreadCopy[] {
    return Object.keys(state.threads).flatMap((sessionId) => {
      const parts = partsOf(state, sessionId);
      const data = isSame(savedThreads.get(sessionId), parts) ? null : copyThread(state, sessionId);
      if (!data) return [];
      savedThreads.set(sessionId, parts);
      return [{ account, sessionId, usedAt: usedAt.get(sessionId) ?? Date.now(), data }];
    });
  }

  function save() {
    clearTimeout(timer);
    timer = undefined;
    if (end.signal.aborted) return;
    const state = store.getState();
    const openId = openSessionId();
    if (openId !== null) usedAt.set(openId, Date.now());
    const deleted = Object.keys(state.sessions).filter((id) => state.sessions[id]?.value === null);
    const copies = { list: copyList(state), threads: copyThreads(state), deleted };
    if (copies.list === null && copies.threads.length === 0 && deleted.length === 0) return;
    writeCopies(account, copies).catch(() => {
      // Storage is disabled or full, so the next reload needs the server.
    });
  }

  function schedule() {
    timer ??= setTimeout(() => whenIdle(save), SAVE_DELAY_MS);
  }

  function onHide() {
    if (document.visibilityState === "hidden") save();
  }

  const unsubscribe = store.subscribe(schedule);
  document.addEventListener("visibilitychange", onHide, { signal: end.signal });
  removeCopies(account).catch(() => {});
  schedule();
  return () => {
    end.abort();
    clearTimeout(timer);
    unsubscribe();
  };
}
