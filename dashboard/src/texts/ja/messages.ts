import type { messages as english } from "../en/messages";
import { formatPercent } from "../formats";

export const messages: typeof english = {
  reading: {
    diagram: "図",
    invalidDiagram: "無効な図",
    showDiagram: "図を表示",
    showSource: "ソースを表示",
    zoom: "拡大表示",
    zoomIn: "拡大",
    zoomOut: "縮小",
    zoomLevel: formatPercent,
    close: "閉じる",
    wrapLines: "行を折り返す",
    downloadCode: "コードをダウンロード",
    copyTable: { csv: "表をCSVとしてコピー", markdown: "表をMarkdownとしてコピー" },
    tableFormats: { csv: "CSV", markdown: "Markdown" },
    showMore: "もっと見る",
    showLess: "折りたたむ",
    image: "画像",
    footnotes: "脚注",
    backToReference: (reference) => `参照箇所${reference}に戻る`,
  },
};
