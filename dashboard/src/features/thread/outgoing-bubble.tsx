import { TextButton } from "@/components/ui/button";
import type { Outgoing } from "@/outbox/outbox";
import { outbox } from "@/outbox/use-outbox";
import { explainProblem, texts } from "@/texts";
import { bubbleOfUser } from "./user-bubble";

/** A text that the server has not got yet. It stays here until it has. */
export function OutgoingBubble({ item }: { item: Outgoing }) {
  const isSending = item.state === "sending";
  const look = isSending ? "bg-accent text-accent-ink" : "border-[1.5px] border-bad/60 bg-bad-soft";
  return (
    <>
      <div className={`${bubbleOfUser} animate-rise ${look}`}>
        <span className="sr-only">{texts.thread.youSaid}: </span>
        <span className="block [unicode-bidi:plaintext]">{item.content}</span>
      </div>
      <div
        className={`flex flex-wrap justify-end gap-x-1.5 self-end px-1 pb-2 text-small ${isSending ? "text-ink-3" : "text-bad"}`}
      >
        {isSending && <span>{texts.receipt.sending}</span>}
        {item.state === "waiting" && <span>{texts.receipt.waiting}</span>}
        {item.state === "failed" && <span>{texts.receipt.notSent}</span>}
        {item.state === "failed" && item.reason && (
          <>
            <span aria-hidden="true">·</span>
            <span>{explainProblem(item.reason)}</span>
          </>
        )}
        {!isSending && (
          <>
            <span aria-hidden="true">·</span>
            <TextButton onClick={() => outbox.retry(item.key)}>
              {item.state === "failed" ? texts.common.retry : texts.receipt.sendNow}
            </TextButton>
          </>
        )}
        {item.state === "failed" && (
          <>
            <span aria-hidden="true">·</span>
            <TextButton onClick={() => void outbox.discard(item.key)}>
              {texts.receipt.discard}
            </TextButton>
          </>
        )}
      </div>
    </>
  );
}
