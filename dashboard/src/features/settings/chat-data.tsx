import { lazy, Suspense, useId, useState } from "react";
import { client } from "@/api/client";
import { explainFailure } from "@/components/report-failure";
import { RequireWriteAccess } from "@/components/require-write-access";
import { Button } from "@/components/ui/button";
import { download } from "@/download";
import { useConnectionStatus } from "@/stream/use-connection";
import { texts } from "@/texts";

const ImportDialog = lazy(async () => ({
  default: (await import("./import-dialog")).ImportDialog,
}));

/** The section of the settings for exporting and importing chats. */
export function ChatData() {
  const id = useId();
  const [status, setStatus] = useState<string | null>(null);
  const [isImporting, setImporting] = useState(false);
  const isOffline = useConnectionStatus() === "offline";

  async function exportAll() {
    setStatus(null);
    try {
      await download("/v1/export", () => client.GET("/v1/auth/me"));
      setStatus(texts.archive.exportStarted);
    } catch (error) {
      setStatus(explainFailure(error));
    }
  }

  return (
    <section aria-labelledby={id} className="mt-5">
      <h3 id={id} className="font-[570] text-note">
        {texts.archive.title}
      </h3>
      <p className="text-ink-2 text-small">{texts.archive.hint}</p>
      <div className="mt-2 flex flex-wrap gap-2">
        <Button size="small" disabled={isOffline} onClick={() => void exportAll()}>
          {texts.archive.exportAll}
        </Button>
        <RequireWriteAccess>
          <Button size="small" onClick={() => setImporting(true)}>
            {texts.archive.importMany}
          </Button>
        </RequireWriteAccess>
      </div>
      <p role="status" className="mt-2 text-ink-2 text-small empty:hidden">
        {isOffline ? texts.archive.exportOffline : status}
      </p>
      {isImporting && (
        <Suspense>
          <ImportDialog onClose={() => setImporting(false)} />
        </Suspense>
      )}
    </section>
  );
}
