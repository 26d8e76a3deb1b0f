import { ArrowDown } from "lucide-react";
import { texts } from "@/texts";

/** A button that scrolls to the end of the thread. It shows the number of unread messages. */
export function JumpButton(props: { unreadCount: number; onClick: () => void }) {
  const text = props.unreadCount > 0 ? texts.thread.newMessages(props.unreadCount) : null;
  return (
    <button
      type="button"
      aria-label={text ?? texts.thread.jumpToLatest}
      onClick={props.onClick}
      className="absolute inset-x-0 bottom-2 mx-auto flex w-fit h-9 min-w-9 pointer-coarse:h-11 pointer-coarse:min-w-11 animate-rise items-center justify-center gap-2 rounded-full border border-line bg-surface px-3.5 font-[570] text-note shadow-high hover:border-line-strong print:hidden"
    >
      <ArrowDown size={16} aria-hidden="true" />
      {text}
    </button>
  );
}
