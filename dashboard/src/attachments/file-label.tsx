import { FileText } from "lucide-react";
import { formatBytes } from "@/texts/formats";

/** The icon, the name, and the size of a file. */
export function FileLabel({ file }: { file: { readonly name: string; readonly size: number } }) {
  return (
    <>
      <FileText aria-hidden="true" size={20} strokeWidth={1.8} className="shrink-0 text-ink-2" />
      <span className="min-w-0">
        <bdi className="block truncate font-[570] text-note">{file.name}</bdi>
        <span className="block text-ink-3 text-small">{formatBytes(file.size)}</span>
      </span>
    </>
  );
}
