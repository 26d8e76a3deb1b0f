import { TextButton } from "@/components/ui/button";
import { outbox } from "@/outbox/use-outbox";
import { store } from "@/stream/store";
import { texts } from "@/texts";

/** A button that asks the agent to continue after its turn was stopped. */
export function ContinueButton({ sessionId }: { sessionId: string }) {
  function send() {
    const baseline = store.getState().sessions[sessionId]?.value?.last_seq ?? 0;
    void outbox.add({ sessionId, content: texts.thread.continueMessage, baseline });
  }
  return <TextButton onClick={send}>{texts.thread.continue}</TextButton>;
}
