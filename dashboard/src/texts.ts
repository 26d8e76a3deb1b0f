import type { Task } from "@/api/models";
import { formatClock, formatMoment, isSameDay } from "./time";

const numbers = new Intl.NumberFormat();

const files = (count: number) => (count === 1 ? "1 file" : `${count} files`);
const requests = (count: number) => (count === 1 ? "1 request" : `${count} requests`);

/** Every text that a person reads, in one place. Another language is another object like it. */
export const texts = {
  app: { name: "Banter" },
  common: {
    cancel: "Cancel",
    save: "Save",
    retry: "Retry",
    close: "Close",
    menu: "More actions",
    back: "Back to the list",
    you: "You",
    undo: "Undo",
    done: "Done",
  },
  shell: { failed: "The server cannot be reached" },
  connection: {
    live: "Connected",
    reconnecting: "Reconnecting…",
    offline: "You are offline",
  },
  signIn: {
    title: "Sign in to Banter",
    label: "API key",
    submit: "Sign in",
    wrong: "This key does not work. It may have been revoked.",
    hint: "No key? Ask whoever runs this server, or make one on the machine it runs on:",
    command: "api keys create --user you",
    as: (user: string) => `Signed in as ${user}`,
    out: "Sign out",
    outTitle: "Sign out?",
    outBody: (unsent: number, drafts: number) => {
      const parts = [
        unsent > 0 ? (unsent === 1 ? "1 unsent message" : `${unsent} unsent messages`) : "",
        drafts > 0 ? (drafts === 1 ? "1 draft" : `${drafts} drafts`) : "",
      ];
      const what = parts.filter(Boolean).join(" and ");
      return `You have ${what} on this device. What you keep waits here until you sign in again; nobody else sees it.`;
    },
    outKeep: "Sign out, keep it",
    outRemove: "Sign out and remove it",
  },
  permission: {
    label: "Permission request",
    asks: (agent: string) => `${agent} asks for your permission`,
    decline: "Decline",
    until: (time: string) => `Answer by ${time}`,
    outcome: {
      allowed: "You allowed it",
      rejected: "You rejected it",
      expired: "Nobody answered in time",
      withdrawn: "No longer asked",
    },
  },
  sessions: {
    title: "Chats",
    newChat: "New chat",
    filter: "Search chats",
    clearFilter: "Clear the filter",
    active: "Chats",
    archived: "Archived",
    showArchived: "Show archived chats",
    showActive: "Show active chats",
    pinned: "Pinned",
    thisWeek: "Previous 7 days",
    untitled: "New chat",
    typing: "typing…",
    waiting: "waiting…",
    failedSend: "Not sent yet",
    waitingUntil: (reason: string, time: string) => `${reason} Resumes at ${time}.`,
    failedAnswer: (reason: string) => `Failed: ${reason}`,
    needsYou: (question: string) => `Needs you: ${question}`,
    noMessages: "No messages yet",
    draft: (text: string) => `Draft: ${text}`,
    fromYou: (text: string) => `You: ${text}`,
    unread: (count: number) => (count === 1 ? "1 unread message" : `${count} unread messages`),
    empty: "No chats yet",
    allArchived: "All chats are archived",
    emptyHint: "Pick an agent and say hello.",
    emptyArchive: "Nothing archived",
    emptyArchiveHint: "Archived chats are kept here until you restore or delete them.",
    noMatch: (query: string) => `Nothing matches “${query}”`,
    searchArchive: "Look in the archive",
    searchActive: "Look in the active chats",
    failed: "The chats could not be loaded",
    more: "Show more",
  },
  actions: {
    rename: "Rename…",
    pin: "Pin",
    unpin: "Unpin",
    markUnread: "Mark unread",
    archive: "Archive",
    restore: "Restore",
    remove: "Delete…",
    renameTitle: "Rename chat",
    renameLabel: "Title",
    removeTitle: "Delete this chat?",
    removeBody: (title: string) =>
      `“${title}” and all its messages will be gone for good. A running answer is stopped.`,
    removeConfirm: "Delete",
    archived: "Chat archived",
    deleted: "Chat deleted",
    failed: (detail: string) => `That did not work: ${detail}`,
  },
  palette: {
    title: "Search and commands",
    placeholder: "Search chats and actions…",
    chats: "Chats",
    agents: "Agents",
    actions: "Actions",
    chatWith: (agent: string) => `New chat with ${agent}`,
    dark: "Dark theme",
    light: "Light theme",
  },
  settings: {
    title: "Settings",
    theme: "Theme",
    auto: "Auto",
    light: "Light",
    dark: "Dark",
    sendWith: "Send with",
    notifications: "Notifications",
    notificationsHint: "When an answer arrives while this page is hidden.",
    notificationsDenied:
      "Your browser refuses them for this page. Its own settings can change that.",
    notificationsMissing: "Your browser allows them over HTTPS or on this machine only.",
  },
  help: {
    title: "Keyboard shortcuts",
    palette: "Search and commands",
    newChat: "New chat",
    list: "Move in the list",
    send: "Send",
    newLine: "New line",
    escape: "Close, or stop the answer",
    help: "This help",
  },
  notifications: {
    permission: (title: string) => `Waiting for your permission: ${title}`,
  },
  newChat: {
    viewer: "Your key may only read",
    viewerHint: "Open a chat from the list. To write, sign in with a member's key.",
    title: "Who do you want to talk to?",
    titleOne: (agent: string) => `Say hello to ${agent}`,
    placeholder: (agent: string) => `Message ${agent}…`,
    pick: "Pick an agent to begin",
    unavailable: "Not available",
    starters: "Try one of these",
    failedAgents: "The agents could not be loaded",
    noAgents: "No agents are configured",
    noAgentsHint:
      "The server knows no agent. The demo agent is always there unless it was disabled.",
    starting: "Starting…",
  },
  thread: {
    label: (title: string) => `Conversation: ${title}`,
    notFound: "This chat does not exist",
    notFoundHint: "It may have been deleted.",
    notFoundPending: "This was not sent any more. It is kept here until you discard it.",
    notFoundDraft: "You were writing this. It is kept here until you discard it.",
    failed: "The chat could not be loaded",
    failedHint: "Your server does not answer. The page keeps trying.",
    offlineHint: "You are offline. The page goes on once you are back.",
    empty: (agent: string) => `Say hello to ${agent}`,
    newDivider: "New",
    newMessages: "New messages",
    toBottom: "Jump to the latest message",
    older: "Loading earlier messages…",
    olderFailed: "Earlier messages could not be loaded.",
    copy: "Copy",
    copied: "Copied",
    code: "code",
    done: "Done",
    toDo: "To do",
    edited: "edited",
    answeredIn: (time: string) => `in ${time}`,
    details: "Details",
    tokens: (read: number, written: number) =>
      `${numbers.format(read)} tokens read · ${numbers.format(written)} written`,
    attempts: (count: number) => `${count} attempts`,
    archived: "This chat is archived.",
    viewer: "Your key may only read.",
    agentGone: "This agent is no longer configured. Add it back to continue this chat.",
    agentAway: (reason: string) =>
      reason
        ? `This agent is not available right now: ${reason}`
        : "This agent is not available right now.",
    restore: "Restore",
    otherAgent: "New chat with another agent",
    agentSaid: (agent: string) => `${agent} said`,
    youSaid: "You said",
  },
  steps: {
    count: (count: number) => (count === 1 ? "1 step" : `${count} steps`),
    input: "Input",
    output: "Output",
    entry: { pending: "to do", in_progress: "under way", completed: "done" },
    /** What was done, by a tool's kind; each with how often. */
    work: {
      thought: () => "thought",
      plan: () => "made a plan",
      notice: (count: number) => (count === 1 ? "1 notice" : `${count} notices`),
      read: (count: number) => `read ${files(count)}`,
      edit: (count: number) => `edited ${files(count)}`,
      delete: (count: number) => `deleted ${files(count)}`,
      move: (count: number) => `moved ${files(count)}`,
      search: (count: number) => (count === 1 ? "searched" : `searched ${count} times`),
      execute: (count: number) => (count === 1 ? "ran 1 command" : `ran ${count} commands`),
      fetch: (count: number) => (count === 1 ? "fetched 1 page" : `fetched ${count} pages`),
      other: (count: number) => (count === 1 ? "used 1 tool" : `used ${count} tools`),
    },
    /** Requests that ended without a yes. */
    ended: {
      rejected: (count: number) => `${requests(count)} rejected`,
      expired: (count: number) => `${requests(count)} not answered in time`,
      withdrawn: (count: number) => `${requests(count)} withdrawn`,
    },
  },
  receipt: {
    sending: "Sending",
    waiting: "Not sent yet, trying again",
    notSent: "Not sent",
    sendNow: "Try now",
    discard: "Discard",
    sent: "Sent",
    queued: (position: number) => `Queued #${position}`,
    working: "Working",
    retrying: "Will be tried again",
    answered: "Answered",
    failed: "Failed",
    stopped: "Stopped",
    interrupted: "Interrupted",
    edit: "Edit",
    remove: "Remove",
    editLabel: "Edit the queued message",
    tooLate: "Too late: the agent has already begun with it.",
    sendAsNew: "Send as a new message",
  },
  status: {
    queued: "Waiting for its turn",
    waitingForWorker: "Waiting for a free worker",
    starting: "Starting",
    thinking: "Thinking",
    planning: "Planning",
    running: (title: string) => `Running ${title}`,
    answering: "Answering",
    waitingForYou: "Waiting for you",
    stopping: "Stopping",
    silent: "No sign of life; another worker will take over",
    retryIn: (reason: string, time: string) => `${reason} Next try in ${time}`,
    retrySoon: (reason: string) => `${reason} Trying again`,
    disconnected: "Connection lost; the answer goes on without us",
  },
  finish: {
    length: "Cut off at the length limit",
    lengthEmpty: "The token limit was reached before an answer.",
    refusal: "The agent refused to go on",
    cancelled: "Stopped",
    interrupted: "Interrupted",
    error: "Ended with an error",
    empty: "Finished without a reply",
  },
  composer: {
    label: "Message",
    send: "Send",
    queue: "Queue message",
    stop: "Stop",
    otherDraft: "Another tab has a different draft.",
    useOther: "Use it",
    dismissOther: "Dismiss",
    hint: "Enter to send · Shift+Enter for a new line",
    hintMod: (keys: string, isBusy: boolean) =>
      isBusy ? `${keys} to queue · Esc to stop` : `${keys} to send`,
    hintBusy: "Enter to queue · Esc to stop",
    tooLong: "This message is longer than 256 KiB. Please shorten it.",
  },
  /** Why a turn failed, by the api's error code. */
  taskError: {
    agent_network: "The agent could not be reached.",
    agent_overloaded: "The agent is overloaded.",
    agent_rate_limited: "Rate limited.",
    agent_error: "The agent reported an error.",
    agent_crashed: "The agent crashed.",
    agent_unavailable: "The agent is not available.",
    agent_auth: "The agent’s credentials were refused.",
    agent_refused: "The agent refused.",
    agent_protocol: "The agent answered in a way that was not understood.",
    context_overflow: "The conversation is too long for this agent.",
    session_archived: "The chat was archived before its turn came.",
    timeout: "The agent took too long.",
    worker_lost: "The worker was lost.",
  } as Readonly<Record<string, string>>,
  taskErrorUnknown: "Something went wrong.",
  /** Why a request was refused, by the api's error code. */
  problem: {
    network: "The server cannot be reached.",
    store_busy: "The server is busy.",
    store_unavailable: "The server cannot store anything right now.",
    internal_error: "Something went wrong on the server.",
    payload_too_large: "This message is too long.",
    forbidden: "Your key may only read.",
    unauthorized: "You are not signed in.",
    session_archived: "This chat is archived.",
    queue_full: "Too many messages are waiting already.",
    not_found: "This chat does not exist any more.",
    agent_unavailable: "This agent is not available right now.",
    unknown_agent: "This agent is not configured any more.",
  } as Readonly<Record<string, string>>,
} as const;

/** Why a turn failed; the agent's own words where there are none here. */
export function explainTaskError({ error }: Task): string {
  if (!error) return texts.taskErrorUnknown;
  return texts.taskError[error.code] ?? (error.message || texts.taskErrorUnknown);
}

/** What the agent itself said about the failure, where that is more than our words for it. */
export function findReason(task: Task): string | null {
  const message = task.error?.message.trim() ?? "";
  return message === "" || message === explainTaskError(task) ? null : message;
}

/** What a turn waits for, and until when: "Rate limited. Resumes at 3:00 PM." */
export function explainWait(task: Task, until: string): string {
  const time = isSameDay(until, new Date().toISOString())
    ? formatClock(until)
    : formatMoment(until);
  return texts.sessions.waitingUntil(explainTaskError(task), time);
}

/** A person's words for an api problem; the server's own where there are none here. */
export function explainProblem(problem: { code: string; detail: string }): string {
  // What stands before the server answers for it while it is away, each in its own way.
  const code = /^http_5/.test(problem.code) ? "network" : problem.code;
  return texts.problem[code] ?? problem.detail;
}
