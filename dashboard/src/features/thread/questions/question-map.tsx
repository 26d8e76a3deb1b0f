import { memo } from "react";
import { CONTEXT_PX, goTo } from "../scroll/navigation";
import { type Question, useKnownQuestions } from "./question-texts";

/** With fewer questions, the map is not shown. */
const MIN_QUESTIONS = 3;
/** The maximum number of ticks. In a longer chat, a tick represents several questions. */
const MAX_TICKS = 36;

/** Returns at most `MAX_TICKS` questions, evenly distributed. */
export function pickTicks(questions: readonly Question[]): readonly Question[] {
  const count = Math.min(questions.length, MAX_TICKS);
  return Array.from(
    { length: count },
    (_, tick) => questions[Math.floor((tick * questions.length) / count)],
  ).filter((question) => question !== undefined);
}

/**
 * A column of ticks at the side of the thread, one for each question. Hovering over a tick shows
 * the question, and a click moves the thread to it. It is for the mouse only; the list of questions
 * does the same by keyboard.
 */
const QuestionMap = memo(function QuestionMap(props: {
  sessionId: string;
  /** The turn at the top of the view. */
  visibleTurn: number;
}) {
  const questions = useKnownQuestions(props.sessionId);
  if (questions.length < MIN_QUESTIONS) return null;
  const ticks = pickTicks(questions);
  const current = ticks.findLast(({ turn }) => turn <= props.visibleTurn) ?? ticks[0];
  return (
    <div
      aria-hidden="true"
      data-question-map=""
      className="-translate-y-1/2 absolute end-3 top-1/2 z-[5] hidden flex-col xl:flex pointer-coarse:hidden print:hidden"
    >
      {ticks.map((question) => (
        <button
          key={question.turn}
          type="button"
          tabIndex={-1}
          onClick={() => goTo({ kind: "turn", turn: question.turn, offset: CONTEXT_PX })}
          className="group/tick relative flex h-[11px] w-8 items-center justify-end"
        >
          <span
            className={`h-0.5 rounded-full transition-[width,background-color] duration-150 group-hover/tick:w-6 group-hover/tick:bg-ink ${question === current ? "w-5 bg-ink-2" : "w-3 bg-line-strong"}`}
          />
          <span
            dir="auto"
            className="-translate-y-1/2 pointer-events-none absolute end-full top-1/2 me-2 line-clamp-3 hidden w-max max-w-80 rounded-[10px] border border-line bg-surface px-3 py-1.5 text-start text-ink text-note shadow-high group-hover/tick:block"
          >
            {question.text}
          </span>
        </button>
      ))}
    </div>
  );
});

export default QuestionMap;
