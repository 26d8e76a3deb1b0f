import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { body, client } from "@/api/client";
import { isEnded, type Step, type Task } from "@/api/models";
import { store, useStore } from "@/stream/store";

/** The delay before steps are fetched, so that scrolling past a turn does not fetch its steps. */
export const STEPS_FETCH_DELAY_MS = 120;

const none: readonly Step[] = [];

/**
 * Returns the steps of a turn in order. The stream sends the steps of running turns. If a turn has
 * ended and its steps are incomplete, they are fetched.
 */
export function useTurnSteps(task: Task | null): readonly Step[] {
  const [isSettled, setSettled] = useState(false);
  const known = useStore((state) => state.steps[task?.id ?? ""]);
  const hasEnded = task !== null && isEnded(task.status);
  const isComplete = known?.isCurrent === true && known.attempt === task?.attempt;
  const isMissing = hasEnded && task.started_at !== null && !isComplete;
  useEffect(() => {
    if (!isMissing || isSettled) return;
    const timer = setTimeout(() => setSettled(true), STEPS_FETCH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [isMissing, isSettled]);
  useQuery({
    queryKey: ["steps", task?.id, task?.attempt],
    enabled: isMissing && isSettled,
    queryFn: async () => {
      const path = { id: task?.chat_session_id ?? "", tid: task?.id ?? "" };
      const fetched = await body(client.GET("/v1/chat/{id}/tasks/{tid}", { params: { path } }));
      store.dispatch({ type: "task.fetched", task: fetched });
      return fetched.steps.length;
    },
  });
  const bySeq = known?.bySeq;
  return useMemo(
    () => (bySeq ? Object.values(bySeq).sort((a, b) => a.seq - b.seq) : none),
    [bySeq],
  );
}
