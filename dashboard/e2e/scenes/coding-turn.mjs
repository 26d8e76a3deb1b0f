/** Scripts of a coding agent's turns, which contain all kinds of steps. */
import { ask, diff, output, plan, say, startTool, think, updateTool } from "../acp-agent.mjs";

const ESC = "\u001b";

const lines = (count, make) =>
  Array.from({ length: count }, (_, index) => `${make(index + 1)}\n`).join("");

const BEFORE = lines(81, (number) =>
  number % 9 === 0 ? "" : `value_${number} = load("setting_${number}")  # setting ${number}`,
);
const AFTER = BEFORE.replace('load("setting_40")', 'load("setting_40", default=10)');

const TEST_RUN = [
  `${ESC}[1m============ test session starts ============${ESC}[0m`,
  "collecting ...\rcollected 3 items",
  `tests/test_a.py ${ESC}[32m.${ESC}[0m${ESC}[31mF${ESC}[0m${ESC}[32m.${ESC}[0m   [100%]`,
  `${ESC}[31mFAILED${ESC}[0m tests/test_a.py::test_x - assert 1 == 2`,
  `${ESC}[31m1 failed${ESC}[0m, ${ESC}[32m2 passed${ESC}[0m in 0.03s`,
].join("\r\n");

/** Links a step to the tool call that started its sub-agent, as Claude's adapter does. */
const child = (parent, fields = {}) => ({
  ...fields,
  _meta: { claudeCode: { parentToolUseId: parent } },
});

const entries = (...statuses) =>
  plan(
    ...["Read the settings", "Run the tests", "Report the result"].map((content, index) => [
      content,
      statuses[index],
    ]),
  );

const explore = [
  startTool("task", "Find where the setting is used", { kind: "think" }),
  startTool("grep", "Search for setting_40", child("task", { kind: "search" })),
  updateTool("grep", child("task", { content: [output("src/app.py:40")] })),
  startTool("open", "Read src/app.py", child("task", { kind: "read" })),
  updateTool("open", child("task")),
  updateTool("task", { content: [output("It is used only in src/app.py.")] }),
];

const edit = [
  startTool("edit", "Edit src/app.py", { kind: "edit", rawInput: { path: "src/app.py" } }),
  updateTool("edit", { content: [diff("/work/repo/src/app.py", BEFORE, AFTER)] }),
];

const test = [
  startTool("test", "pytest -q --color=yes", {
    kind: "execute",
    rawInput: { command: "pytest -q --color=yes" },
  }),
  updateTool("test", { status: "failed", content: [output(TEST_RUN)] }),
];

const create = [
  startTool("create", "Create src/settings.ts", { kind: "edit" }),
  updateTool("create", {
    content: [
      diff(
        "/work/repo/src/settings.ts",
        null,
        lines(120, (number) => `export const setting${number} = "value ${number}"; // ${number}`),
      ),
    ],
  }),
];

const thought = think(
  "The test expects a **default**. There are two ways:\n\n1. pass `default=10`\n2. change the loader\n\nThe first one is smaller.",
);

/** A turn that ends with an answer. */
export const finishedTurn = [
  entries("in_progress", "pending", "pending"),
  thought,
  ...explore,
  ...edit,
  entries("completed", "in_progress", "pending"),
  ...test,
  ...create,
  entries("completed", "completed", "completed"),
  say("The setting has a default now. One test still fails: `test_x`."),
];

/** A turn that waits for permission to change a file. */
export const waitingTurn = [
  entries("in_progress", "pending", "pending"),
  thought,
  ...test,
  entries("completed", "in_progress", "pending"),
  say("The setting has no default, so the test fails. I'd like to add one:"),
  ask({
    toolCallId: "edit",
    title: "Edit src/app.py",
    kind: "edit",
    rawInput: { path: "src/app.py" },
    content: [diff("/work/repo/src/app.py", BEFORE, AFTER)],
  }),
  say("Done."),
];
