import { isEnded, type Task } from "@/api/models";
import type { Turn } from "@/stream/order";
import type { Thread } from "@/stream/state";
import { isSameDay } from "@/time";

export interface TurnRow {
  readonly turn: Turn;
  readonly task: Task | null;
  /** How many unfinished turns come before it: its place in the queue. */
  readonly position: number;
  /** The time to head it with, where a new day or a new sitting begins. */
  readonly day: string | null;
  /** Where the "New" divider stands, if it stands here. */
  readonly isNewBefore: "turn" | "answer" | null;
}

/** A pause this long begins a new sitting, with a heading of its own. */
const SITTING_MS = 3 * 3_600_000;

/**
 * Places the dividers and counts the queue. `readSeq` is up to where things were read;
 * `openCount` is how many turns are unfinished, also among those that were not fetched.
 */
export function layOutTurns(
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
    const isNewSitting =
      previousAt === null ||
      !isSameDay(previousAt, startsAt) ||
      Date.parse(startsAt) - Date.parse(previousAt) > SITTING_MS;
    previousAt = (turn.answer ?? turn.user)?.created_at ?? previousAt;

    const isOpen = isOpenTask(task);
    const position = isOpen && task.status === "queued" ? open : 0;
    if (isOpen) open += 1;

    const isNew = !hasMarker && turn.answer !== null && turn.answer.seq > readSeq;
    if (isNew) hasMarker = true;
    const isWholeTurnNew = readSeq > 0 && (turn.user === null || turn.user.seq > readSeq);
    const isNewBefore = isNew ? (isWholeTurnNew ? "turn" : "answer") : null;
    return { turn, task, position, day: isNewSitting ? startsAt : null, isNewBefore };
  });
}

const isOpenTask = (task: Task | null): task is Task => task !== null && !isEnded(task.status);

function countOpen(turns: readonly Turn[], tasks: Thread["tasks"]): number {
  return turns.filter(({ user }) => isOpenTask(tasks[user?.task_id ?? ""]?.value ?? null)).length;
}
