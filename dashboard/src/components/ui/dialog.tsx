import { type ReactNode, useId } from "react";
import { useModal } from "./use-modal";

/** The maximum widths of dialogs. */
const sizes = {
  medium: "w-[min(420px,calc(100vw-32px))]",
  large: "w-[min(680px,calc(100vw-32px))]",
  huge: "w-[min(1040px,calc(100vw-16px))]",
};

/**
 * A modal dialog that is open while it is rendered. Escape or a click on the backdrop closes it,
 * unless it is locked.
 */
export function Dialog(props: {
  title: string;
  size?: keyof typeof sizes;
  /** Whether only the buttons of the dialog close it, because it shows something in progress. */
  isLocked?: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useModal();
  const titleId = useId();
  const { isLocked = false, onClose } = props;

  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onKeyDown={(event) => {
        if (isLocked && event.key === "Escape") event.preventDefault();
      }}
      onCancel={(event) => {
        if (isLocked) event.preventDefault();
        else onClose();
      }}
      // The browser closes a dialog when a phone's Back is used twice.
      onClose={({ currentTarget }) => {
        if (isLocked && currentTarget.isConnected && !currentTarget.open) currentTarget.showModal();
      }}
      onClick={(event) => {
        if (event.target === dialog.current && !isLocked) onClose();
      }}
      className={`m-auto ${sizes[props.size ?? "medium"]} animate-rise rounded-[18px] border border-line bg-surface p-0 text-ink shadow-high backdrop:bg-black/40`}
    >
      <div className="p-5">
        <h2 id={titleId} className="mb-2 font-[650] text-[17px] tracking-[-0.01em]">
          {props.title}
        </h2>
        {props.children}
      </div>
    </dialog>
  );
}
