import { type ComponentProps, lazy, Suspense } from "react";

const Loaded = lazy(async () => ({ default: (await import("./session-menu")).SessionMenu }));

/** A session's menu, which is loaded after the first view. Its place is reserved. */
export function LazySessionMenu(props: ComponentProps<typeof Loaded>) {
  const { className = "" } = props;
  return (
    <Suspense fallback={<span className={`block size-9 pointer-coarse:size-10 ${className}`} />}>
      <Loaded {...props} />
    </Suspense>
  );
}
