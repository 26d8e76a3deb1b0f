import { texts } from "@/texts";

/** The numbers of added and deleted lines, such as "+3 −1". */
export function DiffCounts(props: { additions: number; deletions: number }) {
  const { additions, deletions } = props;
  return (
    <span dir="ltr" className="inline-flex shrink-0 gap-1.5 text-small tabular-nums">
      <span aria-hidden="true" className="text-ok">
        {texts.diff.plus(additions)}
      </span>
      <span aria-hidden="true" className="text-bad">
        {texts.diff.minus(deletions)}
      </span>
      <span className="sr-only">{texts.diff.counts(additions, deletions)}</span>
    </span>
  );
}
