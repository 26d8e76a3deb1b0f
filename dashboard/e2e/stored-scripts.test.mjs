/** Content that tries to run scripts: imported and attached, on the page and in exported pages. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { thread } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };
const AT = "2026-01-31T12:00:00.000Z";
/** Each payload calls this function of the test. */
const CALL = "ran(1)";
const HTML_FILE = `data:text/html;base64,${Buffer.from(`<script>${CALL}</script>`).toString("base64")}`;
const SVG_FILE = `data:image/svg+xml;base64,${Buffer.from(
  `<svg xmlns='http://www.w3.org/2000/svg' onload='${CALL}'><script>${CALL}</script></svg>`,
).toString("base64")}`;

const PAYLOADS = [
  `<script>${CALL}</script>`,
  `</title></style></textarea></template></noscript><script>${CALL}</script>`,
  `"><img src=x onerror=${CALL}>`,
  `' onmouseover='${CALL}' onfocus='${CALL}' autofocus tabindex=1 '`,
  `<svg onload=${CALL}><animate onbegin=${CALL} attributeName=x dur=1s>`,
  `<svg><a xlink:href="javascript:${CALL}"><text y=20>svg link</text></a></svg>`,
  `<details open ontoggle=${CALL}><summary>s</summary></details>`,
  `<video autoplay onloadstart=${CALL}><source onerror=${CALL}></video><audio src=x onerror=${CALL}>`,
  `<body onload=${CALL}><input autofocus onfocus=${CALL}><marquee onstart=${CALL}>m</marquee>`,
  `<iframe src="javascript:${CALL}"></iframe><iframe srcdoc="<script>${CALL}</script>"></iframe>`,
  `<object data="${HTML_FILE}"></object><embed src="${SVG_FILE}">`,
  `<meta http-equiv="refresh" content="0;url=javascript:${CALL}"><base href="javascript:${CALL}//">`,
  `<form action="javascript:${CALL}"><button formaction="javascript:${CALL}">b</button></form>`,
  `<math href="javascript:${CALL}"><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=${CALL}&gt;">`,
  `<link rel=stylesheet href="data:text/css,*{}"><style>@import 'javascript:${CALL}'; * { color: red }</style>`,
  `[link](javascript:${CALL}) [link](JaVaScRiPt&colon;${CALL}) [link](&#106;avascript:${CALL}) [link](\u0001javascript:${CALL})`,
  `[link](vbscript:${CALL}) [link](${HTML_FILE}) [link](${SVG_FILE}) [link](blob:null/x) [link](file:///etc/passwd)`,
  `![image](javascript:${CALL}) ![image](${HTML_FILE}) ![image](${SVG_FILE})`,
  `![x"onerror="${CALL}](x "t\\"onerror=\\"${CALL}") <javascript:${CALL}>`,
  `[a]: javascript:${CALL} "x"\n\n[a] [link][a] ![image][a]`,
  `<a href="javascript:${CALL}">raw</a> <a href=" &#x6A;avascript:${CALL}">raw</a> <a href="x" onclick=${CALL}>raw</a>`,
  `\`\`\`html"><script>${CALL}</script>\n<script>${CALL}</script>\n\`\`\``,
  `\`\`\`mermaid\ngraph TD\nA["<img src=x onerror=${CALL}>"] --> B\nclick A href "javascript:${CALL}"\nclick B call ran(1)\n\`\`\``,
  `\`\`\`mermaid\n%%{init: {"securityLevel": "loose", "htmlLabels": true}}%%\ngraph TD\nA["<script>${CALL}</script>"]\n\`\`\``,
  `$$\nx^2\n$$\n\n$$\n\\href{javascript:${CALL}}{x}\n$$\n\n$$\n\\url{javascript:${CALL}}\n$$\n\n$$\n\\htmlData{onclick=${CALL}}{x}\n$$\n\n$$\n\\includegraphics{javascript:${CALL}}\n$$`,
  `| <img src=x onerror=${CALL}> | [link](javascript:${CALL}) |\n|---|---|\n| a | b |`,
  `[^1] text\n\n[^1]: <img src=x onerror=${CALL}> [link](javascript:${CALL})`,
  `\u001b]8;;javascript:${CALL}\u0007terminal link\u001b]8;;\u0007 \u001b[31m<img src=x onerror=${CALL}>`,
  `\u2028<script>${CALL}</script>\u2029\ufeff<scr\u200bipt>${CALL}</script>`,
];

