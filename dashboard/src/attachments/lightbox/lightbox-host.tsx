import { useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { useObservable } from "@/observable";
import { closeLightbox, lightbox } from "./lightbox-state";

const Lightbox = lazy(async () => ({ default: (await import("./lightbox")).Lightbox }));

/** Shows the lightbox outside of the thread, which removes the messages that are out of sight. */
export function LightboxHost() {
  const content = useObservable(lightbox);
  const path = useLocation({ select: ({ pathname }) => pathname });
  // The images belong to the view that was left.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect runs when the path changes.
  useEffect(() => closeLightbox, [path]);
  if (!content) return null;
  return (
    <Suspense>
      <Lightbox images={content.images} start={content.start} onClose={closeLightbox} />
    </Suspense>
  );
}
