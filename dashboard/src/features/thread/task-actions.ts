/** Turns that the user asked to stop and that have not ended yet. */
import { useSyncExternalStore } from "react";
import { ApiError, client } from "@/api/client";
import { reportFailure } from "@/components/report-failure";

let stopping: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

function set(next: ReadonlySet<string>): void {
  stopping = next;
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useIsStopping(taskId: string | undefined): boolean {
  return useSyncExternalStore(subscribe, () => taskId !== undefined && stopping.has(taskId));
}

/** Asks the server to end the turn. One that has ended meanwhile is no failure. */
export async function stopTask(sessionId: string, taskId: string): Promise<void> {
  set(new Set([...stopping, taskId]));
  try {
    await client.POST("/v1/chat/{id}/tasks/{tid}/cancel", {
      params: { path: { id: sessionId, tid: taskId } },
    });
  } catch (error) {
    forget(taskId);
    if (!(error instanceof ApiError && error.code === "task_ended")) reportFailure(error);
  }
}

function forget(taskId: string): void {
  set(new Set([...stopping].filter((id) => id !== taskId)));
}

/** Answers an agent's request. One that was answered or is over is no failure: the steps show it. */
export async function answerPermission(
  sessionId: string,
  taskId: string,
  requestId: string,
  decision: "allow" | "reject",
): Promise<void> {
  try {
    await client.POST("/v1/chat/{id}/tasks/{tid}/permissions/{rid}", {
      params: { path: { id: sessionId, tid: taskId, rid: requestId } },
      body: { decision },
    });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) reportFailure(error);
  }
}

/** Has the turn answered again. It is a new attempt, so an old wish to stop it is void. */
export async function retryTask(sessionId: string, taskId: string): Promise<void> {
  forget(taskId);
  try {
    await client.POST("/v1/chat/{id}/tasks/{tid}/retry", {
      params: { path: { id: sessionId, tid: taskId } },
    });
  } catch (error) {
    reportFailure(error);
  }
}
