import "react";

declare module "react" {
  interface CSSProperties {
    /** The hue of an avatar's tint, from 0 to 359. */
    "--hue"?: number;
    /** The color of terminal text, if it is not in the palette. */
    "--ansi-color"?: string;
    /** The background color of terminal text, if it is not in the palette. */
    "--ansi-back"?: string;
    /** The width of the sidebar, if the user has resized it. */
    "--sidebar-width"?: string;
  }
}
