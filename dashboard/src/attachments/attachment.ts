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

/** A file that is kept on the device until it can be uploaded. */
export interface WaitingFile {
  /** The Idempotency-Key of the upload. */
  readonly key: string;
  readonly name: string;
  /** The size in bytes. */
  readonly size: number;
}

/** The files of a message that is not sent yet. */
export interface UnsentFiles {
  readonly attachments: readonly Attachment[];
  /** Files that must be uploaded before the message is sent. */
  readonly waitingFiles: readonly WaitingFile[];
}
