/** UI text for the chat list, its actions, and the new chat view. */

import { formatNumber, plural } from "../formats";

const countChats = (count: number) => plural(count, { one: "# chat", other: "# chats" });

export const chatList = {
  sessions: {
    newChat: "New chat",
    search: "Search chats",
    clearSearch: "Clear search",
    active: "Chats",
    archived: "Archived",
    showArchived: "Show archived chats",
    showActive: "Show active chats",
    needsYou: "Needs you",
    pinned: "Pinned",
    lastSevenDays: "Previous 7 days",
    untitled: "New chat",
    typing: "Typing…",
    waiting: "Waiting…",
    messageNotSent: "Message not sent",
    resumesAt: (reason: string, time: string) => `${reason} Resumes at ${time}.`,
    resumesOn: (reason: string, date: string) => `${reason} Resumes on ${date}.`,
    failed: (reason: string) => `Failed: ${reason}`,
    permissionNeeded: (title: string) => `Permission needed: ${title}`,
    permissionExpired: (title: string) => `Permission expired: ${title}`,
    review: "Review",
    reviewOf: (title: string) => `Review request in ${title}`,
    requestIn: (title: string) => `Request in ${title}`,
    unseenFailure: "New failure",
    noMessages: "No messages yet",
    noAnswer: "No answer",
    draft: (text: string) => `Draft: ${text}`,
    fromYou: (text: string) => `You: ${text}`,
    unread: (count: number) =>
      plural(count, { one: "# unread message", other: "# unread messages" }),
    empty: "No chats yet",
    allArchived: "All chats are archived",
    emptyHint: "Send a message to start a chat.",
    emptyReadOnlyHint: "New chats appear here.",
    emptyArchive: "No archived chats",
    emptyArchiveHint: "Archived chats stay here until you restore or delete them.",
    noResults: (query: string) => `No results for “${query}”`,
    searchArchived: "Search archived chats",
    searchActive: "Search active chats",
    loadFailed: "Couldn’t load chats",
    showMore: "Show more",
  },
  actions: {
    rename: "Rename…",
    pin: "Pin",
    unpin: "Unpin",
    markUnread: "Mark as unread",
    copyLink: "Copy link",
    linkCopied: "Link copied",
    copyFailed: "Couldn’t copy. Allow clipboard access in your browser.",
    menuOf: (title: string) => `More actions for ${title}`,
    archive: "Archive",
    restore: "Restore",
    delete: "Delete…",
    renameTitle: "Rename chat",
    renameLabel: "Title",
    deleteTitle: "Delete this chat?",
    deleteBody: (title: string) =>
      `“${title}” and its messages will be permanently deleted. Any answer in progress will stop.`,
    confirmDelete: "Delete",
    archived: "Chat archived",
    deleted: "Chat deleted",
  },
  selection: {
    label: "Selected chats",
    select: "Select",
    selectChat: (title: string) => `Select ${title}`,
    count: (count: number) => `${formatNumber(count)} selected`,
    clear: "Clear selection",
    markRead: "Mark as read",
    archive: "Archive",
    restore: "Restore",
    delete: "Delete",
    deleteTitle: (count: number) =>
      plural(count, { one: "Delete this chat?", other: "Delete # chats?" }),
    deleteBody:
      "These chats and their messages will be permanently deleted. Any answers in progress will stop.",
    /** Results of the actions, by action. */
    done: {
      read: (chats: number) => `${countChats(chats)} marked as read`,
      archive: (chats: number) => `${countChats(chats)} archived`,
      restore: (chats: number) => `${countChats(chats)} restored`,
      delete: (chats: number) => `${countChats(chats)} deleted`,
    },
    /** Failures of the actions, by action. `chats` is a number of chats or a title. */
    failed: {
      read: (chats: string, reason: string) => `Couldn’t mark ${chats} as read. ${reason}`,
      archive: (chats: string, reason: string) => `Couldn’t archive ${chats}. ${reason}`,
      restore: (chats: string, reason: string) => `Couldn’t restore ${chats}. ${reason}`,
      delete: (chats: string, reason: string) => `Couldn’t delete ${chats}. ${reason}`,
    },
    /** Names the chats of a failure: the only one by its title, or their number. */
    failedChats: (titles: readonly string[]) =>
      titles.length === 1 ? `“${titles[0]}”` : countChats(titles.length),
  },
  newChat: {
    title: "Choose an agent",
    titleWith: (agent: string) => `Chat with ${agent}`,
    placeholder: (agent: string) => `Message ${agent}…`,
    chooseAgent: "Choose an agent to start",
    starting: "Starting chat…",
    unavailable: "Unavailable",
    starters: "Try one of these",
    loadFailed: "Couldn’t load agents",
    noAgents: "No agents configured",
    noAgentsHint: "Add an agent to agents.toml, or enable the demo agent.",
    readOnly: "Your API key is read-only",
    readOnlyHint:
      "Open a chat to read it. To send messages, sign in with a key that isn’t read-only.",
  },
};
