import { sendWithButton } from "./actions.mjs";
import { manyAgents } from "./agents.mjs";

const folder = (key, name, branch) => ({
  key,
  name,
  path: `/srv/projects/${key}`,
  agents: ["demo"],
  isolation: "none",
  branch,
  available: true,
  reason: null,
});
const folders = [folder("website", "Website", "feature/search"), folder("notes", "Notes", null)];

/** Scenes that show the new chat view. */
export const newChatScenes = {
  home: async (page) => {
    await page.goto("/");
    await page.getByRole("navigation").getByText("Release notes 2.4").waitFor();
    await page.getByRole("navigation").getByText("Failed: ").waitFor();
  },
  "new chat": async (page) => {
    await page.goto("/new");
    await page.getByRole("radio").first().waitFor({ state: "attached" });
  },
  "many agents": async (page) => {
    await page.route("**/v1/agents", (route) => route.fulfill({ json: { items: manyAgents } }));
    await page.goto("/new");
    await page.getByText("REPEATS WHAT YOU SAY.").waitFor();
  },
  "chosen folder": async (page) => {
    await page.route("**/v1/folders", (route) => route.fulfill({ json: { items: folders } }));
    await page.goto("/new");
    await page.getByRole("combobox", { name: "Folder" }).selectOption("website");
    await page.getByText("/srv/projects/website").waitFor();
  },
  "agents loading": async (page) => {
    await page.route("**/v1/agents", () => {});
    await page.goto("/new");
    await page.locator("main .animate-shimmer").waitFor();
  },
  "first message": async (page) => {
    const busy = { status: 503, json: { code: "store_busy", title: "Busy" } };
    await page.route("**/v1/chat", (route) =>
      route.request().method() === "POST" ? route.fulfill(busy) : route.fallback(),
    );
    await page.goto("/new");
    await page.getByRole("radio").first().waitFor({ state: "attached" });
    await sendWithButton(page, "What would you read first?");
    await page.getByText("The server is busy.").waitFor();
  },
};
