// @vitest-environment node
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Session } from "@/api/models";
import { FakeServer } from "./fake-server";
import { pick, type Random } from "./random-changes";
import { reduce } from "./reducer";
import { countUnread, listWithoutGap } from "./session-order";
import { type Action, initialState, type ListedStatus, type State, type Thread } from "./state";
import { includes, type PageBound, rangeOfPage } from "./turn-range";
import { listTurns } from "./turns";

/** The maximum number of changes in a history. */
const MAX_STEPS = 120;
/** The number of random decisions that a change can depend on. */
const STEP_DECISIONS = 16;
const RUNS = 150;
const PAGE = 4;
const LIST_PAGE = 2;
const LISTS = ["active", "archived"] as const;

/** Returns the parts of a state that the page shows, including all open threads. */
function viewOf(state: State) {
  const threads = Object.entries(state.threads).map(([id, thread]) => {
    const turns = listTurns(thread.messages).map(({ turn, user, answer }) => ({
      turn,
      user: user && { ...user, task: null },
      answer,
      task: user && (thread.tasks[user.task_id]?.value ?? null),
    }));
    const texts = Object.entries(thread.live)
      .filter(([, { text }]) => text !== "")
      .map(([taskId, { attempt, messageId, text }]) => ({ taskId, attempt, messageId, text }));
    return [id, { turns, texts }] as const;
  });
  return {
    active: listWithoutGap(state.sessions, "active", state.listedTo.active),
    archived: listWithoutGap(state.sessions, "archived", state.listedTo.archived),
    unread: countUnread(state.sessions),
    threads: Object.fromEntries(threads),
  };
}

/** Returns whether the thread shows a turn, if it exists. */
function isFetched(thread: Thread | undefined, turn: number): boolean {
  if (!thread) return false;
  const { firstTurn, excerpt } = thread;
  return turn >= firstTurn || (excerpt !== null && includes(excerpt, turn));
}

