import type { Attachment } from "@/api/models";

/** Returns whether browsers show files of this type as images. */
export function isImage(type: string): boolean {
  return /^image\/(png|jpeg|gif|webp|avif)$/.test(type);
}

/** Returns the address of an uploaded file. */
export function addressOf({ id }: Attachment): string {
  return `/v1/attachments/${id}`;
}

/** The size of thumbnails in messages, which are also sharp on screens with a high resolution. */
export const THUMBNAIL_PX = 560;
