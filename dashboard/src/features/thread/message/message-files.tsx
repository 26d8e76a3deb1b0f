import { lazy, Suspense } from "react";
import type { Attachment } from "@/api/models";

const FileList = lazy(() => import("@/attachments/file-list"));

/** The files of a message or an answer. */
export function MessageFiles(props: {
  files: readonly Attachment[];
  /** Who sent the files, for screen readers. */
  author: string;
  /** Whether an agent sent the files, so that they are on its side of the thread. */
  isAnswer?: boolean;
}) {
  const { files, author, isAnswer = false } = props;
  if (files.length === 0) return null;
  return (
    <>
      <span className="sr-only">{author}: </span>
      <Suspense fallback={null}>
        <FileList files={files} isAnswer={isAnswer} />
      </Suspense>
    </>
  );
}
