import { renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";
import {
  clearDrafts,
  dismissOther,
  listDrafts,
  readDraft,
  setComposing,
  swapDrafts,
  takeDraft,
  useOtherDraft,
  writeDraft,
} from "./drafts";
import { forgetOwner, nameOwner, setOwner } from "./owner";

const ann = nameOwner({ workspace_id: "default", user_id: "ann" });
const bob = nameOwner({ workspace_id: "default", user_id: "bob" });

beforeEach(() => {
  for (const owner of [ann, bob]) {
    setOwner(owner);
    clearDrafts();
  }
  setOwner(ann);
});

describe("a draft", () => {
  it("is there for the user who wrote it, and for nobody else", () => {
    writeDraft("chat", "half a thought");

    setOwner(bob);
    expect(readDraft("chat")).toBe("");
    expect(listDrafts()).toEqual([]);

    setOwner(ann);
    expect(readDraft("chat")).toBe("half a thought");
    expect(listDrafts()).toEqual(["chat"]);
  });

  it("is neither read nor written while nobody is known to be signed in", () => {
    writeDraft("chat", "half a thought");
    forgetOwner();

    writeDraft("chat", "somebody's");

    expect(readDraft("chat")).toBe("");
    setOwner(ann);
    expect(readDraft("chat")).toBe("half a thought");
  });

  it("is removed on request, and others' stay", () => {
    writeDraft("chat", "hers");
    setOwner(bob);
    writeDraft("chat", "his");

    clearDrafts();

    expect(Object.keys(localStorage).filter((name) => name.startsWith("banter.draft."))).toEqual([
      `banter.draft.${ann}/chat`,
    ]);
  });

  it("that is taken leaves the device only when it is safe elsewhere", () => {
    writeDraft("chat", "to be sent");
    const name = `banter.draft.${ann}/chat`;

    const forget = takeDraft("chat");

    expect(readDraft("chat")).toBe("");
    expect(localStorage.getItem(name)).toBe("to be sent");
    forget();
    expect(localStorage.getItem(name)).toBeNull();
  });

  it("that was begun meanwhile is not taken with the one before", () => {
    writeDraft("chat", "to be sent");
    const forget = takeDraft("chat");
    writeDraft("chat", "the next one");

    forget();

    expect(localStorage.getItem(`banter.draft.${ann}/chat`)).toBe("the next one");
  });

  it("does not belong to a user of the same name in another workspace", () => {
    writeDraft("chat", "here");

    setOwner(nameOwner({ workspace_id: "other", user_id: "ann" }));

    expect(readDraft("chat")).toBe("");
  });
});

describe("the draft of another tab", () => {
  const name = `banter.draft.${ann}/chat`;
  const readOther = () => renderHook(() => useOtherDraft("chat")).result.current;

  /** Another tab writes, having seen `before`; this one hears of it unless it is busy. */
  function writeElsewhere(before: string, text: string, isHeard = true) {
    if (text === "") localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    const values = { oldValue: before || null, newValue: text || null };
    if (isHeard) window.dispatchEvent(new StorageEvent("storage", { key: name, ...values }));
  }

  it("shows here as it is typed, and goes on from there", () => {
    writeDraft("chat", "a");
    writeElsewhere("a", "a thought");
    expect(readDraft("chat")).toBe("a thought");

    writeDraft("chat", "a thought!");

    expect(localStorage.getItem(name)).toBe("a thought!");
    expect(readOther()).toBe("");
  });

  it("is cleared here when it was sent there", () => {
    writeDraft("chat", "a thought");

    writeElsewhere("a thought", "");

    expect(readDraft("chat")).toBe("");
    expect(readOther()).toBe("");
  });

  it("is kept beside this one when this tab wrote without having heard of it", () => {
    writeDraft("chat", "");
    writeElsewhere("", "a long thought", false);

    writeDraft("chat", "x");

    expect(readDraft("chat")).toBe("x");
    expect(readOther()).toBe("a long thought");
    swapDrafts("chat");
    expect([readDraft("chat"), readOther()]).toEqual(["a long thought", "x"]);
    dismissOther("chat");
    expect([readDraft("chat"), readOther()]).toEqual(["a long thought", ""]);
  });

  it("takes the place of this one, which is kept, when it was written without knowing it", () => {
    writeDraft("chat", "mine");

    writeElsewhere("", "theirs");

    expect([readDraft("chat"), readOther()]).toEqual(["theirs", "mine"]);
  });

  it("is kept when it is typed over as a whole", () => {
    writeElsewhere("", "a long thought");
    expect(readDraft("chat")).toBe("a long thought");
    writeElsewhere("a long thought", "a longer thought");

    writeDraft("chat", "x");

    expect([readDraft("chat"), readOther()]).toEqual(["x", "a longer thought"]);
  });

  it("is not kept when it is only corrected", () => {
    readDraft("chat");
    writeElsewhere("", "a long thougth");

    writeDraft("chat", "a long thought");

    expect(readOther()).toBe("");
  });

  it("leaves a text alone that was begun here while it was sent there", () => {
    writeDraft("chat", "mine");

    writeElsewhere("theirs", "");

    expect(readDraft("chat")).toBe("mine");
    expect(localStorage.getItem(name)).toBe("mine");
  });

  it("does not replace a text in mid-composition", () => {
    writeDraft("chat", "にほ");
    setComposing("chat", true);

    writeElsewhere("にほ", "theirs");

    expect([readDraft("chat"), readOther()]).toEqual(["にほ", "theirs"]);
    setComposing("chat", false);
  });

  it("is removed with the others on request", () => {
    writeDraft("chat", "mine");
    writeElsewhere("", "theirs");

    clearDrafts();

    expect(Object.keys(localStorage).filter((one) => one.startsWith("banter.draft"))).toEqual([]);
  });
});
