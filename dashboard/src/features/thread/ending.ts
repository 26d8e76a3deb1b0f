import type { Message, Step } from "@/api/models";
import { texts } from "@/texts";

/** How an answer ended, where that was not by itself; an answer without text says why. */
export function describeEnding(message: Message, steps: readonly Step[]): string | null {
  const reason = message.finish_reason;
  if (!reason || reason === "stop") return null;
  if (message.content !== "") return texts.finish[reason];
  if (reason === "length") return texts.finish.lengthEmpty;
  const notice = steps.findLast((step) => step.kind === "notice");
  return reason === "empty" && notice ? notice.title : texts.finish[reason];
}
