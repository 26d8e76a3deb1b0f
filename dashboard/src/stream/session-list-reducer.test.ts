// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Session } from "@/api/models";
import { at, makeSession as session, sid } from "@/test-objects";
import { reduce } from "./reducer";
import { countUnread, listWithoutGap } from "./session-order";
import type { Action, State } from "./state";
import { durable } from "./test-actions";
import { opened, run, viewOf } from "./test-thread";

describe("sessions", () => {
  const list = (seq: number, items: Session[], over = {}): Action => ({
    type: "sessions.fetched",
    status: "active",
    items,
    page: { after: null, isLast: true, ...over },
    asOf: { epoch: "a", seq },
  });
  const unread = (seq: number, items: Session[]): Action => ({
    type: "unread.fetched",
    items,
    asOf: { epoch: "a", seq },
  });
  const withoutGap = (state: State) =>
    listWithoutGap(state.sessions, "active", state.listedTo.active).map(({ id }) => id);

  it("are removed with their thread and not restored by an older list", () => {
    const state = run(
      ...opened,
      durable(11, { type: "session.deleted", at, chat_session_id: sid }),
      list(10, [session()]),
    );

    expect(viewOf(state).sessions).toEqual([]);
    expect(state.threads[sid]).toBeUndefined();
  });

  it("are removed if a newer complete list does not contain them", () => {
    const state = run(list(10, [session(), session({ id: "other" })]), list(12, [session()]));

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual([sid]);
  });

  it("after the last session of a page are kept", () => {
    const old = session({ id: "old", last_activity_at: "2025-01-01T00:00:00.000Z" });
    const state = run(list(10, [session(), old]), list(12, [session()], { isLast: false }));

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual([sid, "old"]);
  });

  it("are removed if their page does not contain them", () => {
    const day = (id: string, day: number) =>
      session({ id, last_activity_at: `2026-01-0${day}T00:00:00.000Z` });
    const [top, gone, kept, below] = [
      day("top", 4),
      day("gone", 3),
      day("kept", 2),
      day("below", 1),
    ];
    const state = run(
      list(10, [top, gone, kept, below]),
      list(12, [top], { isLast: false }),
      list(12, [kept], { after: top, isLast: false }),
    );

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual(["top", "kept", "below"]);
  });

  it("that are unread beyond the loaded pages are counted but not listed", () => {
    const old = { id: "old", last_activity_at: "2025-01-01T00:00:00.000Z" };
    const state = run(
      list(10, [session()], { isLast: false }),
      unread(10, [session({ ...old, unread_count: 3 })]),
    );

    expect(countUnread(state.sessions)).toBe(3);
    expect(withoutGap(state)).toEqual([sid]);
    const more = reduce(state, list(10, [session(old)], { after: session() }));
    expect(withoutGap(more)).toEqual([sid, "old"]);
  });

  it("that are missing from the fetched unread sessions are marked as read", () => {
    const state = run(
      list(10, [session({ unread_count: 2 }), session({ id: "other", unread_count: 1 })]),
      unread(11, [session({ id: "other", unread_count: 4 })]),
    );

    expect(countUnread(state.sessions)).toBe(4);
  });

  it("are not overwritten by a late response to a change", () => {
    const changed = session({ title: "New", updated_at: "2026-01-02T00:00:00.000Z" });
    const later = { ...changed, last_activity_at: "2026-01-02T00:00:01.000Z" };
    const state = run(
      ...opened,
      durable(11, { type: "session.updated", at, chat_session_id: sid, session: later }),
      { type: "session.accepted", session: changed },
    );

    expect(viewOf(state).sessions).toEqual([later]);
  });

  it("are ordered pinned first, then by activity", () => {
    const state = run(
      list(10, [
        session({ id: "a", last_activity_at: "2026-01-03T00:00:00.000Z" }),
        session({ id: "b", last_activity_at: "2026-01-02T00:00:00.000Z" }),
        session({ id: "c", pinned_at: at }),
      ]),
    );

    expect(viewOf(state).sessions.map((item) => item.id)).toEqual(["c", "a", "b"]);
  });
});
