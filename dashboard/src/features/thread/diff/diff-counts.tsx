import { texts } from "@/texts";

/** The numbers of added and deleted lines, such as "+3 −1". */
export function DiffCounts(props: { additions: number; deletions: number }) {
  const { additions, deletions } = props;
  return (
    <span dir="ltr" className="inline-flex shrink-0 gap-1.5 text-small tabular-nums">
      <span aria-hidden="true" className={additions > 0 ? "text-ok" : "text-ink-3"}>
        {texts.diff.plus(additions)}
      </span>
      <span aria-hidden="true" className={deletions > 0 ? "text-bad" : "text-ink-3"}>
        {texts.diff.minus(deletions)}
      </span>
      <span className="sr-only">{texts.diff.counts(additions, deletions)}</span>
    </span>
  );
}
