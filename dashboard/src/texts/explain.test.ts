// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Message } from "@/api/models";
import { makeAnswer, makeStep } from "@/test-objects";
import { explainEnding } from "./explain";

function ended(finish_reason: Message["finish_reason"], content = ""): Message {
  return makeAnswer({ content, finish_reason });
}

describe("explainEnding", () => {
  const notice = makeStep({ kind: "notice", title: "The model tried to call a tool." });

  it("returns null for a complete answer", () => {
    expect(explainEnding(ended("stop", "Hi"), [notice])).toBeNull();
    expect(explainEnding(ended("length", "Hi"), [notice])).toBe("Cut off at the token limit");
  });

  it("returns the reason for an answer without text", () => {
    expect(explainEnding(ended("length"), [])).toBe("No answer: token limit reached");
    expect(explainEnding(ended("empty"), [makeStep(), notice])).toBe(
      "The model tried to call a tool.",
    );
    expect(explainEnding(ended("empty"), [])).toBe("Finished without an answer");
  });
});
