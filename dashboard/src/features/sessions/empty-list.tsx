import { useNavigate } from "@tanstack/react-router";
import { Inbox, MessagesSquare, Search, TriangleAlert } from "lucide-react";
import { useCanWrite } from "@/api/me";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import type { useSessionList } from "./use-session-list";

/** What the list shows if it contains no chats. */
export function EmptyList(props: {
  list: ReturnType<typeof useSessionList>;
  query: string;
  isArchive: boolean;
  onSwitch: () => void;
}) {
  const { list, query, isArchive } = props;
  const canWrite = useCanWrite();
  const navigate = useNavigate();
  async function startChat() {
    await navigate({ to: "/new" });
    // On a wide screen, the composer may be there already, without the focus.
    document.querySelector<HTMLElement>("main [data-composer]")?.focus();
  }
  const hasArchived = useStore((state) =>
    Object.values(state.sessions).some(({ value }) => value?.status === "archived"),
  );
  if (query)
    return (
      <EmptyState icon={<Search size={20} />} title={texts.sessions.noResults(query)}>
        <Button onClick={props.onSwitch}>
          {isArchive ? texts.sessions.searchActive : texts.sessions.searchArchived}
        </Button>
      </EmptyState>
    );
  if (list.isError || (list.isPending && list.failureCount > 1))
    return (
      <EmptyState icon={<TriangleAlert size={20} />} title={texts.sessions.loadFailed}>
        <Button onClick={() => void list.refetch()}>{texts.common.retry}</Button>
      </EmptyState>
    );
  if (list.isPending) return <RowSkeletons />;
  return isArchive ? (
    <EmptyState
      icon={<Inbox size={20} />}
      title={texts.sessions.emptyArchive}
      hint={texts.sessions.emptyArchiveHint}
    />
  ) : (
    <EmptyState
      icon={<MessagesSquare size={20} />}
      title={hasArchived ? texts.sessions.allArchived : texts.sessions.empty}
      hint={canWrite ? texts.sessions.emptyHint : texts.sessions.emptyReadOnlyHint}
    >
      {canWrite && <Button onClick={() => void startChat()}>{texts.sessions.newChat}</Button>}
    </EmptyState>
  );
}

function RowSkeletons() {
  return (
    <div aria-hidden="true" className="px-5 pt-8">
      {[72, 54, 66, 48].map((width) => (
        <div key={width} className="flex animate-shimmer items-center gap-3 py-[9px]">
          <div className="size-10 rounded-[13px] bg-hover" />
          <div className="flex-1">
            <div className="mb-2 h-3.5 rounded bg-hover" style={{ width: `${width}%` }} />
            <div className="h-3 w-4/5 rounded bg-hover" />
          </div>
        </div>
      ))}
    </div>
  );
}
