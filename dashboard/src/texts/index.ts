/** All user-facing text. A translation is another object with the same shape. */

import { chat } from "./chat";
import { chatList } from "./chat-list";
import { errors } from "./errors";
import { general } from "./general";
import { moving } from "./moving";
import { reading } from "./reading";

export const texts = {
  ...general,
  ...chatList,
  ...chat,
  ...moving,
  ...reading,
  ...errors,
} as const;
