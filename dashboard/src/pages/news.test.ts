import { describe, expect, it } from "vitest";
import type { StreamEvent } from "@/stream/events";
import { at, makeAnswer, makeMessage, makeSession, makeStep, makeTask, sid } from "@/test-objects";
import { describeNews } from "./news";

const about = { at, chat_session_id: sid };
const session = makeSession();

function created(message: Parameters<typeof makeAnswer>[0], over = session): StreamEvent {
  const type = "message.created" as const;
  return { ...about, type, session: over, message: makeAnswer(message) } as StreamEvent;
}

function updated(task: Parameters<typeof makeTask>[0]): StreamEvent {
  return { ...about, type: "task.updated", session, task: makeTask(task) } as StreamEvent;
}

const error = { code: "agent_crashed" as const, message: "exit 1", retryable: true };

describe("describeNews", () => {
  it("returns answers as plain text", () => {
    const content = "## Done\n\nI **fixed** `main.rs`, see [the log](https://example.com).";

    expect(describeNews(created({ content }))?.body).toBe("Done I fixed main.rs, see the log.");
    expect(describeNews(created({ content }))?.isRequest).toBe(false);
    const mine = { ...created({}), message: makeMessage() } as StreamEvent;
    expect(describeNews(mine)).toBeNull();
    expect(describeNews(created({ seq: 2 }, makeSession({ last_read_seq: 2 })))).toBeNull();
  });

  it("returns a failure once, with its reason", () => {
    const failed = updated({ status: "failed", attempt: 1, error });

    expect(describeNews(failed)?.body).toBe("Failed: The agent crashed.");
    expect(describeNews(updated({ status: "interrupted", error }))?.body).toBe(
      "Interrupted: The agent crashed.",
    );
    expect(describeNews(created({ content: "half", finish_reason: "error" }))).toBeNull();
    expect(describeNews(updated({ status: "succeeded" }))).toBeNull();
    const again = updated({ status: "failed", attempt: 2, error });
    expect(describeNews(again)?.id).not.toBe(describeNews(failed)?.id);
  });

  it("returns open permission requests only", () => {
    const step = makeStep({ kind: "permission", status: "pending", title: "rm -rf target" });
    const event = { ...about, type: "task.step" as const, task_id: "task-1", attempt: 1 };

    expect(describeNews({ ...event, step } as StreamEvent)).toEqual({
      id: "task-1 1 1",
      sessionId: sid,
      body: "Permission needed: rm -rf target",
      isRequest: true,
    });
    const decided = { ...step, status: "succeeded" as const };
    expect(describeNews({ ...event, step: decided } as StreamEvent)).toBeNull();
  });
});
