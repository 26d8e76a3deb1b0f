import type { Element } from "hast";
import { Check, Copy } from "lucide-react";
import { copyRichText, copyText } from "@/clipboard";
import { reportCopy } from "@/components/report-failure";
import { texts } from "@/texts";
import { useCopied } from "../answer/use-copied";
import { toCsv, toHtml, toMarkdownTable } from "./table-text";

type Format = "csv" | "markdown";

/** Buttons that copy a table as CSV, which spreadsheets paste as cells, and as Markdown. */
export function TableActions({ table }: { table: Element }) {
  const [copied, setCopied] = useCopied<Format>();

  async function copy(format: Format) {
    const copying =
      format === "csv"
        ? copyRichText(toCsv(table), toHtml(table))
        : copyText(toMarkdownTable(table));
    if (await reportCopy(copying)) setCopied(format);
  }

  return (
    <div className="flex select-none flex-wrap gap-x-3 px-3.5 pt-1 print:hidden" dir="auto">
      {(["csv", "markdown"] as const).map((format) => {
        const Icon = copied === format ? Check : Copy;
        return (
          <button
            key={format}
            type="button"
            aria-label={texts.reading.copyTable[format]}
            title={texts.reading.copyTable[format]}
            onClick={() => void copy(format)}
            className="tap reveal inline-flex items-center gap-1.5 rounded px-1 text-ink-3 text-small hover:text-ink"
          >
            <Icon size={13} aria-hidden="true" />
            <span
              // Generated content is not part of the answer's text.
              data-label={
                copied === format ? texts.thread.copied : texts.reading.tableFormats[format]
              }
              className="before:content-[attr(data-label)]"
            />
          </button>
        );
      })}
      <span role="status" className="sr-only">
        {copied && texts.thread.copied}
      </span>
    </div>
  );
}
