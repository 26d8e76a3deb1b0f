/** The resources of the api under the names that the dashboard uses. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Message = Schemas["Message"];
export type Task = Schemas["Task"];
export type TaskStatus = Task["status"];
/** A step. What its detail holds depends on the agent, so it is checked where it is shown. */
export type Step = Omit<Schemas["Step"], "kind" | "detail"> & {
  kind: Schemas["Step"]["kind"];
  detail: Record<string, unknown>;
};
export type Agent = Schemas["Agent"];
export type Partial = Schemas["Partial"];

/** True once nothing more will happen to the task by itself. */
export function isEnded(status: TaskStatus): boolean {
  return status !== "queued" && status !== "running";
}
