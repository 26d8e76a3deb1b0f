import type { archive as english } from "../en/archive";
import { formatNumber } from "../formats";

export const archive: typeof english = {
  archive: {
    title: "チャットのデータ",
    hint: "チャットと添付ファイルをダウンロードしたり、ほかの製品からチャットを取り込んだりできます。",
    exportOne: "エクスポート…",
    exportTitle: "チャットをエクスポート",
    format: "形式",
    formats: { markdown: "Markdown", html: "Web ページ（HTML）", json: "JSON" },
    formatHints: {
      markdown: "メモやエディターで使えるテキスト",
      html: "閲覧や共有に適した、画像を含む 1 つのページ",
      json: "ステップを含むすべてのデータ（Banter へのインポート用）",
    },
    export: "エクスポート",
    exportAll: "すべてのチャットをエクスポート",
    exportOffline: "オフラインです。エクスポートするには再接続してください。",
    exportStarted: "ダウンロードを開始しました。",
    importMany: "チャットをインポート…",
    importTitle: "チャットをインポート",
    importHint:
      "ChatGPT、Claude、Open WebUI、LibreChat、Banter のエクスポート、または Claude Code、Codex のセッションファイルを選択してください。",
    fileTypes: "ZIP、JSON、JSONL",
    chooseFile: "ファイルを選択",
    drop: "またはここにドロップ",
    importOffline: "オフラインです。インポートするには再接続してください。",
    uploading: (name) => `${name} をアップロード中`,
    reading: (done) => `${formatNumber(done)} 件のチャットを処理済み`,
    readingOf: (done, total) =>
      `${formatNumber(total)} 件中 ${formatNumber(done)} 件のチャットを処理済み`,
    imported: (count) => `${formatNumber(count)} 件をインポート`,
    skipped: (count) => `${formatNumber(count)} 件をスキップ`,
    failed: (count) => `${formatNumber(count)} 件が失敗`,
    skippedHint: "スキップしたチャットは、すでにインポートされています。",
    failures: "インポートできなかったチャット",
    moreFailures: (count) => `ほか ${formatNumber(count)} 件`,
    cancelled:
      "インポートをキャンセルしました。残りのチャットを追加するには、もう一度ファイルをインポートしてください。",
    interrupted:
      "インポートが中断されました。残りのチャットを追加するには、もう一度ファイルをインポートしてください。",
    another: "別のファイルをインポート",
  },
};
