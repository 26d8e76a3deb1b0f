import { TextButton } from "@/components/ui/button";
import { discardDraft, useDraft } from "@/drafts";
import { outbox, useOutgoingMessages } from "@/outbox/use-outbox";
import { texts } from "@/texts";

/** Shows the pending messages and the draft of a deleted chat, so that they are not lost. */
export function UnsentTexts({ sessionId }: { sessionId: string }) {
  const pending = useOutgoingMessages(sessionId);
  const draft = useDraft(sessionId);
  return (
    <div className="mb-2 max-w-80 text-start empty:hidden">
      {pending.length > 0 && (
        <p className="mb-2 text-ink-2 text-note">{texts.thread.unsentMessages(pending.length)}</p>
      )}
      {pending.map((item) => (
        <UnsentText
          key={item.key}
          text={item.content}
          onDiscard={() => void outbox.discard(item.key)}
        />
      ))}
      {draft.trim() && (
        <>
          <p className="mb-2 text-ink-2 text-note">{texts.thread.unsentDraft}</p>
          <UnsentText text={draft} onDiscard={() => discardDraft(sessionId)} />
        </>
      )}
    </div>
  );
}

function UnsentText(props: { text: string; onDiscard: () => void }) {
  return (
    <div className="mb-2 rounded-xl border border-line p-3 text-note">
      <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{props.text}</p>
      <TextButton onClick={props.onDiscard}>{texts.receipt.discard}</TextButton>
    </div>
  );
}
