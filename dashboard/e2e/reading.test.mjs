import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, composer, finished, focused, row, send, startChat, thread } from "./chat.mjs";
import { PASTED_CODE, RICH_ANSWER } from "./scenes/rich-text.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

/** Returns the number of loaded scripts and styles whose names match the pattern. */
const countLoaded = (page, pattern) =>
  page.evaluate(
    (source) =>
      performance.getEntriesByType("resource").filter(({ name }) => new RegExp(source).test(name))
        .length,
    pattern,
  );

const answer = (page) => page.locator("[data-answer]").last();
const diagram = (page) => answer(page).getByRole("img", { name: "Diagram" });

/** Waits until the number of answered turns is `count`. */
const answeredTurns = (page, count) =>
  finished(page)
    .nth(count - 1)
    .waitFor({ timeout: ANSWER_MS });

test("math and diagrams are drawn, and loaded only when they are needed", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo It costs $5, **or** $10.");
    await answeredTurns(page, 1);
    await answer(page).locator("strong").waitFor();
    assert.equal(await countLoaded(page, "katex|mermaid"), 0, "libraries for a plain answer");

    await send(page, `/echo ${RICH_ANSWER}`);
    await answeredTurns(page, 2);
    await answer(page).locator(".katex-display").waitFor();
    assert.equal(await answer(page).locator(".katex").count(), 2, "formulas");
    await diagram(page).waitFor();
    const labels = await diagram(page).evaluate((host) => host.shadowRoot?.textContent ?? "");
    for (const label of ["Start", "One item?", "Partition"])
      assert.ok(labels.includes(label), label);
    assert.equal(await countLoaded(page, "KaTeX_.*\\.(woff|ttf)$"), 0, "fonts in old formats");
    const family = await answer(page)
      .locator(".katex")
      .first()
      .evaluate((formula) => getComputedStyle(formula).fontFamily);
    assert.match(family, /KaTeX/);
  });
});

test("a diagram can be zoomed, and its source can be shown", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo ```mermaid\ngraph LR\n  A[One] --> B[Two]\n```");
    await answeredTurns(page, 1);
    await diagram(page).waitFor();

    const zoom = answer(page).getByRole("button", { name: "Zoom" });
    await zoom.click();
    const dialog = page.getByRole("dialog", { name: "Diagram" });
    const image = dialog.getByRole("img", { name: "Diagram" });
    const width = async () => (await image.boundingBox())?.width ?? 0;
    const before = await width();
    await dialog.getByRole("button", { name: "Zoom in" }).click();
    assert.ok((await width()) > before * 1.2, "wider after zooming in");
    await page.keyboard.press("-");
    await page.keyboard.press("-");
    assert.ok((await width()) < before, "narrower after zooming out");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await focused(page, zoom);

    await answer(page).getByRole("button", { name: "Show source" }).click();
    await answer(page).getByText("A[One] --> B[Two]").waitFor();
    await answer(page).getByRole("button", { name: "Show diagram" }).click();
    await diagram(page).waitFor();
  });
});

test("an invalid diagram is shown as its source", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo ```mermaid\ngraph LR\n  A[One --> B{\n```");
    await answeredTurns(page, 1);

    await answer(page).getByText("Invalid diagram").waitFor();
    await answer(page).getByText("A[One --> B{").waitFor();
    assert.equal(await page.locator("body > [id^='ddiagram'], body > svg").count(), 0, "remains");
  });
});

test("a styled diagram cannot cover the page", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const style =
      "%%{init: {'themeCSS': 'svg, .node { position: fixed; inset: 0 } } body { display: none }'}}%%";
    await startChat(
      page,
      `/echo \`\`\`mermaid\n${style}\ngraph LR\n  A["<img src=x onerror=alert(1)>One"] --> B\n  click B "javascript:alert(1)"\n\`\`\``,
    );
    await answeredTurns(page, 1);
    await diagram(page).waitFor();

    const frame = await answer(page).locator("[data-diagram]").boundingBox();
    const drawn = await diagram(page).evaluate((host) => {
      const { x, y, right, bottom } = host.shadowRoot.querySelector("svg").getBoundingClientRect();
      const unsafe = host.shadowRoot.querySelectorAll("img, script, [onerror], a[*|href^=java]");
      return { x, y, right, bottom, unsafe: unsafe.length };
    });
    assert.equal(drawn.unsafe, 0, "unsafe elements");
    assert.ok(frame && drawn.x >= frame.x && drawn.right <= frame.x + frame.width + 1, "width");
    assert.ok(drawn.y >= frame.y && drawn.bottom <= frame.y + frame.height + 1, "height");
    assert.ok(
      await page.getByRole("textbox", { name: "Message" }).isVisible(),
      "the page is shown",
    );
  });
});

