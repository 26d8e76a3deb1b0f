// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Message } from "@/api/models";
import { makeMessage, makeStep } from "@/test-resources";
import { describeEnding } from "./ending";

function ended(finish_reason: Message["finish_reason"], content = ""): Message {
  return makeMessage({ role: "assistant", content, finish_reason });
}

describe("the ending of an answer", () => {
  const notice = makeStep({ kind: "notice", title: "The model tried to call a tool." });

  it("is shown only where the answer did not end by itself", () => {
    expect(describeEnding(ended("stop", "Hi"), [notice])).toBeNull();
    expect(describeEnding(ended("length", "Hi"), [notice])).toBe("Cut off at the length limit");
  });

  it("says why there is no text", () => {
    expect(describeEnding(ended("length"), [])).toBe(
      "The token limit was reached before an answer.",
    );
    expect(describeEnding(ended("empty"), [makeStep(), notice])).toBe(
      "The model tried to call a tool.",
    );
    expect(describeEnding(ended("empty"), [])).toBe("Finished without a reply");
  });
});
