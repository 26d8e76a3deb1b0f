/** UI text for finding text and questions in a chat. */

export const moving = {
  find: {
    label: "Find in chat",
    placeholder: "Find in chat…",
    /** The position of the current message among those that contain the text. */
    position: (position: number, total: string) => `${position} of ${total}`,
    searching: "Searching…",
    noMatches: "No matches",
    failed: "Search failed",
    previous: "Previous match",
    next: "Next match",
    close: "Close",
  },
  questions: {
    title: "Questions in this chat",
    placeholder: "Go to a question…",
    loading: "Loading earlier questions…",
    loadFailed: "Couldn’t load earlier questions.",
    empty: "No questions yet",
  },
  print: {
    preparing: "Preparing to print…",
  },
} as const;
