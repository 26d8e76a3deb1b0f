/**
 * Shares one stream among all tabs of a browser. The tabs elect a leader, which holds the stream
 * and forwards its events to the other tabs over a BroadcastChannel. The leader holds a Web Lock.
 * If Web Locks are unavailable, such as over plain HTTP, it holds a lock that the tabs manage
 * themselves.
 *
 * Guarantees:
 * - When the leader closes, another tab becomes the leader and resumes from its own position.
 * - A tab that joins or wakes up receives the events that it missed, or fetches again.
 * - A leader that does not respond to a visible tab, for example because it is frozen, loses the
 *   lead. It becomes a follower when it resumes.
 */
import { newId } from "@/identifier";
import { createChannelLocks, type Locks } from "./channel-lock";
import { noteServerTime, serverNow } from "./clock";
import {
  type Connection,
  type ConnectionOptions,
  type ConnectionStatus,
  connect,
  type Received,
} from "./connection";
import { type Cursor, formatCursor } from "./cursor";

/** Returns the events that a joining tab needs in addition to the log. */
type Snapshot = () => readonly Received[];

interface Options extends ConnectionOptions {
  /** Returns the typing events and steps of the running tasks known to this tab. */
  snapshot: Snapshot;
}

type TabMessage =
  | { kind: "events"; events: readonly Received[] }
  | { kind: "status"; status: ConnectionStatus }
  /** The leader has changed, so every tab must join again. */
  | { kind: "lead" }
  /** `isNew` is true if the tab has just been opened or become visible. */
  | { kind: "join"; from: string; position: Cursor | null; isNew: boolean }
  | {
      kind: "welcome";
      to: string;
      status: ConnectionStatus;
      events: readonly Received[];
    };

const NAME = "banter-stream";
/** How many durable events a tab keeps for joining tabs. */
const MEMORY = 500;
/** How long a leader may take to respond to a visible tab. */
const WELCOME_MS = 4000;
/** How long a leader may be silent before a visible tab checks that it still exists. */
const CHECK_MS = 5000;
let leads = false;

/** Returns whether this tab holds the browser's stream. */
export function isLeading(): boolean {
  return leads;
}