test("a table wraps, and scrolls only if its columns do not fit", TIMEOUT, async () => {
  const phone = { viewport: { width: 390, height: 844 } };
  await withTestApp(
    async ({ page }) => {
      const cells = (count, text) => `| ${Array.from({ length: count }, () => text).join(" | ")} |`;
      const rule = (count) => `|${"---|".repeat(count)}`;
      const wide = [cells(6, "head"), rule(6), cells(6, "some longer words<br>more")].join("\n");
      const narrow = [cells(2, "head"), rule(2), cells(2, "many words ".repeat(12))].join("\n");
      await startChat(page, `/echo ${wide}\n\n${narrow}`);
      await answeredTurns(page, 1);

      const areas = answer(page).locator(".scroll-area");
      await answer(page).locator(".scroll-area[data-more-after]").waitFor();
      const scrollable = await areas.evaluateAll((all) =>
        all.map((area) => [area.scrollWidth > area.clientWidth, area.tabIndex]),
      );
      assert.deepEqual(scrollable, [
        [true, 0],
        [false, -1],
      ]);
      const widths = await areas
        .first()
        .locator("td")
        .evaluateAll((all) => all.map((cell) => cell.offsetWidth));
      assert.ok(Math.min(...widths) >= 112, `column widths: ${widths}`);
      assert.equal(await areas.first().locator("td br").count(), 6, "line breaks");

      await areas.first().focus();
      await page.keyboard.press("End");
      await areas.first().evaluate((area) => area.scrollTo({ left: area.scrollWidth }));
      await answer(page).locator(".scroll-area[data-more-before]:not([data-more-after])").waitFor();
    },
    { context: phone },
  );
});

test("a table is as wide as its content", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const small = "| a | b |\n|---|--:|\n| 1 | 1,234,567.89 EUR |";
    await startChat(page, `/echo ${small}`);
    await answeredTurns(page, 1);

    const table = answer(page).locator("table");
    await table.waitFor();
    const { width } = await table.boundingBox();
    const frame = await answer(page).locator(".frame").boundingBox();
    assert.ok(width < 230, `table: ${width}`);
    assert.ok(frame.width - width <= 4, `frame: ${frame.width}, table: ${width}`);
    const [row] = await table
      .locator("tbody tr")
      .evaluateAll((rows) => rows.map(({ offsetHeight }) => offsetHeight));
    assert.ok(row < 45, `height of a row with a number: ${row}`);
  });
});

test("a right-to-left list and quote are mirrored", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, "/echo - مرحبا\n- عالم\n\n> اقتباس\n\nhello");
    await answeredTurns(page, 1);
    await answer(page).locator("blockquote").waitFor();

    const sides = await answer(page).evaluate((element) => {
      const [list, quote] = [element.querySelector("ul"), element.querySelector("blockquote")];
      return [
        getComputedStyle(list).paddingRight !== "0px",
        getComputedStyle(quote).borderRightWidth,
        getComputedStyle(quote).borderLeftWidth,
      ];
    });
    assert.deepEqual(sides, [true, "3px", "0px"]);
  });
});

test("a table is at the side on which its text starts", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const tables = ["| a | b |", "| اسم | قيمة |"].map((row) => `${row}\n|---|---|\n${row}`);
    await startChat(page, `/echo ${tables.join("\n\n")}\n\nA long line. ${"word ".repeat(60)}`);
    await answeredTurns(page, 1);
    await answer(page).locator("table").nth(1).waitFor();
    const { left, right } = await answer(page).evaluate((element) => {
      const frames = [...element.querySelectorAll(".frame")].map((one) =>
        one.getBoundingClientRect(),
      );
      const whole = element.getBoundingClientRect();
      return { left: frames[0].left - whole.left, right: whole.right - frames[1].right };
    });
    assert.ok(left <= 1, `distance of a table from the left: ${left}`);
    assert.ok(right <= 1, `distance of a right-to-left table from the right: ${right}`);
  });
});

