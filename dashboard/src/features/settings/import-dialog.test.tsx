import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
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
function setUp() {
  render(<ImportDialog onClose={() => {}} />);
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