/** Returns a chat in the format of an export, in which a payload is everything that can be text. */
function chatWith(payload) {
  const message = (fields) => ({
    id: randomUUID(),
    turn: 1,
    parent_turn: null,
    current: true,
    agent_key: null,
    attachments: [],
    created_at: AT,
    edited_at: null,
    task: null,
    finish_reason: null,
    elapsed_ms: null,
    usage: null,
    ...fields,
  });
  const step = (seq, kind, detail) => ({
    seq,
    kind,
    tool_call_id: payload,
    parent_tool_call_id: null,
    title: payload,
    status: "succeeded",
    text_offset: 0,
    started_at: AT,
    ended_at: AT,
    detail,
  });
  const steps = [
    step(1, "thought", { text: payload }),
    step(2, "tool", {
      tool_kind: "edit",
      input: { command: payload, [payload]: payload },
      output: payload,
      diffs: [{ path: payload, old: "", new: payload }],
      locations: [{ path: payload, line: 1 }],
      is_truncated: false,
    }),
    step(3, "plan", { entries: [{ content: payload, priority: "high", status: "completed" }] }),
    step(4, "notice", { text: payload, severity: payload }),
  ];
  const error = { code: "agent_error", message: payload, retryable: true };
  const question = message({
    seq: 1,
    role: "user",
    content: payload,
    task: {
      status: "failed",
      attempt: 1,
      error,
      usage: null,
      started_at: AT,
      finished_at: AT,
      steps,
    },
  });
  const answer = message({
    seq: 2,
    role: "assistant",
    agent_key: "gpt",
    content: `${payload}\n\nthe end`,
    finish_reason: "error",
  });
  return {
    id: randomUUID(),
    title: payload.slice(0, 200),
    agent_key: payload.slice(0, 60),
    status: "active",
    pinned_at: null,
    created_at: AT,
    updated_at: AT,
    last_activity_at: AT,
    last_read_seq: 2,
    forked_from: null,
    messages: [question, answer],
  };
}

/** Returns chats of another product with a few of the payloads each. */
function chatsOfClaude() {
  const chats = [];
  for (let first = 0; first < PAYLOADS.length; first += 4) {
    const payloads = PAYLOADS.slice(first, first + 4);
    const text = payloads.join("\n\n");
    const attachments = payloads.map((payload) => ({
      file_name: payload.replace(/[\\/\p{C}]/gu, ""),
      extracted_content: payload,
    }));
    const answer = { sender: "assistant", text: `${text}\n\nthe end` };
    chats.push({
      uuid: randomUUID(),
      name: payloads[0],
      chat_messages: [{ sender: "human", text, attachments }, answer],
    });
  }
  return chats;
}

const HOSTILE_FILES = [
  ["a.html", "text/html", `<script>${CALL}</script>`],
  [
    "a.svg",
    "image/svg+xml",
    `<svg xmlns='http://www.w3.org/2000/svg' onload='${CALL}'><script>${CALL}</script></svg>`,
  ],
  ["a.js", "text/javascript", CALL],
  ["a.mjs", "application/javascript", CALL],
  ["a.gif", "text/javascript", `GIF89a/*\0\0*/=0;${CALL}`],
  [`<img src=x onerror=${CALL}>.txt`, "text/ecmascript", CALL],
];

async function importFile(server, file) {
  const response = await server.direct("/v1/import", {
    method: "POST",
    body: JSON.stringify(file),
  });
  const lines = (await response.text()).trim().split("\n");
  const result = JSON.parse(lines.at(-1));
  assert.deepEqual(result.failed, []);
  return result.imported;
}

async function get(server, path) {
  const response = await server.direct(path);
  assert.equal(response.status, 200, path);
  return response;
}

/** Returns what could run a script in the page: elements, attributes, and addresses. */
function findExecutable(isExported) {
  const added = isExported
    ? "script, style + style, link"
    : "[role=log] script, [role=log] style:not(svg *)";
  const active =
    "iframe, frame, object, embed, base, form[action], meta[http-equiv=refresh], portal, applet";
  const addresses = ["href", "xlink:href", "src", "srcset", "action", "formaction", "data"];
  const schemes = ["http", "https", "mailto", "blob"];
  const found = [];
  const roots = [document];
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      const inShadow = root !== document && element.localName === "script";
      if (inShadow || element.matches(`${added}, ${active}`)) found.push(element.outerHTML);
      for (const { name, value } of element.attributes) {
        // Browsers ignore control characters and spaces before and within the scheme.
        const address = [...value].filter((character) => character > " ").join("");
        const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
        const isSafe =
          !scheme ||
          schemes.includes(scheme) ||
          /^data:image\/(png|jpeg|gif|webp|avif)/.test(address);
        const isIcon = element.localName === "link" && element.closest("head");
        const isUnsafeAddress = addresses.includes(name) && !isSafe && !isIcon;
        if (name.startsWith("on") || name === "srcdoc" || isUnsafeAddress) {
          found.push(`${name}=${value} of ${element.outerHTML}`);
        }
      }
    }
  }
  return found.map((what) => what.slice(0, 200));
}

/** Records calls of payloads, dialogs, and new windows. */
async function watch(context) {
  const calls = [];
  await context.exposeBinding("ran", ({ page, frame }) => {
    calls.push(`a script ran on ${page.url()} in ${frame.url()}`);
  });
  context.on("page", (opened) => {
    opened.on("dialog", (dialog) => {
      calls.push(`a dialog on ${opened.url()}`);
      void dialog.dismiss();
    });
  });
  return calls;
}

