import { TextButton } from "@/components/ui/button";
import { texts } from "@/texts";

/** A note in place of turns that have not been fetched. */
export function PagesNote(props: { isError: boolean; onRetry: () => void; className: string }) {
  return (
    <p className={`text-center text-ink-3 text-small ${props.className}`}>
      {props.isError ? texts.thread.loadMessagesFailed : texts.thread.loadingMessages}{" "}
      {props.isError && <TextButton onClick={props.onRetry}>{texts.common.retry}</TextButton>}
    </p>
  );
}
