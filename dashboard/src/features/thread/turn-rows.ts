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
}

/** A turn after a pause longer than this gets a divider with the time. */
const PAUSE_MS = 3 * 3_600_000;

/**
 * Returns the rows of a thread, with dividers and queue positions. Answers with a `seq` above
 * `readSeq` are new. `openCount` is the number of unfinished turns, including those that have not
 * been fetched. It can be omitted if all turns have been fetched.
 */
export function buildTurnRows(
  turns: readonly Turn[],
  tasks: Thread["tasks"],
  readSeq: number,
  openCount = 0,
): readonly TurnRow[] {
  let previousAt: string | null = null;
  let open = Math.max(0, openCount - countOpen(turns, tasks));
  let hasMarker = false;
  return turns.map((turn) => {
    const first = turn.user ?? turn.answer;
    const taskId = first?.task_id ?? "";
    const task = tasks[taskId]?.value ?? null;
    const startsAt = first?.created_at ?? "";
    const hasDivider =
      previousAt === null ||
      !isSameDay(previousAt, startsAt) ||
      Date.parse(startsAt) - Date.parse(previousAt) > PAUSE_MS;
    previousAt = (turn.answer ?? turn.user)?.created_at ?? previousAt;

    const isOpen = isOpenTask(task);
    const position = isOpen && task.status === "queued" ? open : 0;
    if (isOpen) open += 1;

    const isNew = !hasMarker && turn.answer !== null && turn.answer.seq > readSeq;
    if (isNew) hasMarker = true;
    const isWholeTurnNew = readSeq > 0 && (turn.user === null || turn.user.seq > readSeq);
    const isNewBefore = isNew ? (isWholeTurnNew ? "turn" : "answer") : null;
    return { turn, task, position, day: hasDivider ? startsAt : null, isNewBefore };
  });
}

const isOpenTask = (task: Task | null): task is Task => task !== null && !isEnded(task.status);

function countOpen(turns: readonly Turn[], tasks: Thread["tasks"]): number {
  return turns.filter(({ user }) => isOpenTask(tasks[user?.task_id ?? ""]?.value ?? null)).length;
}
