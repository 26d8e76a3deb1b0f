/** All user-facing text. A translation is another object with the same shape. */

import { chat } from "./chat";
import { chatList } from "./chat-list";
import { errors } from "./errors";
import { general } from "./general";
import { reading } from "./reading";

export const texts = { ...general, ...chatList, ...chat, ...errors, ...reading } as const;
