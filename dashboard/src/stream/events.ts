/** The payloads of `/v1/events`, checked at the edge, so that the reducer can trust them. */
import * as v from "valibot";
import { event as eventSchema } from "@/api/events.gen";
import type { Step } from "@/api/models";
import type { components } from "@/api/schema.gen";

type Parsed = v.InferOutput<typeof eventSchema>;
type Documented = components["schemas"]["Event"];
type StepEvent = Extract<Documented, { type: "task.step" }>;
/** The document's events. What is in a step's detail is checked where it is shown. */
type Expected = Exclude<Documented, StepEvent> | (Omit<StepEvent, "step"> & { step: Step });

/** An event that was checked. It does not compile where the schemas accept other than the types promise. */
export type StreamEvent = Parsed extends Expected ? Parsed : never;
export type EventType = StreamEvent["type"];

/** Every type, for `addEventListener`: named events do not reach `onmessage`. */
export const eventTypes: readonly EventType[] = eventSchema.options.map(
  (option) => option.entries.type.literal,
);

/** Returns the event in a frame's data, or null if this version does not know it. */
export function parseEvent(data: string): StreamEvent | null {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return null;
  }
  const result = v.safeParse(eventSchema, json);
  return result.success ? result.output : null;
}
