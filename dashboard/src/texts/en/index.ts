/** The English texts, which define the shape of all catalogs. */

import { archive } from "./archive";
import { chat } from "./chat";
import { chatList } from "./chat-list";
import { errors } from "./errors";
import { general } from "./general";
import { messages } from "./messages";
import { navigation } from "./navigation";

export const english = {
  ...general,
  ...chatList,
  ...chat,
  ...messages,
  ...navigation,
  ...archive,
  ...errors,
};

/** All user-facing text in one language. */
export type Catalog = typeof english;
