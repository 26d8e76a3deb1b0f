import { useAgents } from "@/api/agents";
import { texts } from "@/texts";
import type { SearchFilter } from "./use-found-messages";

const statuses = ["all", "active", "archived"] as const;

/** Selects the chats whose messages are searched. */
export function SearchFilters(props: {
  filter: SearchFilter;
  onChange: (filter: SearchFilter) => void;
}) {
  const { filter, onChange } = props;
  const { data: agents } = useAgents();
  const names = {
    all: texts.palette.anyStatus,
    active: texts.palette.activeOnly,
    archived: texts.palette.archivedOnly,
  };
  const style =
    "h-8 min-w-0 max-w-1/2 cursor-pointer rounded-[9px] border border-line bg-surface px-1.5 text-ink-2 text-small hover:bg-hover focus-visible:outline-2 focus-visible:outline-accent pointer-coarse:h-11";
  return (
    <div className="flex gap-2 border-line border-b px-4 py-2">
      <select
        aria-label={texts.palette.agentFilter}
        value={filter.agent}
        onChange={(event) => onChange({ ...filter, agent: event.target.value })}
        className={style}
      >
        <option value="">{texts.palette.anyAgent}</option>
        {agents?.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={texts.palette.statusFilter}
        value={filter.status}
        onChange={(event) => {
          const status = statuses.find((known) => known === event.target.value);
          if (status) onChange({ ...filter, status });
        }}
        className={style}
      >
        {statuses.map((status) => (
          <option key={status} value={status}>
            {names[status]}
          </option>
        ))}
      </select>
    </div>
  );
}
