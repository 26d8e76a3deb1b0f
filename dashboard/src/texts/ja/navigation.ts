import type { navigation as english } from "../en/navigation";
import { formatNumber } from "../formats";

export const navigation: typeof english = {
  find: {
    label: "チャット内を検索",
    open: "チャット内を検索…",
    placeholder: "チャット内を検索…",
    position: (position, total) => `${formatNumber(position)} / ${total}件`,
    searching: "検索中…",
    noMatches: "一致なし",
    failed: "検索できませんでした",
    previous: "前の検索結果",
    next: "次の検索結果",
    close: "閉じる",
  },
  questions: {
    title: "このチャットの質問",
    open: "質問に移動…",
    placeholder: "質問に移動…",
    loading: "以前の質問を読み込み中…",
    loadFailed: "以前の質問を読み込めませんでした。",
    empty: "質問はまだありません",
  },
  print: {
    open: "印刷…",
    preparing: "印刷の準備中…",
  },
};
