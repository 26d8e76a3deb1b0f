/** Decides which permission requests can be answered from the chat list. */
import type { Step } from "@/api/models";
import { type Choice, findOpenRequest, listChoices } from "@/features/thread/permission/permission";
import type { OpenRequest } from "@/stream/open-requests";

/** A permission request that a row of the chat list shows in full. */
export interface ShortRequest {
  readonly requestId: string;
  /** The input of the tool call; null if it is unknown or the same as the title. */
  readonly input: string | null;
  readonly choices: readonly Choice[];
}

/** The maximum length of a title, in UTF-16 code units. */
const MAX_TITLE = 120;
/** The maximum length of an input, in UTF-16 code units and in lines. */
const MAX_INPUT = 120;
const MAX_INPUT_LINES = 4;
const MAX_CHOICES = 4;
/** The maximum length of a choice's name, in UTF-16 code units. */
const MAX_NAME = 24;

/** Returns whether a tool call shows more than its input, such as the changes to a file. */
function hasMore(tool: Step | undefined): boolean {
  if (!tool) return false;
  const { diffs, is_truncated, output } = tool.detail;
  const hasDiff = Array.isArray(diffs) && diffs.length > 0;
  return hasDiff || is_truncated === true || Boolean(output);
}

function isShortInput(input: string | null): boolean {
  return (
    input === null || (input.length <= MAX_INPUT && input.split("\n").length <= MAX_INPUT_LINES)
  );
}

/**
 * Returns a request that the list shows in full, or null if there is more to it. Nobody should
 * allow what they have not seen, so that one is answered in its chat.
 */
export function readShortRequest({ step, steps }: OpenRequest): ShortRequest | null {
  const others = Object.values(steps).filter(({ kind }) => kind !== "permission");
  const request = findOpenRequest([...others, step]);
  if (!request) return null;
  const tool = others.findLast(({ tool_call_id }) => tool_call_id === step.tool_call_id);
  const choices = listChoices(request);
  const isShort =
    request.title.length <= MAX_TITLE &&
    isShortInput(request.input) &&
    choices.length <= MAX_CHOICES &&
    choices.every(({ name }) => name.length <= MAX_NAME);
  return isShort && step.detail.is_truncated !== true && !hasMore(tool)
    ? { requestId: request.request_id, input: request.input, choices }
    : null;
}
