import { useConnectionTrouble } from "@/stream/use-connection";
import { texts } from "@/texts";

/** The connection status. It is shown only if the connection has been down for a while. */
export function ConnectionIndicator() {
  const trouble = useConnectionTrouble();
  if (!trouble) return null;
  return (
    <span role="status" className="inline-flex shrink-0 items-center gap-1.5 text-small text-warn">
      <span aria-hidden="true" className="size-[7px] animate-shimmer rounded-full bg-warn" />
      {trouble === "offline" ? texts.connection.offline : texts.connection.reconnecting}
    </span>
  );
}
