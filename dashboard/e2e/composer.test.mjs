import assert from "node:assert/strict";
import { test } from "node:test";
import { composer } from "./chat.mjs";
import { withTestApp } from "./test-app.mjs";

const TIMEOUT = { timeout: 300_000 };

test("the composer grows to 40% of the window's height", TIMEOUT, async () => {
  await withTestApp(
    async ({ page }) => {
      await page.goto("/new");
      const height = async () => (await composer(page).boundingBox()).height;
      await composer(page).fill("one");
      assert.ok((await height()) < 50);

      await composer(page).fill("line\n".repeat(12));
      assert.ok((await height()) > 12 * 23, "12 lines");

      await composer(page).fill("line\n".repeat(99));
      assert.ok(Math.abs((await height()) - 360) <= 1, `${await height()}`);
      await page.setViewportSize({ width: 1440, height: 600 });
      assert.ok(Math.abs((await height()) - 240) <= 1, `${await height()}`);
    },
    { context: { viewport: { width: 1440, height: 900 } } },
  );
});

for (const [device, viewport] of Object.entries({
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
}))
  test(`a new chat has its composer next to the starters on a ${device}`, TIMEOUT, async () => {
    await withTestApp(
      async ({ page }) => {
        await page.goto("/new");
        const starters = page.getByText("Try one of these").locator("..");
        await starters.waitFor();
        const [above, field] = await Promise.all([
          starters.boundingBox(),
          composer(page).boundingBox(),
        ]);
        const distance = field.y - above.y - above.height;
        assert.ok(distance > 0 && distance < 80, `distance: ${distance}`);
      },
      { context: { viewport } },
    );
  });
