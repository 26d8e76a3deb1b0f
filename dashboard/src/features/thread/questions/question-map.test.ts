import { expect, it } from "vitest";
import { pickTicks } from "./question-map";

const questions = (count: number) =>
  Array.from({ length: count }, (_, turn) => ({ turn, text: "", createdAt: "" }));

it("shows a tick for each question, or evenly distributed ones in a long chat", () => {
  expect(pickTicks(questions(5)).map(({ turn }) => turn)).toEqual([0, 1, 2, 3, 4]);
  const turns = pickTicks(questions(360)).map(({ turn }) => turn);
  expect(turns).toHaveLength(36);
  expect(turns.slice(0, 3)).toEqual([0, 10, 20]);
});
