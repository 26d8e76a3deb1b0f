import { Link } from "@tanstack/react-router";
import { ChevronLeft, MessageCircleOff, TriangleAlert } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo } from "react";
import { useAgents } from "@/api/agents";
import { ApiError, isRejected } from "@/api/client";
import { useFolder } from "@/api/folders";
import { useCanWrite } from "@/api/me";
import type { Agent, Session, Task } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { ConnectionIndicator } from "@/components/connection-indicator";
import { explainFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Composer } from "@/features/composer/composer";
import { SessionTitle } from "@/features/sessions/session-title";
import { useSeeFailure } from "@/features/sessions/use-failures";
import { parseFormat } from "@/features/thread/answer/answer-text";
import { loadMarkdown } from "@/features/thread/markdown/markdown";
import { editNewestMessage } from "@/features/thread/message/message-editing";
import { scrollThread } from "@/features/thread/scroll/scroll-keys";
import { stopTask, useIsStopping } from "@/features/thread/task-actions";
import { Thread } from "@/features/thread/thread";
import type { ThreadAgent } from "@/features/thread/thread-agent";
import { ThreadSkeleton } from "@/features/thread/thread-skeleton";
import { useThreadFetch } from "@/features/thread/use-thread";
import { hasOverlay, useShortcuts } from "@/keyboard";
import { outbox } from "@/outbox/use-outbox";
import { RESTORED_SEQ } from "@/stream/state";
import { useStore } from "@/stream/store";
import { findCurrentTask } from "@/stream/turns";
import { useConnectionStatus } from "@/stream/use-connection";
import { texts } from "@/texts";
import { useDelayed } from "@/use-delayed";
import { AttentionBadge } from "./attention-badge";

const ChatMenu = lazy(() => import("./chat-menu"));
const RestoreButton = lazy(async () => ({
  default: (await import("@/features/sessions/restore-button")).RestoreButton,
}));
const UnsentTexts = lazy(async () => ({
  default: (await import("./unsent-texts")).UnsentTexts,
}));
const CurrentPlan = lazy(async () => ({
  default: (await import("@/features/thread/steps/plan-bar")).CurrentPlan,
}));

/** If a chat takes longer than this to load, the page shows that loading failed. */
const LOAD_TIMEOUT_MS = 10_000;

/** An open chat: header, thread, and composer. */
export function ChatPage({ sessionId }: { sessionId: string }) {
  const fetch = useThreadFetch(sessionId);
  const entry = useStore((state) => state.sessions[sessionId]);
  // Select the parts separately, because an answer in progress changes the thread with every frame.
  const messages = useStore((state) => state.threads[sessionId]?.messages);
  const tasks = useStore((state) => state.threads[sessionId]?.tasks);
  const hasMore = useStore((state) => state.threads[sessionId]?.hasMore === true);
  const firstTurn = useStore((state) => state.threads[sessionId]?.firstTurn ?? 0);
  const excerpt = useStore((state) => state.threads[sessionId]?.excerpt ?? null);
  const isLoaded = useStore((state) => state.threads[sessionId]?.isLoaded === true);
  const session = entry?.value ?? null;
  const agents = useAgents().data;
  const agent = agents?.find(({ key }) => key === session?.agent_key);
  useEffect(() => void loadMarkdown(), []);

  const agentKey = session?.agent_key ?? "";
  const name = agent?.name ?? agentKey;
  const avatar = agent?.avatar ?? undefined;
  const format = agents ? parseFormat(agent?.answer_format) : null;
  const face = useMemo(
    () => ({ key: agentKey, name, avatar, format }),
    [agentKey, name, avatar, format],
  );
  const task = useMemo(
    () => session && findCurrentTask(session, messages ?? {}, tasks ?? {}),
    [session, messages, tasks],
  );
  const isCopy = useStore((state) => state.threads[sessionId]?.fetchedAt === RESTORED_SEQ);
  const isSlow = useDelayed(!isLoaded, LOAD_TIMEOUT_MS);
  const status = useConnectionStatus();
  const isDeleted =
    entry?.value === null || (fetch.error instanceof ApiError && fetch.error.status === 404);
  if (isDeleted)
    return (
      <Frame>
        <EmptyState
          icon={<MessageCircleOff size={20} />}
          title={texts.thread.notFound}
          hint={texts.thread.notFoundHint}
        >
          <Suspense fallback={null}>
            <UnsentTexts sessionId={sessionId} />
          </Suspense>
          <Link to="/" className="tap rounded text-accent text-note hover:underline">
            {texts.common.backToChats}
          </Link>
        </EmptyState>
      </Frame>
    );

  const isFailing = !isLoaded && (fetch.isError || fetch.failureCount > 1 || isSlow);
  const trouble = !agents
    ? null
    : !agent
      ? texts.thread.agentNotConfigured
      : agent.available
        ? null
        : texts.thread.agentUnavailable(agent.reason ?? "");
  return (
    <Frame session={session} agent={face} isLoading={!isFailing}>
      {isFailing ? (
        <EmptyState
          icon={<TriangleAlert size={20} />}
          title={texts.thread.loadFailed}
          hint={
            isRejected(fetch.error)
              ? explainFailure(fetch.error)
              : status === "offline"
                ? texts.thread.offlineHint
                : texts.thread.loadFailedHint
          }
        >
          <Button onClick={() => void fetch.refetch()}>{texts.common.retry}</Button>
        </EmptyState>
      ) : session && isLoaded && messages && tasks ? (
        <Thread
          session={session}
          isCopy={isCopy}
          messages={messages}
          tasks={tasks}
          hasMore={hasMore}
          firstTurn={firstTurn}
          excerpt={excerpt}
          agent={face}
        />
      ) : (
        <ThreadSkeleton />
      )}
      {session && (
        <Suspense>
          <CurrentPlan key={session.id} task={task} />
        </Suspense>
      )}
      {session && isLoaded && <SeeFailure session={session} />}
      {session && (
        <Footer
          session={session}
          task={task}
          agentName={face.name}
          accepts={agent?.accepts}
          trouble={trouble}
        />
      )}
    </Frame>
  );
}

