import { useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import type { Session } from "@/api/models";
import { Button, TextButton } from "@/components/ui/button";
import { hasModifier } from "@/keyboard";
import type { OpenRequests } from "@/stream/open-requests";
import { useSearchOnServer } from "@/stream/search";
import { compareSessions, listSessions, listWithoutGap } from "@/stream/session-order";
import type { ListedStatus, State } from "@/stream/state";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import type { BulkAction } from "./bulk-actions";
import { EmptyList } from "./empty-list";
import { SearchField } from "./search-field";
import { matches } from "./session-groups";
import type { RequestView } from "./session-row";
import { SessionSections } from "./session-sections";
import { SidebarHeader } from "./sidebar-header";
import { useChatView } from "./use-chat-view";
import { useListFocus } from "./use-list-focus";
import { useOpenRequests } from "./use-open-requests";
import { useSelection } from "./use-selection";
import { useSessionList } from "./use-session-list";

/**
 * Adds the sessions that wait for the user to the list, wherever they are: further down, or in the
 * archive.
 */
function addCalling(
  listed: readonly Session[],
  sessions: State["sessions"],
  requests: OpenRequests,
): readonly Session[] {
  const known = new Set(listed.map(({ id }) => id));
  const others = Object.keys(requests).flatMap((id) => {
    const session = sessions[id]?.value;
    return session && !known.has(id) ? [session] : [];
  });
  return others.length > 0 ? [...listed, ...others].sort(compareSessions) : listed;
}

// It is needed only once chats are selected.
const SelectionBar = lazy(async () => ({
  default: (await import("./selection-bar")).SelectionBar,
}));

/** The chat list, with search, archive, and selection. */
export function Sidebar(props: {
  onSettings: () => void;
  onPalette: () => void;
  Request: RequestView;
}) {
  const [status, setStatus] = useState<ListedStatus>("active");
  const [query, setQuery] = useState("");
  const list = useSessionList(status);
  useSearchOnServer(query);
  const sessions = useStore((state) => state.sessions);
  const last = useStore((state) => state.listedTo[status]);
  const requests = useOpenRequests();
  const { sessionId: openId } = useParams({ strict: false });
  const view = useChatView();
  const isArchive = status === "archived";
  const shown = useMemo(() => {
    if (query) return listSessions(sessions, status).filter((session) => matches(session, query));
    const listed = listWithoutGap(sessions, status, last, openId);
    return status === "active" ? addCalling(listed, sessions, requests) : listed;
  }, [sessions, status, last, query, openId, requests]);
  const nav = useRef<HTMLElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const listFocus = useListFocus(nav);
  const rows = useCallback(
    () => [...(nav.current?.querySelectorAll<HTMLElement>("a[data-row]") ?? [])],
    [],
  );
  const selection = useSelection(rows, shown);
  const { selected } = selection;

  function onListKey(event: React.KeyboardEvent) {
    const all = rows();
    const index = all.findIndex((row) => row.matches(":focus"));
    const row = all[index];
    if (!row) return;
    if (event.key === " " && row.dataset.row) {
      event.preventDefault();
      return selection.onSelect(row.dataset.row, event.shiftKey);
    }
    if (event.key.toLowerCase() === "a" && hasModifier(event) && selection.isActive) {
      event.preventDefault();
      return selection.all();
    }
    const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 }[
      event.key
    ];
    if (target === undefined) return;
    event.preventDefault();
    if (target < 0) return search.current?.focus();
    const next = all[Math.min(target, all.length - 1)];
    next?.focus();
    if (event.shiftKey && row.dataset.row && next?.dataset.row)
      selection.extend(row.dataset.row, next.dataset.row);
  }

  /** Loads the next page and moves the focus to its first row, because the button may disappear. */
  async function showMore() {
    const known = rows().length;
    await list.fetchNextPage();
    rows()[known]?.focus();
  }

  function switchTo(next: ListedStatus) {
    setStatus(next);
    selection.clear();
  }
  const onSwitch = () => switchTo(isArchive ? "active" : "archived");

  function onDone(action: BulkAction, done: readonly Session[]) {
    const ids = new Set(done.map(({ id }) => id));
    const isOpenGone = action !== "read" && action !== "restore" && ids.has(openId ?? "");
    if (isOpenGone) void view.leave();
    // Sessions for which the action failed stay selected.
    selection.remove(ids);
  }

  return (
    <div className="flex h-full min-w-0 flex-col bg-side">
      <div className="flex min-h-9 items-center gap-1 px-4 pt-[max(14px,env(safe-area-inset-top))] pb-3">
        {selection.isActive ? (
          <Suspense>
            <SelectionBar
              sessions={selected}
              isArchive={isArchive}
              onClear={selection.clear}
              onDone={onDone}
              onRestored={(restored) => {
                const wasOpen = restored.find(({ id }) => id === openId);
                if (wasOpen) view.comeBack(wasOpen.id);
              }}
            />
          </Suspense>
        ) : (
          <SidebarHeader isArchive={isArchive} onSwitch={onSwitch} onSettings={props.onSettings} />
        )}
      </div>
      <SearchField
        ref={search}
        query={query}
        onChange={setQuery}
        onPalette={props.onPalette}
        onOpenFirst={() => rows()[0]?.click()}
        onMoveDown={() => rows()[0]?.focus()}
        onLeave={() => {
          const row = rows().find((one) => one.ariaCurrent === "page") ?? rows()[0];
          if (row) row.focus();
          else search.current?.blur();
        }}
      />
      <nav
        ref={nav}
        onKeyDown={onListKey}
        {...listFocus}
        aria-label={isArchive ? texts.sessions.archived : texts.sessions.active}
        className="min-h-0 flex-1 overflow-y-auto overflow-x-hidden pb-4"
      >
        {isArchive && (
          <div className="flex items-center justify-between gap-3 px-5 pt-2">
            <h2 className="font-[620]">{texts.sessions.archived}</h2>
            <TextButton className="text-note" onClick={() => switchTo("active")}>
              {texts.common.done}
            </TextButton>
          </div>
        )}
        <SessionSections
          sessions={shown}
          isArchive={isArchive}
          requests={requests}
          Request={props.Request}
          selected={selection.ids}
          onSelect={selection.onSelect}
        />
        {shown.length === 0 && (
          <EmptyList list={list} query={query} isArchive={isArchive} onSwitch={onSwitch} />
        )}
        {list.hasNextPage && shown.length > 0 && (
          <div className="grid place-items-center p-3">
            <Button
              variant="ghost"
              disabled={list.isFetchingNextPage}
              onClick={() => void showMore()}
            >
              {texts.sessions.showMore}
            </Button>
          </div>
        )}
      </nav>
    </div>
  );
}
