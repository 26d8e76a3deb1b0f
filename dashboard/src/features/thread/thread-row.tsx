import { useMemo } from "react";
import { useAgents } from "@/api/agents";
import { parseFormat } from "./answer/answer-text";
import { AgentDivider, DayDivider, NewDivider } from "./dividers";
import type { ThreadAgent } from "./thread-agent";
import type { TurnRow } from "./turn-rows";
import { TurnView } from "./turn-view";

/** A turn with the dividers above it. */
export function ThreadRow({ row, agent }: { row: TurnRow; agent: ThreadAgent }) {
  const author = useAuthor(row.turn.answer?.agent_key ?? agent.key, agent);
  return (
    <>
      {row.day && <DayDivider at={row.day} />}
      {row.newAgent && <AgentDivider name={author.name} />}
      {row.isNewBefore === "turn" && <NewDivider />}
      <TurnView
        user={row.turn.user}
        answer={row.turn.answer}
        task={row.task}
        position={row.position}
        agent={author}
        hasNewAnswer={row.isNewBefore === "answer"}
        isNewest={row.isNewest}
        hasTime={row.hasTime}
      />
    </>
  );
}

/** Returns the agent that wrote an answer, which may not be the one that answers now. */
function useAuthor(key: string, current: ThreadAgent): ThreadAgent {
  const author = useAgents({ refetchOnMount: false }).data?.find((agent) => agent.key === key);
  // The same object, so that a finished answer is not rendered again.
  return useMemo(() => {
    if (key === current.key) return current;
    return {
      key,
      name: author?.name ?? key,
      avatar: author?.avatar ?? undefined,
      format: current.format === null ? null : parseFormat(author?.answer_format),
    };
  }, [key, author, current]);
}
