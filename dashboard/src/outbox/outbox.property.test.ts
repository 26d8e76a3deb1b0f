import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { ApiError } from "@/api/client";
import { createOutbox } from "./outbox";
import type { OutboxStorage, OutgoingMessage } from "./outgoing-message";

const ACCOUNT = "default/ann";
const SESSIONS = ["a", "b"];

function createMemoryStorage(): OutboxStorage {
  const messages = new Map<string, OutgoingMessage>();
  return {
    load: async () => [...messages.values()],
    put: async (message) => void messages.set(message.key, message),
    remove: async (key) => void messages.delete(key),
  };
}

/** The result of an attempt: accepted, request lost, response lost, or a 503 response. */
type Result = "accepted" | "not received" | "response lost" | "busy";

/** A server that accepts each idempotency key once. */
class Server {
  readonly keys = new Set<string>();
  readonly contents: Record<string, string[]> = {};
  #results: Result[] = [];

  /** Sets the results of the next attempts. Later attempts are accepted. */
  plan(results: readonly Result[]) {
    this.#results = [...results];
  }

  async send({ key, sessionId, content }: OutgoingMessage): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    const result = this.#results.shift() ?? "accepted";
    if (result === "busy") throw new ApiError(503, "store_busy", "Busy.");
    if (result === "not received") throw new ApiError(0, "network", "Failed to fetch");
    if (!this.keys.has(key)) {
      this.keys.add(key);
      this.contents[sessionId ?? ""] = [...(this.contents[sessionId ?? ""] ?? []), content];
    }
    if (result === "response lost") throw new ApiError(0, "network", "Failed to fetch");
  }
}

type Command = { do: "add"; sessionId: string } | { do: "reload" } | { do: "retry" };

const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("add"), sessionId: fc.constantFrom(...SESSIONS) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "reload" }) },
  { weight: 1, arbitrary: fc.constant({ do: "retry" }) },
) as fc.Arbitrary<Command>;

const results = fc.array(
  fc.constantFrom<Result>("accepted", "not received", "response lost", "busy"),
  { maxLength: 30 },
);

it("posts each message once and in order despite failures and reloads", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { maxLength: 20 }), results, async (script, planned) => {
      const storage = createMemoryStorage();
      const server = new Server();
      server.plan(planned);
      const open = async () => {
        const outbox = createOutbox({
          storage,
          createSession: () => Promise.reject(new Error("not used")),
          send: (message) => server.send(message),
          delayMs: () => 0,
        });
        await outbox.open(ACCOUNT);
        return outbox;
      };
      const added: Record<string, string[]> = {};
      let outbox = await open();

      for (const [index, command] of script.entries()) {
        if (command.do === "add") {
          const { sessionId } = command;
          const content = `message ${index}`;
          added[sessionId] = [...(added[sessionId] ?? []), content];
          await outbox.add({ sessionId, content, baseline: 0 });
        } else if (command.do === "retry") outbox.retryWaiting();
        else {
          outbox.close();
          outbox = await open();
        }
      }
      await vi.waitFor(() => expect(outbox.messages.get()).toEqual([]), { interval: 1 });

      expect(server.contents).toEqual(added);
      expect(await storage.load(ACCOUNT)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
