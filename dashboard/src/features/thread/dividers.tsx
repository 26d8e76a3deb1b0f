import { useServerNow } from "@/stream/clock";
import { texts } from "@/texts";
import { formatClock, formatDay } from "@/time";

const MINUTE_MS = 60_000;

export function DayDivider({ at }: { at: string }) {
  const now = useServerNow(MINUTE_MS);
  return (
    <p className="self-center py-3 text-ink-3 text-small">
      <time dateTime={at}>
        {formatDay(at, now)} {formatClock(at)}
      </time>
    </p>
  );
}

/** A divider above the first answer of another agent. */
export function AgentDivider({ name }: { name: string }) {
  return <p className="self-center py-2 text-ink-3 text-small">{texts.thread.newAgent(name)}</p>;
}

/** The "New" divider, which marks where new messages start. */
export function NewDivider() {
  return (
    <p
      data-new-divider=""
      className="flex items-center gap-3 py-2 font-[600] text-accent text-small before:h-px before:flex-1 before:bg-current before:opacity-35 after:h-px after:flex-1 after:bg-current after:opacity-35"
    >
      {texts.thread.newDivider}
    </p>
  );
}
