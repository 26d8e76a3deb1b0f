import { beforeEach, describe, expect, it } from "vitest";
import { clearDrafts, listDrafts, readDraft, writeDraft } from "./drafts";
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

  it("does not belong to a user of the same name in another workspace", () => {
    writeDraft("chat", "here");

    setOwner(nameOwner({ workspace_id: "other", user_id: "ann" }));

    expect(readDraft("chat")).toBe("");
  });
});
