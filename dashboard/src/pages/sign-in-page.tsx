import { KeyRound } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { ApiError, client } from "@/api/client";
import { explainFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { texts } from "@/texts";

/** The form for signing in with an API key, shown after a 401 response. */
export function SignInPage() {
  const [key, setKey] = useState("");
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    window.addEventListener("focus", checkSession);
    document.addEventListener("visibilitychange", checkSession);
    return () => {
      window.removeEventListener("focus", checkSession);
      document.removeEventListener("visibilitychange", checkSession);
    };
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isSending || key.trim() === "") return;
    setSending(true);
    setFailure(null);
    try {
      await client.POST("/v1/auth/session", { body: { api_key: key.trim() } });
      // Fetch everything again as the new user.
      window.location.reload();
    } catch (error) {
      setSending(false);
      setFailure(explain(error));
    }
  };

  return (
    <main className="grid h-full place-items-center overflow-y-auto p-6">
      <form
        onSubmit={(event) => void submit(event)}
        className="w-full max-w-[420px] rounded-[18px] border border-line bg-surface p-6 shadow-low"
      >
        <span className="mb-4 grid size-11 place-items-center rounded-[13px] bg-accent-soft text-accent">
          <KeyRound size={20} aria-hidden="true" />
        </span>
        <h1 className="font-[650] text-[18px] tracking-[-0.01em]">{texts.signIn.title}</h1>
        <label className="mt-4 block">
          <span className="mb-1.5 block font-[570] text-note">{texts.signIn.apiKey}</span>
          <input
            type="password"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            autoComplete="current-password"
            spellCheck={false}
            // biome-ignore lint/a11y/noAutofocus: it is the only field on the page
            autoFocus
            required
            placeholder="bnt_…"
            aria-invalid={failure !== null}
            aria-describedby="sign-in-failure"
            className="h-11 w-full rounded-[11px] border border-line-strong bg-bg px-3 font-mono text-[14px] outline-none placeholder:text-ink-3 focus-visible:border-accent focus-visible:ring-2 focus-visible:ring-accent-soft"
          />
        </label>
        <p id="sign-in-failure" role="alert" className="mt-2 text-bad text-note empty:hidden">
          {failure}
        </p>
        <Button type="submit" variant="accent" disabled={isSending} className="mt-4 h-10! w-full">
          {texts.signIn.submit}
        </Button>
        <p className="mt-5 text-ink-2 text-note">{texts.signIn.hint}</p>
        <code className="mt-2 block overflow-x-auto rounded-[9px] border border-line bg-code px-3 py-2 font-mono text-[13px]">
          {texts.signIn.command}
        </code>
      </form>
    </main>
  );
}

/** Reloads the page if the user has signed in from another tab, which shares the cookie. */
async function checkSession(): Promise<void> {
  if (document.visibilityState === "hidden") return;
  try {
    await client.GET("/v1/auth/me");
    window.location.reload();
  } catch {
    // The user is still signed out, or the request failed.
  }
}

function explain(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) return texts.signIn.invalidKey;
  return explainFailure(error);
}