/** Checks that the test notices a script that runs. */
async function checkWatch(page, calls, folder) {
  const path = join(folder, "control.html");
  writeFileSync(path, `<img src=x onerror=${CALL}><a href="javascript:${CALL}">a</a>`);
  await page.goto(pathToFileURL(path).href);
  await page.waitForFunction(() => document.readyState === "complete");
  while (calls.length === 0) await page.waitForTimeout(20);
  assert.equal(calls.pop().split(" on ")[0], "a script ran");
  assert.equal((await page.evaluate(findExecutable, true)).length, 2);
}

/** Opens everything in the thread that can be opened, and touches every element. */
async function touchAll(page, hasSteps) {
  if (hasSteps) {
    await thread(page).locator("summary", { hasText: "4 steps" }).click();
    // The steps are fetched when they are opened.
    const closed = thread(page).locator("details details:not([open]) > summary");
    await closed.nth(1).waitFor();
    while ((await closed.count()) > 0) await closed.first().click();
    await thread(page).locator("details details pre").first().waitFor();
  }
  await page.evaluate(() => {
    for (const element of document.querySelectorAll("[role=log] *, nav *, header *")) {
      for (const type of [
        "mouseover",
        "mouseenter",
        "pointerover",
        "focus",
        "toggle",
        "animationstart",
      ]) {
        element.dispatchEvent(new Event(type, { bubbles: false }));
      }
    }
  });
}

test("nothing that was imported runs on the page or in an exported page", TIMEOUT, async () => {
  const folder = mkdtempSync(join(tmpdir(), "banter-exports-"));
  try {
    await withTestApp(
      async ({ page, context, server }) => {
        const calls = await watch(context);
        for (const payload of PAYLOADS) {
          const file = {
            format: "banter",
            version: 1,
            exported_at: AT,
            conversations: [chatWith(payload)],
          };
          assert.equal(await importFile(server, file), 1);
        }
        const others = chatsOfClaude();
        assert.equal(await importFile(server, others), others.length);
        const { items } = await (await get(server, "/v1/chat?limit=100")).json();
        assert.equal(items.length, PAYLOADS.length + others.length);

        await checkWatch(page, calls, folder);
        await page.goto("/");
        for (const { id, agent_key, title } of items) {
          await page.goto(`/chat/${id}`);
          await thread(page).getByText("the end").last().waitFor();
          if (title.includes("mermaid")) {
            const invalid = thread(page).getByText("Invalid diagram");
            await thread(page).locator("[data-diagram] *").or(invalid).first().waitFor();
          }
          if (title.startsWith("$$") && agent_key !== "claude")
            await thread(page).locator(".katex, .katex-error").first().waitFor();
          await touchAll(page, agent_key !== "claude");
          assert.deepEqual(await page.evaluate(findExecutable, false), [], id);
        }
        await page.keyboard.press("Control+k");
        await page.keyboard.type("ran");
        await page.getByRole("option", { name: "ran(1)" }).nth(5).waitFor();
        assert.deepEqual(await page.evaluate(findExecutable, false), []);
        assert.deepEqual(calls, []);

        const exported = await context.newPage();
        for (const { id } of items) {
          const html = await (await get(server, `/v1/chat/${id}/export?format=html`)).text();
          // The page must be safe even without its content security policy.
          const policy = /<meta http-equiv="Content-Security-Policy"[^>]*>/i;
          assert.match(html, policy);
          const path = join(folder, `${id}.html`);
          writeFileSync(path, html.replace(policy, ""));
          await exported.goto(pathToFileURL(path).href);
          assert.deepEqual(await exported.evaluate(findExecutable, true), [], id);
        }
        await exported.close();
        assert.deepEqual(calls, []);
      },
      { hasWorker: false },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a page cannot run attached files", TIMEOUT, async () => {
  await withTestApp(
    async ({ page, context, server, url }) => {
      // The browser's own viewers violate the content security policy, which does no harm.
      const viewers = await context.browser().newContext({ baseURL: url });
      const calls = await watch(context);
      const viewerCalls = await watch(viewers);
      await page.goto("/");
      for (const [name, type, body] of HOSTILE_FILES) {
        const path = `/v1/attachments?name=${encodeURIComponent(name)}`;
        const response = await server.direct(path, {
          method: "POST",
          headers: { "Content-Type": type },
          body,
        });
        assert.equal(response.status, 201);
        const { id } = await response.json();

        const loaded = await page.evaluate(
          (src) =>
            new Promise((resolve) => {
              const script = Object.assign(document.createElement("script"), { src });
              script.onload = () => resolve("loaded");
              script.onerror = () => resolve("blocked");
              document.head.append(script);
            }),
          `/v1/attachments/${id}`,
        );
        assert.equal(loaded, "blocked", name);
        const opened = await viewers.newPage();
        await opened.goto(`/v1/attachments/${id}`).catch((error) => {
          assert.match(error.message, /Download is starting|ERR_ABORTED/);
        });
        await opened.close();
      }
      assert.deepEqual([...calls, ...viewerCalls], []);
      await viewers.close();
    },
    { hasWorker: false },
  );
});
