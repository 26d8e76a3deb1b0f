import type { AnswerFormat } from "./answer-text";

/** The agent of a conversation, as its answers show it. */
export interface ThreadAgent {
  readonly key: string;
  readonly name: string;
  readonly avatar: string | undefined;
  /** How its answers are shown; null until that is known. */
  readonly format: AnswerFormat | null;
}
