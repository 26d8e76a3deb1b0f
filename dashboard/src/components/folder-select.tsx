import { Folder as FolderIcon } from "lucide-react";
import type { Folder } from "@/api/models";
import { texts } from "@/texts";

/**
 * Chooses the folder in which the agent works. The folders that were used last come first.
 */
export function FolderSelect(props: {
  folders: readonly Folder[];
  recent: readonly string[];
  /** The key of the folder; empty for none. */
  selected: string;
  onSelect: (key: string) => void;
}) {
  const { folders, recent, selected, onSelect } = props;
  const used = recent.flatMap((key) => folders.filter((folder) => folder.key === key));
  const others = folders.filter((folder) => !used.includes(folder));
  const chosen = folders.find(({ key }) => key === selected);
  return (
    <div className="mx-auto flex w-full max-w-[868px] items-center gap-3 px-5 pt-1 pb-2 md:px-6">
      <label className="flex min-w-0 items-center gap-2 text-ink-2">
        <FolderIcon size={16} strokeWidth={1.9} aria-hidden="true" className="shrink-0" />
        <span className="sr-only">{texts.newChat.folder}</span>
        <select
          value={chosen ? selected : ""}
          onChange={(event) => onSelect(event.target.value)}
          className="h-8 min-w-0 max-w-full cursor-pointer rounded-[10px] border border-line bg-surface px-1.5 text-ink-2 text-small hover:bg-hover focus-visible:outline-2 focus-visible:outline-accent pointer-coarse:h-11"
        >
          <option value="">{texts.newChat.noFolder}</option>
          {used.length > 0 && others.length > 0 ? (
            <>
              <optgroup label={texts.newChat.recentFolders}>{used.map(toOption)}</optgroup>
              <optgroup label={texts.newChat.otherFolders}>{others.map(toOption)}</optgroup>
            </>
          ) : (
            [...used, ...others].map(toOption)
          )}
        </select>
      </label>
      {chosen && (
        <p className="min-w-0 flex-1 truncate text-ink-3 text-small">
          <bdi>{chosen.path}</bdi>
        </p>
      )}
    </div>
  );
}

function toOption({ key, name, branch, available }: Folder) {
  const label = branch ? `${name} (${branch})` : name;
  return (
    <option key={key} value={key} disabled={!available}>
      {available ? label : texts.newChat.unavailableFolder(label)}
    </option>
  );
}
