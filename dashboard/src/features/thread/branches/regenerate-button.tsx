import { RefreshCw } from "lucide-react";
import { useRef, useState } from "react";
import { useCanWrite } from "@/api/me";
import type { Message } from "@/api/models";
import { newId } from "@/identifier";
import { texts } from "@/texts";
import { reviseMessage, useIsBranchFixed } from "./branch-actions";

/** A button that has the agent answer a message again. The answer is kept as another version. */
export function RegenerateButton({ message, className }: { message: Message; className: string }) {
  const canWrite = useCanWrite();
  const isFixed = useIsBranchFixed(message.chat_session_id);
  const [isBusy, setBusy] = useState(false);
  // Kept until the request succeeds, so that pressing the button again creates no second version.
  const key = useRef<string>(undefined);

  async function regenerate() {
    if (isBusy || isFixed) return;
    setBusy(true);
    key.current ??= newId();
    if (await reviseMessage(message, {}, key.current)) key.current = undefined;
    setBusy(false);
  }

  if (!canWrite) return null;
  return (
    <button
      type="button"
      aria-disabled={isBusy || isFixed}
      title={isFixed ? texts.branches.busy : texts.branches.regenerateHint}
      onClick={() => void regenerate()}
      className={`tap inline-flex items-center gap-1.5 rounded px-1 text-ink-3 text-small hover:text-ink aria-disabled:opacity-55 print:hidden ${className}`}
    >
      <RefreshCw size={13} aria-hidden="true" />
      <span className="max-md:sr-only">{texts.branches.regenerate}</span>
    </button>
  );
}
