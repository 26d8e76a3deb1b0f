// @vitest-environment node
import { describe, expect, it } from "vitest";
import { type Command, findCommands } from "./commands";

function command(label: string, group = "Chats", words = ""): Command {
  return { id: label, group, label, words, icon: null, run: () => {} };
}

const labels = (commands: readonly Command[]) => commands.map(({ label }) => label);

describe("the palette", () => {
  it("shows everything in its order while nothing is asked for", () => {
    const all = [command("b"), command("a")];

    expect(labels(findCommands(all, " "))).toEqual(["b", "a"]);
  });

  it("keeps what has every word, also outside the label", () => {
    const all = [command("Flaky login"), command("Login page", "Chats", "css"), command("Notes")];

    expect(labels(findCommands(all, "LOGIN css"))).toEqual(["Login page"]);
  });

  it("puts what begins with the query first, and keeps the groups together", () => {
    const all = [command("A note"), command("Note"), command("Notes", "Actions")];

    expect(labels(findCommands(all, "note"))).toEqual(["Note", "A note", "Notes"]);
  });
});
