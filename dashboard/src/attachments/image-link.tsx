import type { ComponentProps } from "react";
import type { Attachment } from "@/api/models";
import { hasAnyModifier } from "@/keyboard";
import { addressOf } from "./attachment";

/**
 * A thumbnail that opens the image, such as in the lightbox, or in a new tab with a modifier key or
 * the middle button.
 */
export function ImageLink(
  props: {
    image: Attachment;
    /** The maximum width and height of the thumbnail, in pixels. */
    thumbnailPx: number;
    onOpen: () => void;
    className: string;
    /** The class of the image. */
    imageClassName: string;
  } & Pick<ComponentProps<"img">, "width" | "height">,
) {
  const { image, width, height } = props;
  return (
    <a
      href={addressOf(image)}
      target="_blank"
      rel="noopener noreferrer"
      aria-haspopup="dialog"
      onClick={(event) => {
        if (hasAnyModifier(event)) return;
        event.preventDefault();
        props.onOpen();
      }}
      className={`block cursor-zoom-in overflow-hidden border border-line bg-hover ${props.className}`}
    >
      <img
        src={`${addressOf(image)}?thumbnail=${props.thumbnailPx}`}
        // An image that cannot be scaled is shown as it is.
        onError={({ currentTarget }) => {
          if (currentTarget.src.includes("?")) currentTarget.src = addressOf(image);
        }}
        alt={image.name}
        loading="lazy"
        width={width}
        height={height}
        className={props.imageClassName}
      />
    </a>
  );
}
