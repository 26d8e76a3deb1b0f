import { texts } from "@/texts";
import { useAttention } from "./use-attention";

/**
 * The number of unread answers, or an exclamation mark if a chat needs the user, at the corner of
 * the button that leads to the chat list. The open chat does not count.
 */
export function AttentionBadge(props: { except?: string | undefined }) {
  const { unread, isCalled } = useAttention(props.except);
  if (unread === 0 && !isCalled) return null;
  return (
    <span
      className={`pointer-events-none absolute -end-0.5 -top-0.5 grid h-4 min-w-4 place-items-center rounded-full px-1 font-[650] text-[11px] leading-none tabular-nums ${isCalled ? "bg-bad text-bg" : "bg-accent text-accent-ink"}`}
    >
      <span aria-hidden="true">{isCalled ? "!" : unread > 99 ? "99+" : unread}</span>
      <span className="sr-only">
        {isCalled ? texts.sidebar.attention : texts.sessions.unread(unread)}
      </span>
    </span>
  );
}
