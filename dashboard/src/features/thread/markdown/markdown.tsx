import { type ComponentType, memo, useDeferredValue, useEffect, useState } from "react";

interface MarkdownProps {
  text: string;
  isStreaming: boolean;
}

let View: ComponentType<MarkdownProps> | null = null;
let loading: Promise<void> | null = null;

/** Loads the renderer unless it is already loaded or being loaded. */
export function loadMarkdown(): Promise<void> {
  loading ??= import("./markdown-view").then(
    (module) => {
      View = module.MarkdownView;
    },
    () => {
      // Loading is retried with the next answer. Until then, text is shown as plain text.
      loading = null;
    },
  );
  return loading;
}

/** Markdown, which is shown as plain text until the renderer is loaded. */
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
  return <View text={isStreaming ? deferred : text} isStreaming={isStreaming} />;
});
