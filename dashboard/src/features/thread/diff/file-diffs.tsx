import { type ComponentType, useEffect, useState } from "react";
import { showControls } from "@/terminal/screen";
import type { FileDiff } from "../steps/step-detail";

type ViewProps = FileDiff & { maxLines: number };

let View: ComponentType<ViewProps> | null = null;
let loading: Promise<void> | null = null;

function loadView(): Promise<void> {
  loading ??= import("./diff-view").then(
    (module) => {
      View = module.DiffView;
    },
    () => {
      // Loading is retried with the next diff. Until then, diffs are shown as plain text.
      loading = null;
    },
  );
  return loading;
}

/**
 * The changes that a tool call makes to files. Until the view is loaded, the first `maxLines` lines
 * of each are shown as plain text.
 */
export function FileDiffs(props: { diffs: readonly FileDiff[]; maxLines: number }) {
  const { diffs, maxLines } = props;
  const [isReady, setReady] = useState(View !== null);
  useEffect(() => {
    if (isReady) return;
    let isMounted = true;
    void loadView().then(() => {
      if (isMounted && View) setReady(true);
    });
    return () => {
      isMounted = false;
    };
  }, [isReady]);
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      {diffs.map((diff, index) =>
        isReady && View ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: a tool call can change a file twice.
          <View key={index} {...diff} maxLines={maxLines} />
        ) : (
          <pre
            // biome-ignore lint/suspicious/noArrayIndexKey: a tool call can change a file twice.
            key={index}
            className="whitespace-pre-wrap rounded-[9px] border border-line bg-code px-2.5 py-2 font-mono text-[12.5px] leading-[19px] [overflow-wrap:anywhere]"
          >
            {`${diff.path}\n${showControls(diff.patch.split("\n").slice(0, maxLines).join("\n"))}`}
          </pre>
        ),
      )}
    </div>
  );
}
