import { Link } from "@tanstack/react-router";
import { Bot, ChevronLeft, Eye, Settings, TriangleAlert } from "lucide-react";
import { use, useState } from "react";
import { useAgents } from "@/api/agents";
import { useFolders } from "@/api/folders";
import { useCanWrite } from "@/api/me";
import type { Agent } from "@/api/models";
import type { UnsentFiles } from "@/attachments/attachment";
import { AgentAvatar } from "@/components/agent-avatar";
import { AgentPicker } from "@/components/agent-picker";
import { FolderSelect } from "@/components/folder-select";
import { reportFailure } from "@/components/report-failure";
import { Button, IconButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Composer } from "@/features/composer/composer";
import { OutgoingBubble } from "@/features/thread/message/outgoing-bubble";
import { outbox, useOutgoingMessages } from "@/outbox/use-outbox";
import { changePreferences, usePreferences } from "@/preferences";
import { texts } from "@/texts";
import { OpenOverlay } from "./open-overlay";
import { DRAFT } from "./use-open-created-chat";

/** The view for choosing an agent and writing the first message. The outbox creates the session. */
export function NewChatPage(props: { isHome?: boolean; agentKey?: string | undefined }) {
  const { isHome = false } = props;
  const agents = useAgents();
  const openOverlay = use(OpenOverlay);
  const [chosen, setChosen] = useState(props.agentKey);
  const { lastAgent, recentFolders } = usePreferences();
  const [folder = recentFolders[0] ?? "", setFolder] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const pending = useOutgoingMessages(null);
  const isOnItsWay = pending.some(({ state }) => state !== "failed");
  const isStarting = isAsking || isOnItsWay;

  const choose = (all: Agent[] | undefined) => {
    const available = all?.filter((one) => one.available) ?? [];
    return (
      available.find((one) => one.key === chosen) ??
      available.find((one) => one.key === lastAgent) ??
      available[0]
    );
  };
  const agent = choose(agents.data);
  const folders = useFolders().data?.filter(
    ({ agents: keys }) => agent && keys.includes(agent.key),
  );
  const isUsable = folders?.some(({ key, available }) => key === folder && available) === true;
  const only = agents.data?.length === 1 ? agent : undefined;

  /**
   * Fetches the agents and returns the chosen one. A message can be sent before the agents are
   * loaded.
   */
  async function findAgent(): Promise<Agent | undefined> {
    setAsking(true);
    try {
      return choose((await agents.refetch({ throwOnError: true })).data);
    } catch (error) {
      reportFailure(error);
      throw error;
    } finally {
      setAsking(false);
    }
  }

  async function start(content: string, files: Partial<UnsentFiles> = {}) {
    const chosenAgent = agent ?? (await findAgent());
    // The page shows that no agent is available, and the composer restores the text.
    if (!chosenAgent) throw new Error("No agent is available.");
    await outbox.add({
      sessionId: null,
      agentKey: chosenAgent.key,
      ...(isUsable && { folder }),
      content,
      ...files,
      baseline: 0,
    });
    changePreferences({
      lastAgent: chosenAgent.key,
      ...(folders?.length && { recentFolders: withRecent(recentFolders, isUsable ? folder : "") }),
    });
  }

  const canWrite = useCanWrite();
  const isFailing = agents.isError || (agents.isPending && agents.failureCount > 1);
  return (
    <main className="flex h-full min-w-0 flex-col">
      <header className="flex min-h-14 items-center gap-2 px-2 pt-[env(safe-area-inset-top)] md:hidden">
        {isHome ? (
          <>
            <span className="flex-1 px-2 font-[650] text-[18px] tracking-[-0.02em]">
              {texts.app.name}
            </span>
            <IconButton label={texts.settings.title} onClick={() => openOverlay("settings")}>
              <Settings size={17} strokeWidth={1.9} />
            </IconButton>
          </>
        ) : (
          <>
            <Link
              to="/"
              aria-label={texts.common.backToChats}
              className="grid size-10 place-items-center rounded-[10px] text-ink-2 hover:bg-hover"
            >
              <ChevronLeft size={22} className="rtl:-scale-x-100" />
            </Link>
            <span className="font-[620]">{texts.sessions.newChat}</span>
          </>
        )}
      </header>
      {/* The composer is next to the starters: in the middle, or at the bottom of a phone. */}
      {pending.length === 0 && <div className="flex-1" />}
      <div
        className={`min-h-0 overflow-y-auto px-3.5 md:px-6 ${pending.length > 0 ? "flex-1" : ""}`}
      >
        {/* A pending message is where it will be in its chat. */}
        <div
          className={`mx-auto flex max-w-[820px] flex-col gap-1 ${pending.length > 0 ? "pt-[84px] pb-3 md:pt-[140px]" : "pt-6 pb-3 md:pb-6"}`}
        >
          {isOnItsWay || !canWrite ? null : only ? (
            <OnlyAgent agent={only} />
          ) : agents.isPending && !isFailing ? null : (
            <h2 className={heading}>{texts.newChat.title}</h2>
          )}
          {!canWrite ? (
            <EmptyState
              icon={<Eye size={20} />}
              title={texts.newChat.readOnly}
              hint={texts.newChat.readOnlyHint}
            />
          ) : isOnItsWay ? null : isFailing ? (
            <EmptyState icon={<TriangleAlert size={20} />} title={texts.newChat.loadFailed}>
              <Button onClick={() => void agents.refetch()}>{texts.common.retry}</Button>
            </EmptyState>
          ) : agents.isPending ? (
            <AgentSkeleton />
          ) : agents.data.length === 0 ? (
            <EmptyState
              icon={<Bot size={20} />}
              title={texts.newChat.noAgents}
              hint={texts.newChat.noAgentsHint}
            />
          ) : only ? null : (
            <AgentPicker agents={agents.data} selected={agent?.key} onSelect={setChosen} />
          )}
          {canWrite && !isOnItsWay && agent && agent.starters.length > 0 && (
            <div className={only ? "text-center" : "mt-6"}>
              <p className="mb-2 text-ink-3 text-small">{texts.newChat.starters}</p>
              <div className={`flex flex-wrap gap-2 ${only ? "justify-center" : ""}`}>
                {agent.starters.map((starter) => (
                  <Button
                    key={starter}
                    disabled={isStarting}
                    className="h-auto! min-h-9 pointer-coarse:min-h-10 rounded-full! py-1.5 text-start font-[500]!"
                    onClick={() => void start(starter)}
                  >
                    <bdi>{starter}</bdi>
                  </Button>
                ))}
              </div>
            </div>
          )}
          {pending.map((item) => (
            <OutgoingBubble key={item.key} message={item} draftKey={DRAFT} />
          ))}
        </div>
      </div>
      {canWrite && !isOnItsWay && folders && folders.length > 0 && (
        <FolderSelect
          folders={folders}
          recent={recentFolders}
          selected={folder}
          onSelect={setFolder}
        />
      )}
      {canWrite && (
        <Composer
          draftKey={DRAFT}
          hasFocus
          isDisabled={(!agent && !agents.isPending) || isStarting}
          placeholder={
            isStarting
              ? texts.newChat.starting
              : agent
                ? texts.newChat.placeholder(agent.name)
                : texts.newChat.chooseAgent
          }
          accepts={agent?.accepts}
          onSend={start}
        />
      )}
      {pending.length === 0 && <div className={canWrite ? "flex-1 max-md:hidden" : "flex-1"} />}
    </main>
  );
}

