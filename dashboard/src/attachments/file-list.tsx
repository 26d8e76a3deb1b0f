/** Lists the files of a message. */
import type { Attachment } from "@/api/models";
import { texts } from "@/texts";
import { addressOf, isImage, THUMBNAIL_PX, type WaitingFile } from "./attachment";
import { FileLabel } from "./file-label";
import { ImageLink } from "./image-link";
import { openLightbox } from "./lightbox/lightbox-state";

/** The maximum width and height of an image in a message, in CSS pixels. */
const MAX_PX = 280;

/** Images and file cards, on the side of the user or of the agent. */
export default function FileList(props: {
  files: readonly Attachment[];
  waiting: readonly WaitingFile[];
  isAnswer: boolean;
}) {
  const { files, waiting, isAnswer } = props;
  const images = files.filter(({ media_type }) => isImage(media_type));
  const others = files.filter(({ media_type }) => !isImage(media_type));
  return (
    <div
      className={`flex min-w-0 max-w-full flex-col gap-1.5 ${isAnswer ? "items-start self-start" : "items-end self-end"}`}
    >
      {images.length > 0 && (
        <div className={`flex flex-wrap gap-1.5 ${isAnswer ? "" : "justify-end"}`}>
          {images.map((image) => (
            <SizedImage key={image.id} image={image} onOpen={() => openLightbox(image, images)} />
          ))}
        </div>
      )}
      {others.map((file) => (
        <FileCard key={file.id} file={file} />
      ))}
      {waiting.map((file) => (
        <div key={file.key} className={`${card} border-dashed border-line-strong`}>
          <FileLabel file={file} />
        </div>
      ))}
    </div>
  );
}

/** An image whose place is reserved while it is loading. */
function SizedImage({ image, onOpen }: { image: Attachment; onOpen: () => void }) {
  const { width, height } = image;
  const scale = width && height ? Math.min(1, MAX_PX / width, MAX_PX / height) : 1;
  return (
    <ImageLink
      image={image}
      thumbnailPx={THUMBNAIL_PX}
      onOpen={onOpen}
      className="rounded-2xl"
      imageClassName="max-h-[280px] max-w-full object-cover"
      width={width ? Math.max(24, Math.round(width * scale)) : undefined}
      height={height ? Math.max(24, Math.round(height * scale)) : undefined}
    />
  );
}

const card = "flex max-w-full items-center gap-3 rounded-2xl border bg-surface px-3.5 py-2.5";

function FileCard({ file }: { file: Attachment }) {
  return (
    <a
      href={addressOf(file)}
      download={file.name}
      aria-label={texts.files.download(file.name)}
      className={`${card} border-line hover:border-line-strong`}
    >
      <FileLabel file={file} />
    </a>
  );
}
