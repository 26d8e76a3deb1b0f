/** Every text that the page shows, in one place. Another language is another object of this shape. */
import { chats } from "./chats";
import { conversation } from "./conversation";
import { errors } from "./errors";
import { general } from "./general";

export const texts = { ...general, ...chats, ...conversation, ...errors } as const;
