/** Validates the payloads of `/v1/events`, so that the reducer can rely on them. */
import * as v from "valibot";
import { event as eventSchema } from "@/api/events.gen";
import type { Step } from "@/api/models";
import type { components } from "@/api/schema.gen";

type Parsed = v.InferOutput<typeof eventSchema>;
type Documented = components["schemas"]["Event"];
type StepEvent = Extract<Documented, { type: "task.step" }>;
/** The events in the OpenAPI document. The details of steps are parsed where they are shown. */
type Expected = Exclude<Documented, StepEvent> | (Omit<StepEvent, "step"> & { step: Step });

/**
 * A validated event. Compilation fails if the schemas' output does not conform to the types in the
 * document.
 */
export type StreamEvent = Parsed extends Expected ? Parsed : never;
export type EventType = StreamEvent["type"];

/** All event types, for `addEventListener`. `onmessage` does not receive named events. */
export const eventTypes: readonly EventType[] = eventSchema.options.map(
  (option) => option.entries.type.literal,
);

/** Parses the data of a frame. Returns null if the data is malformed or the event is unknown. */
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
