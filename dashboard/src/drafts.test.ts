import { beforeEach, describe, expect, it } from "vitest";
import { clearDrafts, listDrafts, readDraft, takeDraft, writeDraft } from "./drafts";
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
