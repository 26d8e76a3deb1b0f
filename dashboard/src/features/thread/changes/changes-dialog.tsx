import { useQuery } from "@tanstack/react-query";
import { FileDiff, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { body, client } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { DiffCounts } from "../diff/diff-counts";
import { DiffView } from "../diff/diff-view";

type ChangedFile = components["schemas"]["ChangedFile"];

/** The lines of a file that are shown at first. */
const MAX_LINES = 120;
/** If there are more files, they are collapsed at first. */
const MAX_OPEN = 10;

/** A dialog with the files that the agent has changed in a turn or in the whole chat. */
export default function ChangesDialog(props: {
  sessionId: string;
  turn: number | null;
  onClose: () => void;
}) {
  const { sessionId: id, turn, onClose } = props;
  const [isWhole, setWhole] = useState(turn === null);
  // Later turns change more files.
  const lastSeq = useStore((state) => state.sessions[id]?.value?.last_seq);
  const shown = isWhole ? null : turn;
  const query = useQuery({
    queryKey: ["changes", id, shown, lastSeq],
    queryFn: async ({ signal }) => {
      const filter = shown === null ? {} : { turn: shown };
      const params = { path: { id }, query: filter };
      return (await body(client.GET("/v1/chat/{id}/changes", { params, signal }))).files;
    },
    staleTime: 0,
    networkMode: "always",
  });
  const files = query.data ?? [];
  return (
    <Dialog title={texts.changes.title} size="huge" onClose={onClose}>
      {turn !== null && (
        <fieldset className="mb-3 flex gap-1.5">
          <legend className="sr-only">{texts.changes.range}</legend>
          {[false, true].map((one) => (
            <Button
              key={String(one)}
              aria-pressed={one === isWhole}
              className={one === isWhole ? "bg-hover!" : "text-ink-2!"}
              onClick={() => setWhole(one)}
            >
              {one ? texts.changes.wholeChat : texts.changes.thisTurn}
            </Button>
          ))}
        </fieldset>
      )}
      <div
        className="-mx-5 max-h-[min(72dvh,900px)] overflow-y-auto px-5"
        aria-busy={query.isFetching}
      >
        {query.isPending && <p className="py-6 text-center text-ink-2">{texts.changes.loading}</p>}
        {query.isSuccess && files.length === 0 && (
          <EmptyState
            icon={<FileDiff aria-hidden="true" size={22} />}
            title={texts.changes.none}
            hint={texts.changes.noneHint}
          />
        )}
        {query.isError && (
          <EmptyState
            icon={<TriangleAlert aria-hidden="true" size={22} />}
            title={texts.changes.failed}
          >
            <Button onClick={() => void query.refetch()}>{texts.common.retry}</Button>
          </EmptyState>
        )}
        <ul className="flex flex-col gap-2">
          {files.map((file) => (
            <li key={file.path}>
              <FileChange file={file} isOpen={files.length <= MAX_OPEN} />
            </li>
          ))}
        </ul>
      </div>
      <div className="mt-4 flex justify-end">
        <Button onClick={onClose}>{texts.find.close}</Button>
      </div>
    </Dialog>
  );
}

/** A changed file. Its diff can be collapsed. */
function FileChange({ file, isOpen: isOpenAtFirst }: { file: ChangedFile; isOpen: boolean }) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const { path, old_path, status, additions, deletions, binary, patch } = file;
  const note = binary
    ? texts.changes.binary
    : file.truncated
      ? texts.diff.tooLong
      : texts.changes.noLines;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="flex min-h-9 cursor-pointer items-center gap-2 rounded-[8px] px-1 text-note pointer-coarse:min-h-11">
        <span className="shrink-0 rounded-[6px] bg-hover px-1.5 py-0.5 text-ink-2 text-small">
          {texts.changes.status[status]}
        </span>
        <bdi dir="ltr" className="min-w-0 truncate font-mono" title={path}>
          {old_path ? `${old_path} → ${path}` : path}
        </bdi>
        {additions + deletions > 0 && <DiffCounts additions={additions} deletions={deletions} />}
      </summary>
      {!isOpen ? null : patch ? (
        <DiffView
          path={path}
          patch={patch}
          additions={additions}
          deletions={deletions}
          maxLines={MAX_LINES}
          hasHeader={false}
        />
      ) : (
        <p className="rounded-[9px] border border-line bg-code px-2.5 py-2 text-ink-2 text-small">
          {note}
        </p>
      )}
    </details>
  );
}
