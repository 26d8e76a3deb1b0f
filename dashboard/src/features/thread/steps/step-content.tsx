import { showControls } from "@/terminal/screen";
import { TerminalText } from "@/terminal/terminal-text";
import { texts } from "@/texts";
import { FileDiffs } from "../diff/file-diffs";
import { Markdown } from "../markdown/markdown";
import { PlanEntries } from "./plan-entries";
import type { StepDetail } from "./step-detail";
import { TailBox } from "./tail-box";

/** The number of lines to which a long diff is collapsed. */
const DIFF_LINES = 40;

const mono =
  "whitespace-pre-wrap px-2.5 py-2 font-mono text-[12.5px] leading-[19px] [overflow-wrap:anywhere] [font-variant-ligatures:none] [tab-size:8] [unicode-bidi:plaintext]";

/** The content of an expanded step. */
export function StepContent(props: {
  detail: StepDetail;
  /** Whether the text and the output of the step may still grow. */
  isRunning: boolean;
  /** The key under which scroll positions are remembered, or null. */
  memoryKey: string | null;
}) {
  const { detail, isRunning, memoryKey } = props;
  return (
    // Only the contents in view are laid out and painted.
    <div className="flex min-w-0 flex-col gap-1.5 [contain-intrinsic-block-size:auto_160px] [content-visibility:auto]">
      {detail.thought && (
        <TailBox
          label={texts.steps.thought}
          isGrowing={isRunning}
          memoryKey={memoryKey}
          className="max-h-80"
        >
          <div className="text-ink-2 text-note">
            <Markdown text={detail.thought} isStreaming={isRunning} />
          </div>
        </TailBox>
      )}
      {detail.notice && (
        <TailBox
          label={texts.steps.notice}
          isGrowing={isRunning}
          memoryKey={memoryKey}
          className="max-h-80"
        >
          <p className="whitespace-pre-wrap text-ink-2 text-note [overflow-wrap:anywhere]">
            <TerminalText text={detail.notice} />
          </p>
        </TailBox>
      )}
      {detail.diffs && <FileDiffs diffs={detail.diffs} maxLines={DIFF_LINES} />}
      {(detail.input || detail.output) && (
        <div className="divide-y divide-line overflow-hidden rounded-[9px] border border-line bg-code">
          {detail.input && (
            <TailBox
              label={texts.steps.input}
              isGrowing={false}
              memoryKey={null}
              className="max-h-60"
            >
              <pre className={`text-ink ${mono}`}>{showControls(detail.input)}</pre>
            </TailBox>
          )}
          {detail.output && (
            <TailBox
              label={texts.steps.output}
              isGrowing={isRunning}
              memoryKey={memoryKey}
              className="max-h-60"
            >
              <pre className={`text-ink-2 ${mono}`}>
                <TerminalText text={detail.output} />
              </pre>
            </TailBox>
          )}
        </div>
      )}
      {detail.entries && <PlanEntries entries={detail.entries} />}
    </div>
  );
}
