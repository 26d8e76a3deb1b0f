/** The images that the lightbox shows, and how to open it. */
import type { Attachment } from "@/api/models";
import { attachmentsOf } from "@/api/models";
import { createObservable } from "@/observable";
import { openSessionId } from "@/offline/open-session";
import { store } from "@/stream/store";
import { listTurns } from "@/stream/turns";
import { isImage } from "../attachment";

export interface LightboxContent {
  readonly images: readonly Attachment[];
  /** The index of the image that is shown first. */
  readonly start: number;
}

/** What the lightbox shows; null while it is closed. */
export const lightbox = createObservable<LightboxContent | null>(null);

/**
 * Opens the lightbox with an image. The other images are those of the open chat's loaded messages
 * or, if the chat does not contain the image, those of `siblings`.
 */
export function openLightbox(image: Attachment, siblings: readonly Attachment[]): void {
  const thread = store.getState().threads[openSessionId() ?? ""];
  const turns = listTurns(thread?.messages ?? {});
  const inChat = turns.flatMap(({ user, answer }) =>
    [user, answer].flatMap((message) => (message ? imagesOf(attachmentsOf(message)) : [])),
  );
  const find = (images: readonly Attachment[]) => images.findIndex(({ id }) => id === image.id);
  const images = find(inChat) >= 0 ? inChat : imagesOf(siblings);
  showImages(images, Math.max(0, find(images)));
}

/** Opens the lightbox with the image at the index `start`. */
export function showImages(images: readonly Attachment[], start: number): void {
  lightbox.set({ images, start });
}

export function closeLightbox(): void {
  lightbox.set(null);
}

function imagesOf(files: readonly Attachment[]): readonly Attachment[] {
  return files.filter(({ media_type }) => isImage(media_type));
}
