import { act, fireEvent, render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { setCurrentAccount } from "@/account";
import { readDraft, writeDraft } from "@/drafts";
import { Composer } from "./composer";

function setUp(props: Partial<Parameters<typeof Composer>[0]> = {}) {
  const onSend = vi.fn(async () => {});
  const onStop = vi.fn();
  render(
    <Composer draftKey="s" placeholder="Message" onSend={onSend} onStop={onStop} {...props} />,
  );
  return { onSend, onStop, field: screen.getByRole("textbox") };
}

beforeEach(() => {
  setCurrentAccount("default/local");
  writeDraft("s", "");
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
});

describe("the composer", () => {
  it("sends on Enter and inserts a line break on Shift+Enter", async () => {
    const { onSend, field } = setUp();

    await userEvent.type(field, "one{Shift>}{Enter}{/Shift}two{Enter}");

    expect(onSend).toHaveBeenCalledExactlyOnceWith("one\ntwo", {
      attachments: [],
      waitingFiles: [],
    });
    expect(field).toHaveProperty("value", "");
  });

  it("does not send on the Enter that confirms an IME composition", () => {
    const { onSend, field } = setUp();
    fireEvent.change(field, { target: { value: "に" } });

    fireEvent.keyDown(field, { key: "Enter", isComposing: true });
    fireEvent.keyDown(field, { key: "Enter", keyCode: 229 });

    expect(onSend).not.toHaveBeenCalled();
  });

  it("inserts a line break on Enter if there is only a touch keyboard", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: true }));
    const { onSend, field } = setUp();

    await userEvent.type(field, "one{Enter}two");

    expect(onSend).not.toHaveBeenCalled();
    expect(field).toHaveProperty("value", "one\ntwo");
  });

  it("does not send whitespace", async () => {
    const { onSend, field } = setUp();

    await userEvent.type(field, "  {Enter}");

    expect(onSend).not.toHaveBeenCalled();
  });

  it("stores the text as a draft until it is sent", async () => {
    const { field } = setUp();

    await userEvent.type(field, "half a tho");

    expect(readDraft("s")).toBe("half a tho");
    expect(localStorage.getItem("banter.draft.default/local/s")).toBe("half a tho");

    await userEvent.type(field, "ught{Enter}");

    expect(readDraft("s")).toBe("");
  });

  it("restores text that could not be sent", async () => {
    const onSend = vi.fn(() => Promise.reject(new Error("No account is signed in.")));
    const { field } = setUp({ onSend });

    await userEvent.type(field, "hello{Enter}");

    expect(onSend).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(field).toHaveProperty("value", "hello"));
  });

  it("shows a change to its draft", () => {
    const { field } = setUp();

    act(() => writeDraft("s", "could not be sent"));

    expect(field).toHaveProperty("value", "could not be sent");
  });

  it("shows an error instead of sending text that is too long", () => {
    const { onSend, field } = setUp();

    fireEvent.change(field, { target: { value: "ü".repeat(128 * 1024 + 1) } });
    fireEvent.keyDown(field, { key: "Enter" });

    expect(screen.getByRole("alert").textContent).toContain("exceeds 256 KiB");
    expect(onSend).not.toHaveBeenCalled();
  });

  it("stops the turn on Escape and offers Queue once there is text", async () => {
    const { onStop, field } = setUp({ isBusy: true });

    expect(screen.queryByRole("button", { name: "Queue message" })).toBeNull();
    await userEvent.type(field, "next{Escape}");

    expect(onStop).toHaveBeenCalledOnce();
    expect(screen.getByRole("button", { name: "Queue message" })).toBeTruthy();
  });

  it("takes the focus when the user types outside of a field", async () => {
    const { field } = setUp();

    await userEvent.keyboard("{Control>}c{/Control} {Alt>}x{/Alt}");
    expect(document.activeElement).toBe(document.body);

    await userEvent.keyboard("yes");
    expect(field).toHaveProperty("value", "yes");
  });

  it("does not take the focus when the user types in another field", async () => {
    const { field } = setUp();
    render(<input aria-label="Search" />);

    await userEvent.type(screen.getByRole("textbox", { name: "Search" }), "it");

    expect(field).toHaveProperty("value", "");
  });
});
