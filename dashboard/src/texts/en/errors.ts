/** Messages for error codes. The types ensure that every code has one. */
import type { components } from "@/api/schema.gen";

type ErrorCode = components["schemas"]["ErrorCode"];
type ProblemCode = components["schemas"]["ProblemCode"];

/** The codes of problems that the page itself detects. The last two are about files kept offline. */
type PageCode = "network" | "file_too_large" | "file_missing" | "device_full" | "device_limit";

/** The reasons for failed tasks. */
const taskError: Readonly<Record<ErrorCode, string>> = {
  agent_network: "The connection to the agent failed.",
  agent_overloaded: "The agent is overloaded.",
  agent_rate_limited: "Rate limit reached.",
  agent_error: "The agent reported an error.",
  agent_crashed: "The agent crashed.",
  agent_unavailable: "The agent is unavailable.",
  agent_auth: "The agent’s credentials are missing or invalid.",
  agent_refused: "The agent refused the request.",
  agent_protocol: "The agent sent an invalid response.",
  context_overflow: "This chat is too long for the agent.",
  session_archived: "The chat was archived while the message was queued.",
  timeout: "The agent timed out.",
  worker_lost: "The worker stopped responding.",
};

/**
 * The reasons for failed requests. `network` means that there was no response. There is no text for
 * `invalid_request`, whose detail names the field.
 */
const problem: Readonly<Record<Exclude<ProblemCode, "invalid_request"> | PageCode, string>> = {
  network: "Can’t reach the server.",
  file_too_large: "This file is too large.",
  file_missing: "A file is no longer on this device. Attach it again.",
  device_full: "This device has no space for the file.",
  device_limit: "Offline, files can take up 50 MB in total.",
  unauthorized: "You’re signed out. Sign in again.",
  forbidden: "Your API key is read-only.",
  host_not_allowed: "Create an API key to use Banter from this address.",
  proxy_not_allowed: "Create an API key to use Banter through a proxy.",
  cross_site_request: "Create an API key to use Banter from another site.",
  not_found: "This chat or message no longer exists.",
  method_not_allowed: "The server doesn’t support this action. Reload the page.",
  session_archived: "This chat is archived. Restore it first.",
  draft_conflict: "The draft was changed on another device.",
  agent_busy: "The agent is still working on another message in this chat.",
  inactive_branch: "Switch to this message’s version first.",
  unknown_format: "This file is damaged or contains no supported chats.",
  nothing_to_fork: "The agent hasn’t answered in this chat yet.",
  task_not_queued: "This message is no longer queued.",
  task_ended: "The agent has already finished.",
  task_not_ended: "The agent is still working on this message.",
  task_succeeded: "This message has already been answered.",
  permission_answered: "This request has already been answered.",
  permission_expired: "This request has expired.",
  unknown_option: "That option isn’t available for this request.",
  option_required: "Choose one of the agent’s options.",
  message_gone: "This message was already sent and has since been removed.",
  attachment_sent: "This file is part of a message.",
  unknown_attachment: "A file is no longer available. Attach it again.",
  attachment_unsupported: "This agent doesn’t accept this kind of file.",
  no_thumbnail: "There is no preview of this file.",
  range_not_satisfiable: "This part of the file doesn’t exist.",
  storage_limit: "Your files take up too much space. Delete some chats with files.",
  request_timeout: "The request timed out.",
  payload_too_large: "This message is too long. Shorten it.",
  unsupported_media_type: "The server couldn’t read the request. Reload the page.",
  unknown_agent: "This agent is no longer configured.",
  agent_unavailable: "This agent is unavailable.",
  unknown_folder: "This folder is no longer configured.",
  folder_unavailable: "This folder is unavailable.",
  folder_not_allowed: "This agent can’t work in the chat’s folder.",
  idempotency_mismatch: "This message conflicts with one already sent. Send it as a new message.",
  queue_full: "Too many messages are queued in this chat.",
  internal_error: "The server hit an internal error.",
  store_busy: "The server is busy.",
  store_unavailable: "The server can’t save changes right now.",
  overloaded: "The server is overloaded.",
  not_ready: "The server isn’t ready yet.",
};

export const errors = {
  taskError,
  /** Replaces the text for `agent_network` if a part of the answer arrived. */
  agentConnectionLost: "The connection to the agent was lost.",
  taskErrorUnknown: "Something went wrong.",
  problem,
  /** The reason for a transient failure, followed by advice. */
  tryAgain: (reason: string) => `${reason} Try again in a moment.`,
};
