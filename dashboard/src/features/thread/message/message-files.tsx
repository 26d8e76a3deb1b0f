import { lazy, Suspense } from "react";
import type { Attachment } from "@/api/models";
import type { WaitingFile } from "@/attachments/attachment";

const FileList = lazy(() => import("@/attachments/file-list"));

/** The files of a message or an answer. */
export function MessageFiles(props: {
  files: readonly Attachment[];
  /** Files that are kept on the device until they can be uploaded. */
  waiting?: readonly WaitingFile[];
  /** Who sent the files, for screen readers. */
  author: string;
  /** Whether an agent sent the files, so that they are on its side of the thread. */
  isAnswer?: boolean;
}) {
  const { files, waiting = [], author, isAnswer = false } = props;
  if (files.length + waiting.length === 0) return null;
  return (
    <>
      <span className="sr-only">{author}: </span>
      <Suspense fallback={null}>
        <FileList files={files} waiting={waiting} isAnswer={isAnswer} />
      </Suspense>
    </>
  );
}
