import { Upload } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { explainFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { useConnectionStatus } from "@/stream/use-connection";
import { texts } from "@/texts";
import { formatPercent } from "@/texts/formats";
import {
  ImportInterrupted,
  type ImportProgress,
  type ImportResult,
  startImport,
} from "./import-request";

/** The number of failures that are listed. */
const MAX_FAILURES = 100;

interface Running {
  readonly name: string;
  readonly progress: ImportProgress;
  readonly abort: () => void;
}

/** A dialog for importing chats from a file. The new chats appear by their events. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const [running, setRunning] = useState<Running | null>(null);
  const [result, setResult] = useState<ImportResult | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const isCancelled = useRef(false);
  const isOffline = useConnectionStatus() === "offline";

  async function start(file: File | undefined) {
    if (!file || running || isOffline) return;
    setResult(null);
    setProblem(null);
    isCancelled.current = false;
    const { name } = file;
    const started = startImport(file, (progress) =>
      setRunning((known) => known && { ...known, progress }),
    );
    setRunning({ name, progress: { step: "upload", part: 0 }, abort: started.abort });
    try {
      setResult(await started.result);
    } catch (error) {
      const isInterrupted = error instanceof ImportInterrupted;
      if (isCancelled.current) setProblem(texts.archive.cancelled);
      else setProblem(isInterrupted ? texts.archive.interrupted : explainFailure(error));
    } finally {
      setRunning(null);
    }
  }

  function cancel() {
    isCancelled.current = true;
    running?.abort();
  }

  const isRunning = running !== null;
  useUnloadWarning(isRunning);
  const content = useRef<HTMLDivElement>(null);
  const step = isRunning ? "running" : result ? "result" : "file";
  useStepFocus(content, step);

  return (
    <Dialog title={texts.archive.importTitle} isLocked={isRunning} onClose={onClose}>
      <div ref={content}>
        {!running && !result && <FileField isDisabled={isOffline} onFile={start} />}
        {running && <Progress {...running} />}
        {result && <Summary result={result} />}
        <p role="alert" className="mt-3 text-note text-warn empty:hidden">
          {isOffline && !running ? texts.archive.importOffline : problem}
        </p>
        <div className="mt-5 flex flex-wrap justify-end gap-2">
          {running && (
            <Button data-step-focus="" onClick={cancel}>
              {texts.common.cancel}
            </Button>
          )}
          {result && <Button onClick={() => setResult(null)}>{texts.archive.another}</Button>}
          {!running && (
            <Button
              variant={result ? "solid" : "outline"}
              data-step-focus={result ? "" : undefined}
              onClick={onClose}
            >
              {result ? texts.common.done : texts.common.cancel}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

/** Has the browser ask before the page is closed, which would interrupt an import. */
function useUnloadWarning(isActive: boolean): void {
  useEffect(() => {
    if (!isActive) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [isActive]);
}

/** Moves the focus to the main button of the next step, because the button before is removed. */
function useStepFocus(content: React.RefObject<HTMLElement | null>, step: string): void {
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current === step) return;
    shown.current = step;
    content.current?.querySelector<HTMLElement>("[data-step-focus]")?.focus();
  }, [content, step]);
}

/** A place to drop a file on, with a button that opens the file dialog. */
function FileField(props: { isDisabled: boolean; onFile: (file: File | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  return (
    <>
      <p className="text-ink-2 text-note">{texts.archive.importHint}</p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button does the same. */}
      <div
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          props.onFile(event.dataTransfer.files[0]);
        }}
        className={`mt-4 flex flex-col items-center gap-2 rounded-[16px] border-[1.5px] border-dashed px-4 py-6 text-center ${isOver ? "border-accent bg-hover" : "border-line-strong"}`}
      >
        <input
          ref={input}
          type="file"
          accept=".zip,.json,.jsonl,application/zip,application/json"
          hidden
          onChange={({ target }) => {
            props.onFile(target.files?.[0]);
            target.value = "";
          }}
        />
        <Button
          variant="solid"
          data-step-focus=""
          disabled={props.isDisabled}
          onClick={() => input.current?.click()}
        >
          <Upload size={16} aria-hidden="true" />
          {texts.archive.chooseFile}
        </Button>
        <p className="text-ink-2 text-small">
          <span className="[@media(hover:none)]:hidden">{texts.archive.drop} · </span>
          {texts.archive.fileTypes}
        </p>
      </div>
    </>
  );
}

/** The progress of the upload, and then of the import. */
function Progress({ name, progress }: Running) {
  const part =
    progress.step === "upload"
      ? progress.part
      : progress.total === null
        ? null
        : progress.done / Math.max(1, progress.total);
  const label =
    progress.step === "upload"
      ? texts.archive.uploading(name)
      : progress.total === null
        ? texts.archive.reading(progress.done)
        : texts.archive.readingOf(progress.done, progress.total);
  return (
    <div className="mt-3">
      <p className="text-note tabular-nums [overflow-wrap:anywhere]">{label}</p>
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={part === null ? undefined : Math.round(part * 100)}
        aria-valuetext={part === null ? undefined : formatPercent(part)}
        className="mt-2 h-1.5 overflow-hidden rounded-full bg-hover"
      >
        <div
          className={`h-full bg-accent ${part === null ? "w-full animate-shimmer" : ""}`}
          style={part === null ? undefined : { width: `${part * 100}%` }}
        />
      </div>
    </div>
  );
}

function Summary({ result }: { result: ImportResult }) {
  const { imported, skipped, failed } = result;
  const counts = [
    texts.archive.imported(imported),
    texts.archive.skipped(skipped),
    texts.archive.failed(failed.length),
  ];
  return (
    <div className="mt-1">
      <p role="status" className="font-[570]">
        {counts.join(texts.common.comma)}
      </p>
      {skipped > 0 && <p className="mt-1 text-ink-2 text-note">{texts.archive.skippedHint}</p>}
      {failed.length > 0 && (
        <>
          <h3 className="mt-4 mb-1.5 font-[570] text-note">{texts.archive.failures}</h3>
          <ul
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be focusable.
            tabIndex={0}
            aria-label={texts.archive.failures}
            className="max-h-[40vh] overflow-y-auto rounded-[12px] border border-line px-3 py-1"
          >
            {failed.slice(0, MAX_FAILURES).map(({ source, reason }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the list does not change.
              <li key={index} className="py-1.5 text-note [overflow-wrap:anywhere]">
                <bdi className="block">{reason}</bdi>
                <bdi className="block text-ink-2 text-small">{source}</bdi>
              </li>
            ))}
            {failed.length > MAX_FAILURES && (
              <li className="py-1.5 text-ink-2 text-note">
                {texts.archive.moreFailures(failed.length - MAX_FAILURES)}
              </li>
            )}
          </ul>
        </>
      )}
    </div>
  );
}
