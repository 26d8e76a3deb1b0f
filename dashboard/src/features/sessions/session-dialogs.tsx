import { useState } from "react";
import { useAgents } from "@/api/agents";
import type { Session } from "@/api/models";
import { AgentPicker } from "@/components/agent-picker";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { texts } from "@/texts";
import { ExportDialog } from "./export-dialog";
import { changeSession, deleteSession } from "./session-actions";
import type { SessionDialogKind } from "./session-commands";
import type { ChatView } from "./use-chat-view";

const MAX_TITLE = 200;

/** A dialog for one session. */
export function SessionDialog(props: {
  kind: SessionDialogKind;
  session: Session;
  /** The view of the session, if it is open. */
  view: ChatView | undefined;
  onClose: () => void;
}) {
  const { kind, session, view, onClose } = props;
  switch (kind) {
    case "export":
      return <ExportDialog session={session} onClose={onClose} />;
    case "rename":
      return (
        <RenameDialog
          title={session.title}
          onClose={onClose}
          onRename={(title) => changeSession(session.id, { title })}
        />
      );
    case "agent":
      return (
        <AgentDialog
          agentKey={session.agent_key}
          onClose={onClose}
          onSelect={(agent_key) => changeSession(session.id, { agent_key })}
        />
      );
    case "delete":
      return (
        <DeleteDialog
          heading={texts.actions.deleteTitle}
          body={texts.actions.deleteBody(session.title || texts.sessions.untitled)}
          onClose={onClose}
          onDelete={async () => {
            if (await deleteSession(session.id)) await view?.leave();
          }}
        />
      );
    default:
      return kind satisfies never;
  }
}

function RenameDialog(props: {
  title: string;
  onClose: () => void;
  onRename: (title: string) => Promise<boolean>;
}) {
  const [title, setTitle] = useState(props.title);
  const trimmed = title.trim();

  async function submit(event: React.FormEvent) {
    event.preventDefault();
    if (trimmed === "") return;
    if (trimmed === props.title || (await props.onRename(trimmed))) props.onClose();
  }

  return (
    <Dialog title={texts.actions.renameTitle} onClose={props.onClose}>
      <form onSubmit={submit}>
        <input
          aria-label={texts.actions.renameLabel}
          value={title}
          maxLength={MAX_TITLE}
          onChange={(event) => setTitle(event.target.value)}
          onFocus={(event) => event.target.select()}
          onKeyDown={(event) => {
            // During an IME composition, Enter confirms the composition rather than submitting the
            // form.
            if (event.key === "Enter" && (event.nativeEvent.isComposing || event.keyCode === 229))
              event.preventDefault();
          }}
          className="mt-1 h-10 w-full rounded-[10px] border border-line-strong bg-bg px-3"
        />
        <div className="mt-5 flex justify-end gap-2">
          <Button onClick={props.onClose}>{texts.common.cancel}</Button>
          <Button variant="solid" type="submit" disabled={trimmed === ""}>
            {texts.common.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function AgentDialog(props: {
  agentKey: string;
  onClose: () => void;
  onSelect: (key: string) => Promise<boolean>;
}) {
  const [selected, select] = useState(props.agentKey);
  const { data: agents } = useAgents();
  const [isBusy, setBusy] = useState(false);
  async function submit(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    if (await props.onSelect(selected)) props.onClose();
    else setBusy(false);
  }
  return (
    <Dialog title={texts.actions.agentTitle} onClose={props.onClose}>
      <form onSubmit={submit}>
        <p className="mb-3 text-ink-2 text-note">{texts.actions.agentHint}</p>
        <div className="-mx-1 max-h-[50vh] overflow-y-auto p-1">
          <AgentPicker agents={agents ?? []} selected={selected} onSelect={select} />
        </div>
        <div className="mt-5 flex justify-end gap-2">
          <Button onClick={props.onClose}>{texts.common.cancel}</Button>
          <Button variant="solid" type="submit" disabled={isBusy || selected === props.agentKey}>
            {texts.actions.confirmAgent}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks whether to delete sessions. */
export function DeleteDialog(props: {
  heading: string;
  body: string;
  onClose: () => void;
  onDelete: () => Promise<void>;
}) {
  const [isBusy, setBusy] = useState(false);
  return (
    <Dialog title={props.heading} onClose={props.onClose}>
      <p className="text-ink-2 text-note [overflow-wrap:anywhere]">{props.body}</p>
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={props.onClose}>{texts.common.cancel}</Button>
        <Button
          variant="danger"
          disabled={isBusy}
          onClick={async () => {
            setBusy(true);
            await props.onDelete();
            props.onClose();
          }}
        >
          {texts.actions.confirmDelete}
        </Button>
      </div>
    </Dialog>
  );
}
