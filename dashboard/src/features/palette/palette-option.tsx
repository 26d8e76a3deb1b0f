import { formatListTime } from "@/time";
import type { Command, FoundMessage } from "./commands";
import { splitSnippet } from "./snippet";

/** A command in the palette's list. */
export function PaletteOption(props: {
  command: Command;
  id: string;
  isSelected: boolean;
  onChoose: () => void;
  onPoint: () => void;
}) {
  const { command } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the palette's field handles the keys.
    <div
      role="option"
      id={props.id}
      tabIndex={-1}
      aria-selected={props.isSelected}
      onClick={props.onChoose}
      onPointerMove={props.onPoint}
      className="flex min-h-10 pointer-coarse:min-h-11 cursor-pointer items-center gap-3 rounded-[11px] px-3 text-note aria-selected:bg-hover"
    >
      <span className="grid w-8 shrink-0 place-items-center text-ink-2">{command.icon}</span>
      {command.message ? (
        <Message label={command.label} message={command.message} />
      ) : (
        <span className="min-w-0 flex-1 truncate">{command.label}</span>
      )}
      {command.keys && (
        <kbd dir="ltr" className="text-ink-3 text-small">
          {command.keys}
        </kbd>
      )}
    </div>
  );
}

/** The title of a chat, when the message was sent, and the part of the message that matches. */
function Message({ label, message }: { label: string; message: FoundMessage }) {
  let start = 0;
  return (
    <span className="flex min-w-0 flex-1 flex-col py-1.5">
      <span className="flex items-baseline gap-3">
        <span className="min-w-0 flex-1 truncate">{label}</span>
        <time dateTime={message.createdAt} className="shrink-0 text-ink-3 text-small">
          {formatListTime(message.createdAt, Date.now())}
        </time>
      </span>
      <span dir="auto" className="line-clamp-2 break-words text-ink-2 text-small">
        {splitSnippet(message).map(({ text, isMatch }) => {
          const key = start;
          start += text.length;
          return isMatch ? (
            <mark
              key={key}
              className="rounded-[3px] bg-[light-dark(#fde68a,#6b5512)] text-[light-dark(#1c1b1a,#fdf6dc)]"
            >
              {text}
            </mark>
          ) : (
            text
          );
        })}
      </span>
    </span>
  );
}
