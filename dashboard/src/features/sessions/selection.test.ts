// @vitest-environment node
import { describe, expect, it } from "vitest";
import { emptySelection, extend, remove, selectAll, selectTo, toggle } from "./selection";

const order = ["a", "b", "c", "d"];
const ids = (selection: { ids: ReadonlySet<string> }) => [...selection.ids].sort().join("");

describe("toggle", () => {
  it("adds and removes a session", () => {
    const one = toggle(emptySelection, "b");

    expect(ids(one)).toBe("b");
    expect(ids(toggle(one, "b"))).toBe("");
  });
});

describe("selectTo", () => {
  it("adds the range in both directions and keeps its start", () => {
    const start = toggle(emptySelection, "c");
    const up = selectTo(start, order, "a");

    expect(ids(up)).toBe("abc");
    expect(ids(selectTo(up, order, "d"))).toBe("abcd");
  });

  it("keeps sessions that were selected before", () => {
    expect(ids(selectTo(toggle(toggle(emptySelection, "a"), "c"), order, "d"))).toBe("acd");
  });

  it("adds one session if there is no start in the list", () => {
    expect(ids(selectTo(emptySelection, order, "b"))).toBe("b");
    expect(ids(selectTo(toggle(emptySelection, "x"), order, "b"))).toBe("bx");
  });
});

describe("selectAll", () => {
  it("selects the whole list", () => {
    expect(ids(selectAll(emptySelection, order))).toBe("abcd");
  });
});

describe("extend and remove", () => {
  it("adds both rows and removes sessions that are done", () => {
    const two = extend(emptySelection, "a", "b");

    expect(ids(two)).toBe("ab");
    expect(two.anchor).toBe("b");
    expect(ids(remove(two, new Set(["a"])))).toBe("b");
  });
});
