import { Outlet, useParams, useRouterState } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { client, isRejected, onUnauthorized } from "@/api/client";
import { useMe } from "@/api/me";
import { ConnectionNote } from "@/components/connection-note";
import { explainFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { StateNote } from "@/components/ui/state-note";
import { Toaster } from "@/components/ui/toast";
import { Sidebar } from "@/features/sessions/sidebar";
import { useHasNoChats } from "@/features/sessions/use-session-list";
import { useOutboxDelivery } from "@/outbox/use-outbox";
import { nameOwner, setOwner, useOwner } from "@/owner";
import { useStore } from "@/stream/store";
import { useConnection, useConnectionStatus } from "@/stream/use-connection";
import { texts } from "@/texts";
import { useAfter } from "@/use-after";
import { OpenOverlay, Overlays, useOverlays } from "./overlays";
import { SignInPage } from "./sign-in-page";
import { useBadge } from "./use-badge";
import { useNotifications } from "./use-notifications";

/** The frame of every view: the list beside it, or, on a phone, in its place. */
export function Shell() {
  const [isKeyNeeded, setKeyNeeded] = useState(false);
  useEffect(() => onUnauthorized(() => setKeyNeeded(true)), []);
  return isKeyNeeded ? <SignInPage /> : <Layout />;
}

function Layout() {
  const isAtRoot = useRouterState({ select: (state) => state.location.pathname === "/" });
  const hasNoChats = useHasNoChats();
  // One column shows the list or the view. Who has no chats yet has nothing to look for there.
  const isAtList = isAtRoot && !hasNoChats;
  const isSaidByChat = useIsChatShown();
  useBadge();
  useNotifications();
  const { overlay, open, close } = useOverlays();
  useLiveUpdates();
  return (
    <div className="grid h-full pr-[env(safe-area-inset-right)] pl-[env(safe-area-inset-left)] grid-cols-[minmax(0,1fr)] md:grid-cols-[288px_minmax(0,1fr)] lg:grid-cols-[320px_minmax(0,1fr)]">
      <div
        className={`min-h-0 flex-col border-line md:flex md:border-r ${isAtList ? "flex" : "hidden"}`}
      >
        <div className="min-h-0 flex-1">
          <Sidebar onSettings={() => open("settings")} onPalette={() => open("palette")} />
        </div>
        <div
          className={`bg-side px-5 pb-[env(safe-area-inset-bottom)] empty:hidden md:[&:has(span)]:py-2 [&:has(span)]:py-3 ${isSaidByChat ? "md:hidden" : ""}`}
        >
          <ConnectionNote isQuiet />
        </div>
      </div>
      <div className={`min-h-0 min-w-0 md:block ${isAtList ? "hidden" : ""}`}>
        <OpenOverlay value={open}>
          <View />
        </OpenOverlay>
      </div>
      <Overlays overlay={overlay} onOpen={open} onClose={close} />
      <Toaster />
    </div>
  );
}

/** Whether a chat is beside the list, whose header tells how the page is connected. */
function useIsChatShown(): boolean {
  const { sessionId = "" } = useParams({ strict: false });
  return useStore((state) => Boolean(state.sessions[sessionId]?.value));
}

/** A server that takes longer is said not to answer, though it may yet. */
const PATIENCE_MS = 8000;

/** What was written here belongs to a user, so nothing can be written until it is known to whom. */
function View() {
  const me = useMe();
  const owner = useOwner();
  useEffect(() => {
    if (me.data) setOwner(nameOwner(me.data));
  }, [me.data]);
  const isSlow = useAfter(PATIENCE_MS, owner === null);
  if (owner !== null) return <Outlet />;
  const isRejection = isRejected(me.error);
  return (
    <main className="flex h-full flex-col">
      {me.isError || me.failureCount > 1 || isSlow ? (
        <StateNote
          icon={<TriangleAlert size={20} />}
          title={isRejection ? texts.connection.rejected : texts.connection.unreachable}
          hint={isRejection ? explainFailure(me.error) : texts.connection.retrying}
        >
          <Button onClick={() => void me.refetch()}>{texts.common.retry}</Button>
        </StateNote>
      ) : null}
    </main>
  );
}

/** Opens the stream once a first fetch has said from where, and lets the outbox follow it. */
function useLiveUpdates(): void {
  const hasPosition = useStore((state) => state.position !== null);
  // A stream cannot see why it was refused; a request can, and a 401 is then shown.
  const probe = useCallback(() => void client.GET("/v1/agents").catch(() => {}), []);
  useConnection(hasPosition, probe);
  useOutboxDelivery(useConnectionStatus() === "live");
}
