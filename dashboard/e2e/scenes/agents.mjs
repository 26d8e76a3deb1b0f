/** The agents that the scenes use. */
import { writeFileSync } from "node:fs";
import { makeAgent } from "../../src/test-objects.js";
import { scriptedAgentTable } from "../acp-agent.mjs";
import { binaries } from "../test-app.mjs";
import { finishedTurn, waitingTurn } from "./coding-turn.mjs";

const ESC = "\\033";

/**
 * Terminal output, as a format string for `printf`: all kinds of colors, a progress line that is
 * redrawn, columns, and a link.
 */
export const BUILD_OUTPUT = [
  `${ESC}[1mBuilding${ESC}[0m 3 packages`,
  `  10%%\\r  55%%\\r${ESC}[K${ESC}[32m 100%%${ESC}[0m  ${ESC}[2m12.4 s${ESC}[0m`,
  "",
  ...["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"].map(
    (name, index) =>
      `${ESC}[3${index}m${name.padEnd(8)}${ESC}[0m ${ESC}[9${index}mbright${ESC}[0m ` +
      `${ESC}[1;3${index}mbold${ESC}[0m ${ESC}[2;3${index}mdim${ESC}[0m ` +
      `${ESC}[4${index}mback${ESC}[0m ${ESC}[7;3${index}minverse${ESC}[0m`,
  ),
  `${ESC}[38;5;208m256 colors${ESC}[0m ${ESC}[38;5;226myellow${ESC}[0m ${ESC}[38;5;17mnavy${ESC}[0m ${ESC}[48;5;52mback${ESC}[0m`,
  `${ESC}[38;2;255;105;180mtrue color${ESC}[0m ${ESC}[48;2;10;10;80;38;2;255;255;255mon blue${ESC}[0m ${ESC}[7mplain inverse${ESC}[0m`,
  `${ESC}[4munderlined${ESC}[0m ${ESC}[3mitalic${ESC}[0m ${ESC}[9mstruck${ESC}[0m ${ESC}[2mdim${ESC}[0m`,
  `See ${ESC}]8;;https://example.com${ESC}\\\\the report${ESC}]8;;${ESC}\\\\.`,
  "",
  `warning: *not* _Markdown_ # at all, and a line that is longer than the bubble is wide, so that it wraps`,
  "name        size",
  "alpha         12",
  "beta         340",
].join("\\n");

/**
 * Returns an environment with several agents: the demo agent, one with a short permission timeout,
 * a slow one, one that prints terminal output, a scripted one, and an unavailable one.
 */
export function withAgents(folder) {
  const file = `${folder}/agents.toml`;
  writeFileSync(
    file,
    `[[agents]]
key = "demo"
name = "Demo"

[[agents]]
key = "hasty"
name = "Hasty"
description = "The demo agent with a permission timeout of one second."
driver = "acp"
avatar = "#0f766e"
command = "${binaries}/worker"
args = ["demo-agent"]
permission = "ask"
permission_timeout_s = 1
starters = ["/tool"]

[[agents]]
key = "deep"
name = "Deep thought"
description = "Thinks for an hour before the first word."
driver = "command"
avatar = "🐢"
command = "sleep"
args = ["3600"]
input = "message"

[[agents]]
key = "build"
name = "Build"
description = "Runs the build and prints its output."
driver = "command"
avatar = "🛠️"
command = "printf"
args = [${JSON.stringify(BUILD_OUTPUT)}]

[[agents]]
key = "local"
name = "Local model"
description = "Runs on this machine; nothing leaves it."
driver = "openai"
avatar = "🏠"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "LOCAL_MODEL_KEY"

${scriptedAgentTable(folder, { finish: finishedTurn, wait: waitingTurn })}`,
  );
  return { AGENTS_FILE: file };
}

const agent = (key, name, description, more = {}) =>
  makeAgent({ key, name, description, driver: "acp", ...more });

/** Many agents, some of them unavailable. */
export const manyAgents = [
  agent("demo", "Demo", "A scripted demo, not an AI. No API key or network access required.", {
    avatar: "🎭",
    starters: ["Hello! Who are you?", "/markdown", "/slow 10"],
  }),
  agent("claude", "Claude", "Works in a folder of its own and asks before it runs a command."),
  agent("codex", "Codex", ""),
  agent("local", "Local model", "Runs on this machine; nothing leaves it.", { avatar: "🏠" }),
  agent("llama", "Llama 3.2", "Small and quick.", { avatar: "🦙" }),
  agent("gpt", "GPT", "Hosted by OpenAI.", {
    avatar: "#10a37f",
    available: false,
    reason: "Set the environment variable OPENAI_API_KEY to the API key.",
  }),
  agent("gemini", "Gemini", "Has a large context window.", {
    available: false,
    reason: "The program gemini was not found.",
  }),
  agent(
    "wordy",
    "An agent with a name that is far too long to fit on the card of an agent",
    "It does everything, and its description is just as long: it reads, writes, searches, plans, runs, and compares, and it then reports everything in more words than anyone will ever read.",
  ),
  agent("shout", "Shout", "REPEATS WHAT YOU SAY."),
];
