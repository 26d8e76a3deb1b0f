import { useState } from "react";
import { clearCurrentAccount } from "@/account";
import { client } from "@/api/client";
import { useMe } from "@/api/me";
import { clearFiles, listFileDrafts } from "@/attachments/pending-files";
import { reportFailure } from "@/components/report-failure";
import { Button, TextButton } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { clearDrafts, listDrafts } from "@/drafts";
import { clearCopies } from "@/offline/clear-copies";
import { outbox } from "@/outbox/use-outbox";
import { texts } from "@/texts";

/** The user of a server without API keys. This user cannot sign out. */
const KEYLESS_USER = "local";

/**
 * The current user and the sign-out button. Unsent messages and drafts stay on the device for the
 * user's next sign-in unless the user chooses to remove them. Copies of chats are always removed.
 * `edits` are the messages that are being edited.
 */
export function SignOut({ edits }: { edits: { count(): number; clear(): void } }) {
  const { data: me } = useMe();
  const [kept, setKept] = useState<{ unsent: number; drafts: number } | null>(null);
  if (!me || me.user_id === KEYLESS_USER) return null;

  async function leave(isRemoving: boolean) {
    try {
      await client.DELETE("/v1/auth/session");
      if (isRemoving) {
        clearDrafts();
        clearFiles();
        edits.clear();
        await outbox.clear();
      }
      await clearCopies();
      clearCurrentAccount();
      window.location.assign("/");
    } catch (error) {
      reportFailure(error);
    }
  }

  function ask() {
    const drafts = new Set([...listDrafts(), ...listFileDrafts()]);
    const left = { unsent: outbox.messages.get().length, drafts: drafts.size + edits.count() };
    if (left.unsent + left.drafts === 0) void leave(false);
    else setKept(left);
  }

  return (
    <p className="text-ink-2 text-note">
      {texts.signIn.signedInAs(me.user_id)} ·{" "}
      <TextButton onClick={ask}>{texts.signIn.signOut}</TextButton>
      {kept && (
        <Dialog title={texts.signIn.signOutTitle} onClose={() => setKept(null)}>
          <p className="text-ink-2 text-note">
            {texts.signIn.signOutBody(kept.unsent, kept.drafts)}
          </p>
          <div className="mt-5 flex flex-wrap justify-end gap-2 max-sm:flex-col-reverse">
            <Button variant="ghost" onClick={() => setKept(null)}>
              {texts.common.cancel}
            </Button>
            <Button onClick={() => void leave(true)}>{texts.signIn.removeAndSignOut}</Button>
            <Button variant="solid" onClick={() => void leave(false)}>
              {texts.signIn.keepAndSignOut}
            </Button>
          </div>
        </Dialog>
      )}
    </p>
  );
}
