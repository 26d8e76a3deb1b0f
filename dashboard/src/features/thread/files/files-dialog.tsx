import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Paperclip, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { body, client } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { addressOf, isImage } from "@/attachments/attachment";
import { FileLabel } from "@/attachments/file-label";
import { ImageLink } from "@/attachments/image-link";
import { showImages } from "@/attachments/lightbox/lightbox-state";
import { Button, TextButton } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { useStore } from "@/stream/store";
import { texts } from "@/texts";
import { formatMoment } from "@/time";
import { CONTEXT_PX, goTo } from "../scroll/navigation";

type SessionFile = components["schemas"]["SessionAttachment"];

/** The size of a preview, which is also sharp on screens with a high resolution. */
const PREVIEW_PX = 320;

/** A dialog with the images and the other files of a chat, newest first. */
export default function FilesDialog(props: { sessionId: string; onClose: () => void }) {
  const { sessionId: id, onClose } = props;
  // New messages may have files.
  const lastSeq = useStore((state) => state.sessions[id]?.value?.last_seq);
  const query = useInfiniteQuery({
    queryKey: ["files", id, lastSeq],
    queryFn: ({ pageParam, signal }) => fetchFiles(id, pageParam, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.has_more ? page.items.at(-1)?.turn : undefined),
    staleTime: 0,
    networkMode: "always",
    placeholderData: keepPreviousData,
  });
  const files = query.data?.pages.flatMap((page) => page.items) ?? [];
  const images = files.filter(({ attachment }) => isImage(attachment.media_type));
  const others = files.filter(({ attachment }) => !isImage(attachment.media_type));

  function show({ turn }: SessionFile) {
    onClose();
    goTo({ kind: "turn", turn, offset: CONTEXT_PX });
  }

  return (
    <Dialog title={texts.files.title} size="large" onClose={onClose}>
      <div
        className="-mx-5 max-h-[min(70dvh,640px)] overflow-y-auto px-5"
        aria-busy={query.isFetching}
      >
        {query.isPending && <p className="py-6 text-center text-ink-2">{texts.files.loading}</p>}
        {query.isSuccess && files.length === 0 && (
          <EmptyState
            icon={<Paperclip aria-hidden="true" size={22} />}
            title={texts.files.none}
            hint={texts.files.noneHint}
          />
        )}
        {images.length > 0 && (
          <Section title={texts.files.images}>
            <ul className="grid grid-cols-[repeat(auto-fill,minmax(132px,1fr))] gap-3">
              {images.map((image, index) => (
                <ImageTile
                  key={image.attachment.id}
                  image={image}
                  onOpen={() =>
                    showImages(
                      images.map(({ attachment }) => attachment),
                      index,
                    )
                  }
                  onShow={() => show(image)}
                />
              ))}
            </ul>
          </Section>
        )}
        {others.length > 0 && (
          <Section title={texts.files.others}>
            <ul className="flex flex-col gap-2">
              {others.map((file) => (
                <FileRow key={file.attachment.id} file={file} onShow={() => show(file)} />
              ))}
            </ul>
          </Section>
        )}
        {query.isError && (
          <EmptyState
            icon={<TriangleAlert aria-hidden="true" size={22} />}
            title={texts.files.failed}
          >
            <Button onClick={() => void query.refetch()}>{texts.common.retry}</Button>
          </EmptyState>
        )}
        {query.hasNextPage && (
          <div className="py-2 text-center">
            <TextButton
              disabled={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              {texts.files.showOlder}
            </TextButton>
          </div>
        )}
      </div>
      <div className="mt-4 flex justify-end">
        <Button onClick={onClose}>{texts.find.close}</Button>
      </div>
    </Dialog>
  );
}

function fetchFiles(id: string, before: number | null, signal: AbortSignal) {
  const query = before === null ? {} : { before_turn: before };
  return body(client.GET("/v1/chat/{id}/attachments", { params: { path: { id }, query }, signal }));
}

function Section(props: { title: string; children: ReactNode }) {
  return (
    <section className="mb-5">
      <h3 className="mb-2 font-[570] text-ink-2 text-small">{props.title}</h3>
      {props.children}
    </section>
  );
}

/** A preview of an image, and where it is in the chat. */
function ImageTile(props: { image: SessionFile; onOpen: () => void; onShow: () => void }) {
  return (
    <li className="min-w-0">
      <ImageLink
        image={props.image.attachment}
        thumbnailPx={PREVIEW_PX}
        onOpen={props.onOpen}
        className="aspect-square rounded-xl"
        imageClassName="size-full object-cover"
      />
      <Place {...props} file={props.image} />
    </li>
  );
}

function FileRow({ file, onShow }: { file: SessionFile; onShow: () => void }) {
  const { attachment } = file;
  return (
    <li className="flex min-w-0 flex-wrap items-center justify-between gap-x-4 rounded-2xl border border-line px-3.5 py-2.5">
      <a
        href={addressOf(attachment)}
        download={attachment.name}
        aria-label={texts.files.download(attachment.name)}
        className="flex min-w-0 items-center gap-3 rounded hover:underline pointer-coarse:min-h-10"
      >
        <FileLabel file={attachment} />
      </a>
      <Place file={file} onShow={onShow} />
    </li>
  );
}

/** When and by whom the file was sent, and a button that shows its message. */
function Place({ file, onShow }: { file: SessionFile; onShow: () => void }) {
  const { attachment, role } = file;
  const sender = role === "user" ? texts.files.you : texts.files.agent;
  return (
    <span className="flex min-w-0 flex-wrap items-center gap-x-2 pt-1 text-ink-3 text-small">
      <span>
        {sender} · {formatMoment(attachment.created_at)}
      </span>
      <TextButton
        aria-label={texts.files.showNamed(attachment.name)}
        className="text-small"
        onClick={onShow}
      >
        {texts.files.show}
      </TextButton>
    </span>
  );
}
