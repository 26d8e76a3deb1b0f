import type { AnswerFormat } from "./answer/answer-text";

/** The agent of a thread. */
export interface ThreadAgent {
  readonly key: string;
  readonly name: string;
  readonly avatar: string | undefined;
  /** The format of the agent's answers; null until the agents are loaded. */
  readonly format: AnswerFormat | null;
}
