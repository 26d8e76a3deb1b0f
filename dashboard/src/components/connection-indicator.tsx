import { useConnectionTrouble } from "@/stream/use-connection";
import { texts } from "@/texts";

/**
 * The connection status. With `isQuiet`, it is shown only if the connection has been down for a
 * while.
 */
export function ConnectionIndicator(props: { isQuiet?: boolean }) {
  const trouble = useConnectionTrouble();
  if (!trouble && props.isQuiet) return null;
  const text = trouble
    ? trouble === "offline"
      ? texts.connection.offline
      : texts.connection.reconnecting
    : texts.connection.live;
  return (
    <span
      role="status"
      className={`inline-flex shrink-0 items-center gap-1.5 text-small ${trouble ? "text-warn" : "text-ink-3"}`}
    >
      <span
        aria-hidden="true"
        className={`size-[7px] rounded-full ${trouble ? "animate-shimmer bg-warn" : "bg-ok"}`}
      />
      {text}
    </span>
  );
}
