import { lazy, Suspense } from "react";
import type { Attachment } from "@/api/models";
import { texts } from "@/texts";

const FileList = lazy(() => import("@/attachments/file-list"));

/** The files of a message. */
export function MessageFiles({ files }: { files: readonly Attachment[] }) {
  if (files.length === 0) return null;
  return (
    <>
      <span className="sr-only">{texts.thread.youSaid}: </span>
      <Suspense fallback={null}>
        <FileList files={files} />
      </Suspense>
    </>
  );
}