test("a wide diagram is legible and scrolls", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const nodes = Array.from({ length: 60 }, (_, index) => `N${index}`).join(" --> ");
    await startChat(page, `/echo \`\`\`mermaid\ngraph LR\n  ${nodes}\n\`\`\``);
    await answeredTurns(page, 1);
    await diagram(page).waitFor();
    const { height } = await diagram(page).boundingBox();
    assert.ok(height > 25, `height: ${height}`);
    const area = answer(page).locator("[data-diagram] .scroll-area");
    assert.ok(await area.evaluate((element) => element.scrollWidth > 2 * element.clientWidth));

    await answer(page).getByRole("button", { name: "Zoom" }).click();
    const dialog = page.getByRole("dialog", { name: "Diagram" });
    const image = await dialog.getByRole("img", { name: "Diagram" }).boundingBox();
    const frame = await dialog.boundingBox();
    assert.ok(image.width <= frame.width, "the whole diagram is visible at first");
  });
});

test("selected text is copied without buttons, and math as its source", TIMEOUT, async () => {
  await withTestApp(async ({ page, context, url }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
    await startChat(page, "/echo Before $\\frac{1}{2}$.\n\n```js\nconst a = 1;\n```\n\nAfter.");
    await answeredTurns(page, 1);
    await answer(page).locator(".katex").waitFor();
    await answer(page).locator("pre").waitFor();
    await answer(page).evaluate((element) => getSelection().selectAllChildren(element));
    await page.keyboard.press("Control+c");
    const text = await page.evaluate(() => navigator.clipboard.readText());
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    assert.deepEqual(lines, ["Before $\\frac{1}{2}$.", "const a = 1;", "After."]);
  });
});

test("a long message of the user is folded until it is unfolded", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(page, PASTED_CODE);
    await answeredTurns(page, 1);

    const code = thread(page).locator("pre", { hasText: "value39" });
    const height = () => code.evaluate((pre) => pre.closest(".rounded-bubble").offsetHeight);
    assert.match(await code.evaluate((pre) => getComputedStyle(pre).fontFamily), /Mono/);
    assert.equal(
      await thread(page).getByRole("link", { name: "https://example.com/a_b" }).count(),
      1,
    );
    const folded = await height();
    assert.ok(folded < 400, `folded height: ${folded}`);

    await thread(page).getByRole("button", { name: "Show more" }).click();
    await thread(page).getByRole("button", { name: "Show less" }).waitFor();
    assert.ok((await height()) > 2 * folded, "unfolded height");
    await thread(page).getByRole("button", { name: "Show less" }).click();
    await thread(page).getByRole("button", { name: "Show more" }).waitFor();
    assert.equal(await height(), folded);
  });
});

test("the start of a message stays in view when it is unfolded", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    const lines = Array.from({ length: 120 }, (_, index) => `Line ${index + 1}.`).join("\n");
    await startChat(page, `/echo ${lines}`);
    await answeredTurns(page, 1);
    await send(page, lines);
    await answeredTurns(page, 2);
    const message = thread(page).locator("[data-user]").nth(1);
    const top = async () => Math.round((await message.boundingBox()).y);
    const more = message.getByRole("button", { name: "Show more" });
    await more.scrollIntoViewIfNeeded();
    await focused(page, composer(page));
    const before = await top();

    await more.click();
    await message.getByRole("button", { name: "Show less" }).waitFor();
    assert.equal(await top(), before);
  });
});

test("the chat list shows the text of an answer as it is rendered", TIMEOUT, async () => {
  await withTestApp(async ({ page }) => {
    await startChat(
      page,
      "/echo ## So\n2 > 1, a|b, snake_case_name, **bold**, <https://example.com>",
    );
    await answeredTurns(page, 1);

    await row(page)
      .getByText("So 2 > 1, a|b, snake_case_name, bold, https://example.com")
      .waitFor();
  });
});
