import { useState } from "react";
import { client } from "@/api/client";
import type { Session } from "@/api/models";
import { explainFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { download } from "@/download";
import { useConnectionStatus } from "@/stream/use-connection";
import { texts } from "@/texts";

/** The formats of an exported chat, in the order in which they are shown. */
const formats = ["markdown", "html", "json"] as const;

/** A dialog for downloading a chat as a file. */
export function ExportDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const [format, setFormat] = useState<(typeof formats)[number]>("markdown");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const isOffline = useConnectionStatus() === "offline";

  async function submit(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    const path = { id: session.id };
    try {
      await download(`/v1/chat/${session.id}/export?format=${format}`, () =>
        client.GET("/v1/chat/{id}", { params: { path, query: { limit: 1 } } }),
      );
      onClose();
    } catch (error) {
      setProblem(explainFailure(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={texts.archive.exportTitle} onClose={onClose}>
      <form onSubmit={submit}>
        <fieldset className="mt-3 flex flex-col gap-2">
          <legend className="sr-only">{texts.archive.format}</legend>
          {formats.map((value) => (
            <label
              key={value}
              className="flex cursor-pointer items-start gap-3 rounded-[12px] border border-line px-3 py-2.5 hover:border-line-strong has-checked:border-accent has-focus-visible:outline-2 has-focus-visible:outline-accent"
            >
              <input
                type="radio"
                name="format"
                value={value}
                checked={format === value}
                onChange={() => setFormat(value)}
                className="mt-1 size-4 shrink-0 accent-accent outline-0"
              />
              <span>
                <span className="block font-[570] text-note">{texts.archive.formats[value]}</span>
                <span className="block text-ink-2 text-small">
                  {texts.archive.formatHints[value]}
                </span>
              </span>
            </label>
          ))}
        </fieldset>
        <p role="alert" className="mt-3 text-note text-warn empty:hidden">
          {isOffline ? texts.archive.exportOffline : problem}
        </p>
        <div className="mt-5 flex justify-end gap-2">
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button variant="solid" type="submit" disabled={isBusy || isOffline}>
            {texts.archive.export}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
