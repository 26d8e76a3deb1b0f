// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Session } from "@/api/models";
import { History, pick, type Random, seeded } from "./history-model";
import { countUnread, listTurns, listWithoutGap } from "./order";
import { reduce } from "./reducer";
import { type Action, initialState, type ListedStatus, type State } from "./state";

const STEPS = 120;
const SEEDS = Array.from({ length: 150 }, (_, index) => index + 1);
const PAGE = 4;
const LIST_PAGE = 2;
const LISTS = ["active", "archived"] as const;

/** Returns what the page shows of a state, with all open threads. */
function viewOf(state: State) {
  const threads = Object.entries(state.threads).map(([id, thread]) => {
    const turns = listTurns(thread.messages).map(({ user, answer }) => ({
      user: user && { ...user, task: null },
      answer,
      task: user && (thread.tasks[user.task_id]?.value ?? null),
    }));
    const texts = Object.entries(thread.live)
      .filter(([, { text }]) => text !== "")
      .map(([taskId, { attempt, messageId, text }]) => ({ taskId, attempt, messageId, text }));
    return [id, { turns, texts }];
  });
  return {
    active: listWithoutGap(state.sessions, "active", state.listedTo.active),
    archived: listWithoutGap(state.sessions, "archived", state.listedTo.archived),
    unread: countUnread(state.sessions),
    threads: Object.fromEntries(threads),
  };
}

/** A client that fetches as the hooks of the page do. */
class Reader {
  state: State = initialState;
  readonly #history: History;
  #generation = 0;
  readonly #listed: Record<ListedStatus, { after: Session | null; isLast: boolean }> = {
    active: { after: null, isLast: false },
    archived: { after: null, isLast: false },
  };
  readonly #holes = new Map<string, number>();

  constructor(history: History) {
    this.#history = history;
    this.fetchLists();
  }

  take(...actions: readonly Action[]): void {
    this.state = actions.reduce(reduce, this.state);
    this.#fetchMissed();
  }

  fetchLists(): void {
    for (const status of LISTS) {
      this.#listed[status] = { after: null, isLast: false };
      this.scrollList(status);
    }
    this.take(this.#history.unread());
  }

  /** Fetches a list's next page. */
  scrollList(status: ListedStatus): void {
    const { after, isLast } = this.#listed[status];
    if (isLast) return;
    const page = this.#history.list(status, after, LIST_PAGE);
    this.#listed[status] = { after: page.items.at(-1) ?? after, isLast: page.page.isLast };
    this.take(page);
  }

  scrollListsToTheirEnd(): void {
    for (const status of LISTS) while (!this.#listed[status].isLast) this.scrollList(status);
  }

  /** Opens a thread. Returns the response of its fetch, which can be delivered later. */
  ask(id: string): Action {
    this.take({ type: "thread.opened", sessionId: id });
    const answer = this.#history.thread(id, PAGE);
    return answer ? { type: "thread.fetched", ...answer } : { type: "session.gone", sessionId: id };
  }

  scrollUp(id: string): void {
    const thread = this.state.threads[id];
    if (!thread?.hasMore) return;
    const { generation } = this.state;
    const page = this.#history.older(id, thread.firstTurn, PAGE);
    const about = { sessionId: id, beforeTurn: thread.firstTurn, generation };
    this.take({ type: "older.fetched", ...about, ...page });
  }

  scrollUpEverywhere(): void {
    for (const id of Object.keys(this.state.threads))
      while (this.state.threads[id]?.hasMore) this.scrollUp(id);
  }

  #fetchMissed(): void {
    const { generation, threads } = this.state;
    if (generation > this.#generation) {
      this.#generation = generation;
      this.fetchLists();
      for (const id of Object.keys(threads)) this.take(this.ask(id));
    }
    for (const [id, { holes }] of Object.entries(threads)) {
      if (holes <= (this.#holes.get(id) ?? 0)) continue;
      this.#holes.set(id, holes);
      this.take(this.ask(id));
    }
  }
}

/** Returns the view of a new client with the same open threads. */
function afresh(history: History, open: readonly string[]) {
  const reader = new Reader(history);
  for (const id of open) reader.take(reader.ask(id));
  reader.scrollUpEverywhere();
  reader.scrollListsToTheirEnd();
  return viewOf(reader.state);
}

type Turbulence = (reader: Reader, events: Action[], random: Random, history: History) => void;

/** Makes random changes, and asserts that the client's view equals that of a new client. */
function liveThrough(seed: number, deliver: Turbulence, settle?: (reader: Reader) => void) {
  const random = seeded(seed);
  const history = new History(random);
  const reader = new Reader(history);
  for (let step = 0; step < STEPS; step += 1) {
    deliver(reader, history.step(), random, history);
    const id = pick(random, history.sessionIds());
    if (id && !reader.state.threads[id] && random() < 0.3) reader.take(reader.ask(id));
    if (id && random() < 0.05) reader.scrollUp(id);
    if (random() < 0.05) reader.scrollList(pick(random, LISTS) ?? "active");
  }
  settle?.(reader);
  expect(countUnread(reader.state.sessions), `seed ${seed}`).toBe(history.countUnread());
  reader.scrollUpEverywhere();
  reader.scrollListsToTheirEnd();
  const expected = afresh(history, Object.keys(reader.state.threads));
  expect(viewOf(reader.state), `seed ${seed}`).toEqual(expected);
}

function always(name: string, play: (seed: number) => void) {
  it(name, () => {
    for (const seed of SEEDS) play(seed);
  });
}

describe("after any history, a client shows the same as a new client", () => {
  always("after live events", (seed) => {
    liveThrough(seed, (reader, events) => reader.take(...events));
  });

  always("after duplicated and delayed events", (seed) => {
    const earlier: Action[] = [];
    liveThrough(seed, (reader, events, random) => {
      const durable = events.filter((action) => action.type === "event" && action.cursor);
      reader.take(...events, ...events);
      earlier.push(...durable);
      const again = random() < 0.3 ? pick(random, earlier) : undefined;
      if (again) reader.take(again);
    });
  });

  always("after disconnects with a replay", (seed) => {
    let isCut = false;
    const reconnect = (reader: Reader, history: History) => {
      isCut = false;
      if (reader.state.position) reader.take(...history.replay(reader.state.position));
    };
    let known: History | undefined;
    liveThrough(
      seed,
      (reader, events, random, history) => {
        known = history;
        if (!isCut) reader.take(...events);
        if (isCut && random() < 0.3) reconnect(reader, history);
        else if (random() < 0.2) isCut = true;
      },
      (reader) => known && reconnect(reader, known),
    );
  });

  always("after late responses in any order", (seed) => {
    const late: Action[] = [];
    liveThrough(
      seed,
      (reader, events, random, history) => {
        reader.take(...events);
        const id = pick(random, history.sessionIds());
        if (id && random() < 0.3) late.push(reader.ask(id));
        if (random() < 0.1)
          for (const status of LISTS) late.push(history.list(status, null, LIST_PAGE));
        if (random() < 0.3) reader.take(...late.splice(Math.floor(random() * late.length), 1));
      },
      (reader) => reader.take(...late),
    );
  });

  always("after lost events", (seed) => {
    let known: History | undefined;
    liveThrough(
      seed,
      (reader, events, random, history) => {
        known = history;
        const isLost = random() < 0.1;
        reader.take(...(isLost ? events.slice(1) : events));
      },
      // The last event may be lost. It is detected at the next connection.
      (reader) => {
        if (known && reader.state.position) reader.take(...known.replay(reader.state.position));
      },
    );
  });
});
