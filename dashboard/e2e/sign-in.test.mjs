import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_MS, answered, say } from "./chat.mjs";
import { onStage } from "./stage.mjs";

const TIMEOUT = { timeout: 90_000 };
const options = { environment: async () => ({ AUTH: "required" }) };

async function makeKey(server, user) {
  const output = await server.run("keys", "create", "--user", user);
  return output.match(/bnt_\S+/)[0];
}

async function signIn(page, key) {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("one signs in with a key, chats, and signs out", TIMEOUT, async () => {
  await onStage(async ({ page, context, server }) => {
    const key = await makeKey(server, "ann");
    await page.goto("/");
    await signIn(page, "bnt_nonsense");
    await page.getByText("This key does not work").waitFor();

    await signIn(page, key);
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    const cookies = await context.cookies();
    assert.deepEqual(
      cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]),
      [[true, "Strict"]],
    );
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!kept.includes(key), "the key stays nowhere in the browser");
    await say(page, "hello");
    await answered(page).waitFor({ timeout: ANSWER_MS });

    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByText("Signed in as ann").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();

    await page.getByLabel("API key").waitFor();
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.getByText("hello").count(), 0);
  }, options);
});

test("two people on one server see only their own chats", TIMEOUT, async () => {
  await onStage(async ({ page, server, url }) => {
    const [ann, bob] = [await makeKey(server, "ann"), await makeKey(server, "bob")];
    await page.goto("/");
    await signIn(page, ann);
    await page.getByRole("textbox", { name: "Message" }).waitFor();
    await say(page, "a secret of hers");
    await answered(page).waitFor({ timeout: ANSWER_MS });
    const chat = page.url();

    const other = await page.context().browser().newContext({ baseURL: url });
    const theirs = await other.newPage();
    await theirs.goto(chat);
    await signIn(theirs, bob);

    await theirs.getByText("This chat does not exist").waitFor();
    assert.equal(await theirs.getByText("a secret of hers").count(), 0);
    await other.close();
  }, options);
});
