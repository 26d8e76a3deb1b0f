/** UI text for finding text and questions in a chat, and for printing it. */

import { formatNumber } from "../formats";

export const navigation = {
  find: {
    label: "Find in chat",
    open: "Find in chat…",
    placeholder: "Find in chat…",
    /** The position of the current message among those that contain the text. */
    position: (position: number, total: string) => `${formatNumber(position)} of ${total}`,
    searching: "Searching…",
    noMatches: "No matches",
    failed: "Search failed",
    previous: "Previous match",
    next: "Next match",
    close: "Close",
  },
  questions: {
    title: "Questions in this chat",
    open: "Go to question…",
    placeholder: "Go to question…",
    loading: "Loading earlier questions…",
    loadFailed: "Couldn’t load earlier questions.",
    empty: "No questions yet",
  },
  print: {
    open: "Print…",
    preparing: "Preparing to print…",
  },
};
