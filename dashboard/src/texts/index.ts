/** All texts of the page. A translation is another object of the same shape. */
import { chats } from "./chats";
import { conversation } from "./conversation";
import { errors } from "./errors";
import { general } from "./general";

export const texts = { ...general, ...chats, ...conversation, ...errors } as const;
