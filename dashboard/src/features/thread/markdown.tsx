import { type ComponentType, memo, useDeferredValue, useEffect, useState } from "react";

interface MarkdownProps {
  text: string;
  isStreaming: boolean;
}

let View: ComponentType<MarkdownProps> | null = null;
let loading: Promise<void> | null = null;

/** Fetches the renderer, once; it is bigger than the rest of the page. */
export function loadMarkdown(): Promise<void> {
  loading ??= import("./markdown-view").then(
    (module) => {
      View = module.MarkdownView;
    },
    () => {
      // The next answer tries again; until then the text stays plain.
      loading = null;
    },
  );
  return loading;
}

/** An answer's text: plain until the renderer has come, and then as Markdown. */
export const Markdown = memo(function Markdown({ text, isStreaming }: MarkdownProps) {
  const [isReady, setReady] = useState(View !== null);
  const deferred = useDeferredValue(text);
  useEffect(() => {
    if (isReady) return;
    let isMounted = true;
    void loadMarkdown().then(() => {
      if (isMounted && View) setReady(true);
    });
    return () => {
      isMounted = false;
    };
  }, [isReady]);

  if (!isReady || !View)
    return <div className="whitespace-pre-wrap [unicode-bidi:plaintext]">{text}</div>;
  return <View text={deferred} isStreaming={isStreaming} />;
});
