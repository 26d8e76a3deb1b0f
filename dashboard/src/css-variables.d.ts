import "react";

declare module "react" {
  interface CSSProperties {
    /** The hue of an avatar's tint, from 0 to 359. */
    "--hue"?: number;
    /** The color of terminal text or of its background, if it is not in the palette. */
    "--ansi-color"?: string;
    "--ansi-back"?: string;
  }
}
