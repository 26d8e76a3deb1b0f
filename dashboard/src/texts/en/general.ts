/** UI text for everything outside of chats. */

import { formatList, plural } from "../formats";

function countUnsent(messages: number, drafts: number): string {
  const parts = [
    messages > 0 ? plural(messages, { one: "# unsent message", other: "# unsent messages" }) : "",
    drafts > 0 ? plural(drafts, { one: "# draft", other: "# drafts" }) : "",
  ];
  return formatList(parts.filter(Boolean));
}

export const general = {
  app: { name: "Banter" },
  common: {
    cancel: "Cancel",
    save: "Save",
    retry: "Retry",
    done: "Done",
    undo: "Undo",
    moreActions: "More actions",
    /** Separates the items of a list without a conjunction. */
    comma: ", ",
    /** Separates two sentences of which the first has no period. */
    period: ". ",
    backToChats: "Back to chats",
  },
  /** The units of a duration, which follow a number. `separator` is between two units. */
  duration: { hours: "h", minutes: "m", seconds: "s", separator: " " },
  connection: {
    reconnecting: "Reconnecting…",
    offline: "You’re offline",
    unreachable: "Can’t reach the server",
    retrying: "Retrying automatically…",
    rejected: "Can’t open Banter",
  },
  signIn: {
    title: "Sign in to Banter",
    apiKey: "API key",
    submit: "Sign in",
    invalidKey: "This API key is invalid, expired, or revoked.",
    hint: "No key? Ask your administrator, or create one on the server:",
    command: "api keys create --user you",
    signedInAs: (user: string) => `Signed in as ${user}`,
    signOut: "Sign out",
    signOutTitle: "Sign out?",
    signOutBody: (messages: number, drafts: number) => {
      const pronoun = messages + drafts === 1 ? "it" : "them";
      return `You have ${countUnsent(messages, drafts)} on this device. Keep ${pronoun} until you sign in again, or remove ${pronoun}.`;
    },
    keepAndSignOut: "Keep and sign out",
    removeAndSignOut: "Remove and sign out",
  },
  settings: {
    title: "Settings",
    language: "Language",
    /** The language of the browser or the device. */
    systemLanguage: "System",
    languageFailed: "Couldn’t load this language. Check your connection and try again.",
    theme: "Theme",
    auto: "System",
    light: "Light",
    dark: "Dark",
    sendWith: "Send messages with",
    notifications: "Notifications",
    notificationsHint: "Get notified of new activity while this page is in the background.",
    notificationsBlocked: "Notifications are blocked. Allow them in your browser’s settings.",
    notificationsInsecure: "Notifications require HTTPS or localhost.",
    notificationsUnsupported: "This browser doesn’t support notifications.",
  },
  notifications: {
    permission: (title: string) => `Permission needed: ${title}`,
    failed: (reason: string) => `Failed: ${reason}`,
    interrupted: (reason: string) => `Interrupted: ${reason}`,
  },
  palette: {
    title: "Search and commands",
    placeholder: "Search chats, messages, and commands…",
    chats: "Chats",
    moreChats: (count: number) =>
      plural(count, { one: "Show # more chat", other: "Show # more chats" }),
    messages: "Messages",
    agents: "Agents",
    actions: "Actions",
    thisChat: "This chat",
    stop: "Stop answer",
    chatWith: (agent: string) => `New chat with ${agent}`,
    darkTheme: "Switch to dark theme",
    lightTheme: "Switch to light theme",
    agentFilter: "Agent",
    anyAgent: "All agents",
    statusFilter: "Chats to search",
    anyStatus: "All chats",
    activeOnly: "Active chats",
    archivedOnly: "Archived chats",
    searching: "Searching messages…",
    searchFailed: "Message search failed",
  },
  sidebar: {
    hide: "Hide sidebar",
    show: "Show sidebar",
    toggle: "Show or hide sidebar",
    resize: "Resize sidebar",
    rail: "Sidebar",
    attention: "Some chats need your attention",
  },
  /** The names of keys as they are printed on keyboards. */
  keys: {
    Mod: "Ctrl",
    Shift: "Shift",
    Enter: "Enter",
    Escape: "Esc",
    Home: "Home",
    End: "End",
  },
  help: {
    title: "Keyboard shortcuts",
    palette: "Search and commands",
    newChat: "New chat",
    list: "Navigate the chat list",
    select: "Select chats in the list",
    selectKeys: "Space, Shift+Click",
    sidebar: "Show or hide sidebar",
    find: "Find in chat",
    questions: "Go to question",
    ends: "Go to start or end of chat",
    editNewest: "Edit last queued message",
    send: "Send message",
    newLine: "New line",
    escape: "Close dialog or stop answer",
    help: "Show keyboard shortcuts",
  },
};
