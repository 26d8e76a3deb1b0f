import { describe, expect, it } from "vitest";
import { makeMessage, makeOutgoing } from "@/test-objects";
import { matchDelivered } from "./use-outbox";

describe("matchDelivered", () => {
  const item = makeOutgoing({ content: "hello", baseline: 4, state: "sending" });
  const message = makeMessage({ seq: 5, content: "hello" });

  it("matches a message whose event arrives before the response", () => {
    expect([...matchDelivered([item], [message])]).toEqual([[message.id, item.key]]);
  });

  it("does not match an older message with the same content", () => {
    expect(matchDelivered([item], [{ ...message, seq: 4 }]).size).toBe(0);
  });

  it("matches one pending message per message", () => {
    expect(matchDelivered([item, { ...item, key: "k2" }], [message]).size).toBe(1);
  });
});
