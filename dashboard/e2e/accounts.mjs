/** Helpers that the browser tests use to create API keys and sign in. */

export async function makeKey(server, user, ...more) {
  const output = await server.run("keys", "create", "--user", user, ...more);
  return output.match(/bnt_\S+/)[0];
}

export async function signIn(page, key) {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
}
