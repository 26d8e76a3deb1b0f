import { Check } from "lucide-react";
import type { Agent } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { texts } from "@/texts";

/** Cards for choosing an agent. An unavailable agent's card shows the reason. */
export function AgentPicker(props: {
  agents: readonly Agent[];
  selected: string | undefined;
  onSelect: (key: string) => void;
}) {
  return (
    <fieldset className="grid min-w-0 grid-cols-[repeat(auto-fill,minmax(min(100%,280px),1fr))] gap-2.5">
      <legend className="sr-only">{texts.newChat.title}</legend>
      {props.agents.map((agent) => (
        <AgentCard
          key={agent.key}
          agent={agent}
          isSelected={agent.key === props.selected}
          onSelect={() => props.onSelect(agent.key)}
        />
      ))}
    </fieldset>
  );
}

function AgentCard(props: { agent: Agent; isSelected: boolean; onSelect: () => void }) {
  const { agent, isSelected } = props;
  const look = agent.available
    ? isSelected
      ? "border-accent bg-surface shadow-low ring-1 ring-accent"
      : "border-line bg-surface hover:border-line-strong hover:shadow-low"
    : "cursor-not-allowed border-line border-dashed";
  return (
    <label
      className={`relative flex items-start gap-3.5 rounded-[16px] border p-3.5 transition-[border-color,box-shadow] duration-150 has-focus-visible:outline-2 has-focus-visible:outline-accent has-focus-visible:outline-offset-2 ${agent.available ? "cursor-pointer" : ""} ${look}`}
    >
      <input
        type="radio"
        name="agent"
        value={agent.key}
        checked={isSelected}
        disabled={!agent.available}
        onChange={props.onSelect}
        className="sr-only"
      />
      <span className={agent.available ? "" : "opacity-50 grayscale"}>
        <AgentAvatar agentKey={agent.key} name={agent.name} avatar={agent.avatar} size="large" />
      </span>
      <span className="flex min-h-12 min-w-0 flex-1 flex-col justify-center pe-5">
        <span className={`block truncate font-[620] ${agent.available ? "" : "text-ink-2"}`}>
          {agent.name}
        </span>
        <span className="block text-ink-2 text-note">
          <bdi>{agent.description}</bdi>
        </span>
        {!agent.available && (
          <span className="mt-1 block text-small text-warn [overflow-wrap:anywhere]">
            {texts.newChat.unavailable}
            {agent.reason && (
              <>
                : <bdi>{agent.reason}</bdi>
              </>
            )}
          </span>
        )}
      </span>
      {isSelected && (
        <span className="absolute top-3 end-3 grid size-5 place-items-center rounded-full bg-accent text-accent-ink">
          <Check size={13} strokeWidth={3} aria-hidden="true" />
        </span>
      )}
    </label>
  );
}
