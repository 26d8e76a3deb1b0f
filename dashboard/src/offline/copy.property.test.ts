// @vitest-environment node
import fc from "fast-check";
import { expect, it } from "vitest";
import { FakeServer } from "@/stream/fake-server";
import { pick } from "@/stream/random-changes";
import { reduce } from "@/stream/reducer";
import { type Action, initialState, type State } from "@/stream/state";
import { copySessions, copyThread, isValidThread, validSessions } from "./copy";

const PAGE = 4;
const LIST_PAGE = 2;

/** Returns a pseudorandom generator of numbers from 0 to 1 (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const apply = (state: State, actions: readonly Action[]) => actions.reduce(reduce, state);

function fetchThread(server: FakeServer, id: string): Action {
  const response = server.thread(id, PAGE);
  return response
    ? { type: "thread.fetched", ...response }
    : { type: "session.gone", sessionId: id };
}

/** The responses that a page receives when it is loaded with an open chat. */
function fetchAll(server: FakeServer, openId: string): Action[] {
  return [
    server.list("active", null, LIST_PAGE),
    server.list("archived", null, LIST_PAGE),
    server.unread(),
    fetchThread(server, openId),
  ];
}

/** Returns what a state contains, except how it came about. */
function contentOf(state: State, openId: string) {
  const { messages, tasks, live, hasMore, firstTurn } = state.threads[openId] ?? {};
  return {
    sessions: state.sessions,
    listedTo: state.listedTo,
    threads: Object.keys(state.threads),
    thread: { messages, tasks, live, hasMore, firstTurn },
  };
}

it("what is fetched after a copy was restored is the same as without the copy", () => {
  const property = fc.property(fc.integer(), fc.nat(80), fc.nat(40), (seed, before, missed) => {
    const random = createRandom(seed);
    const server = new FakeServer(random);
    for (let step = 0; step <= before; step += 1) server.step();
    const ids = server.sessionIds();
    const openId = pick(random, ids) ?? "none";
    const opened = ids.map((sessionId): Action => ({ type: "thread.opened", sessionId }));
    const lists = [server.list("active", null, 50), server.list("archived", null, 50)];
    const threads = ids.map((id) => fetchThread(server, id));
    const earlier = apply(initialState, [...lists, ...opened, ...threads]);
    const copies = ids.flatMap((id) => copyThread(earlier, id) ?? []);
    expect(copies.every(isValidThread)).toBe(true);
    const items = validSessions(structuredClone(copySessions(earlier)));
    expect(items).toEqual(copySessions(earlier));

    for (let step = 0; step < missed; step += 1) server.step();
    const responses = fetchAll(server, openId).sort(() => random() - 0.5);
    const events = Array.from({ length: 10 }, () => server.step()).flat();

    const open: Action = { type: "thread.opened", sessionId: openId };
    const expected = apply(initialState, [open, ...responses, ...events]);
    let actual = apply(initialState, [
      open,
      { type: "list.restored", items },
      ...copies.map((data): Action => ({ type: "thread.restored", data })),
    ]);
    let isDropped = false;
    for (const action of [...responses, ...events]) {
      actual = reduce(actual, action);
      if (isDropped || actual.listedAt.active < 0) continue;
      isDropped = true;
      actual = reduce(actual, { type: "restored.dropped", openId });
    }
    expect(contentOf(actual, openId)).toEqual(contentOf(expected, openId));
  });
  fc.assert(property, { numRuns: 300 });
});
