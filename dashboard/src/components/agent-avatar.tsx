import { useAgents } from "@/api/agents";

const sizes = {
  small: "size-8 rounded-[10px] text-[16px]",
  medium: "size-10 rounded-[13px] text-[19px]",
  large: "size-12 rounded-2xl text-[24px]",
} as const;

/**
 * Returns whether the device has a color emoji font. Without one, emoji may appear as empty boxes.
 */
const canDrawEmoji = (() => {
  let known: boolean | undefined;
  return (): boolean => {
    known ??= testEmoji();
    return known;
  };
})();

function testEmoji(): boolean {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return true;
  canvas.width = 16;
  canvas.height = 16;
  context.font = "14px sans-serif";
  context.textBaseline = "top";
  context.fillText("🦊", 0, 0);
  const { data } = context.getImageData(0, 0, 16, 16);
  // An emoji is colored, whereas the box for a missing glyph is gray.
  for (let index = 0; index < data.length; index += 4)
    if (data[index] !== data[index + 1] || data[index] !== data[index + 2]) return true;
  return false;
}

const isColor = (avatar: string) => /^#[0-9a-f]{3,8}$/i.test(avatar);

const hues = [245, 150, 30, 200, 330, 175, 275, 10];

/** Returns the hue for a key, derived from the key's hash. */
function hueOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const char of key) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hues[(hash >>> 8) % hues.length] ?? 0;
}

/**
 * An agent's emoji, or the first letter of its name. The background is the agent's color or a tint
 * derived from its key.
 */
export function AgentAvatar(props: {
  agentKey: string;
  name?: string | undefined;
  avatar?: string | null | undefined;
  size?: keyof typeof sizes;
}) {
  const avatar = props.avatar?.trim() ?? "";
  // Show no letter until the agents have been loaded, because the letter might change.
  const letter = useAgents().isPending ? "" : (props.name ?? props.agentKey).charAt(0);
  const face = avatar && !isColor(avatar) && canDrawEmoji() ? avatar : letter;
  return (
    <span
      aria-hidden="true"
      style={{
        "--hue": hueOf(props.agentKey),
        ...(isColor(avatar) ? { background: avatar, color: "#fff" } : {}),
      }}
      className={`avatar-tint grid shrink-0 select-none place-items-center font-[600] text-ink-2 uppercase leading-none ${sizes[props.size ?? "medium"]}`}
    >
      {face}
    </span>
  );
}
