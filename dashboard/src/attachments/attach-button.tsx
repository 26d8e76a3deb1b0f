import { Paperclip } from "lucide-react";
import { useRef } from "react";
import { IconButton } from "@/components/ui/button";
import { texts } from "@/texts";

/**
 * A button that opens the file dialog. Phones offer the camera, the photos, and other files: with
 * `capture`, they would open only the camera, and with `accept="image/*"`, newer versions of
 * Android offer only the photos.
 */
export function AttachButton({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ target }) => {
          onFiles([...(target.files ?? [])]);
          // Choosing the same file again is also a change.
          target.value = "";
        }}
      />
      <IconButton
        label={texts.files.attach}
        onClick={() => input.current?.click()}
        className="rounded-full!"
      >
        <Paperclip size={18} strokeWidth={1.9} />
      </IconButton>
    </>
  );
}
