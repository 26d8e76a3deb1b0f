import { type ComponentProps, lazy, Suspense } from "react";

const Loaded = lazy(async () => ({ default: (await import("./session-dialogs")).SessionDialog }));

/** A dialog for one session, which is loaded when it is first opened. */
export function LazySessionDialog(props: ComponentProps<typeof Loaded>) {
  return (
    <Suspense>
      <Loaded {...props} />
    </Suspense>
  );
}
