import type { ComponentProps } from "react";

const base =
  "inline-flex items-center justify-center gap-2 transition-[background-color,color,border-color,transform] duration-150 active:scale-[0.97] disabled:opacity-55 disabled:active:scale-100";

// Transparent borders are visible with forced colors, which replace the backgrounds.
const variants = {
  solid: "border border-transparent bg-ink text-bg hover:bg-ink/85",
  accent: "border border-transparent bg-accent text-accent-ink hover:bg-accent-strong",
  outline: "border border-line bg-surface text-ink hover:border-line-strong hover:bg-hover",
  ghost: "text-ink-2 hover:bg-hover hover:text-ink",
  danger: "border border-transparent bg-bad text-bg hover:bg-bad/85",
} as const;

type Variant = keyof typeof variants;

/** The heights of buttons. On touch devices, buttons are at least 40 px high. */
const sizes = { small: "h-8 pointer-coarse:h-10", medium: "h-9 pointer-coarse:h-10" } as const;

/** A button with a text label. */
export function Button({
  variant = "outline",
  size = "medium",
  className = "",
  ...props
}: ComponentProps<"button"> & { variant?: Variant; size?: keyof typeof sizes }) {
  return (
    <button
      type="button"
      className={`${base} ${variants[variant]} ${sizes[size]} rounded-[10px] px-3.5 font-[570] text-note ${className}`}
      {...props}
    />
  );
}

/** A square button with an icon. `label` is its accessible name and its tooltip. */
export function IconButton({
  label,
  variant = "ghost",
  className = "",
  ...props
}: ComponentProps<"button"> & { label: string; variant?: Variant }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`${base} ${variants[variant]} size-9 shrink-0 rounded-[10px] pointer-coarse:size-10 ${className}`}
      {...props}
    />
  );
}

/** A button that looks like a link within small text. */
export function TextButton({ className = "", ...props }: ComponentProps<"button">) {
  return (
    <button
      type="button"
      className={`tap rounded font-[570] text-accent underline-offset-2 hover:underline disabled:opacity-55 ${className}`}
      {...props}
    />
  );
}
