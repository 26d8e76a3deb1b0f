// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Message } from "@/api/models";
import { makeAnswer, makeStep, makeTask } from "@/test-objects";
import { formatClock, formatMoment } from "@/time";
import { explainEnding, explainTaskError, explainWait } from "./explain";

function ended(finish_reason: Message["finish_reason"], content = ""): Message {
  return makeAnswer({ content, finish_reason });
}

describe("explainTaskError", () => {
  it("distinguishes a connection that was lost during the answer from one that failed", () => {
    const error = { code: "agent_network" as const, message: "", retryable: true };
    const task = makeTask({ status: "failed", error });

    expect(explainTaskError(task)).toBe("The connection to the agent failed.");
    expect(explainTaskError(task, true)).toBe("The connection to the agent was lost.");
  });
});

describe("explainWait", () => {
  const error = { code: "agent_rate_limited" as const, message: "429", retryable: true };
  const task = makeTask({ error });

  it("returns the time on the same day, and the date otherwise", () => {
    const now = new Date().toISOString();
    expect(explainWait(task, now)).toBe(`Rate limit reached. Resumes at ${formatClock(now)}.`);
    const date = "2026-01-01T03:00:00.000Z";
    expect(explainWait(task, date)).toBe(`Rate limit reached. Resumes on ${formatMoment(date)}.`);
  });
});

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
