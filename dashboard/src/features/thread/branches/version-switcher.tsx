import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState } from "react";
import { useCanWrite } from "@/api/me";
import type { Message } from "@/api/models";
import { texts } from "@/texts";
import { formatNumber } from "@/texts/formats";
import { switchVersion, useIsBranchFixed } from "./branch-actions";

/** Shows which version of a message is current, and switches to the others. */
export function VersionSwitcher({ message }: { message: Message }) {
  const canWrite = useCanWrite();
  const isFixed = useIsBranchFixed(message.chat_session_id);
  const [isBusy, setBusy] = useState(false);
  if (!message.branch) return null;
  const { index, count } = message.branch;

  function switchTo(version: number) {
    return async (event: React.MouseEvent<HTMLElement>) => {
      const row = event.currentTarget.closest("[data-index]");
      setBusy(true);
      await switchVersion(message, version, row);
      setBusy(false);
    };
  }

  const button = (label: string, version: number, Icon: typeof ChevronLeft) => {
    const isUnavailable = version < 1 || version > count;
    return (
      <button
        type="button"
        aria-label={label}
        title={isFixed ? texts.branches.busy : label}
        aria-disabled={isUnavailable || isFixed || isBusy}
        onClick={isUnavailable || isFixed || isBusy ? undefined : switchTo(version)}
        className="tap inline-flex size-6 items-center justify-center rounded hover:text-ink aria-disabled:opacity-40 aria-disabled:hover:text-ink-3"
      >
        <Icon size={14} aria-hidden="true" className="rtl:rotate-180" />
      </button>
    );
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields.
    <span
      role="group"
      aria-label={texts.branches.label}
      className="inline-flex items-center"
      data-versions=""
    >
      {canWrite && button(texts.branches.previous, index - 1, ChevronLeft)}
      <span aria-live="polite">
        <span aria-hidden="true">
          {formatNumber(index)}/{formatNumber(count)}
        </span>
        <span className="sr-only">{texts.branches.position(index, count)}</span>
      </span>
      {canWrite && button(texts.branches.next, index + 1, ChevronRight)}
    </span>
  );
}
