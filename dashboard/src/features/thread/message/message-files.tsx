import { lazy, Suspense } from "react";
import type { Attachment } from "@/api/models";

const FileList = lazy(() => import("@/attachments/file-list"));

/** The files of a message. */
export function MessageFiles({ files }: { files: readonly Attachment[] }) {
  if (files.length === 0) return null;
  return (
    <Suspense fallback={null}>
      <FileList files={files} />
    </Suspense>
  );
}
