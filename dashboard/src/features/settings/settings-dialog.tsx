import { ChevronDown } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { notify } from "@/components/ui/toast";
import { resolveLanguage } from "@/follow-language";
import { formatKeys, isTouchOnly } from "@/keyboard";
import { changePreferences, type Preferences, usePreferences } from "@/preferences";
import { showLanguage, texts, useLanguage } from "@/texts";
import { languages } from "@/texts/language";
import { ChatData } from "./chat-data";

/** A dialog for the preferences on this device. Changes apply immediately. */
export function SettingsDialog(props: { onClose: () => void; children?: ReactNode }) {
  const { theme, sendWith } = usePreferences();
  return (
    <Dialog title={texts.settings.title} onClose={props.onClose}>
      <Choice
        label={texts.settings.theme}
        value={theme}
        options={[
          ["auto", texts.settings.auto],
          ["light", texts.settings.light],
          ["dark", texts.settings.dark],
        ]}
        onChange={(next) => changePreferences({ theme: next })}
      />
      {!isTouchOnly() && (
        <Choice
          label={texts.settings.sendWith}
          value={sendWith}
          options={[
            ["enter", formatKeys("Enter")],
            ["mod-enter", formatKeys("Mod", "Enter")],
          ]}
          onChange={(next) => changePreferences({ sendWith: next })}
        />
      )}
      <LanguageChoice />
      <Notifications />
      <ChatData />
      <div className="mt-6 flex items-center justify-between gap-2">
        <div>{props.children}</div>
        <Button variant="solid" onClick={props.onClose}>
          {texts.common.done}
        </Button>
      </div>
    </Dialog>
  );
}

function Choice<Value extends string>(props: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
}) {
  return (
    <fieldset className="mt-4">
      <legend className="mb-1.5 font-[570] text-note">{props.label}</legend>
      <div className="flex gap-1 rounded-[12px] bg-hover p-1">
        {props.options.map(([value, name]) => (
          <label
            key={value}
            className="flex-1 cursor-pointer rounded-[9px] px-3 py-1 pointer-coarse:py-2.5 text-center text-ink-2 text-note transition-[background-color] duration-150 hover:text-ink has-focus-visible:outline-2 has-focus-visible:outline-accent has-checked:bg-raised has-checked:font-[570] has-checked:text-ink has-checked:shadow-low has-checked:ring-1 has-checked:ring-line"
          >
            <input
              type="radio"
              name={props.label}
              value={value}
              checked={props.value === value}
              onChange={() => props.onChange(value)}
              className="sr-only forced-colors:not-sr-only"
            />
            {name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/**
 * Whether the user has just changed the language. The dialog is then rendered again, and the focus
 * must return to the field.
 */
let hasChangedLanguage = false;

function LanguageChoice() {
  const { language } = usePreferences();
  const id = useId();
  const field = useRef<HTMLSelectElement>(null);
  const shown = useLanguage();
  useEffect(() => {
    if (hasChangedLanguage) field.current?.focus();
    hasChangedLanguage = false;
  }, []);

  async function change(next: Preferences["language"]) {
    const wanted = resolveLanguage(next);
    hasChangedLanguage = wanted !== shown;
    try {
      await showLanguage(wanted);
      changePreferences({ language: next });
    } catch {
      hasChangedLanguage = false;
      notify(texts.settings.languageFailed);
    }
  }

  return (
    <div className="mt-4">
      <span id={id} className="mb-1.5 block font-[570] text-note">
        {texts.settings.language}
      </span>
      <div className="relative">
        <select
          ref={field}
          aria-labelledby={id}
          value={language}
          onChange={(event) => void change(event.target.value as Preferences["language"])}
          className="h-9 w-full cursor-pointer appearance-none rounded-[12px] border border-line-strong bg-surface ps-3 pe-9 text-note hover:bg-hover focus-visible:outline-2 focus-visible:outline-accent pointer-coarse:h-11 forced-colors:appearance-auto"
        >
          <option value="auto">{texts.settings.systemLanguage}</option>
          {Object.entries(languages).map(([tag, name]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
        <ChevronDown
          size={16}
          aria-hidden="true"
          className="pointer-events-none absolute inset-y-0 end-3 my-auto text-ink-2 forced-colors:hidden"
        />
      </div>
    </div>
  );
}

/** The switch for notifications. Turning it on requests permission from the browser. */
function Notifications() {
  const { hasNotifications } = usePreferences();
  const isSupported = "Notification" in window;
  const [isDenied, setDenied] = useState(isSupported && Notification.permission === "denied");
  const [isAsking, setAsking] = useState(false);
  const isAllowed = isSupported && Notification.permission === "granted";
  // While the permission prompt is open, the switch shows the user's choice.
  const isOn = isAsking || (hasNotifications && isAllowed);
  const hint = !isSupported
    ? window.isSecureContext
      ? texts.settings.notificationsUnsupported
      : texts.settings.notificationsInsecure
    : isDenied
      ? texts.settings.notificationsBlocked
      : texts.settings.notificationsHint;

  async function change(isWanted: boolean) {
    if (!isWanted) return changePreferences({ hasNotifications: false });
    setAsking(true);
    const permission = await Notification.requestPermission();
    setAsking(false);
    setDenied(permission === "denied");
    changePreferences({ hasNotifications: permission === "granted" });
  }

  return (
    <label className="mt-5 flex cursor-pointer items-start justify-between gap-4">
      <span>
        <span className="block font-[570] text-note">{texts.settings.notifications}</span>
        <span className="block text-ink-2 text-small">{hint}</span>
      </span>
      <input
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        checked={isOn}
        disabled={!isSupported || isDenied}
        onChange={(event) => void change(event.target.checked)}
        className="relative mt-0.5 h-6 w-10 shrink-0 cursor-pointer appearance-none rounded-full bg-line-strong transition-[background-color] duration-150 before:absolute before:top-0.5 before:start-0.5 before:size-5 before:rounded-full before:bg-white before:shadow-low before:transition-transform before:duration-150 checked:bg-accent checked:before:translate-x-4 rtl:checked:before:-translate-x-4 disabled:opacity-50 forced-colors:appearance-auto forced-colors:before:hidden"
      />
    </label>
  );
}
