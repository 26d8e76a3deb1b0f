/** Actions on a turn's task: stopping it, retrying it, and answering permission requests. */
import { ApiError, client } from "@/api/client";
import { isEnded } from "@/api/models";
import { reportFailure } from "@/components/report-failure";
import { createObservable, useObservable } from "@/observable";
import { onStreamEvent } from "@/stream/use-connection";
import type { PermissionAnswer } from "./permission/permission";

/** The error codes returned if a turn has already been retried. */
const RETRIED_CODES = new Set(["task_not_ended", "task_succeeded"]);

const stopping = createObservable<ReadonlySet<string>>(new Set());

export function useIsStopping(taskId: string | undefined): boolean {
  return useObservable(stopping, (ids) => taskId !== undefined && ids.has(taskId));
}

/** Cancels a task. It is not an error if the task has already ended. */
export async function stopTask(sessionId: string, taskId: string): Promise<void> {
  stopping.set(new Set([...stopping.get(), taskId]));
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
  if (!stopping.get().has(taskId)) return;
  stopping.set(new Set([...stopping.get()].filter((id) => id !== taskId)));
}

// A task that has ended must not appear as stopping if it is retried.
onStreamEvent((event) => {
  if (event.type === "task.updated" && isEnded(event.task.status)) forget(event.task.id);
});

/** Answers a permission request. A 409 response is ignored, because the steps show the outcome. */
export async function answerPermission(
  sessionId: string,
  taskId: string,
  requestId: string,
  answer: PermissionAnswer,
): Promise<void> {
  try {
    await client.POST("/v1/chat/{id}/tasks/{tid}/permissions/{rid}", {
      params: { path: { id: sessionId, tid: taskId, rid: requestId } },
      body: answer,
    });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) reportFailure(error);
  }
}

/** Retries a task. It is not an error if it has already been retried. */
export async function retryTask(sessionId: string, taskId: string): Promise<void> {
  try {
    await client.POST("/v1/chat/{id}/tasks/{tid}/retry", {
      params: { path: { id: sessionId, tid: taskId } },
    });
  } catch (error) {
    const isUnderWay = error instanceof ApiError && RETRIED_CODES.has(error.code);
    if (!isUnderWay) reportFailure(error);
  }
}
