import { FileDiff } from "lucide-react";
import type { Task } from "@/api/models";
import { texts } from "@/texts";
import { DiffCounts } from "../diff/diff-counts";
import { openChanges } from "./changes";

/** Shows how much a turn has changed, and opens the changes. */
export function ChangesButton(props: { changes: NonNullable<Task["changes"]>; turn: number }) {
  const { files, additions, deletions } = props.changes;
  return (
    <button
      type="button"
      onClick={() => openChanges(props.turn)}
      className="mx-3.5 mt-1 mb-1.5 inline-flex h-8 items-center gap-2 self-start rounded-[10px] border border-line bg-surface px-2.5 text-note text-ink-2 hover:bg-hover hover:text-ink pointer-coarse:h-10 print:hidden"
    >
      <FileDiff size={15} strokeWidth={1.9} aria-hidden="true" />
      {texts.changes.summary(files)}
      <DiffCounts additions={additions} deletions={deletions} />
    </button>
  );
}
