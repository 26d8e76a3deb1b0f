import { Button } from "@/components/ui/button";
import { texts } from "@/texts";
import { changeSession } from "./session-actions";

/** A button that restores an archived chat. */
export function RestoreButton({ sessionId }: { sessionId: string }) {
  return (
    <Button onClick={() => void changeSession(sessionId, { status: "active" })}>
      {texts.thread.restore}
    </Button>
  );
}
