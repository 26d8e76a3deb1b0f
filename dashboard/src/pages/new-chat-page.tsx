import { Link, useNavigate } from "@tanstack/react-router";
import { Bot, ChevronLeft, TriangleAlert } from "lucide-react";
import { useRef, useState } from "react";
import { useAgents } from "@/api/agents";
import { body, client } from "@/api/client";
import type { Agent } from "@/api/models";
import { AgentAvatar } from "@/components/agent-avatar";
import { reportFailure } from "@/components/report-failure";
import { Button } from "@/components/ui/button";
import { StateNote } from "@/components/ui/state-note";
import { writeDraft } from "@/drafts";
import { AgentPicker } from "@/features/agents/agent-picker";
import { Composer } from "@/features/composer/composer";
import { newId } from "@/identifier";
import { outbox } from "@/outbox/use-outbox";
import { store } from "@/stream/store";
import { texts } from "@/texts";

const DRAFT = "new";

/** Chooses an agent and sends the first message; the session is made with it. */
export function NewChatPage(props: { isHome?: boolean; agentKey?: string | undefined }) {
  const { isHome = false } = props;
  const agents = useAgents();
  const navigate = useNavigate();
  const [chosen, setChosen] = useState(props.agentKey);
  const [isStarting, setStarting] = useState(false);
  const [composerKey, setComposerKey] = useState(0);
  // One key per agent until it has worked, so that a repeated try makes no second session.
  const creation = useRef({ agent: "", key: "" });

  const choose = (all: Agent[] | undefined) => {
    const available = all?.filter((one) => one.available) ?? [];
    return available.find((one) => one.key === chosen) ?? available[0];
  };
  const agent = choose(agents.data);
  // With one agent there is nothing to choose.
  const only = agents.data?.length === 1 ? agent : undefined;

  async function start(content: string, isStarter = false) {
    if (isStarting) return;
    setStarting(true);
    // Until the outbox has it, what was written stays a draft: a reload must not lose it.
    if (!isStarter) writeDraft(DRAFT, content);
    try {
      // Who types faster than the agents come need not press Enter twice.
      const { key } = agent ?? choose((await agents.refetch({ throwOnError: true })).data) ?? {};
      // The page says by now that there is none; the text goes back.
      if (!key) return setComposerKey((count) => count + 1);
      if (creation.current.agent !== key) creation.current = { agent: key, key: newId() };
      const session = await body(
        client.POST("/v1/chat", {
          params: { header: { "Idempotency-Key": creation.current.key } },
          body: { agent_key: key },
        }),
      );
      creation.current = { agent: "", key: "" };
      store.dispatch({ type: "session.accepted", session });
      await outbox.add({ sessionId: session.id, content, baseline: 0 });
      if (!isStarter) writeDraft(DRAFT, "");
      await navigate({ to: "/chat/$sessionId", params: { sessionId: session.id } });
    } catch (error) {
      // The text goes back to where it was written.
      setComposerKey((key) => key + 1);
      reportFailure(error);
    } finally {
      setStarting(false);
    }
  }

  const isFailing = agents.isError || (agents.isPending && agents.failureCount > 1);
  return (
    <main className="flex h-full min-w-0 flex-col">
      <header className="flex min-h-14 items-center gap-2 px-2 pt-[env(safe-area-inset-top)] md:hidden">
        {isHome ? (
          <span className="px-2 font-[650] text-[18px] tracking-[-0.02em]">{texts.app.name}</span>
        ) : (
          <>
            <Link
              to="/"
              aria-label={texts.common.back}
              className="grid size-10 place-items-center rounded-[10px] text-ink-2 hover:bg-hover"
            >
              <ChevronLeft size={22} />
            </Link>
            <span className="font-[620]">{texts.sessions.newChat}</span>
          </>
        )}
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto px-3.5 md:px-6">
        <div className="mx-auto flex min-h-full max-w-[820px] flex-col justify-center py-6 md:py-10">
          {only ? (
            <OnlyAgent agent={only} />
          ) : agents.isPending && !isFailing ? null : (
            <h2 className={heading}>{texts.newChat.title}</h2>
          )}
          {isFailing ? (
            <StateNote icon={<TriangleAlert size={20} />} title={texts.newChat.failedAgents}>
              <Button onClick={() => void agents.refetch()}>{texts.common.retry}</Button>
            </StateNote>
          ) : agents.isPending ? (
            <AgentSkeleton />
          ) : agents.data.length === 0 ? (
            <StateNote
              icon={<Bot size={20} />}
              title={texts.newChat.noAgents}
              hint={texts.newChat.noAgentsHint}
            />
          ) : only ? null : (
            <AgentPicker agents={agents.data} selected={agent?.key} onSelect={setChosen} />
          )}
          {agent && agent.starters.length > 0 && (
            <div className={only ? "text-center" : "mt-6"}>
              <p className="mb-2 text-ink-3 text-small">{texts.newChat.starters}</p>
              <div className={`flex flex-wrap gap-2 ${only ? "justify-center" : ""}`}>
                {agent.starters.map((starter) => (
                  <Button
                    key={starter}
                    disabled={isStarting}
                    className="h-auto! min-h-9 pointer-coarse:min-h-10 rounded-full! py-1.5 text-left font-[500]!"
                    onClick={() => void start(starter, true)}
                  >
                    {starter}
                  </Button>
                ))}
              </div>
            </div>
          )}
        </div>
      </div>
      <Composer
        key={composerKey}
        draftKey={DRAFT}
        hasFocus
        isDisabled={(!agent && !agents.isPending) || isStarting}
        isReadOnly={isStarting}
        placeholder={
          isStarting
            ? texts.newChat.starting
            : agent
              ? texts.newChat.placeholder(agent.name)
              : texts.newChat.pick
        }
        onSend={(text) => void start(text)}
      />
    </main>
  );
}

const heading =
  "mb-5 text-balance text-center font-[650] text-[20px] leading-7 tracking-[-0.02em] md:mb-7 md:text-[24px] md:leading-8";

function OnlyAgent({ agent }: { agent: Agent }) {
  return (
    <div className="mb-6 flex flex-col items-center gap-4 text-center">
      <AgentAvatar agentKey={agent.key} name={agent.name} avatar={agent.avatar} size="large" />
      <div>
        <h2 className={`${heading} mb-1! md:mb-1!`}>{texts.newChat.titleOne(agent.name)}</h2>
        <p className="max-w-[480px] text-balance text-ink-2">{agent.description}</p>
      </div>
    </div>
  );
}

/** It is not known yet whether there is a choice: the shape of one agent promises none. */
function AgentSkeleton() {
  return (
    <div aria-hidden="true" className="flex animate-shimmer flex-col items-center gap-4">
      <div className="size-12 rounded-2xl bg-hover" />
      <div className="h-6 w-48 rounded bg-hover" />
      <div className="h-4 w-72 max-w-full rounded bg-hover" />
    </div>
  );
}
