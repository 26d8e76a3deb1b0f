import { useAgents } from "@/api/agents";

/** An agent's face: its emoji or colour, or the first letter of its name on its own tint. */
const sizes = {
  small: "size-8 rounded-[10px] text-[16px]",
  medium: "size-10 rounded-[13px] text-[19px]",
  large: "size-12 rounded-2xl text-[24px]",
} as const;

/** Whether this device can draw emoji: without such a font there would be an empty box. */
const drawsEmoji = (() => {
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
  // An emoji has colours; the box that stands for a missing glyph has none.
  for (let index = 0; index < data.length; index += 4)
    if (data[index] !== data[index + 1] || data[index] !== data[index + 2]) return true;
  return false;
}

const isColour = (avatar: string) => /^#[0-9a-f]{3,8}$/i.test(avatar);

const hues = [245, 150, 30, 200, 330, 175, 275, 10];

/** A hue for a key: always the same one. */
function hueOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const char of key) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return hues[(hash >>> 8) % hues.length] ?? 0;
}

export function AgentAvatar(props: {
  agentKey: string;
  name?: string | undefined;
  avatar?: string | null | undefined;
  size?: keyof typeof sizes;
}) {
  const avatar = props.avatar?.trim() ?? "";
  // Until the agents have come there is no letter either, or it would change under the eye.
  const letter = useAgents().isPending ? "" : (props.name ?? props.agentKey).charAt(0);
  const face = avatar && !isColour(avatar) && drawsEmoji() ? avatar : letter;
  return (
    <span
      aria-hidden="true"
      style={{
        "--hue": hueOf(props.agentKey),
        ...(isColour(avatar) ? { background: avatar, color: "#fff" } : {}),
      }}
      className={`avatar-tint grid shrink-0 select-none place-items-center font-[600] text-ink-2 uppercase leading-none ${sizes[props.size ?? "medium"]}`}
    >
      {face}
    </span>
  );
}