/** A client that fetches in the same way as the page's hooks. */
class Client {
  state: State = initialState;
  readonly #server: FakeServer;
  #generation = 0;
  readonly #listed: Record<ListedStatus, { after: Session | null; isLast: boolean }> = {
    active: { after: null, isLast: false },
    archived: { after: null, isLast: false },
  };
  readonly #gaps = new Map<string, number>();

  constructor(server: FakeServer) {
    this.#server = server;
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
    this.take(this.#server.unread());
  }

  /** Fetches a list's next page. */
  scrollList(status: ListedStatus): void {
    const { after, isLast } = this.#listed[status];
    if (isLast) return;
    const page = this.#server.list(status, after, LIST_PAGE);
    this.#listed[status] = { after: page.items.at(-1) ?? after, isLast: page.page.isLast };
    this.take(page);
  }

  scrollListsToTheirEnd(): void {
    for (const status of LISTS) while (!this.#listed[status].isLast) this.scrollList(status);
  }

  /** Opens a thread. Returns the response to the fetch, which can be delivered later. */
  ask(id: string): Action {
    this.take({ type: "thread.opened", sessionId: id });
    const answer = this.#server.thread(id, PAGE);
    return answer ? { type: "thread.fetched", ...answer } : { type: "session.gone", sessionId: id };
  }

  scrollUp(id: string): void {
    const thread = this.state.threads[id];
    if (!thread?.hasMore) return;
    const { generation } = this.state;
    const page = this.#server.older(id, thread.firstTurn, PAGE);
    const about = { sessionId: id, beforeTurn: thread.firstTurn, generation };
    this.take({ type: "older.fetched", ...about, ...page });
  }

  /**
   * Fetches turns that need not adjoin the ones fetched before: after a random turn, or before the
   * excerpt. Returns the response, which can be delivered later.
   */
  jump(id: string, random: Random): Action | null {
    const thread = this.state.threads[id];
    if (!thread?.hasMore) return null;
    const { first = 0 } = thread.excerpt ?? {};
    const bound: PageBound =
      first > 0 && random() < 0.3
        ? { before: first }
        : { after: thread.excerpt?.last ?? Math.floor(random() * thread.firstTurn) };
    const page =
      "before" in bound
        ? this.#server.older(id, bound.before, PAGE - 2)
        : this.#server.newer(id, bound.after, PAGE - 2);
    return {
      type: "excerpt.fetched",
      sessionId: id,
      generation: this.state.generation,
      fetchedAt: thread.fetchedAt,
      items: page.items,
      range: rangeOfPage(bound, page.items, page.hasMore),
    };
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
    for (const [id, { gaps }] of Object.entries(threads)) {
      if (gaps <= (this.#gaps.get(id) ?? 0)) continue;
      this.#gaps.set(id, gaps);
      this.take(this.ask(id));
    }
  }
}

/** Returns the view of a new client with the same open threads. */
function viewOfNewClient(server: FakeServer, open: readonly string[]) {
  const client = new Client(server);
  for (const id of open) client.take(client.ask(id));
  client.scrollUpEverywhere();
  client.scrollListsToTheirEnd();
  return viewOf(client.state);
}

/** The random decisions for each step of a history, in permille. */
type Decisions = readonly (readonly number[])[];

const histories: fc.Arbitrary<Decisions> = fc.array(
  fc.array(fc.nat(999), { minLength: STEP_DECISIONS, maxLength: STEP_DECISIONS }),
  { minLength: 1, maxLength: MAX_STEPS, size: "max" },
);

interface Step {
  readonly client: Client;
  readonly server: FakeServer;
  readonly random: Random;
  /** The events that the change emitted. */
  readonly events: readonly Action[];
}

interface Delivery {
  deliver: (step: Step) => void;
  /** Delivers the remaining events after the last step. */
  finish?: (client: Client, server: FakeServer) => void;
}

/**
 * Applies the changes in a history, and asserts that the client's view equals that of a new client.
 */
function simulate(history: Decisions, { deliver, finish }: Delivery) {
  let decisions: readonly number[] = [];
  let next = 0;
  const random = () => {
    const decision = decisions[next % decisions.length] ?? 0;
    next += 1;
    return decision / 1000;
  };
  const server = new FakeServer(random);
  const client = new Client(server);
  const pages: Action[] = [];
  for (decisions of history) {
    next = 0;
    deliver({ client, server, random, events: server.step() });
    const id = pick(random, server.sessionIds());
    if (id && !client.state.threads[id] && random() < 0.3) client.take(client.ask(id));
    if (id && random() < 0.05) client.scrollUp(id);
    const page = id && random() < 0.4 ? client.jump(id, random) : null;
    if (page && random() < 0.6) client.take(page);
    else if (page) pages.push(page);
    if (random() < 0.3) client.take(...pages.splice(0, 1));
    if (random() < 0.05) client.scrollList(pick(random, LISTS) ?? "active");
  }
  finish?.(client, server);
  expect(countUnread(client.state.sessions)).toBe(server.countUnread());
  const before = client.state;
  client.scrollUpEverywhere();
  client.scrollListsToTheirEnd();
  const expected = viewOfNewClient(server, Object.keys(client.state.threads));
  expect(viewOf(client.state)).toEqual(expected);
  for (const [id, { turns }] of Object.entries(viewOf(before).threads)) {
    const all = expected.threads[id]?.turns ?? [];
    expect(turns).toEqual(all.filter(({ turn }) => isFetched(before.threads[id], turn)));
  }
}

/** `createDelivery` is called for each history, because a delivery can be stateful. */
function always(name: string, createDelivery: () => Delivery) {
  it(name, () => {
    const property = fc.property(histories, (history) => simulate(history, createDelivery()));
    fc.assert(property, { numRuns: RUNS });
  });
}

function reconnect(client: Client, server: FakeServer) {
  if (client.state.position) client.take(...server.replay(client.state.position));
}

describe("after any history, a client shows the same view as a new client", () => {
  always("after live events", () => ({
    deliver: ({ client, events }) => client.take(...events),
  }));

  always("after duplicated and delayed events", () => {
    const earlier: Action[] = [];
    return {
      deliver({ client, events, random }) {
        client.take(...events, ...events);
        earlier.push(...events.filter((action) => action.type === "event" && action.cursor));
        const delayed = random() < 0.3 ? pick(random, earlier) : undefined;
        if (delayed) client.take(delayed);
      },
    };
  });

  always("after disconnects with a replay", () => {
    let isConnected = true;
    return {
      deliver({ client, server, events, random }) {
        if (isConnected) {
          client.take(...events);
          isConnected = random() >= 0.2;
        } else if (random() < 0.3) {
          reconnect(client, server);
          isConnected = true;
        }
      },
      finish: reconnect,
    };
  });

  always("after late responses in any order", () => {
    const late: Action[] = [];
    return {
      deliver({ client, server, events, random }) {
        client.take(...events);
        const id = pick(random, server.sessionIds());
        if (id && random() < 0.3) late.push(client.ask(id));
        if (random() < 0.1)
          for (const status of LISTS) late.push(server.list(status, null, LIST_PAGE));
        if (random() < 0.3) client.take(...late.splice(Math.floor(random() * late.length), 1));
      },
      finish: (client) => client.take(...late),
    };
  });

  always("after lost events", () => ({
    deliver({ client, events, random }) {
      const isLost = random() < 0.1;
      client.take(...(isLost ? events.slice(1) : events));
    },
    // The last event may be lost. The loss is detected at the next connection.
    finish: reconnect,
  }));
});
