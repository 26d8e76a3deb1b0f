import { ImageOff } from "lucide-react";
import { useState } from "react";
import type { Attachment } from "@/api/models";
import { Button } from "@/components/ui/button";
import { texts } from "@/texts";
import { addressOf, THUMBNAIL_PX } from "../attachment";
import type { Size } from "./zoom";

/**
 * An image at this size, or why it is not shown. While it is loading, the thumbnail from the message
 * is shown.
 */
export function LightboxImage(props: {
  image: Attachment;
  size: Size;
  /** How the image is moved and zoomed, in CSS. */
  transform: string;
  isAnimated: boolean;
  /** Called with the image's own size once it is loaded. */
  onLoad: (size: Size) => void;
}) {
  const { image, size } = props;
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<"loading" | "loaded" | "failed">("loading");
  if (state === "failed")
    return (
      <div role="alert" className="flex flex-col items-center gap-3 px-6 text-center">
        <ImageOff aria-hidden="true" size={28} strokeWidth={1.6} className="text-ink-3" />
        <p className="text-ink-2">{texts.lightbox.failed}</p>
        <Button
          onClick={() => {
            setState("loading");
            setAttempt(attempt + 1);
          }}
        >
          {texts.common.retry}
        </Button>
      </div>
    );
  const isLoading = state === "loading";
  return (
    <img
      key={attempt}
      src={addressOf(image)}
      alt={image.name}
      draggable={false}
      onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => {
        setState("loaded");
        if (width > 0 && height > 0) props.onLoad({ width, height });
      }}
      onError={() => setState("failed")}
      style={{
        ...size,
        transform: props.transform,
        // Images may be transparent, with light or with dark content.
        background: isLoading
          ? `url("${addressOf(image)}?thumbnail=${THUMBNAIL_PX}") center / 100% 100%`
          : "#e4e2dd",
      }}
      className={`max-w-none shrink-0 rounded-[2px] ${props.isAnimated ? "transition-transform duration-200" : ""}`}
    />
  );
}
