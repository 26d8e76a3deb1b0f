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
export type Attachment = Schemas["Attachment"];
export type Agent = Schemas["Agent"];
export type Folder = Schemas["Folder"];
export type Partial = Schemas["Partial"];

const NO_ATTACHMENTS: readonly Attachment[] = [];

/** Returns the attachments of a message. Copies from earlier versions of the page have none. */
export function attachmentsOf(message: {
  readonly attachments?: readonly Attachment[];
}): readonly Attachment[] {
  return message.attachments ?? NO_ATTACHMENTS;
}

/** Returns whether a task with this status has ended. */
export function isEnded(status: TaskStatus): boolean {
  return status !== "queued" && status !== "running";
}
