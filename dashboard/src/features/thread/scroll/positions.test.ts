import { beforeEach, expect, it } from "vitest";
import { readPosition, savePosition } from "./positions";

beforeEach(() => sessionStorage.clear());

it("keeps the positions of different chats until they are at their end", () => {
  savePosition("a", { turn: 4, offset: -12 });
  savePosition("b", { turn: 1, offset: 0 });
  expect(readPosition("a")).toEqual({ turn: 4, offset: -12 });

  savePosition("a", null);
  expect(readPosition("a")).toBeNull();
  expect(readPosition("b")).toEqual({ turn: 1, offset: 0 });
});

it("keeps the positions of the last 100 chats", () => {
  for (let chat = 0; chat <= 100; chat += 1) savePosition(`${chat}`, { turn: 1, offset: chat });
  expect(readPosition("0")).toBeNull();
  expect(readPosition("1")).toEqual({ turn: 1, offset: 1 });
  expect(readPosition("100")).toEqual({ turn: 1, offset: 100 });
});

it("ignores malformed content", () => {
  sessionStorage.setItem("banter.positions", '{"a": {"turn": "x"}}');
  expect(readPosition("a")).toBeNull();
});
