import type { Match } from "./find-matches";

/** A text to find, beginning with a message that contains it. */
export interface FindRequest {
  readonly sessionId: string;
  readonly query: string;
  readonly match: Match;
}
