import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { texts } from "@/texts";

/** Copies text. This also works over plain HTTP, where the clipboard API is unavailable. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton(props: { text: string; className?: string; isShort?: boolean }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const Icon = isCopied ? Check : Copy;

  return (
    <button
      type="button"
      onClick={() => void copyText(props.text).then(() => setCopied(true))}
      className={`tap inline-flex items-center gap-1.5 rounded px-1 text-ink-3 text-small hover:text-ink ${props.className ?? ""}`}
    >
      <Icon size={13} aria-hidden="true" />
      <span aria-live="polite" className={props.isShort ? "max-md:sr-only" : ""}>
        {isCopied ? texts.thread.copied : texts.thread.copy}
      </span>
    </button>
  );
}
