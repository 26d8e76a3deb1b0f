/**
 * An ACP agent that requests permission with the given options and responds with the outcome. It
 * runs as a program that receives the options as a JSON argument.
 */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Returns an environment with an agent named `permission` that offers the options. */
export function withPermissionAgent(options) {
  return (folder) => {
    const file = `${folder}/agents.toml`;
    const args = JSON.stringify([fileURLToPath(import.meta.url), JSON.stringify(options)]);
    const table = `[[agents]]\nkey = "permission"\nname = "Permission"\ndriver = "acp"\npermission = "ask"\n`;
    writeFileSync(file, `${table}command = ${JSON.stringify(process.execPath)}\nargs = ${args}\n`);
    return { AGENTS_FILE: file };
  };
}

function run(options) {
  let prompt = null;
  const write = (message) =>
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const sessionId = "s";
  const handlers = {
    initialize: () => ({ protocolVersion: 1, agentCapabilities: {} }),
    "session/new": () => ({ sessionId }),
    "session/prompt": (id) => {
      prompt = id;
      const toolCall = { toolCallId: "t", title: "Which database should I use?", kind: "other" };
      const params = { sessionId, toolCall, options };
      write({ id: "ask", method: "session/request_permission", params });
    },
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, result } = JSON.parse(line);
    if (id === "ask") {
      const { outcome, optionId = "" } = result.outcome;
      const content = { type: "text", text: `Outcome: ${outcome} ${optionId}` };
      const update = { sessionUpdate: "agent_message_chunk", content };
      write({ method: "session/update", params: { sessionId, update } });
      write({ id: prompt, result: { stopReason: "end_turn" } });
      return;
    }
    const answer = handlers[method]?.(id);
    if (answer) write({ id, result: answer });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) run(JSON.parse(process.argv[2]));
