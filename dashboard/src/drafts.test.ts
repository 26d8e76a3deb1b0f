import { renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";
import { accountIdOf, clearCurrentAccount, setCurrentAccount } from "./account";
import {
  adoptDraft,
  clearDrafts,
  dismissConflictingDraft,
  listDrafts,
  readDraft,
  setComposing,
  swapDrafts,
  takeDraft,
  useConflictingDraft,
  writeDraft,
} from "./drafts";

const ann = accountIdOf({ workspace_id: "default", user_id: "ann" });
const bob = accountIdOf({ workspace_id: "default", user_id: "bob" });

beforeEach(() => {
  for (const account of [ann, bob]) {
    setCurrentAccount(account);
    clearDrafts();
  }
  setCurrentAccount(ann);
});

describe("a draft", () => {
  it("is visible only to its author", () => {
    writeDraft("chat", "half a thought");

    setCurrentAccount(bob);
    expect(readDraft("chat")).toBe("");
    expect(listDrafts()).toEqual([]);

    setCurrentAccount(ann);
    expect(readDraft("chat")).toBe("half a thought");
    expect(listDrafts()).toEqual(["chat"]);
  });

  it("is neither read nor written while no account is signed in", () => {
    writeDraft("chat", "half a thought");
    clearCurrentAccount();

    writeDraft("chat", "no account");

    expect(readDraft("chat")).toBe("");
    setCurrentAccount(ann);
    expect(readDraft("chat")).toBe("half a thought");
  });

  it("is removed without removing the drafts of other accounts", () => {
    writeDraft("chat", "hers");
    setCurrentAccount(bob);
    writeDraft("chat", "his");

    clearDrafts();

    expect(Object.keys(localStorage).filter((name) => name.startsWith("banter.draft."))).toEqual([
      `banter.draft.${ann}/chat`,
    ]);
  });

  it("stays in storage after takeDraft until the returned function is called", () => {
    writeDraft("chat", "to be sent");
    const name = `banter.draft.${ann}/chat`;

    const forget = takeDraft("chat");

    expect(readDraft("chat")).toBe("");
    expect(localStorage.getItem(name)).toBe("to be sent");
    forget();
    expect(localStorage.getItem(name)).toBeNull();
  });

  it("survives if it was written after takeDraft", () => {
    writeDraft("chat", "to be sent");
    const forget = takeDraft("chat");
    writeDraft("chat", "the next one");

    forget();

    expect(localStorage.getItem(`banter.draft.${ann}/chat`)).toBe("the next one");
  });

  it("is not visible to a user of the same name in another workspace", () => {
    writeDraft("chat", "here");

    setCurrentAccount(accountIdOf({ workspace_id: "other", user_id: "ann" }));

    expect(readDraft("chat")).toBe("");
  });
});

describe("a draft that another tab writes", () => {
  const name = `banter.draft.${ann}/chat`;
  const readConflicting = () => renderHook(() => useConflictingDraft("chat")).result.current;

  /**
   * Writes text as another tab would, replacing `before`. If `isNotified` is false, this tab
   * receives no storage event.
   */
  function writeElsewhere(before: string, text: string, isNotified = true) {
    if (text === "") localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    const values = { oldValue: before || null, newValue: text || null };
    if (isNotified) window.dispatchEvent(new StorageEvent("storage", { key: name, ...values }));
  }

  it("is shown as it is typed and can be continued", () => {
    writeDraft("chat", "a");
    writeElsewhere("a", "a thought");
    expect(readDraft("chat")).toBe("a thought");

    writeDraft("chat", "a thought!");

    expect(localStorage.getItem(name)).toBe("a thought!");
    expect(readConflicting()).toBe("");
  });

  it("is cleared after the other tab sent it", () => {
    writeDraft("chat", "a thought");

    writeElsewhere("a thought", "");

    expect(readDraft("chat")).toBe("");
    expect(readConflicting()).toBe("");
  });

  it("is kept as the conflicting draft when this tab writes before it is notified", () => {
    writeDraft("chat", "");
    writeElsewhere("", "a long thought", false);

    writeDraft("chat", "x");

    expect(readDraft("chat")).toBe("x");
    expect(readConflicting()).toBe("a long thought");
    swapDrafts("chat");
    expect([readDraft("chat"), readConflicting()]).toEqual(["a long thought", "x"]);
    dismissConflictingDraft("chat");
    expect([readDraft("chat"), readConflicting()]).toEqual(["a long thought", ""]);
  });

  it("replaces the draft of this tab, which is kept as the conflicting draft", () => {
    writeDraft("chat", "mine");

    writeElsewhere("", "theirs");

    expect([readDraft("chat"), readConflicting()]).toEqual(["theirs", "mine"]);
  });

  it("is kept as the conflicting draft when all of it is overwritten", () => {
    writeElsewhere("", "a long thought");
    expect(readDraft("chat")).toBe("a long thought");
    writeElsewhere("a long thought", "a longer thought");

    writeDraft("chat", "x");

    expect([readDraft("chat"), readConflicting()]).toEqual(["x", "a longer thought"]);
  });

  it("is not kept as a conflicting draft after a correction", () => {
    readDraft("chat");
    writeElsewhere("", "a long thougth");

    writeDraft("chat", "a long thought");

    expect(readConflicting()).toBe("");
  });

  it("does not clear a different draft of this tab after it was sent", () => {
    writeDraft("chat", "mine");

    writeElsewhere("theirs", "");

    expect(readDraft("chat")).toBe("mine");
    expect(localStorage.getItem(name)).toBe("mine");
  });

  it("does not replace text during an IME composition", () => {
    writeDraft("chat", "にほ");
    setComposing("chat", true);

    writeElsewhere("にほ", "theirs");

    expect([readDraft("chat"), readConflicting()]).toEqual(["にほ", "theirs"]);
    setComposing("chat", false);
  });

  it("does not displace an earlier conflicting draft", () => {
    writeDraft("chat", "first");
    writeElsewhere("", "second");
    writeElsewhere("second", "third");
    writeDraft("chat", "fourth");

    expect([readDraft("chat"), readConflicting()]).toEqual(["fourth", "third"]);
    dismissConflictingDraft("chat");
    expect(readConflicting()).toBe("first");
    dismissConflictingDraft("chat");
    expect(readConflicting()).toBe("");
  });

  it("shows a conflicting draft that another tab has kept or dismissed", () => {
    const key = `banter.conflicting-drafts.${ann}/chat`;
    expect(readConflicting()).toBe("");

    localStorage.setItem(key, JSON.stringify(["theirs"]));
    window.dispatchEvent(new StorageEvent("storage", { key }));
    expect(readConflicting()).toBe("theirs");
    localStorage.removeItem(key);
    window.dispatchEvent(new StorageEvent("storage", { key }));

    expect(readConflicting()).toBe("");
  });

  it("is not replaced by a text from another device before this tab is notified of it", () => {
    writeDraft("chat", "mine");
    writeElsewhere("mine", "mine, continued", false);

    expect(adoptDraft("chat", "from the phone", null)).toBe(false);

    expect(localStorage.getItem(name)).toBe("mine, continued");
  });

  it("is removed by clearDrafts together with the conflicting draft", () => {
    writeDraft("chat", "mine");
    writeElsewhere("", "theirs");

    clearDrafts();

    expect(JSON.stringify(localStorage)).not.toMatch(/mine|theirs/);
    expect(readConflicting()).toBe("");
  });
});
