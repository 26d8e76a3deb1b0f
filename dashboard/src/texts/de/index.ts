/** The German texts. They avoid addressing the user as either "du" or "Sie". */
import type { Catalog } from "../en";
import { archive } from "./archive";
import { chat } from "./chat";
import { chatList } from "./chat-list";
import { errors } from "./errors";
import { general } from "./general";
import { messages } from "./messages";
import { navigation } from "./navigation";

export const catalog: Catalog = {
  ...general,
  ...chatList,
  ...chat,
  ...messages,
  ...navigation,
  ...archive,
  ...errors,
};
