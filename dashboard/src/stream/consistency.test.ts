// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Session } from "@/api/models";
import { FakeServer, pick, type Random, seeded } from "./fake-server";
import { reduce } from "./reducer";
import { countUnread, listWithoutGap } from "./session-order";
import { type Action, initialState, type ListedStatus, type State } from "./state";
import { listTurns } from "./turns";

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

  /** Opens a thread. Returns the response of its fetch, which can be delivered later. */
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

type Delivery = (client: Client, events: Action[], random: Random, server: FakeServer) => void;

/** Makes random changes, and asserts that the client's view equals that of a new client. */
function simulate(seed: number, deliver: Delivery, settle?: (client: Client) => void) {
  const random = seeded(seed);
  const server = new FakeServer(random);
  const client = new Client(server);
  for (let step = 0; step < STEPS; step += 1) {
    deliver(client, server.step(), random, server);
    const id = pick(random, server.sessionIds());
    if (id && !client.state.threads[id] && random() < 0.3) client.take(client.ask(id));
    if (id && random() < 0.05) client.scrollUp(id);
    if (random() < 0.05) client.scrollList(pick(random, LISTS) ?? "active");
  }
  settle?.(client);
  expect(countUnread(client.state.sessions), `seed ${seed}`).toBe(server.countUnread());
  client.scrollUpEverywhere();
  client.scrollListsToTheirEnd();
  const expected = viewOfNewClient(server, Object.keys(client.state.threads));
  expect(viewOf(client.state), `seed ${seed}`).toEqual(expected);
}

function always(name: string, play: (seed: number) => void) {
  it(name, () => {
    for (const seed of SEEDS) play(seed);
  });
}

describe("after any server, a client shows the same as a new client", () => {
  always("after live events", (seed) => {
    simulate(seed, (client, events) => client.take(...events));
  });

  always("after duplicated and delayed events", (seed) => {
    const earlier: Action[] = [];
    simulate(seed, (client, events, random) => {
      const durable = events.filter((action) => action.type === "event" && action.cursor);
      client.take(...events, ...events);
      earlier.push(...durable);
      const again = random() < 0.3 ? pick(random, earlier) : undefined;
      if (again) client.take(again);
    });
  });

  always("after disconnects with a replay", (seed) => {
    let isCut = false;
    const reconnect = (client: Client, server: FakeServer) => {
      isCut = false;
      if (client.state.position) client.take(...server.replay(client.state.position));
    };
    let known: FakeServer | undefined;
    simulate(
      seed,
      (client, events, random, server) => {
        known = server;
        if (!isCut) client.take(...events);
        if (isCut && random() < 0.3) reconnect(client, server);
        else if (random() < 0.2) isCut = true;
      },
      (client) => known && reconnect(client, known),
    );
  });

  always("after late responses in any order", (seed) => {
    const late: Action[] = [];
    simulate(
      seed,
      (client, events, random, server) => {
        client.take(...events);
        const id = pick(random, server.sessionIds());
        if (id && random() < 0.3) late.push(client.ask(id));
        if (random() < 0.1)
          for (const status of LISTS) late.push(server.list(status, null, LIST_PAGE));
        if (random() < 0.3) client.take(...late.splice(Math.floor(random() * late.length), 1));
      },
      (client) => client.take(...late),
    );
  });

  always("after lost events", (seed) => {
    let known: FakeServer | undefined;
    simulate(
      seed,
      (client, events, random, server) => {
        known = server;
        const isLost = random() < 0.1;
        client.take(...(isLost ? events.slice(1) : events));
      },
      // The last event may be lost. It is detected at the next connection.
      (client) => {
        if (known && client.state.position) client.take(...known.replay(client.state.position));
      },
    );
  });
});
