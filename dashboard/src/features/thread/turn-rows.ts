import { isEnded, type Task } from "@/api/models";
import type { Thread } from "@/stream/state";
import type { Turn } from "@/stream/turns";
import { isSameDay } from "@/time";

export interface TurnRow {
  readonly turn: Turn;
  readonly task: Task | null;
  /** The number of unfinished turns before this one; 0 if this turn is not queued. */
  readonly position: number;
  /**
   * The time to show above the turn, if it is the first one, starts a new day, or follows a long
   * pause; otherwise null.
   */
  readonly day: string | null;
  /**
   * Whether the "New" divider is above this turn or only above its answer; null if it is neither.
   */
  readonly isNewBefore: "turn" | "answer" | null;
  /** The key of the answer's agent, if another agent wrote the answer before it; otherwise null. */
  readonly newAgent: string | null;
  /** Whether turns before this one have not been fetched although earlier ones have been. */
  readonly isAfterGap: boolean;
  /** Whether the turn is the newest one. */
  readonly isNewest: boolean;
  /** Whether to show the time of the message or the answer, because it follows a pause. */
  readonly hasTime: { readonly user: boolean; readonly answer: boolean };
}

/** A turn after a pause longer than this gets a divider with the time. */
const PAUSE_MS = 3 * 3_600_000;
/** A message after a pause longer than this shows its time. */
const SHORT_PAUSE_MS = 5 * 60_000;

/** Combined values are shared, so that the rows' views can compare them by identity. */
const times = [
  { user: false, answer: false },
  { user: false, answer: true },
  { user: true, answer: false },
  { user: true, answer: true },
] as const;

/** Returns the time between two messages; 0 if one of them is missing. */
function pauseBetween(from: string | undefined, to: string | undefined): number {
  return from && to ? Date.parse(to) - Date.parse(from) : 0;
}

/**
 * Returns the rows of a thread, with dividers and queue positions. Answers with a `seq` above
 * `readSeq` are new. `openCount` is the number of unfinished turns, including those that have not
 * been fetched. It can be omitted if all turns have been fetched. `gapTurn` is the first turn after
 * a gap, or 0 if there is none. `currentAgent` is the key of the agent that answers open turns.
 */
export function buildTurnRows(
  turns: readonly Turn[],
  tasks: Thread["tasks"],
  readSeq: number,
  openCount = 0,
  gapTurn = 0,
  currentAgent: string | null = null,
): readonly TurnRow[] {
  let previousAt: string | null = null;
  let open = Math.max(0, openCount - countOpen(turns, tasks));
  let hasMarker = false;
  let agentKey: string | null = null;
  return turns.map((turn, index) => {
    const first = turn.user ?? turn.answer;
    const taskId = first?.task_id ?? "";
    const task = tasks[taskId]?.value ?? null;
    const startsAt = first?.created_at ?? "";
    const hasDivider =
      previousAt === null ||
      !isSameDay(previousAt, startsAt) ||
      pauseBetween(previousAt, startsAt) > PAUSE_MS;
    const hasUserTime =
      !hasDivider && pauseBetween(previousAt ?? undefined, startsAt) > SHORT_PAUSE_MS;
    const hasAnswerTime =
      pauseBetween(turn.user?.created_at, turn.answer?.created_at) > SHORT_PAUSE_MS;
    const isAfterGap = turn.turn >= gapTurn && (turns[index - 1]?.turn ?? gapTurn) < gapTurn;
    previousAt = (turn.answer ?? turn.user)?.created_at ?? previousAt;

    const isOpen = isOpenTask(task);
    const author = turn.answer?.agent_key ?? (isOpen ? currentAgent : null) ?? agentKey;
    const newAgent = agentKey !== null && author !== agentKey ? author : null;
    agentKey = author;
    const position = isOpen && task.status === "queued" ? open : 0;
    if (isOpen) open += 1;

    const isNew = !hasMarker && turn.answer !== null && turn.answer.seq > readSeq;
    if (isNew) hasMarker = true;
    const isWholeTurnNew = readSeq > 0 && (turn.user === null || turn.user.seq > readSeq);
    const isNewBefore = isNew ? (isWholeTurnNew ? "turn" : "answer") : null;
    return {
      ...{ turn, task, position, isNewBefore, newAgent, isAfterGap },
      day: hasDivider ? startsAt : null,
      isNewest: index === turns.length - 1,
      hasTime: times[Number(hasUserTime) * 2 + Number(hasAnswerTime)] ?? times[0],
    };
  });
}

const isOpenTask = (task: Task | null): task is Task => task !== null && !isEnded(task.status);

function countOpen(turns: readonly Turn[], tasks: Thread["tasks"]): number {
  return turns.filter(({ user }) => isOpenTask(tasks[user?.task_id ?? ""]?.value ?? null)).length;
}
