import { Outlet, useParams, useRouterState } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { accountIdOf, setCurrentAccount, useCurrentAccount } from "@/account";
import { client, isRejected, onUnauthorized } from "@/api/client";
import { useMe } from "@/api/me";
import { ConnectionIndicator } from "@/components/connection-indicator";
import { explainFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Toaster } from "@/components/ui/toast";
import { useHasNoChats } from "@/features/sessions/use-session-list";
import { useCopies } from "@/offline/use-copies";
import { useOutboxDelivery } from "@/outbox/use-outbox";
import { usePreferences } from "@/preferences";
import { useStore } from "@/stream/store";
import { useConnection, useConnectionStatus } from "@/stream/use-connection";
import { texts, useLanguage } from "@/texts";
import { useDelayed } from "@/use-delayed";
import { OpenOverlay } from "./open-overlay";
import { Overlays, useOverlays } from "./overlays";
import { clampWidth } from "./sidebar-width";

const SignInPage = lazy(async () => ({ default: (await import("./sign-in-page")).SignInPage }));

const loadListPane = () => import("./chat-list-pane");
// The open chat does not wait for the list, which is loaded at the same time. If loading fails here,
// it fails again where the list is shown.
loadListPane().catch(() => {});
const ChatListPane = lazy(async () => ({ default: (await loadListPane()).ChatListPane }));
const SidebarRail = lazy(async () => ({ default: (await import("./sidebar-rail")).SidebarRail }));
const Background = lazy(async () => ({ default: (await import("./background")).Background }));

/**
 * The layout of the page: the chat list next to the current view. On a phone, only one of them is
 * shown.
 */
export function Shell() {
  const [isKeyNeeded, setKeyNeeded] = useState(false);
  useEffect(() => onUnauthorized(() => setKeyNeeded(true)), []);
  return isKeyNeeded ? (
    <Suspense>
      <SignInPage />
    </Suspense>
  ) : (
    <Layout />
  );
}

function Layout() {
  const isAtRoot = useRouterState({ select: (state) => state.location.pathname === "/" });
  const hasNoChats = useHasNoChats();
  // With one column, `/` shows the chat list, or a new chat if the list is empty.
  const isAtList = isAtRoot && !hasNoChats;
  const isShownByChat = useIsChatShown();
  const { overlay, open, close } = useOverlays();
  useLiveUpdates();
  const language = useLanguage();
  const { isSidebarHidden, sidebarWidth } = usePreferences();
  const columns = isSidebarHidden
    ? "md:grid-cols-[52px_minmax(0,1fr)]"
    : "md:grid-cols-[min(var(--sidebar-width,288px),50vw)_minmax(0,1fr)] lg:grid-cols-[min(var(--sidebar-width,320px),50vw)_minmax(0,1fr)]";
  return (
    <div
      // All text changes with the language.
      key={language}
      data-layout=""
      style={sidebarWidth === null ? {} : { "--sidebar-width": `${clampWidth(sidebarWidth)}px` }}
      className={`grid h-full pr-[env(safe-area-inset-right)] pl-[env(safe-area-inset-left)] grid-cols-[minmax(0,1fr)] ${columns}`}
    >
      {isSidebarHidden && (
        <Suspense fallback={<div className="hidden bg-side md:block" />}>
          <SidebarRail onPalette={() => open("palette")} />
        </Suspense>
      )}
      <div
        data-sidebar=""
        className={`relative min-h-0 min-w-0 flex-col border-line md:border-e ${isAtList ? "flex" : "hidden"} ${isSidebarHidden ? "md:hidden" : "md:flex"}`}
      >
        <Suspense fallback={<div className="min-h-0 flex-1 bg-side" />}>
          <ChatListPane width={sidebarWidth} isHidden={isSidebarHidden} onOpen={open} />
        </Suspense>
        <div
          className={`bg-side px-5 pb-[env(safe-area-inset-bottom)] empty:hidden md:[&:has(span)]:py-2 [&:has(span)]:py-3 ${isShownByChat ? "md:hidden" : ""}`}
        >
          <ConnectionIndicator />
        </div>
      </div>
      <div className={`min-h-0 min-w-0 md:block ${isAtList ? "hidden" : ""}`}>
        <OpenOverlay value={open}>
          <View />
        </OpenOverlay>
      </div>
      <Overlays overlay={overlay} onOpen={open} onClose={close} />
      <Suspense>
        <Background />
      </Suspense>
      <Toaster isListHidden={isSidebarHidden} />
    </div>
  );
}

/** Returns whether a chat is open, in which case its header shows the connection status. */
function useIsChatShown(): boolean {
  const { sessionId = "" } = useParams({ strict: false });
  return useStore((state) => Boolean(state.sessions[sessionId]?.value));
}

/** How long the server may take to respond before it is shown as unreachable. */
const RESPONSE_TIMEOUT_MS = 8000;

/**
 * The view of the current route. It is shown once the account is known, because drafts belong to
 * accounts.
 */
function View() {
  const me = useMe();
  const account = useCurrentAccount();
  useEffect(() => {
    if (me.data) setCurrentAccount(accountIdOf(me.data));
  }, [me.data]);
  const isSlow = useDelayed(account === null, RESPONSE_TIMEOUT_MS);
  const isRejection = isRejected(me.error);
  if (account !== null && !isRejection) return <Outlet />;
  return (
    <main className="flex h-full flex-col">
      {me.isError || me.failureCount > 1 || isSlow ? (
        <EmptyState
          icon={<TriangleAlert size={20} />}
          title={isRejection ? texts.connection.rejected : texts.connection.unreachable}
          hint={isRejection ? explainFailure(me.error) : texts.connection.retrying}
        >
          <Button onClick={() => void me.refetch()}>{texts.common.retry}</Button>
        </EmptyState>
      ) : null}
    </main>
  );
}

/**
 * Opens the stream once the first fetch has provided a position, or if the server cannot be reached.
 * Also opens the outbox, and retries waiting messages whenever the stream goes live.
 */
function useLiveUpdates(): void {
  const isCopy = useCopies();
  const hasPosition = useStore((state) => state.position !== null);
  // EventSource does not expose the status of a failed connection. This request detects a 401.
  const probe = useCallback(() => void client.GET("/v1/agents").catch(() => {}), []);
  useConnection(hasPosition || isCopy, probe);
  useOutboxDelivery(useConnectionStatus() === "live");
}
