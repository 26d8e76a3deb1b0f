import { createRootRoute, createRoute, createRouter, Navigate } from "@tanstack/react-router";
import { ChatPage } from "./pages/chat-page";
import { NewChatPage } from "./pages/new-chat-page";
import { Shell } from "./pages/shell";
import { WelcomePage } from "./pages/welcome-page";

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: () => <Navigate to="/" replace />,
});

const welcomeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: WelcomePage,
});

const newChatRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new",
  component: NewChatPage,
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
  routeTree: rootRoute.addChildren([welcomeRoute, newChatRoute, chatRoute]),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
