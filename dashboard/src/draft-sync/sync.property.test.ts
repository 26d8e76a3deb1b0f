import fc from "fast-check";
import { it } from "vitest";
import { FakeDevice, FakeDraftServer, KEY, offline } from "./test-devices";

/** One step of a history, on one of two devices. */
type Step =
  | { kind: "append" | "prepend" | "replace" | "clear" | "send" }
  | { kind: "receive" | "receive late" | "run timers" | "reload" | "synchronize" }
  | { kind: "go offline" | "go online" | "lose the next response" };

const kinds: readonly Step["kind"][] = [
  ...(["append", "prepend", "replace", "clear", "send"] as const),
  ...(["receive", "receive late", "run timers", "reload", "synchronize"] as const),
  ...(["go offline", "go online", "lose the next response"] as const),
];

const histories = fc.array(fc.tuple(fc.nat(1), fc.constantFrom(...kinds), fc.nat(3)), {
  minLength: 1,
  maxLength: 40,
  size: "max",
});

/** A device with a network that the test controls, and the words that were typed on it. */
class Actor {
  isOnline = true;
  isResponseLost = false;
  readonly timers = new Set<() => void>();
  /** The requests and responses that are on their way. */
  readonly inFlight: (() => void)[] = [];
  readonly events: { text: string; revision: number }[] = [];
  readonly device: FakeDevice;

  constructor(server: FakeDraftServer) {
    this.device = new FakeDevice(
      {
        get: () => this.request(() => server.draft),
        put: (_key, draft) => this.request(() => server.put(draft)),
      },
      (run) => {
        const timer = () => {
          this.timers.delete(timer);
          run();
        };
        this.timers.add(timer);
        return () => this.timers.delete(timer);
      },
    );
  }

  /** The request arrives and its response arrives in two separate steps. */
  private request<T>(handle: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.inFlight.push(() => {
        if (!this.isOnline) return reject(offline);
        let respond: () => void;
        try {
          const response = handle();
          respond = () => resolve(response);
        } catch (error) {
          respond = () => reject(error);
        }
        const isLost = this.isResponseLost;
        this.isResponseLost = false;
        this.inFlight.push(() => (isLost ? reject(offline) : respond()));
      });
    });
  }

  /** Moves requests and responses on, `count` of them at most. */
  async move(count: number) {
    for (let moved = 0; moved < count; moved += 1) {
      this.inFlight.shift()?.();
      await settle();
    }
  }
}

/** Runs all promise callbacks that are due. */
async function settle() {
  for (let round = 0; round < 12; round += 1) await Promise.resolve();
}

it("no word is lost, whatever two devices do, and both end with the same draft", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const server = new FakeDraftServer();
      const actors = [new Actor(server), new Actor(server)] as const;
      server.onChange = (draft) => {
        for (const actor of actors) if (actor.isOnline) actor.events.push(draft);
      };
      /** The words that the user typed and has neither sent nor cleared. */
      const words = new Set<string>();
      let count = 0;
      const newWord = () => {
        count += 1;
        words.add(`<${count}>`);
        return `<${count}>`;
      };
      const dropWords = (text: string) => {
        for (const word of [...words]) if (text.includes(word)) words.delete(word);
      };

      for (const [index, kind, moves] of history) {
        const actor = actors[index === 0 ? 0 : 1];
        const { device } = actor;
        switch (kind) {
          case "append":
            device.write(`${device.text}${newWord()}`);
            break;
          case "prepend":
            device.write(`${newWord()}${device.text}`);
            break;
          case "replace":
            dropWords(device.text);
            device.write(newWord());
            break;
          case "send":
            device.sent.push(device.text);
            dropWords(device.text);
            device.write("");
            break;
          case "clear":
            dropWords(device.text);
            device.write("");
            break;
          case "receive":
          case "receive late": {
            const draft = kind === "receive" ? actor.events.shift() : actor.events.pop();
            if (draft) device.sync.received(KEY, draft);
            break;
          }
          case "run timers":
            for (const timer of [...actor.timers]) timer();
            break;
          case "reload":
            // Requests may still arrive, but their responses do not.
            device.reload();
            actor.timers.clear();
            break;
          case "synchronize":
            void device.synchronize();
            break;
          case "go offline":
            actor.isOnline = false;
            break;
          case "go online":
            actor.isOnline = true;
            break;
          case "lose the next response":
            actor.isResponseLost = true;
            break;
          default:
            kind satisfies never;
        }
        await settle();
        await actor.move(moves);
      }

      for (const actor of actors) actor.isOnline = true;
      for (let round = 0; round < 10; round += 1)
        for (const actor of actors) {
          actor.isResponseLost = false;
          void actor.device.synchronize();
          for (const timer of [...actor.timers]) timer();
          await settle();
          await actor.move(30);
        }

      const [a, b] = [actors[0].device, actors[1].device];
      if (a.text !== server.draft.text || b.text !== server.draft.text)
        throw new Error(`different drafts: ${a.text} | ${b.text} | ${server.draft.text}`);
      const kept = [a.text, ...a.conflicting, ...b.conflicting].join("\n");
      for (const word of words) if (!kept.includes(word)) throw new Error(`lost ${word}`);
    }),
    { numRuns: 2000 },
  );
});
