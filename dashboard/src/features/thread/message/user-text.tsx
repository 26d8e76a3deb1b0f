import { lazy, memo, Suspense, useLayoutEffect, useMemo, useRef, useState } from "react";
import { TextButton } from "@/components/ui/button";
import { texts } from "@/texts";
import { ScrollArea } from "../markdown/scroll-area";
import { UNFOLD } from "../scroll/navigation";
import { splitLinks } from "./link-text";
import { type MessagePart, splitMessage } from "./pasted-code";

const CodeBlock = lazy(async () => ({
  default: (await import("../markdown/code-block")).CodeBlock,
}));

/** The keys of unfolded messages. A thread removes the messages that are out of sight. */
const unfolded = new Set<string>();

/**
 * The text of a user's message. Code and links are rendered; any other Markdown is shown as typed.
 * Text of more than 12 lines is folded.
 */
export const UserText = memo(function UserText(props: { text: string; id: string }) {
  const { text, id } = props;
  const parts = useMemo(() => splitMessage(text), [text]);
  const content = useRef<HTMLDivElement>(null);
  const [isLong, setLong] = useState(false);
  const [isUnfolded, setUnfolded] = useState(unfolded.has(id));
  const isFolded = isLong && !isUnfolded;

  useLayoutEffect(() => {
    const element = content.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const limit = 12 * Number.parseFloat(getComputedStyle(element).lineHeight);
    // Half a line is the tolerance for rounding and padding.
    const update = () => setLong(element.scrollHeight > limit * (1 + 0.5 / 12));
    const observer = new ResizeObserver(update);
    observer.observe(element);
    update();
    return () => observer.disconnect();
  }, []);

  function toggle() {
    content.current?.dispatchEvent(new Event(UNFOLD, { bubbles: true }));
    if (isUnfolded) unfolded.delete(id);
    else unfolded.add(id);
    setUnfolded(!isUnfolded);
  }

  return (
    <>
      <div className={isFolded ? "folded-text" : ""}>
        <div ref={content} className="markdown">
          {parts.map((part, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: all parts are replaced together.
            <Part key={index} part={part} />
          ))}
        </div>
      </div>
      {isLong && (
        <TextButton aria-expanded={isUnfolded} onClick={toggle} className="mt-1 text-note">
          {isUnfolded ? texts.reading.showLess : texts.reading.showMore}
        </TextButton>
      )}
    </>
  );
});

function Part({ part }: { part: MessagePart }) {
  if (part.kind === "code")
    return (
      <Suspense fallback={<pre data-pasted="">{part.text}</pre>}>
        <CodeBlock code={part.text} language={part.language} name={part.name} />
      </Suspense>
    );
  if (part.kind === "pasted")
    return (
      <ScrollArea dir="ltr">
        <pre data-pasted="">{part.text}</pre>
      </ScrollArea>
    );
  return (
    <p className="whitespace-pre-wrap">
      {splitLinks(part.text).map(({ text, href }, index) =>
        href ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: all parts are replaced together.
          <a key={index} href={href} target="_blank" rel="noopener noreferrer">
            {text}
          </a>
        ) : (
          text
        ),
      )}
    </p>
  );
}
