/** The resources of the api under the names that the dashboard uses. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Message = Schemas["Message"];
export type Task = Schemas["Task"];
export type TaskStatus = Task["status"];
export type Step = Schemas["Step"];
export type Agent = Schemas["Agent"];
export type Partial = Schemas["Partial"];

/** True once nothing more will happen to the task by itself. */
export function isEnded(status: TaskStatus): boolean {
  return status !== "queued" && status !== "running";
}
