import "react";

declare module "react" {
  interface CSSProperties {
    /** The hue of an avatar's tint, 0–359. */
    "--hue"?: number;
    /** A color of terminal text or of its background that is not one of the palette. */
    "--ansi-color"?: string;
    "--ansi-back"?: string;
  }
}
