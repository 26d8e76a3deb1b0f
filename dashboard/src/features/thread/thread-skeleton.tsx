/** A placeholder for a thread that is loading. */
export function ThreadSkeleton() {
  return (
    <div aria-hidden="true" className="min-h-0 flex-1 overflow-hidden px-3.5 md:px-6">
      <div className="mx-auto flex h-full max-w-[820px] animate-shimmer flex-col justify-end gap-3 pb-6">
        <div className="h-10 w-3/5 self-end rounded-bubble rounded-ee-[6px] bg-hover" />
        <div className="h-28 w-4/5 rounded-bubble rounded-es-[6px] bg-hover" />
        <div className="h-10 w-2/5 self-end rounded-bubble rounded-ee-[6px] bg-hover" />
        <div className="h-16 w-3/5 rounded-bubble rounded-es-[6px] bg-hover" />
      </div>
    </div>
  );
}
