// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Message, Task } from "@/api/models";
import type { Turn } from "@/stream/turns";
import { makeMessage, makeTask } from "@/test-objects";
import { buildTurnRows } from "./turn-rows";

function message(role: Message["role"], turn: number, seq: number, at: string): Message {
  const ids = { id: `${role}-${turn}`, task_id: `t${turn}` };
  return makeMessage({ ...ids, role, turn, seq, created_at: at });
}

function turn(number: number, seq: number, at: string, isAnswered = true): Turn {
  return {
    turn: number,
    user: message("user", number, seq, at),
    answer: isAnswered ? message("assistant", number, seq + 1, at) : null,
  };
}

function task(number: number, status: Task["status"]): [string, { seq: number; value: Task }] {
  const value = makeTask({ id: `t${number}`, status });
  return [value.id, { seq: 1, value }];
}

const at = "2026-01-01T10:00:00.000Z";

describe("buildTurnRows", () => {
  it("numbers the queued turns after the running one", () => {
    const turns = [1, 2, 3].map((number) => turn(number, number, at, false));
    const tasks = Object.fromEntries([task(1, "running"), task(2, "queued"), task(3, "queued")]);

    const rows = buildTurnRows(turns, tasks, Number.POSITIVE_INFINITY);

    expect(rows.map((row) => row.position)).toEqual([0, 1, 2]);
  });

  it("counts unfinished turns that have not been fetched", () => {
    const turns = [8, 9].map((number) => turn(number, number, at, false));
    const tasks = Object.fromEntries([task(8, "queued"), task(9, "queued")]);

    const rows = buildTurnRows(turns, tasks, Number.POSITIVE_INFINITY, 9);

    expect(rows.map((row) => row.position)).toEqual([7, 8]);
  });

  it("adds a divider only for a new day or after a long pause", () => {
    const soon = "2026-01-01T10:30:00.000Z";
    const later = "2026-01-01T14:00:00.000Z";
    const turns = [turn(1, 1, at), turn(2, 3, soon), turn(3, 5, later)];

    const rows = buildTurnRows(turns, {}, Number.POSITIVE_INFINITY);

    expect(rows.map((row) => row.day)).toEqual([at, null, later]);
  });

  it("puts one New divider before the first unread answer", () => {
    const turns = [turn(1, 1, at), turn(2, 3, at), turn(3, 5, at)];

    const betweenTurns = buildTurnRows(turns, {}, 2).map((row) => row.isNewBefore);
    const insideATurn = buildTurnRows(turns, {}, 3).map((row) => row.isNewBefore);

    const atTheBeginning = buildTurnRows(turns, {}, 0).map((row) => row.isNewBefore);

    expect(betweenTurns).toEqual([null, "turn", null]);
    expect(atTheBeginning, "the user's own message is never new").toEqual(["answer", null, null]);
    expect(insideATurn).toEqual([null, "answer", null]);
  });

  it("marks the first turn after a gap and the newest turn", () => {
    const turns = [1, 2, 8, 9].map((number) => turn(number, 2 * number, at));

    const withGap = buildTurnRows(turns, {}, Number.POSITIVE_INFINITY, 0, 8);
    const without = buildTurnRows(turns, {}, Number.POSITIVE_INFINITY);

    expect(withGap.map((row) => row.isAfterGap)).toEqual([false, false, true, false]);
    expect(without.some((row) => row.isAfterGap)).toBe(false);
    expect(withGap.map((row) => row.isNewest)).toEqual([false, false, false, true]);
  });

  it("shows times after a pause of more than 5 minutes without a divider", () => {
    const times = ["10:00", "10:05", "10:11", "10:30"].map((time) => `2026-01-01T${time}:00.000Z`);
    const [first = "", second = "", third = "", fourth = ""] = times;
    const late = { ...turn(3, 5, third), answer: message("assistant", 3, 6, fourth) };
    const turns = [turn(1, 1, first), turn(2, 3, second), late];

    const rows = buildTurnRows(turns, {}, Number.POSITIVE_INFINITY);

    expect(rows.map((row) => row.hasTime)).toEqual([
      { user: false, answer: false },
      { user: false, answer: false },
      { user: true, answer: true },
    ]);
    const again = buildTurnRows(turns, {}, Number.POSITIVE_INFINITY);
    expect(again[2]?.hasTime, "the rows' views compare it by identity").toBe(rows[2]?.hasTime);
  });
});
