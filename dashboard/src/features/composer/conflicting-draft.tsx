import { TextButton } from "@/components/ui/button";
import { dismissConflictingDraft, swapDrafts, useConflictingDraft } from "@/drafts";
import { texts } from "@/texts";

/** Offers to restore the newest conflicting draft. Then calls `onDone`, which moves the focus. */
export function ConflictingDraft({ draftKey, onDone }: { draftKey: string; onDone: () => void }) {
  const text = useConflictingDraft(draftKey);
  function choose(change: (key: string) => void) {
    change(draftKey);
    onDone();
  }
  return (
    <div role="status" className="mx-auto max-w-[820px]">
      {text.trim() !== "" && (
        <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-1.5 rounded-xl border border-line px-3.5 py-2 text-note pointer-coarse:gap-y-3 pointer-coarse:py-3">
          <p className="min-w-0 flex-1 basis-60">
            {texts.composer.conflictingDraft}
            <span dir="auto" className="block truncate text-ink-2">
              {text}
            </span>
          </p>
          <span className="flex gap-x-5">
            <TextButton onClick={() => choose(swapDrafts)}>
              {texts.composer.useConflictingDraft}
            </TextButton>
            <TextButton onClick={() => choose(dismissConflictingDraft)}>
              {texts.composer.dismissConflictingDraft}
            </TextButton>
          </span>
        </div>
      )}
    </div>
  );
}
