import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { body, client } from "@/api/client";
import { isEnded, type Step, type Task } from "@/api/models";
import { store, useStore } from "@/stream/store";

/** What only passes by while somebody scrolls is not fetched. */
const SETTLE_MS = 120;

const none: readonly Step[] = [];

/**
 * What the agent did in a turn, in order. The stream tells it of running turns; of one that
 * ended before or without being heard it is fetched once.
 */
export function useTurnSteps(task: Task | null): readonly Step[] {
  const [isSettled, setSettled] = useState(false);
  const told = useStore((state) => state.steps[task?.id ?? ""]);
  const hasEnded = task !== null && isEnded(task.status);
  const isTold = told?.isCurrent === true && told.attempt === task?.attempt;
  const isMissing = hasEnded && task.started_at !== null && !isTold;
  useEffect(() => {
    if (!isMissing || isSettled) return;
    const timer = setTimeout(() => setSettled(true), SETTLE_MS);
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
  const bySeq = told?.bySeq;
  return useMemo(
    () => (bySeq ? Object.values(bySeq).sort((a, b) => a.seq - b.seq) : none),
    [bySeq],
  );
}
