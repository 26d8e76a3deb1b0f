/** All user-facing text. A translation is another object with the same shape. */

import { chat } from "./chat";
import { chatList } from "./chat-list";
import { errors } from "./errors";
import { general } from "./general";
import { messages } from "./messages";
import { navigation } from "./navigation";

export const texts = {
  ...general,
  ...chatList,
  ...chat,
  ...messages,
  ...navigation,
  ...errors,
} as const;
