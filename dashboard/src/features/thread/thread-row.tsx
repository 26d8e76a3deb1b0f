import { DayDivider, NewDivider } from "./dividers";
import type { ThreadAgent } from "./thread-agent";
import type { TurnRow } from "./turn-rows";
import { TurnView } from "./turn-view";

/** A turn with the dividers above it. */
export function ThreadRow({ row, agent }: { row: TurnRow; agent: ThreadAgent }) {
  return (
    <>
      {row.day && <DayDivider at={row.day} />}
      {row.isNewBefore === "turn" && <NewDivider />}
      <TurnView
        user={row.turn.user}
        answer={row.turn.answer}
        task={row.task}
        position={row.position}
        agent={agent}
        hasNewAnswer={row.isNewBefore === "answer"}
        isNewest={row.isNewest}
        hasTime={row.hasTime}
      />
    </>
  );
}
