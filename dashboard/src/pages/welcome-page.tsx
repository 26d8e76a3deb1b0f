import { Link } from "@tanstack/react-router";
import { MessagesSquare } from "lucide-react";
import { StateNote } from "@/components/ui/state-note";
import { texts } from "@/texts";

/** Beside the list, while no chat is open. */
export function WelcomePage() {
  return (
    <main className="h-full">
      <StateNote
        icon={<MessagesSquare size={20} />}
        title={texts.welcome.title}
        hint={texts.welcome.body}
      >
        <Link
          to="/new"
          className="inline-flex h-9 items-center rounded-[10px] bg-accent px-4 font-[570] text-accent-ink text-note hover:bg-accent-strong"
        >
          {texts.sessions.newChat}
        </Link>
      </StateNote>
    </main>
  );
}
