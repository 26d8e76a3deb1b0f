import { KeyRound } from "lucide-react";
import { Button } from "@/components/ui/button";
import { texts } from "@/texts";

/** The api answered 401: without a key there is nothing to show. */
export function KeyNeededPage() {
  return (
    <main className="grid h-full place-items-center p-6">
      <div className="w-full max-w-[420px] rounded-[18px] border border-line bg-surface p-6 shadow-low">
        <span className="mb-4 grid size-11 place-items-center rounded-[13px] bg-accent-soft text-accent">
          <KeyRound size={20} aria-hidden="true" />
        </span>
        <h1 className="font-[650] text-[18px] tracking-[-0.01em]">{texts.keyNeeded.title}</h1>
        <p className="mt-2 text-ink-2 text-note">{texts.keyNeeded.body}</p>
        <code className="mt-3 block overflow-x-auto rounded-[9px] border border-line bg-code px-3 py-2 font-mono text-[13px]">
          {texts.keyNeeded.command}
        </code>
        <p className="mt-3 mb-5 text-ink-2 text-note">{texts.keyNeeded.note}</p>
        <Button onClick={() => window.location.reload()}>{texts.keyNeeded.again}</Button>
      </div>
    </main>
  );
}
