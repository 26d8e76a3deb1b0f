import { createRootRoute, createRoute, createRouter, Navigate } from "@tanstack/react-router";
import { type ComponentProps, lazy, Suspense } from "react";
import * as v from "valibot";
import { ChatPage } from "./pages/chat-page";
import { Shell } from "./pages/shell";
import { useOpenCreatedChat } from "./pages/use-open-created-chat";

const NewChat = lazy(async () => ({
  default: (await import("./pages/new-chat-page")).NewChatPage,
}));

function NewChatPage(props: ComponentProps<typeof NewChat>) {
  // The outbox may create the session before the view is loaded.
  useOpenCreatedChat(props.isHome === true);
  return (
    <Suspense fallback={null}>
      <NewChat {...props} />
    </Suspense>
  );
}

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: () => <Navigate to="/" replace />,
});

/** The view that is shown next to the chat list while no chat is open. */
const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: () => <NewChatPage isHome />,
});

const newChatRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new",
  validateSearch: v.object({ agent: v.optional(v.string()) }),
  component: function NewChatRoute() {
    const { agent } = newChatRoute.useSearch();
    return <NewChatPage key={agent} agentKey={agent} />;
  },
});

const chatRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/chat/$sessionId",
  component: function ChatRoute() {
    const { sessionId } = chatRoute.useParams();
    return <ChatPage key={sessionId} sessionId={sessionId} />;
  },
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([homeRoute, newChatRoute, chatRoute]),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
