/** The api's resources, under the names used in the dashboard. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Message = Schemas["Message"];
export type Task = Schemas["Task"];
export type TaskStatus = Task["status"];
/** A step. Its `detail` depends on the agent and is parsed where it is shown. */
export type Step = Omit<Schemas["Step"], "kind" | "detail"> & {
  kind: Schemas["Step"]["kind"];
  detail: Record<string, unknown>;
};
export type Agent = Schemas["Agent"];
export type Partial = Schemas["Partial"];

/** Returns whether a task with this status has ended. */
export function isEnded(status: TaskStatus): boolean {
  return status !== "queued" && status !== "running";
}
