/** Lists the files of a draft, above the text. */
import { FileText, RotateCw, X } from "lucide-react";
import { IconButton } from "@/components/ui/button";
import { texts } from "@/texts";
import { explainProblem } from "@/texts/explain";
import { formatBytes, formatPercent } from "@/texts/formats";
import { isImage } from "./attachment";
import { type PendingFile, removeFile, retryFile } from "./pending-files";

/** The size of pictures, which are also sharp on screens with a high resolution. */
const PICTURE_PX = 80;

export default function PendingFileList(props: {
  draftKey: string;
  files: readonly PendingFile[];
  /** Called before a button is removed, because it will no longer have the focus. */
  onRemoved: (button: Element) => void;
}) {
  const { draftKey, files } = props;
  return (
    <ul
      aria-label={texts.files.list}
      className="mx-auto mb-2 flex max-w-[820px] flex-wrap gap-2 print:hidden"
    >
      {files.map((file) => (
        <li
          key={file.key}
          className={`flex max-w-full items-center gap-2.5 rounded-xl border bg-surface p-1.5 ps-2 ${file.problem ? "border-bad/60" : "border-line"}`}
        >
          <Picture file={file} />
          <span className="min-w-0 max-w-[200px]">
            <bdi className="block truncate text-note">{file.name}</bdi>
            <Status file={file} />
          </span>
          {(file.problem || file.isWaiting) && (
            <IconButton
              label={texts.files.retry(file.name)}
              onClick={({ currentTarget }) => {
                retryFile(file.key);
                props.onRemoved(currentTarget);
              }}
            >
              <RotateCw size={15} />
            </IconButton>
          )}
          <IconButton
            label={texts.files.remove(file.name)}
            onClick={({ currentTarget }) => {
              removeFile(draftKey, file.key);
              props.onRemoved(currentTarget);
            }}
          >
            <X size={16} />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}

function Picture({ file }: { file: PendingFile }) {
  const { attachment } = file;
  return attachment && isImage(attachment.media_type) ? (
    <img
      src={`/v1/attachments/${attachment.id}?thumbnail=${PICTURE_PX}`}
      alt=""
      className="size-10 shrink-0 rounded-lg bg-hover object-cover"
    />
  ) : (
    <FileText aria-hidden="true" size={20} strokeWidth={1.8} className="shrink-0 text-ink-2" />
  );
}

function Status({ file }: { file: PendingFile }) {
  if (file.problem)
    return (
      <span role="alert" className="block text-bad text-small">
        {file.problem.code === "payload_too_large"
          ? texts.files.tooLarge
          : explainProblem(file.problem)}
      </span>
    );
  if (file.attachment)
    return <span className="block text-ink-3 text-small">{formatBytes(file.size)}</span>;
  if (file.isWaiting)
    return (
      <span role="status" className="block text-ink-3 text-small">
        {texts.files.waiting}
      </span>
    );
  return (
    <span
      role="progressbar"
      aria-label={texts.files.uploading(file.name)}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(file.progress * 100)}
      aria-valuetext={formatPercent(file.progress)}
      className="mt-1.5 block h-1 w-28 overflow-hidden rounded-full bg-hover"
    >
      <span className="block h-full bg-accent" style={{ width: `${file.progress * 100}%` }} />
    </span>
  );
}
