import { ArrowUp, Square } from "lucide-react";
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import { acceptsFiles } from "@/api/agents";
import type { Agent } from "@/api/models";
import { AttachButton } from "@/attachments/attach-button";
import type { UnsentFiles } from "@/attachments/attachment";
import {
  addFiles,
  isReady,
  MAX_FILES,
  restoreFiles,
  takeFiles,
  useFiles,
} from "@/attachments/pending-files";
import { useFileDrop } from "@/attachments/use-file-drop";
import { IconButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { useAutoHeight } from "@/components/ui/use-auto-height";
import { setComposing, takeDraft, useDraft, writeDraft } from "@/drafts";
import { formatKeys, hasModifier, isSendKey } from "@/keyboard";
import { usePreferences } from "@/preferences";
import { texts } from "@/texts";
import { findPastedText, type PastedText } from "./pasted-text";
import { useInitialFocus } from "./use-initial-focus";
import { useTypeToFocus } from "./use-type-to-focus";

/** The maximum size of a message in bytes. The api has the same limit. */
const MAX_BYTES = 256 * 1024;
/**
 * The maximum length of a text in which each paragraph has its own direction. Chromium lays out
 * such a text again at every key press. For 250 KB, that takes 100 ms instead of 10 ms.
 */
const MIXED_DIRECTION_MAX_CHARS = 16 * 1024;

const ConflictingDraft = lazy(async () => ({
  default: (await import("./conflicting-draft")).ConflictingDraft,
}));
const PendingFileList = lazy(() => import("@/attachments/pending-file-list"));

const PasteOffer = lazy(async () => ({ default: (await import("./paste-offer")).PasteOffer }));

const encoder = new TextEncoder();

function isOverLimit(text: string): boolean {
  // Each UTF-16 code unit takes up at most three bytes in UTF-8.
  return text.length > MAX_BYTES / 3 && encoder.encode(text).length > MAX_BYTES;
}

/**
 * The field for writing a message. Its text is the draft with the key `draftKey`. The composer does
 * not depend on the stream, so an incoming answer does not slow down typing.
 */
export function Composer(props: {
  draftKey: string;
  placeholder: string;
  /** Whether a turn is running or queued. If so, a new message is queued, and Stop is shown. */
  isBusy?: boolean;
  isStopping?: boolean;
  /** Whether sending is disabled. Typing is still possible. */
  isDisabled?: boolean;
  isReadOnly?: boolean;
  /**
   * Handles a key pressed while the field is empty. Returns whether the key scrolled the thread.
   */
  onScrollKey?: (key: string) => boolean;
  hasFocus?: boolean;
  /** The files that the agent accepts; undefined if it accepts none. */
  accepts?: Agent["accepts"] | undefined;
  /** Sends the message. Resolves once the stored draft is no longer needed. */
  onSend: (text: string, files: UnsentFiles) => Promise<void>;
  onStop?: () => void;
}) {
  const { draftKey, isBusy = false, isStopping = false, isDisabled = false } = props;
  const text = useDraft(draftKey);
  const field = useRef<HTMLTextAreaElement>(null);
  const sendsOnEnter = usePreferences().sendWith === "enter";
  const files = useFiles(draftKey);
  const hasFiles = files.some(isReady);
  // A file whose upload has failed must be uploaded again or removed first.
  const isComplete = files.every(isReady);
  const canSend = (text.trim() !== "" || hasFiles) && isComplete && !isDisabled;
  const isTooLong = isOverLimit(text);

  useAutoHeight(field, text);
  useInitialFocus(field, props.hasFocus === true);
  useTypeToFocus(field);

  const { accepts } = props;
  const acceptsAny = acceptsFiles(accepts);
  const add = useCallback(
    (added: readonly File[]) => {
      if (!acceptsAny) return notify(texts.files.unsupported);
      const { length } = addFiles(draftKey, added);
      if (length < added.length) notify(texts.files.tooMany(MAX_FILES));
      field.current?.focus();
    },
    [draftKey, acceptsAny],
  );
  const isOver = useFileDrop(add);
  const [pasted, setPasted] = useState<PastedText | null>(null);

  function send() {
    if (!canSend || isTooLong) return;
    const forget = takeDraft(draftKey);
    const { forget: forgetFiles, ...taken } = takeFiles(draftKey);
    const forgetAll = () => {
      forget();
      forgetFiles();
    };
    void props.onSend(text, taken).then(forgetAll, () => {
      writeDraft(draftKey, text);
      restoreFiles(draftKey, taken);
    });
    setPasted(null);
    field.current?.focus();
  }

  function onPaste(event: React.ClipboardEvent<HTMLTextAreaElement>) {
    const { clipboardData, currentTarget } = event;
    // Programs such as spreadsheets add a picture of the copied text.
    if (clipboardData.types.includes("text/plain")) {
      const text = clipboardData.getData("text/plain");
      const found = accepts?.files && findPastedText(text, currentTarget.selectionStart);
      if (found) setPasted(found);
    } else if (clipboardData.files.length > 0) {
      event.preventDefault();
      add([...clipboardData.files]);
    }
  }

  function onKeyDown(event: React.KeyboardEvent) {
    // During an IME composition (key code 229 in Safari), Enter confirms the composition.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (isSendKey(event, sendsOnEnter)) {
      event.preventDefault();
      send();
    } else if (
      text === "" &&
      !hasModifier(event) &&
      !event.shiftKey &&
      props.onScrollKey?.(event.key)
    )
      event.preventDefault();
    else if (event.key === "Escape" && isBusy && !isStopping) {
      event.preventDefault();
      props.onStop?.();
    }
  }

  return (
    <div className="print:hidden px-3.5 pt-2 pb-[max(14px,env(safe-area-inset-bottom))] md:px-6">
      <Suspense fallback={null}>
        <ConflictingDraft draftKey={draftKey} onDone={() => field.current?.focus()} />
      </Suspense>
      {isOver && acceptsAny && <DropTarget />}
      {files.length > 0 && (
        <Suspense fallback={null}>
          <PendingFileList
            draftKey={draftKey}
            files={files}
            onRemoved={() => field.current?.focus()}
          />
        </Suspense>
      )}
      <div role="status" className="mx-auto max-w-[820px]">
        {pasted && accepts?.files && (
          <Suspense fallback={null}>
            <PasteOffer
              key={`${pasted.start} ${pasted.text}`}
              draftKey={draftKey}
              pasted={pasted}
              field={field}
              onDismiss={() => setPasted(null)}
            />
          </Suspense>
        )}
      </div>
      {isTooLong && (
        <p role="alert" className="mx-auto mb-2 max-w-[820px] text-bad text-note">
          {texts.composer.tooLong}
        </p>
      )}
      <div className="mx-auto flex max-w-[820px] items-end gap-2 rounded-[24px] border border-line bg-surface py-[7px] pe-[7px] ps-[18px] pointer-coarse:py-[5px] shadow-low transition-[border-color] duration-150 focus-within:border-line-strong">
        <textarea
          ref={field}
          data-composer=""
          rows={1}
          // Without text, the placeholder has the direction of the page.
          dir={text === "" ? undefined : "auto"}
          value={text}
          readOnly={props.isReadOnly}
          aria-label={texts.composer.label}
          placeholder={props.placeholder}
          onChange={(event) => writeDraft(draftKey, event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          onCompositionStart={() => setComposing(draftKey, true)}
          onCompositionEnd={() => setComposing(draftKey, false)}
          className={`max-h-[calc(0.4*var(--visible-height,100dvh))] min-w-0 flex-1 resize-none self-center bg-transparent py-1.5 pointer-coarse:py-[9px] leading-[23px] outline-0 placeholder:truncate placeholder:text-ink-3 ${text.length > MIXED_DIRECTION_MAX_CHARS ? "[unicode-bidi:isolate]" : ""}`}
        />
        {/* After the field, so that Shift+Tab leads from the field to a request above it. */}
        {acceptsAny && <AttachButton onFiles={add} />}
        {isBusy && (
          <IconButton
            label={isStopping ? texts.status.stopping : texts.composer.stop}
            variant="solid"
            disabled={isStopping}
            onClick={() => props.onStop?.()}
            className="rounded-full!"
          >
            <Square size={12} fill="currentColor" />
          </IconButton>
        )}
        {(!isBusy || canSend) && (
          <IconButton
            label={isBusy ? texts.composer.queue : texts.composer.send}
            variant="accent"
            disabled={!canSend || isTooLong}
            onClick={send}
            className="rounded-full! disabled:bg-hover disabled:text-ink-3 disabled:opacity-100"
          >
            <ArrowUp size={19} strokeWidth={2.2} />
          </IconButton>
        )}
      </div>
      <p
        aria-hidden="true"
        className="mx-auto mt-1.5 hidden max-w-[820px] text-center text-ink-3 text-small md:block [@media(hover:none)]:hidden"
      >
        {sendsOnEnter
          ? isBusy
            ? texts.composer.hintBusy
            : texts.composer.hint
          : texts.composer.hintMod(formatKeys("Mod", "Enter"), isBusy)}
      </p>
    </div>
  );
}

/** Covers the page while files are dragged over it. */
function DropTarget() {
  return (
    <div className="pointer-events-none fixed inset-3 z-30 grid place-items-center rounded-3xl border-2 border-accent border-dashed bg-bg/80">
      <p className="font-[570] text-[18px]">{texts.files.drop}</p>
    </div>
  );
}