/** The number of folders that are offered first. */
const RECENT = 5;

const withRecent = (recent: readonly string[], folder: string) =>
  [folder, ...recent.filter((one) => one !== folder)].slice(0, RECENT);

const heading =
  "mb-5 text-balance text-center font-[650] text-[20px] leading-7 tracking-[-0.02em] md:mb-7 md:text-[24px] md:leading-8";

function OnlyAgent({ agent }: { agent: Agent }) {
  return (
    <div className="mb-6 flex flex-col items-center gap-4 text-center">
      <AgentAvatar agentKey={agent.key} name={agent.name} avatar={agent.avatar} size="large" />
      <div>
        <h2 className={`${heading} mb-1! md:mb-1!`}>{texts.newChat.titleWith(agent.name)}</h2>
        <p className="max-w-[480px] text-balance text-ink-2">
          <bdi>{agent.description}</bdi>
        </p>
      </div>
    </div>
  );
}

/** A placeholder that is shown while the agents are loading. */
function AgentSkeleton() {
  return (
    <div aria-hidden="true" className="flex animate-shimmer flex-col items-center gap-4">
      <div className="size-12 rounded-2xl bg-hover" />
      <div className="h-6 w-48 rounded bg-hover" />
      <div className="h-4 w-72 max-w-full rounded bg-hover" />
    </div>
  );
}
