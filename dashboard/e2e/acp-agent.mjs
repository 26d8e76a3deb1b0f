/**
 * An ACP agent that follows a script: updates, pauses, and permission requests. It runs as a program
 * that receives the script's path as an argument.
 *
 * A test passes the script to `withScriptedAgent`. Use gates instead of pauses to keep the agent in
 * a state until the test has checked it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The agent's key and name. */
export const scripted = { key: "scripted", name: "Scripted" };

/** How often a gate is checked. */
const GATE_MS = 20;

const update = (kind, fields) => ({ update: { sessionUpdate: kind, ...fields } });
const text = (content) => ({ content: { type: "text", text: content } });

/** Adds text to the answer. */
export const say = (content) => update("agent_message_chunk", text(content));
/** Adds text to a thought. */
export const think = (content) => update("agent_thought_chunk", text(content));
/** Starts a tool call. `fields` are those of ACP, such as `kind`, `rawInput`, and `content`. */
export const startTool = (toolCallId, title, fields = {}) =>
  update("tool_call", { toolCallId, title, status: "in_progress", ...fields });
/** Updates a tool call; completes it by default. */
export const updateTool = (toolCallId, fields = {}) =>
  update("tool_call_update", { toolCallId, status: "completed", ...fields });
/** The entries of a plan, as `[content, status]` pairs. */
export const plan = (...entries) =>
  update("plan", {
    entries: entries.map(([content, status]) => ({ content, status, priority: "medium" })),
  });

/** Contents for the `content` field of a tool call. */
export const output = (content) => ({ type: "content", ...text(content) });
export const diff = (path, oldText, newText) => ({ type: "diff", path, oldText, newText });

/** Allows once or rejects. */
const ALLOW_OR_REJECT = [
  { optionId: "allow", name: "Allow", kind: "allow_once" },
  { optionId: "reject", name: "Reject", kind: "reject_once" },
];
/**
 * Requests permission and waits for the answer. The items in `branches[optionId]` follow; for a
 * request that is withdrawn or rejected without an option, those in `branches.cancelled`.
 */
export const ask = (toolCall, options = ALLOW_OR_REJECT, branches = {}) => ({
  ask: { toolCall, options },
  branches,
});

/** Plays items at the same time, for example several permission requests. */
export const together = (...items) => ({ together: items });

/** Waits until the test opens the gate. */
export const gate = (name) => ({ gate: name });
/**
 * Waits; only for scripts that are watched, not checked.
 * @public
 */
export const pause = (ms) => ({ pause: ms });
/** Repeats items, which `make` returns for each index. */
export const repeat = (count, make) =>
  Array.from({ length: count }, (_, index) => make(index)).flat();
/**
 * Ends the turn with an error.
 * @public
 */
export const fail = (message) => ({ fail: message });
/**
 * Ends the turn with a stop reason other than `end_turn`.
 * @public
 */
export const end = (stopReason) => ({ end: stopReason });

/**
 * Returns options for `withTestApp` with an agent named Scripted, and a function that opens a gate.
 * `script` is a list of items for every turn, or an object with such lists by message. `more` is
 * appended to the agent's table.
 */
export function withScriptedAgent(script, more = 'permission = "ask"') {
  let folder;
  const environment = (made) => {
    folder = made;
    const file = `${folder}/agents.toml`;
    writeFileSync(file, scriptedAgentTable(folder, script, more));
    return { AGENTS_FILE: file };
  };
  return { environment, openGate: (name) => writeFileSync(gatePath(folder, name), "") };
}

/** Returns the configuration of the agent, and writes its script to `folder`. */
export function scriptedAgentTable(folder, script, more = 'permission = "ask"') {
  const path = `${folder}/script.json`;
  writeFileSync(path, JSON.stringify(script));
  const args = JSON.stringify([fileURLToPath(import.meta.url), path, folder]);
  return `[[agents]]
key = "${scripted.key}"
name = "${scripted.name}"
driver = "acp"
command = ${JSON.stringify(process.execPath)}
args = ${args}
${more}
`;
}

const gatePath = (folder, name) => `${folder}/gate-${name}`;

/** Runs the agent, which communicates over standard input and output. */
function run(script, folder) {
  const sessionId = "s";
  const write = (message) =>
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const questions = new Map();
  let turn = null;

  function request(method, params) {
    const id = `question-${questions.size}`;
    write({ id, method, params: { sessionId, ...params } });
    return new Promise((resolve) => questions.set(id, resolve));
  }

  /** Resolves with true once the gate is open, or with false if the turn is cancelled. */
  async function pass(current, name) {
    while (!existsSync(gatePath(folder, name))) {
      if (current.isCancelled) return false;
      await sleep(GATE_MS);
    }
    return true;
  }

  /** Plays the items. Resolves with the outcome of the turn, or null if it continues. */
  async function play(items, current) {
    for (const item of items) {
      if (current.isCancelled) return { stopReason: "cancelled" };
      if (item.update) write({ method: "session/update", params: { sessionId, ...item } });
      else if (item.pause !== undefined) await sleep(item.pause);
      else if (item.gate !== undefined) await pass(current, item.gate);
      else if (item.together) await Promise.all(item.together.map((one) => play([one], current)));
      else if (item.end !== undefined) return { stopReason: item.end };
      else if (item.fail !== undefined) throw new Error(item.fail);
      else if (item.ask) {
        const { outcome } = await request("session/request_permission", item.ask);
        const branch = item.branches[outcome?.optionId ?? "cancelled"] ?? [];
        const result = await play(branch, current);
        if (result) return result;
      }
    }
    return current.isCancelled ? { stopReason: "cancelled" } : null;
  }

  async function prompt(id, blocks) {
    const message = blocks.findLast(({ type }) => type === "text")?.text ?? "";
    const items = Array.isArray(script) ? script : script[message];
    const current = { isCancelled: false };
    turn = current;
    try {
      if (!items) throw new Error(`The script has no turn for "${message}".`);
      write({ id, result: (await play(items, current)) ?? { stopReason: "end_turn" } });
    } catch (error) {
      write({ id, error: { code: -32603, message: error.message } });
    }
  }

  const handlers = {
    initialize: () => ({ protocolVersion: 1, agentCapabilities: {} }),
    "session/new": () => ({ sessionId }),
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, params, result } = JSON.parse(line);
    if (method === "session/prompt") void prompt(id, params.prompt);
    else if (method === "session/cancel" && turn) turn.isCancelled = true;
    else if (handlers[method]) write({ id, result: handlers[method]() });
    else if (method === undefined) questions.get(id)?.(result ?? {});
    else if (id !== undefined) write({ id, error: { code: -32601, message: "Not supported" } });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  run(JSON.parse(readFileSync(process.argv[2], "utf8")), process.argv[3]);
