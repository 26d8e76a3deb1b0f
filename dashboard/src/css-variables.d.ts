import "react";

declare module "react" {
  interface CSSProperties {
    /** The hue of an avatar's tint, 0–359. */
    "--hue"?: number;
  }
}