function SeeFailure({ session }: { session: Session }) {
  useSeeFailure(session);
  return null;
}

function HeaderSkeleton() {
  return (
    <div aria-hidden="true" className="flex animate-shimmer items-center gap-3">
      <div className="size-8 rounded-[10px] bg-hover" />
      <div className="h-4 w-40 rounded bg-hover" />
    </div>
  );
}

function Frame(props: {
  session?: Session | null;
  agent?: ThreadAgent;
  isLoading?: boolean;
  children: React.ReactNode;
}) {
  const { session, agent } = props;
  return (
    <main className="flex h-full min-w-0 flex-col">
      <header className="flex min-h-14 items-center gap-3 border-line border-b px-2 pt-[env(safe-area-inset-top)] md:px-6">
        <Link
          to="/"
          className="relative -me-2 grid size-10 shrink-0 place-items-center rounded-[10px] text-ink-2 hover:bg-hover md:hidden"
        >
          <ChevronLeft size={22} aria-hidden="true" className="rtl:-scale-x-100" />
          <span className="sr-only">{texts.common.backToChats}</span>
          <AttentionBadge except={session?.id} />
        </Link>
        {!session && props.isLoading && <HeaderSkeleton />}
        {session && agent && (
          <>
            <AgentAvatar
              agentKey={agent.key}
              name={agent.name}
              avatar={agent.avatar}
              size="small"
            />
            <div className="min-w-0 flex-1 md:flex md:items-baseline md:gap-1.5">
              <SessionTitle session={session} />
              <span className="block truncate text-ink-2 text-small md:max-w-[40%] md:shrink-0 md:text-base">
                <span className="hidden md:inline">· </span>
                {agent.name}
                {session.folder && <SessionFolder folder={session.folder} git={session.git} />}
                <span className="ms-2 md:hidden">
                  <ConnectionIndicator />
                </span>
              </span>
            </div>
            <span className="hidden md:flex">
              <ConnectionIndicator />
            </span>
            <Suspense fallback={<span className="size-9 pointer-coarse:size-10" />}>
              <ChatMenu session={session} />
            </Suspense>
          </>
        )}
      </header>
      {props.children}
    </main>
  );
}

/** The folder in which the agent works, and its git branch. */
function SessionFolder(props: { folder: string; git: Session["git"] }) {
  const { folder: key, git } = props;
  const folder = useFolder(key);
  const branch = git?.branch ?? folder?.branch;
  const name = folder?.name ?? key;
  return (
    <span title={folder?.path}>
      {" · "}
      <bdi>{branch ? `${name} (${branch})` : name}</bdi>
    </span>
  );
}

/** The style of the text that replaces the composer. */
const footnote =
  "print:hidden flex items-center justify-center gap-3 border-line border-t px-4 pt-3 pb-[max(12px,env(safe-area-inset-bottom))] text-ink-2 text-note";

function Footer(props: {
  session: Session;
  /** The task that Stop cancels. */
  task: Task | null;
  agentName: string;
  /** The files that the agent accepts. */
  accepts: Agent["accepts"] | undefined;
  /** Why the agent cannot answer, or null. */
  trouble: string | null;
}) {
  const { session, task, trouble } = props;
  const canWrite = useCanWrite();
  const isStopping = useIsStopping(task?.id);
  const taskId = isStopping || !canWrite ? undefined : task?.id;
  const onKey = useCallback(
    (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !taskId || hasOverlay()) return;
      event.preventDefault();
      void stopTask(session.id, taskId);
    },
    [session.id, taskId],
  );
  useShortcuts(onKey);
  if (!canWrite) return <p className={footnote}>{texts.thread.readOnly}</p>;
  if (session.status === "archived")
    return (
      <div className={footnote}>
        {texts.thread.archived}
        {task && (
          <Button disabled={isStopping} onClick={() => void stopTask(session.id, task.id)}>
            {isStopping ? texts.status.stopping : texts.composer.stop}
          </Button>
        )}
        <Suspense>
          <RestoreButton sessionId={session.id} />
        </Suspense>
      </div>
    );
  return (
    <>
      <p
        role="status"
        className="px-4 pt-2 text-center text-note text-warn empty:hidden print:hidden"
      >
        {trouble}
      </p>
      <Composer
        key={session.id}
        draftKey={session.id}
        hasFocus
        placeholder={texts.newChat.placeholder(props.agentName)}
        isBusy={task !== null}
        isStopping={isStopping}
        accepts={props.accepts}
        onSend={(content, files) =>
          outbox.add({ sessionId: session.id, content, ...files, baseline: session.last_seq })
        }
        onStop={() => task && void stopTask(session.id, task.id)}
        onScrollKey={(key) =>
          (key === "ArrowUp" && editNewestMessage(session.id)) || scrollThread(key)
        }
      />
    </>
  );
}
