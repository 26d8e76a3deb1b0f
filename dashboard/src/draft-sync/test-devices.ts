/** Devices with drafts in memory and a server that they share, for tests. */
import { ApiError } from "@/api/client";
import { addText } from "@/conflicting-drafts";
import { isLost } from "@/draft-text";
import { noRecord, type SyncRecord } from "./record";
import { createDraftSync, type Device, type Draft, type DraftServer, type DraftSync } from "./sync";

export const KEY = "session";
export const offline = new ApiError(0, "network", "Failed to fetch");

/** The server's draft, with the revision rules of the api. */
export class FakeDraftServer {
  draft: Draft = { text: "", revision: 0 };
  /** Called with each new draft, as events would be. */
  onChange: (draft: Draft) => void = () => {};

  put({ text, revision }: Draft): Draft {
    if (revision !== this.draft.revision) {
      const { draft } = this;
      throw new ApiError(409, "draft_conflict", "Changed.", { draft });
    }
    if (text === this.draft.text) return this.draft;
    this.draft = { text, revision: revision + 1 };
    this.onChange(this.draft);
    return this.draft;
  }
}

type Server = DraftServer;
type Defer = Parameters<typeof createDraftSync>[2];

/** A device. Its texts and its record survive a reload. */
export class FakeDevice {
  text = "";
  conflicting: readonly string[] = [];
  isComposing = false;
  readonly sent: string[] = [];
  sync: DraftSync;
  private record: SyncRecord = noRecord;
  private readonly create: () => DraftSync;

  constructor(server: Server, defer?: Defer) {
    const device: Device = {
      read: () => this.text,
      isComposing: () => this.isComposing,
      adopt: (_key, text, conflicting) => {
        this.text = text;
        if (conflicting !== null) this.conflicting = addText(this.conflicting, conflicting);
        return true;
      },
      readRecord: () => this.record,
      writeRecord: (_key, record) => {
        this.record = record;
      },
      wasSent: (_key, text) => this.sent.some((one) => !isLost(text, one)),
    };
    this.create = () => createDraftSync(device, server, defer);
    this.sync = this.create();
  }

  write(text: string) {
    this.text = text;
    this.sync.edited(KEY);
  }

  reload() {
    this.sync.close();
    this.isComposing = false;
    this.sync = this.create();
  }

  synchronize(): Promise<void> {
    return this.sync.synchronize(KEY);
  }
}
