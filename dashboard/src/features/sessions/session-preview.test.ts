// @vitest-environment node
import { describe, expect, it } from "vitest";
import { at, makeAnswer, makeOutgoing, makeSession, makeStep, makeTask } from "@/test-objects";
import { describeSession } from "./session-preview";

const said = (role: "user" | "assistant", preview: string) =>
  makeSession({ last_message: { role, preview, created_at: at } });

function preview(over: Partial<Parameters<typeof describeSession>[0]>) {
  const about = {
    task: null,
    answer: null,
    steps: [],
    pending: [],
    draft: "",
    isOpen: false,
    nowMs: Date.parse(at),
  };
  return describeSession({ session: makeSession(), ...about, ...over });
}

describe("describeSession", () => {
  it("returns the last message without Markdown", () => {
    expect(preview({}).text).toBe("No messages yet");
    expect(preview({ session: said("user", "hi there") }).text).toBe("You: hi there");
    expect(preview({ session: said("assistant", "# Well\n**bold** `code`") }).text).toBe(
      "Well bold code",
    );
    const linked = "See [the docs](https://example.com/a?b=c) and ![a cat](cat.png), a[0](1 + 2)";
    expect(preview({ session: said("assistant", linked) }).text).toBe(
      "See the docs and a cat, a[0](1 + 2)",
    );
  });

  it("keeps the syntax that a user typed", () => {
    expect(preview({ session: said("user", "# *why*? 2 > 1") }).text).toBe("You: # *why*? 2 > 1");
    expect(preview({ draft: "a_b_c *d*" }).text).toBe("Draft: a_b_c *d*");
  });

  it("omits Markdown that continues after the end of the preview", () => {
    const long = `**${"word ".repeat(60)}`.slice(0, 200);
    expect(preview({ session: said("assistant", long) }).text).toMatch(/^word /);
  });

  it("describes messages that wait to be sent, and those that failed first", () => {
    const waiting = makeOutgoing({ state: "waiting" });
    const failed = makeOutgoing({ key: "other", state: "failed" });

    expect(preview({ pending: [waiting] })).toEqual({ text: "Waiting to send", tone: "plain" });
    expect(preview({ pending: [waiting, failed] })).toEqual({
      text: "Message not sent",
      tone: "bad",
    });
  });

  it("describes a running turn, and an open permission request first", () => {
    const active_task = makeTask({ status: "running" });
    const session = makeSession({ active_task });
    const request = makeStep({ kind: "permission", status: "pending", title: "rm -rf target" });

    expect(preview({ session })).toEqual({ text: "Typing…", tone: "live" });
    expect(preview({ session, steps: [request] }).text).toBe("Permission needed: rm -rf target");
    expect(preview({ session: makeSession({ active_task: makeTask() }) }).text).toBe("Waiting…");
    expect(preview({ session: makeSession({ queued_count: 1 }) }).text).toBe("Waiting…");
    expect(preview({ steps: [request] }).text).toBe("No messages yet");
  });

  it("describes a request that expired, until the session has been read", () => {
    const missed = makeStep({
      kind: "permission",
      status: "rejected",
      title: "rm -rf target",
      detail: { decision: "reject", decided_by: "time_limit" },
    });
    const answered = said("assistant", "You did not allow it.");
    const about = { steps: [missed], session: { ...answered, unread_count: 1 } };

    expect(preview(about)).toEqual({ text: "Permission expired: rm -rf target", tone: "call" });
    const active_task = makeTask({ status: "running" });
    expect(preview({ ...about, session: makeSession({ active_task }) }).tone).toBe("call");
    expect(preview({ ...about, isOpen: true }).text).toBe("You did not allow it.");
    expect(preview({ ...about, session: answered }).text).toBe("You did not allow it.");
    const rejected = { ...missed, detail: { decision: "reject", decided_by: "user" } };
    expect(preview({ ...about, steps: [rejected] }).text).toBe("You did not allow it.");
  });

  it("returns how a turn without an answer ended", () => {
    const session = said("user", "hi");
    const error = { code: "agent_overloaded" as const, message: "529", retryable: true };
    const failed = makeTask({ status: "failed", error });

    expect(preview({ session, task: failed })).toEqual({
      text: "Failed: The agent is overloaded.",
      tone: "bad",
    });
    expect(preview({ session, task: makeTask({ status: "cancelled" }) }).text).toBe("Stopped: hi");
    expect(preview({ session: said("assistant", "") }).text).toBe("No answer");

    const empty = makeAnswer({ content: "", finish_reason: "length" });
    expect(preview({ session: said("assistant", ""), answer: empty }).text).toBe(
      "No answer: token limit reached",
    );
  });

  it("returns the time at which a rate-limited turn resumes", () => {
    const error = { code: "agent_rate_limited" as const, message: "429", retryable: true };
    const limited = (next_attempt_at: string) =>
      makeSession({ active_task: makeTask({ error, next_attempt_at }) });

    expect(preview({ session: limited("2026-01-01T00:00:20.000Z") }).text).toBe("Waiting…");
    const long = preview({ session: limited("2026-01-01T03:00:00.000Z") });
    expect(long.text).toMatch(/^Rate limit reached\. Resumes on .+\d\.?( [AP]M)?\.$/);
    expect(long.tone).toBe("plain");
  });

  it("returns the draft, or an unsent message first", () => {
    const session = said("assistant", "Well?");
    expect(preview({ session, draft: "half a" }).text).toBe("Draft: half a");
    expect(preview({ session, draft: "half a", isOpen: true }).text).toBe("Well?");
    expect(
      preview({ session, draft: "half a", pending: [makeOutgoing({ state: "failed" })] }).tone,
    ).toBe("bad");
  });
});
