import { useQuery } from "@tanstack/react-query";
import { body, client } from "@/api/client";
import { TextButton } from "@/components/ui/button";
import { notify } from "@/components/ui/toast";
import { texts } from "@/texts";

/** The user that everybody is on a server that has no keys; there is nothing to sign out of. */
const KEYLESS_USER = "local";

/** Who is signed in, and the way out. */
export function SignOut() {
  const { data: me } = useQuery({
    queryKey: ["me"],
    queryFn: () => body(client.GET("/v1/auth/me")),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!me || me.user_id === KEYLESS_USER) return null;
  const leave = async () => {
    try {
      await client.DELETE("/v1/auth/session");
      window.location.assign("/");
    } catch (error) {
      notify(texts.actions.failed(error instanceof Error ? error.message : String(error)));
    }
  };
  return (
    <p className="text-ink-2 text-note">
      {texts.signIn.as(me.user_id)} ·{" "}
      <TextButton onClick={() => void leave()}>{texts.signIn.out}</TextButton>
    </p>
  );
}
