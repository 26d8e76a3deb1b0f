import { useState } from "react";
import { useCanWrite } from "@/api/me";
import type { Session } from "@/api/models";
import { texts } from "@/texts";
import { LazySessionDialog } from "./lazy-session-dialog";

/** The title of a session. Clicking it opens the dialog for renaming the session. */
export function SessionTitle({ session }: { session: Session }) {
  const canWrite = useCanWrite();
  const [isRenaming, setRenaming] = useState(false);
  const title = (
    <span dir="auto" className="block truncate rtl:text-right">
      {session.title || texts.sessions.untitled}
    </span>
  );
  if (!canWrite) return <div className="min-w-0 font-[620]">{title}</div>;
  return (
    <>
      <button
        type="button"
        title={texts.actions.rename}
        onClick={() => setRenaming(true)}
        className="tap -mx-1 block min-w-0 max-w-full rounded px-1 text-start font-[620] hover:bg-hover"
      >
        {title}
      </button>
      {isRenaming && (
        <LazySessionDialog
          kind="rename"
          session={session}
          view={undefined}
          onClose={() => setRenaming(false)}
        />
      )}
    </>
  );
}
