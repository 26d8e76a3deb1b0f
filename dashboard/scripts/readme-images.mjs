// Takes the screenshots of the README and saves them to docs/images/. The agents are scripted.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  ask,
  diff,
  gate,
  output,
  plan,
  say,
  scriptedAgentTable,
  startTool,
  think,
  updateTool,
} from "../e2e/acp-agent.mjs";
import { thread } from "../e2e/chat.mjs";
import { withTestApp } from "../e2e/test-app.mjs";

const folder = fileURLToPath(new URL("../../docs/images", import.meta.url));
const DESKTOP = { width: 1280, height: 752 };
const PHONE = { width: 390, height: 780 };
/** The distance between the two phones. */
const GAP_PX = 28;

const FIX = "The invoice test fails on the last day of a month. Can you fix it?";
const MIGRATE = "Add a column for the tax rate to the invoices.";

const BEFORE = `export function dueDate(issued: Date, months: number): Date {
  const due = new Date(issued);
  due.setMonth(due.getMonth() + months);
  return due;
}
`;
const AFTER = `export function dueDate(issued: Date, months: number): Date {
  const due = new Date(issued);
  due.setDate(1);
  due.setMonth(due.getMonth() + months);
  due.setDate(Math.min(issued.getDate(), daysInMonth(due)));
  return due;
}
`;

const entries = (...statuses) =>
  plan(
    ...["Find out why the test fails", "Correct the due date", "Run the tests"].map(
      (content, index) => [content, statuses[index]],
    ),
  );

const script = {
  [FIX]: [
    entries("in_progress", "pending", "pending"),
    think("31 January plus one month is 3 March, because February is shorter."),
    startTool("test", "npm test -- invoice", { kind: "execute" }),
    updateTool("test", { content: [output("1 failed, 11 passed")] }),
    startTool("read", "Read src/invoice.ts", { kind: "read" }),
    updateTool("read"),
    entries("completed", "in_progress", "pending"),
    say(
      "`setMonth` skips a month if the day does not exist in it: an invoice of 31 January is due on 3 March. I'd like to limit the day to the length of the month:",
    ),
    ask({
      toolCallId: "edit",
      title: "Edit src/invoice.ts",
      kind: "edit",
      content: [diff("src/invoice.ts", BEFORE, AFTER)],
    }),
  ],
  [MIGRATE]: [
    startTool("read", "Read migrations/0012_invoices.sql", { kind: "read" }),
    updateTool("read"),
    startTool("write", "Create migrations/0013_tax_rate.sql", { kind: "edit" }),
    updateTool("write", {
      content: [
        diff(
          "migrations/0013_tax_rate.sql",
          null,
          "ALTER TABLE invoice ADD COLUMN tax_rate INTEGER NOT NULL DEFAULT 0;\n",
        ),
      ],
    }),
    say(
      "The migration is ready. The rate is stored in hundredths of a percent, so 7.7% is exact. Now the model and",
    ),
    gate("never"),
  ],
};

/** The other chats: title, message, and the chat's age in hours. */
const CHATS = [
  ["Dinner for six on Friday", "A lasagne can be made the day before.", 3],
  ["Why is the cold start slow?", "Most of the time goes into reading the model from the disk.", 7],
  ["Compose file for staging", "Two services and a volume. Redis is optional.", 28],
  ["Release notes 2.4", "Here is the draft, grouped by user.", 30],
  ["Names for the new service", "Here are eleven ideas. The last one is my favorite.", 75],
  ["Explain quicksort", "Quicksort picks a pivot and divides the list.", 99],
];

function environment(made) {
  const file = `${made}/agents.toml`;
  const coder = scriptedAgentTable(made, script).replace('name = "Scripted"', 'name = "Coder"');
  writeFileSync(file, `[[agents]]\nkey = "demo"\nname = "Assistant"\n\n${coder}`);
  return { AGENTS_FILE: file };
}

/** The position of the answer to the first message. */
const LAST_SEQ = 2;
const HOUR_MS = 3_600_000;

/** Shows the other chats with their ages. */
async function backdate(context) {
  const ages = new Map(CHATS.map(([title, , age]) => [title, age]));
  await context.route("**/v1/chat?**", async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    for (const chat of list.items) {
      const at = Date.parse(chat.last_activity_at) - (ages.get(chat.title) ?? 0) * HOUR_MS;
      chat.last_activity_at = new Date(at).toISOString();
    }
    await route.fulfill({ response, json: list });
  });
}

/** Creates a chat. Returns its path. */
async function createChat(api, title, content, agent_key, wait = "") {
  const session = await (await api.post("/v1/chat", { data: { agent_key } })).json();
  await api.post(`/v1/chat/${session.id}/messages${wait}`, { data: { content } });
  await api.patch(`/v1/chat/${session.id}`, { data: { title } });
  return `/chat/${session.id}`;
}

async function shoot(page, colorScheme, name) {
  await page.emulateMedia({ colorScheme });
  await page.evaluate(() => document.fonts.ready);
  await page.mouse.move(0, 0);
  return page.screenshot(name ? { path: `${folder}/${name}.png` } : {});
}

/** Puts two screenshots next to each other. */
async function combine(page, shots) {
  const images = shots.map(
    (shot) => `<img src="data:image/png;base64,${shot.toString("base64")}">`,
  );
  await page.setViewportSize({ width: 2 * (PHONE.width + 2) + GAP_PX, height: PHONE.height + 2 });
  await page.setContent(
    `<body style="margin:0;display:flex;gap:${GAP_PX}px"><style>img{border:1px solid #d6d3cd}</style>${images.join("")}`,
  );
  await page.screenshot({ path: `${folder}/phone.png`, omitBackground: true });
}

await withTestApp(
  async ({ page, context }) => {
    await backdate(context);
    const api = page.request;
    for (const [title, answer] of CHATS.toReversed()) {
      const path = await createChat(api, title, `/echo ${answer}`, "demo", "?wait=30");
      // Only the newest answer is unread.
      if (title !== CHATS[0][0]) await api.post(`/v1${path}/read`, { data: { seq: LAST_SEQ } });
    }
    const migrate = await createChat(api, "Tax rate of invoices", MIGRATE, "scripted");

    await page.goto(migrate);
    await thread(page).getByText("Now the model and").waitFor();
    for (const content of ["Then add it to the PDF.", "And run the whole suite."])
      await api.post(`/v1${migrate}/messages`, { data: { content } });
    await thread(page).getByText("Queued #2").waitFor();
    await shoot(page, "dark", "queue-dark");

    const fix = await createChat(api, "Failing invoice test", FIX, "scripted");
    await page.goto(fix);
    await page.getByRole("button", { name: "Allow" }).waitFor();
    await shoot(page, "light", "thread");

    const phone = await context.browser().newContext({
      ...{ baseURL: new URL(page.url()).origin, viewport: PHONE, reducedMotion: "reduce" },
      ...{ hasTouch: true, isMobile: true },
    });
    await backdate(phone);
    const view = await phone.newPage();
    await view.goto("/");
    await view.getByText("Needs you").waitFor();
    const list = await shoot(view, "light");
    await view.goto(fix);
    await view.getByRole("button", { name: "Allow" }).waitFor();
    const chat = await shoot(view, "light");
    await phone.close();
    await combine(page, [list, chat]);
  },
  { environment, context: { viewport: DESKTOP, reducedMotion: "reduce" } },
);
console.log(`Screenshots saved to ${folder}`);
