import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ImportDialog } from "./import-dialog";
import { parseLines } from "./import-request";

const server = setupServer();
beforeAll(() => {
  server.listen({ onUnhandledRequest: "error" });
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = () => {};
});
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const file = new File(["[]"], "conversations.json", { type: "application/json" });

function respondWith(response: () => Response | Promise<Response>) {
  server.use(http.post("*/v1/import", response));
}

/** Opens the dialog and chooses a file. */
function setUp(onClose = () => {}) {
  render(<ImportDialog onClose={onClose} />);
  const input = document.querySelector<HTMLInputElement>('input[type="file"]');
  if (!input) throw new Error("There is no field for a file.");
  fireEvent.change(input, { target: { files: [file] } });
}

const lines = (...objects: readonly object[]) =>
  HttpResponse.text(objects.map((one) => `${JSON.stringify(one)}\n`).join(""), {
    headers: { "Content-Type": "application/x-ndjson" },
  });

describe("the import dialog", () => {
  it("shows how many chats were imported, and why others were not", async () => {
    respondWith(() =>
      lines(
        { type: "progress", done: 1, total: null },
        {
          ...{ type: "result", imported: 1200, skipped: 2 },
          failed: [{ source: "chatgpt:1", reason: "It has no messages." }],
        },
      ),
    );

    setUp();

    await screen.findByText("1,200 imported, 2 skipped, 1 failed");
    screen.getByText("It has no messages.");
    screen.getByText("chatgpt:1");
    screen.getByRole("button", { name: "Import another file" });
  });

  it("says that a file contains no chats", async () => {
    const detail = "The file is not an export of ChatGPT, Claude, or Banter.";
    respondWith(() => HttpResponse.json({ code: "unknown_format", detail }, { status: 422 }));

    setUp();

    await screen.findByText("This file is damaged or contains no supported chats.");
    screen.getByRole("button", { name: "Choose file" });
  });

  it("says that a file is too large", async () => {
    respondWith(() => HttpResponse.json({ code: "payload_too_large" }, { status: 413 }));

    setUp();

    await screen.findByText("This file is too large.");
  });

  it("says how to continue an import that was interrupted", async () => {
    respondWith(() => lines({ type: "progress", done: 1, total: 3 }));

    setUp();

    await screen.findByText(/^The import was interrupted/);
  });

  it("is not closed by Escape or the backdrop while it imports, and warns before the page closes", async () => {
    respondWith(() => new Promise<Response>(() => {}));
    const onClose = vi.fn();
    setUp(onClose);
    const cancel = await screen.findByRole("button", { name: "Cancel" });
    await screen.findByRole("progressbar");
    const dialog = screen.getByRole("dialog", { hidden: true });

    fireEvent.click(dialog);
    const isEscapeKept = fireEvent.keyDown(dialog, { key: "Escape" });
    const isCloseKept = fireEvent(dialog, new Event("cancel", { cancelable: true }));
    const leaving = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(leaving);

    expect([isEscapeKept, isCloseKept]).toEqual([false, false]);
    expect(leaving.defaultPrevented).toBe(true);
    expect(onClose).not.toHaveBeenCalled();
    screen.getByRole("progressbar");
    fireEvent.click(cancel);
    await screen.findByText(/^Import canceled/);
    fireEvent.click(dialog);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it("moves the focus to the main button of each step", async () => {
    let respond = (_: Response) => {};
    respondWith(() => new Promise<Response>((resolve) => (respond = resolve)));
    setUp();
    await screen.findByRole("progressbar");
    await waitFor(() =>
      expect(document.activeElement).toBe(screen.getByRole("button", { name: "Cancel" })),
    );

    respond(lines({ type: "result", imported: 1, skipped: 0, failed: [] }));
    await screen.findByText(/^1 imported/);
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Done" }));
    fireEvent.click(screen.getByRole("button", { name: "Import another file" }));

    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Choose file" }));
  });

  it("cancels an import", async () => {
    let release = () => {};
    respondWith(async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return lines({ type: "result", imported: 0, skipped: 0, failed: [] });
    });
    setUp();

    fireEvent.click(await screen.findByRole("button", { name: "Cancel" }));

    await screen.findByText(/^Import canceled/);
    await waitFor(() => expect(screen.queryByRole("progressbar")).toBeNull());
    release();
  });
});

describe("parseLines", () => {
  it("ignores incomplete and unknown lines", () => {
    const text = '{"type":"progress","done":1,"total":2}\n{"type":"news"}\n\n{"type":';

    expect(parseLines(text)).toEqual([{ type: "progress", done: 1, total: 2 }]);
  });
});
