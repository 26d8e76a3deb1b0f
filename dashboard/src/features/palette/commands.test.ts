// @vitest-environment node
import { describe, expect, it } from "vitest";
import { type Command, findCommands, foldChats } from "./commands";

function command(label: string, group = "Chats", words = ""): Command {
  return { id: label, group, label, words, icon: null, run: () => {} };
}

const labels = (commands: readonly Command[]) => commands.map(({ label }) => label);

describe("findCommands", () => {
  it("returns all commands in order for an empty query", () => {
    const all = [command("b"), command("a")];

    expect(labels(findCommands(all, " "))).toEqual(["b", "a"]);
  });

  it("returns the commands of the open chat first for an empty query only", () => {
    const all = [command("Chat"), { ...command("Change", "This chat"), isContextual: true }];

    expect(labels(findCommands(all, ""))).toEqual(["Change", "Chat"]);
    expect(labels(findCommands(all, "cha"))).toEqual(["Chat", "Change"]);
  });

  it("finds commands that contain every word in the label or the additional words", () => {
    const all = [command("Flaky login"), command("Login page", "Chats", "css"), command("Notes")];

    expect(labels(findCommands(all, "LOGIN css"))).toEqual(["Login page"]);
  });

  it("puts labels that start with the query first in their group", () => {
    const all = [command("A note"), command("Note"), command("Notes", "Actions")];

    expect(labels(findCommands(all, "note"))).toEqual(["Note", "A note", "Notes"]);
  });
});

describe("foldChats", () => {
  const more = (count: number) => command(`Show ${count} more`);
  const chats = (count: number) =>
    Array.from({ length: count }, (_, index) => command(`Chat ${index}`));
  const action = command("Chat settings", "Actions");

  it("keeps the first chats, so that other results are not far below", () => {
    const found = findCommands([...chats(40), action], "chat");

    expect(labels(foldChats(found, "Chats", more))).toEqual([
      ...labels(chats(5)),
      "Show 25 more",
      "Chat settings",
    ]);
  });

  it("keeps a single further chat", () => {
    const found = [...chats(6), action];

    expect(foldChats(found, "Chats", more)).toBe(found);
  });
});