export function connectShared(options: Options): () => void {
  const locks: Locks = "locks" in navigator ? navigator.locks : createChannelLocks();
  const channel = new BroadcastChannel(NAME);
  const self = newId();
  const end = new AbortController();
  const recent: Received[] = [];
  let status: ConnectionStatus = "connecting";
  /** The stream, if this tab leads. */
  let connection: Connection | null = null;
  let isWelcome = false;
  /** Whether this tab is already queued for the lead. */
  let isQueued = false;
  /** When the last message from the leader arrived. */
  let heardAt = 0;
  let welcomeTimer: ReturnType<typeof setTimeout> | undefined;

  const post = (message: TabMessage) => channel.postMessage(message);

  function setStatus(next: ConnectionStatus) {
    status = next;
    options.onStatus(next);
  }

  function take(events: readonly Received[]) {
    recent.push(...events.filter(({ cursor }) => cursor !== null));
    recent.splice(0, recent.length - MEMORY);
    options.onEvents(events);
  }

  function lead(): () => void {
    leads = true;
    clearTimeout(welcomeTimer);
    const opened = connect({
      ...options,
      onEvents: (events) => {
        take(events);
        post({ kind: "events", events });
      },
      onStatus: (next) => {
        setStatus(next);
        post({ kind: "status", status: next });
      },
    });
    connection = opened;
    post({ kind: "lead" });
    return () => {
      connection = null;
      leads = false;
      opened.close();
    };
  }

  /** Returns `hello`, the events that another tab has missed, and the snapshot. */
  function eventsSince(position: Cursor | null): readonly Received[] {
    const own = options.position();
    if (!own) return [];
    const isSame = position?.epoch === own.epoch;
    const missed = recent.filter(
      ({ cursor }) => cursor?.epoch === own.epoch && position && cursor.seq > position.seq,
    );
    const isCovered =
      isSame && (position.seq >= own.seq || missed[0]?.cursor?.seq === position.seq + 1);
    // A tab fetches everything again if the position in `hello` differs from its own.
    const cursor = formatCursor(isCovered ? position : own);
    const at = new Date(serverNow()).toISOString();
    const hello = { type: "hello", at, cursor, heartbeat_ms: 0, retry_ms: 0 } as const;
    return [{ cursor: null, event: hello }, ...(isCovered ? missed : []), ...options.snapshot()];
  }

  function join(isNew: boolean) {
    if (connection || end.signal.aborted) return;
    post({ kind: "join", from: self, position: options.position(), isNew });
    clearTimeout(welcomeTimer);
    // A hidden tab's timers are late, and a hidden tab can wait.
    if (document.visibilityState === "visible") welcomeTimer = setTimeout(takeOver, WELCOME_MS);
  }

  function onMessage({ data: message }: MessageEvent<TabMessage>) {
    if (message.kind !== "join") heardAt = Date.now();
    switch (message.kind) {
      case "events":
        if (connection || !isWelcome) return;
        noteTimes(message.events);
        return take(message.events);
      case "status":
        if (!connection && isWelcome) setStatus(message.status);
        return;
      case "lead":
        isWelcome = false;
        return join(false);
      case "join":
        if (!connection) return;
        // The user has just opened or returned to the tab, so do not wait for a pending retry.
        if (message.isNew) connection.wake();
        else connection.check();
        return post({
          kind: "welcome",
          to: message.from,
          status,
          events: eventsSince(message.position),
        });
      case "welcome":
        if (message.to !== self || connection) return;
        clearTimeout(welcomeTimer);
        isWelcome = true;
        noteTimes(message.events);
        take(message.events);
        return setStatus(message.status);
      default:
        message satisfies never;
    }
  }

  /** Waits for the lead, and then holds it until this tab closes or another tab steals the lead. */
  async function seekLead(mode: LockOptions): Promise<void> {
    const isPatient = mode.steal !== true;
    if (isPatient && isQueued) return;
    if (isPatient) isQueued = true;
    let resign = () => {};
    try {
      await locks.request(NAME, mode, () => {
        if (isPatient) isQueued = false;
        if (end.signal.aborted) return;
        const stop = lead();
        return new Promise<void>((resolve) => {
          resign = () => {
            stop();
            resolve();
          };
          end.signal.addEventListener("abort", resign);
        });
      });
    } catch {
      // Either the request was aborted, or the lead was stolen and this tab queues again.
      const hasLed = connection !== null;
      resign();
      if (end.signal.aborted || connection) return;
      // This tab may have sent events after it lost the lead, so all tabs must join again.
      if (hasLed) post({ kind: "lead" });
      isWelcome = false;
      void seekLead({ signal: end.signal });
      join(false);
    }
  }

  function takeOver() {
    if (connection || end.signal.aborted || document.visibilityState === "hidden") return;
    void seekLead({ steal: true });
  }

  function onVisible() {
    if (document.visibilityState === "visible") join(true);
  }

  function checkLeader() {
    const isSilent = Date.now() - heardAt >= CHECK_MS;
    if (isSilent && document.visibilityState === "visible") join(false);
  }

  channel.addEventListener("message", onMessage);
  document.addEventListener("visibilitychange", onVisible);
  const check = setInterval(checkLeader, CHECK_MS);
  void seekLead({ signal: end.signal });
  join(true);

  return () => {
    end.abort();
    clearInterval(check);
    clearTimeout(welcomeTimer);
    document.removeEventListener("visibilitychange", onVisible);
    channel.close();
  };
}

/** Sets the server's clock from events that another tab received. */
function noteTimes(events: readonly Received[]): void {
  for (const { event } of events)
    if (event.type === "hello" || event.type === "heartbeat") noteServerTime(event.at);
}
