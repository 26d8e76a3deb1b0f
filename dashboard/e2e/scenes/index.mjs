/** All views and states of the page, for screenshots and accessibility checks. */

import { chatListScenes } from "./chat-list.mjs";
import { composerScenes } from "./composer.mjs";
import { dialogScenes } from "./dialogs.mjs";
import { newChatScenes } from "./new-chat.mjs";
import { stepScenes } from "./steps.mjs";
import { threadScenes } from "./thread.mjs";
import { turnScenes } from "./turns.mjs";
import { unavailableScenes } from "./unavailable.mjs";

/**
 * Functions that set up a scene on a new page, keyed by scene name. The chats already exist. A
 * scene can depend on messages from earlier scenes.
 */
export const scenes = {
  ...newChatScenes,
  ...chatListScenes,
  ...threadScenes,
  ...turnScenes,
  ...stepScenes,
  ...composerScenes,
  ...dialogScenes,
  ...unavailableScenes,
};
