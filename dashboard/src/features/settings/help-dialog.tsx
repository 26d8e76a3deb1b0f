import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { formatKeys } from "@/keyboard";
import { usePreferences } from "@/preferences";
import { texts } from "@/texts";

/** A dialog that lists the keyboard shortcuts. */
export function HelpDialog(props: { onClose: () => void }) {
  const { sendWith } = usePreferences();
  const isPlainEnter = sendWith === "enter";
  const shortcuts: readonly (readonly [string, string])[] = [
    [texts.help.palette, formatKeys("Mod", "K")],
    [texts.help.newChat, formatKeys("Mod", "Shift", "O")],
    [texts.help.sidebar, formatKeys("Mod", "\\")],
    [texts.help.find, formatKeys("Mod", "F")],
    [texts.help.questions, formatKeys("Mod", "J")],
    [texts.help.ends, `${formatKeys("Home")} ${formatKeys("End")}`],
    [texts.help.list, "↑ ↓"],
    [texts.help.select, texts.help.selectKeys],
    [texts.help.send, isPlainEnter ? formatKeys("Enter") : formatKeys("Mod", "Enter")],
    [texts.help.newLine, isPlainEnter ? formatKeys("Shift", "Enter") : formatKeys("Enter")],
    [texts.help.editNewest, "↑"],
    [texts.help.escape, formatKeys("Escape")],
    [texts.help.help, formatKeys("Mod", "/")],
  ];
  return (
    <Dialog title={texts.help.title} onClose={props.onClose}>
      <dl className="mt-3 flex flex-col gap-2.5">
        {shortcuts.map(([what, keys]) => (
          <div key={what} className="flex items-center justify-between gap-4">
            <dt className="text-ink-2 text-note">{what}</dt>
            <dd>
              <kbd
                dir="ltr"
                className="whitespace-nowrap rounded-md border border-line bg-code px-1.5 py-0.5 font-mono text-small"
              >
                {keys}
              </kbd>
            </dd>
          </div>
        ))}
      </dl>
      <div className="mt-6 flex justify-end">
        <Button variant="solid" onClick={props.onClose}>
          {texts.common.done}
        </Button>
      </div>
    </Dialog>
  );
}
