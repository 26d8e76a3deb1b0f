import { Link, useNavigate, useParams } from "@tanstack/react-router";
import {
  Archive,
  Inbox,
  MessagesSquare,
  Plus,
  Search,
  Settings,
  TriangleAlert,
  X,
} from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { Button, IconButton, TextButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { formatKeys } from "@/keyboard";
import { useServerNow } from "@/stream/clock";
import { useSearchOnServer } from "@/stream/search";
import { listSessions, listWithoutGap } from "@/stream/session-order";
import type { ListedStatus } from "@/stream/state";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { groupSessions, matches } from "./session-groups";
import { SessionRow } from "./session-row";
import { useSessionList } from "./use-session-list";

/** The chat list, with search and archive. */
export function Sidebar(props: { onSettings: () => void; onPalette: () => void }) {
  const [status, setStatus] = useState<ListedStatus>("active");
  const [query, setQuery] = useState("");
  const list = useSessionList(status);
  useSearchOnServer(query);
  const sessions = useStore((state) => state.sessions);
  const last = useStore((state) => state.listedTo[status]);
  const { sessionId: openId } = useParams({ strict: false });
  const shown = useMemo(
    () =>
      query
        ? listSessions(sessions, status).filter((session) => matches(session, query))
        : listWithoutGap(sessions, status, last, openId),
    [sessions, status, last, query, openId],
  );
  const isArchive = status === "archived";
  const nav = useRef<HTMLElement>(null);
  const search = useRef<HTMLInputElement>(null);

  function rows(): HTMLElement[] {
    return [...(nav.current?.querySelectorAll<HTMLElement>("a[data-row]") ?? [])];
  }

  function onListKey(event: React.KeyboardEvent) {
    const all = rows();
    const index = all.findIndex((row) => row.matches(":focus"));
    if (index < 0) return;
    const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 }[
      event.key
    ];
    if (target === undefined) return;
    event.preventDefault();
    if (target < 0) search.current?.focus();
    else all[Math.min(target, all.length - 1)]?.focus();
  }

  /** Loads the next page and moves the focus to its first row, because the button may disappear. */
  async function showMore() {
    const known = rows().length;
    await list.fetchNextPage();
    rows()[known]?.focus();
  }

  function onSearchKey(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && query !== "") {
      event.preventDefault();
      setQuery("");
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      rows()[0]?.focus();
    } else if (event.key === "Enter" && query !== "") rows()[0]?.click();
  }

  return (
    <div className="flex h-full min-w-0 flex-col bg-side">
      <div className="flex items-center gap-1 px-4 pt-[max(14px,env(safe-area-inset-top))] pb-3">
        <h1 className="flex-1 font-[650] text-[18px] tracking-[-0.02em]">
          <Link to="/" className="tap rounded">
            {texts.app.name}
          </Link>
        </h1>
        <IconButton
          label={isArchive ? texts.sessions.showActive : texts.sessions.showArchived}
          aria-pressed={isArchive}
          onClick={() => setStatus(isArchive ? "active" : "archived")}
          className={isArchive ? "bg-hover text-ink" : ""}
        >
          <Archive size={17} strokeWidth={1.9} />
        </IconButton>
        <IconButton label={texts.settings.title} onClick={props.onSettings}>
          <Settings size={17} strokeWidth={1.9} />
        </IconButton>
        <Link
          to="/new"
          aria-label={texts.sessions.newChat}
          title={texts.sessions.newChat}
          className="grid size-9 place-items-center rounded-[10px] bg-accent pointer-coarse:size-10 text-accent-ink transition-[background-color,transform] duration-150 hover:bg-accent-strong active:scale-[0.97]"
        >
          <Plus size={18} strokeWidth={2.2} />
        </Link>
      </div>

      <div className="relative mx-4 mb-2">
        <Search
          size={15}
          aria-hidden="true"
          className="-translate-y-1/2 pointer-events-none absolute top-1/2 left-3 text-ink-3"
        />
        <input
          ref={search}
          type="search"
          aria-label={texts.sessions.search}
          placeholder={texts.sessions.search}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={onSearchKey}
          className="h-9 w-full rounded-[10px] bg-hover pointer-coarse:h-11 pr-9 pl-9 text-note outline-offset-0 placeholder:text-ink-3 [&::-webkit-search-cancel-button]:hidden"
        />
        {query === "" && (
          <button
            type="button"
            aria-label={texts.palette.title}
            onClick={props.onPalette}
            className="absolute top-1.5 right-1.5 h-6 rounded-md px-1.5 text-ink-3 text-small hover:bg-hover hover:text-ink [@media(hover:none)]:hidden"
          >
            {formatKeys("Mod", "K")}
          </button>
        )}
        {query && (
          <IconButton
            label={texts.sessions.clearSearch}
            onClick={() => setQuery("")}
            className="absolute top-0.5 right-0.5 size-8! pointer-coarse:size-10!"
          >
            <X size={15} />
          </IconButton>
        )}
      </div>

      <nav
        ref={nav}
        onKeyDown={onListKey}
        aria-label={isArchive ? texts.sessions.archived : texts.sessions.active}
        className="min-h-0 flex-1 overflow-y-auto overflow-x-hidden pb-4"
      >
        {isArchive && (
          <div className="flex items-center justify-between gap-3 px-5 pt-2">
            <h2 className="font-[620]">{texts.sessions.archived}</h2>
            <TextButton className="text-note" onClick={() => setStatus("active")}>
              {texts.common.done}
            </TextButton>
          </div>
        )}
        <SessionGroups sessions={shown} isArchive={isArchive} />
        {shown.length === 0 && (
          <EmptyList
            list={list}
            query={query}
            isArchive={isArchive}
            onSwitch={() => setStatus(isArchive ? "active" : "archived")}
          />
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

const MINUTE_MS = 60_000;

function SessionGroups(props: { sessions: ReturnType<typeof listSessions>; isArchive: boolean }) {
  const now = useServerNow(MINUTE_MS);
  const navigate = useNavigate();
  const { sessionId } = useParams({ strict: false });
  return groupSessions(props.sessions, props.isArchive, now).map((group) => (
    <section key={group.label} aria-label={group.label}>
      <h2 className="px-5 pt-3 pb-1 font-[550] text-ink-3 text-small">{group.label}</h2>
      <ul className="flex flex-col gap-px">
        {group.sessions.map((session) => (
          <SessionRow
            key={session.id}
            session={session}
            isActive={session.id === sessionId}
            now={now}
            onLeave={() => navigate({ to: "/" })}
          />
        ))}
      </ul>
    </section>
  ));
}

function EmptyList(props: {
  list: ReturnType<typeof useSessionList>;
  query: string;
  isArchive: boolean;
  onSwitch: () => void;
}) {
  const { list, query, isArchive } = props;
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
      hint={texts.sessions.emptyHint}
    />
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
